"""`index.json`: what the index beside it is. Read with distrust, written beside and renamed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from searchengine.files import replacing
from searchengine.index.types import IndexFacts, IndexPlan, TunedSetting

FORMAT = 1
"""Of the file. An index of another format is as none, and built anew."""


def index_path(directory: Path) -> Path:
    """Where the index of a space's `directory` is."""
    return directory / "index.faiss"


def facts_path(directory: Path) -> Path:
    """Where the facts about it are."""
    return directory / "index.json"


def files(directory: Path) -> Sequence[Path]:
    """The files of the index in `directory`."""
    return [index_path(directory), facts_path(directory)]


def read_facts(directory: Path) -> IndexFacts | None:
    """What is known of the index in `directory`.

    None where there is none, where the facts make no sense, and where the file beside them has
    another size than they say.
    """
    try:
        facts = _parse(json.loads(facts_path(directory).read_text(encoding="utf-8")))
        size = index_path(directory).stat().st_size
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return facts if size == facts.bytes and 0 < facts.listed <= facts.covered else None


def write_facts(directory: Path, facts: IndexFacts) -> None:
    """Put the facts in `directory`, all at once."""
    text = json.dumps({"format": FORMAT, **asdict(facts)}, indent=1)
    with replacing(facts_path(directory)) as beside:
        beside.write_text(text, encoding="utf-8")


def _parse(record: Any) -> IndexFacts:  # noqa: ANN401 - whatever the file holds
    """Raises KeyError, TypeError or ValueError where the record is not of this format."""
    if record.pop("format") != FORMAT:
        raise ValueError("another format")
    plan = IndexPlan(**record.pop("plan"))
    text, image = (_parse_tuned(record.pop(name)) for name in ("text", "image"))
    facts = IndexFacts(plan=plan, **record, text=text, image=image)
    _require_counts(facts.covered, facts.listed, facts.bytes, plan.cells, plan.rows, plan.dim)
    return facts


def _parse_tuned(record: Any) -> TunedSetting | None:  # noqa: ANN401
    if record is None:
        return None
    tuned = TunedSetting(**record)
    _require_counts(tuned.nprobe, tuned.shortlist, tuned.k)
    return tuned


def _require_counts(*numbers: int) -> None:
    if not all(type(number) is int and number > 0 for number in numbers):
        raise ValueError("counts that are none")
