"""The shipped list of everyday queries."""

from __future__ import annotations

from importlib.resources import files


def everyday_texts() -> list[str]:
    """Some thousand things that people look for among their photos."""
    text = (files("searchengine.texts") / "queries.txt").read_text(encoding="utf-8")
    return text.splitlines()
