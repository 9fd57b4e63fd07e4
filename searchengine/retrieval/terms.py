"""Search terms: from what a person types to the sources of a query.

Terms are joined by `+` and `-`; words that follow each other are one text. A term may begin with a
weight, `2:golden retriever`. A term that names an image file, or an http(s) URL, is an image.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from searchengine.errors import QueryError
from searchengine.images.formats import is_image_name
from searchengine.retrieval.query import Kind, Source

WEIGHT = re.compile(r"(?P<weight>\d+(?:\.\d*)?|\.\d+):(?P<rest>.+)", re.DOTALL)
MAX_WEIGHT = 1_000.0
"""More than this drowns every other term, and float32 in the end."""


def parse_terms(
    words: Sequence[str], *, add: Sequence[str] = (), subtract: Sequence[str] = ()
) -> list[Source]:
    """Command-line words, and further terms to add or subtract, as terms.

    Raises QueryError where they make none.
    """
    terms: list[Source] = []
    sign, pending = 1.0, list[str]()
    for position, word in enumerate([*words, "+"]):
        if word not in ("+", "-"):
            pending.append(word)
            continue
        if pending:
            terms.extend(_group(pending, sign))
        elif position > 0:
            raise QueryError(f"an operator without a term in {' '.join(words)!r}; write: A + B - C")
        sign, pending = (1.0 if word == "+" else -1.0), []
    terms += [_term(text, 1.0) for text in add] + [_term(text, -1.0) for text in subtract]
    if not terms:
        raise QueryError('nothing to search for; try: clipseek search "a dog on the beach"')
    return terms


def parse_text(text: str) -> list[Source]:
    """Words of somebody who must reach no file and no URL, as terms that are all texts.

    `+`, `-` and weights mean what they mean elsewhere; whatever a word names, it is text. An
    operator at the end is left out: the person is still typing. No terms where there are no words.

    Raises QueryError where the terms make no query.
    """
    terms: list[Source] = []
    sign, pending = 1.0, list[str]()
    for word in [*text.split(), "+"]:
        if word not in ("+", "-"):
            pending.append(word)
            continue
        if pending:
            terms.append(_term(" ".join(pending), sign, kind_of=lambda _: Kind.TEXT))
        sign, pending = (1.0 if word == "+" else -1.0), []
    return terms


def _group(words: Sequence[str], sign: float) -> list[Source]:
    """Words between two operators: each image stands alone, the texts between them join."""
    terms: list[Source] = []
    texts: list[str] = []
    for word in words:
        term = _term(word, sign)
        if term.kind is Kind.TEXT and not (texts and WEIGHT.fullmatch(word)):
            texts.append(word)
            continue
        if texts:
            terms.append(_term(" ".join(texts), sign))
        texts = [word] if term.kind is Kind.TEXT else []
        if term.kind is not Kind.TEXT:
            terms.append(term)
    return [*terms, _term(" ".join(texts), sign)] if texts else terms


def _term(text: str, sign: float, kind_of: Callable[[str], Kind] | None = None) -> Source:
    weight = 1.0
    if match := WEIGHT.fullmatch(text):
        weight, text = float(match["weight"]), match["rest"]
    text = text.strip()
    if not text:
        raise QueryError('an empty term; quote the words to search for, as in "a red car"')
    if weight > MAX_WEIGHT:
        raise QueryError(f"{text!r} has a weight over {MAX_WEIGHT:g}; give it a smaller one")
    if weight == 0:
        raise QueryError(f"{text!r} has weight 0; leave it out or give it a weight above 0")
    return Source((kind_of or _kind)(text), text, sign * weight)


def _kind(text: str) -> Kind:
    if re.match(r"https?://", text, re.IGNORECASE):
        return Kind.URL
    names_a_path = is_image_name(text) or os.sep in text
    if names_a_path and _is_file(text):
        return Kind.FILE
    if os.sep in text and names_a_folder(text):
        raise QueryError(f"{text} is a folder, and no term; to search in it: --under {text}")
    if is_image_name(text) and " " not in text:
        raise QueryError(f"{text}: no such image file; check the path")
    return Kind.TEXT


def names_a_folder(text: str) -> bool:
    """Whether there is a folder of this name or path."""
    try:
        return Path(text).expanduser().is_dir()
    except (OSError, ValueError, RuntimeError):  # too long, a NUL, no such user's home
        return False


def _is_file(text: str) -> bool:
    try:
        return Path(text).expanduser().is_file()
    except (OSError, ValueError, RuntimeError):
        return False
