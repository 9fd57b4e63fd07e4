"""Texts of the program as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable

CODE = re.compile(r"(`[^`]*`)")
SPECIAL = re.compile(r"([\\*_<>\[\]|])")
FLAG = re.compile(r"(?<![\w\\/.-])(--?[a-z][\w-]*)")


def prose(text: str) -> str:
    """A text that shows as it was written; flags, and what stands in backticks, as code."""
    parts = CODE.split(" ".join(text.split()))
    return "".join(part if part.startswith("`") else _escaped(part) for part in parts)


def paragraphs(text: str) -> str:
    """The same of several paragraphs."""
    return "\n\n".join(prose(part) for part in re.split(r"\n\s*\n", text.strip()))


def code(text: str) -> str:
    """A text in the font of code."""
    return f"`{text}`"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table of cells that are Markdown already."""
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _escaped(text: str) -> str:
    pieces = FLAG.split(text)
    return "".join(
        code(piece) if place % 2 else SPECIAL.sub(r"\\\1", piece)
        for place, piece in enumerate(pieces)
    )
