"""What is said about words that likely mean something else than they do."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from searchengine.retrieval.query import Kind, Source

_GLUED = re.compile(r"(?<=\s)([+-])([^\W\d_]\S*)")
_WEIGHED = re.compile(r"(?<=\s)(\d+(?:\.\d*)?:[^\W\d_]\S*)")
_NEGATED = re.compile(r"\b(no|not|without)\s+(?:an?\s+|any\s+|the\s+)?(\w+)", re.IGNORECASE)


def hints(words: Sequence[str], terms: Sequence[Source]) -> list[str]:
    """Sentences for the person who typed these words, which were read as these terms."""
    texts = [term.value for term in terms if term.kind is Kind.TEXT]
    said = [_about_glued(*found.groups()) for text in texts if (found := _GLUED.search(text))]
    said += [_about_weight(found[1]) for text in texts if (found := _WEIGHED.search(text))]
    said += [_about_not(*found.groups()) for text in texts if (found := _NEGATED.search(text))]
    if len(words) == 1 and texts == list(words) and os.path.isdir(words[0]):
        said.append(
            f"{words[0]!r} is searched for as a word; to search in the folder: --under {words[0]}"
        )
    return said


def _about_glued(sign: str, word: str) -> str:
    does = "add" if sign == "+" else "subtract"
    return f"'{sign}{word}' is a part of the text; to {does} it, put a space: {sign} {word}"


def _about_weight(word: str) -> str:
    return f"'{word}' is a part of the text; a weight begins a term: A + {word}"


def _about_not(no: str, word: str) -> str:
    return f"encoders hardly read {no.lower()!r}: they find {word}; to have less of it: A - {word}"
