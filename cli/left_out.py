"""What index runs left out and passed over, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from cli.notation import plural

if TYPE_CHECKING:
    from searchengine.catalog.records import PassedOver
    from searchengine.library.status import LibraryInfo


NOT_READ = "not read"
"""The reason of `indexers.passing` for pictures of a kind that is not read."""

SHOWN = 8
"""Suffixes and rules in one line: `--json` has them all."""


def left_out_lines(facts: LibraryInfo) -> list[str]:
    """The lines of `clipseek info` on what is not in the library, where there is anything."""
    lines = []
    if facts.exclude:
        lines.append(f"excludes  {', '.join(facts.exclude)} (forget them: index PATH --exclude '')")
    if facts.excluded:
        number = sum(count for _, count in facts.excluded)
        what = plural(number, "picture or folder", "pictures and folders")
        lines.append(f"left out  {what}: {_counted(facts.excluded)}")
        lines.append("          list them: clipseek failures --excluded")
    reasons = dict.fromkeys(entry.reason for entry in facts.passed_over)
    for reason in sorted(reasons, key=lambda reason: reason != NOT_READ):
        lines.append(f"passed over: {_by_suffix(facts.passed_over, reason)}")
    return lines


def not_read(passed_over: Iterable[PassedOver]) -> str:
    """The pictures among the files passed over: "12 .psd, 3 .jxl (not read)"; "" without any."""
    return _by_suffix(passed_over, NOT_READ)


def _by_suffix(passed_over: Iterable[PassedOver], reason: str) -> str:
    counts: Counter[str] = Counter()
    for entry in passed_over:
        if entry.reason == reason:
            counts[entry.suffix] += entry.files
    if set(counts) == {""}:
        return f"{counts['']:,} {reason}"
    return f"{_counted(counts.most_common(), ', ')} ({reason})" if counts else ""


def _counted(counts: list[tuple[str, int]], between: str = "; ") -> str:
    shown = [f"{number:,} {what}".rstrip() for what, number in counts[:SHOWN]]
    rest = sum(number for _, number in counts[SHOWN:])
    return between.join(shown + ([f"{rest:,} more"] if rest else []))
