"""Search terms: from what a person types to one query vector.

Terms are joined by `+` and `-`; words that follow each other are one text. A term may begin with a
weight, `2:golden retriever`. A term that names an image file, or an http(s) URL, is an image.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from searchengine.encoders.interface import TextEncoder
from searchengine.errors import QueryError
from searchengine.images.formats import is_image_name
from searchengine.index.types import Modality
from searchengine.types import Vectors

WEIGHT = re.compile(r"(?P<weight>\d+(?:\.\d*)?|\.\d+):(?P<rest>.+)", re.DOTALL)
MAX_WEIGHT = 1_000.0
"""More than this drowns every other term, and float32 in the end."""

NOTHING = 1e-6
"""A sum of unit vectors shorter than this has no direction."""


class Kind(Enum):
    """What a term is."""

    TEXT = "text"
    IMAGE = "image"
    URL = "url"


@dataclass(frozen=True, slots=True)
class Term:
    """One signed part of a query."""

    kind: Kind
    value: str
    weight: float = 1.0


def parse_terms(
    words: Sequence[str], *, add: Sequence[str] = (), subtract: Sequence[str] = ()
) -> list[Term]:
    """Command-line words, and further terms to add or subtract, as terms.

    Raises QueryError where they make none.
    """
    terms: list[Term] = []
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


def parse_text(text: str) -> list[Term]:
    """Words of somebody who must reach no file and no URL, as terms that are all texts.

    `+`, `-` and weights mean what they mean elsewhere; whatever a word names, it is text. An
    operator at the end is left out: the person is still typing. No terms where there are no words.

    Raises QueryError where the terms make no query.
    """
    terms: list[Term] = []
    sign, pending = 1.0, list[str]()
    for word in [*text.split(), "+"]:
        if word not in ("+", "-"):
            pending.append(word)
            continue
        if pending:
            terms.append(_term(" ".join(pending), sign, kind_of=lambda _: Kind.TEXT))
        sign, pending = (1.0 if word == "+" else -1.0), []
    return terms


def _group(words: Sequence[str], sign: float) -> list[Term]:
    """Words between two operators: each image stands alone, the texts between them join."""
    terms: list[Term] = []
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


def _term(text: str, sign: float, kind_of: Callable[[str], Kind] | None = None) -> Term:
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
    return Term((kind_of or _kind)(text), text, sign * weight)


def _kind(text: str) -> Kind:
    if re.match(r"https?://", text, re.IGNORECASE):
        return Kind.URL
    names_a_path = is_image_name(text) or os.sep in text
    if names_a_path and _is_file(text):
        return Kind.IMAGE
    if is_image_name(text) and " " not in text:
        raise QueryError(f"{text}: no such image file; check the path")
    return Kind.TEXT


def _is_file(text: str) -> bool:
    try:
        return Path(text).expanduser().is_file()
    except (OSError, ValueError, RuntimeError):  # too long, a NUL, no such user's home
        return False


def modality_of(terms: Sequence[Term]) -> Modality | None:
    """What the terms are made of; None for texts and images together."""
    kinds = {Modality.TEXT if term.kind is Kind.TEXT else Modality.IMAGE for term in terms}
    return kinds.pop() if len(kinds) == 1 else None


def compose(
    terms: Sequence[Term],
    encoder: TextEncoder,
    encode_pictures: Callable[[Sequence[Term]], Vectors],
) -> NDArray[np.float32]:
    """The weighted sum of the terms' vectors, as a unit vector of shape (d,).

    `encode_pictures` is called with the terms that are no texts, where there are any. Raises
    QueryError where the terms cancel each other out.
    """
    texts = [term for term in terms if term.kind is Kind.TEXT]
    pictures = [term for term in terms if term.kind is not Kind.TEXT]
    total = np.zeros(encoder.dim, dtype=np.float32)
    if texts:
        weights = np.array([term.weight for term in texts], dtype=np.float32)
        total += weights @ encoder.encode_texts([term.value for term in texts])
    if pictures:
        weights = np.array([term.weight for term in pictures], dtype=np.float32)
        total += weights @ encode_pictures(pictures)
    return unit(total)


def unit(total: NDArray[np.float32]) -> NDArray[np.float32]:
    """A sum of weighted unit vectors, shape (d,), at length 1.

    Raises QueryError where its terms cancel each other out.
    """
    length = float(np.linalg.norm(total))
    if length < NOTHING:
        raise QueryError("the terms cancel each other out; remove one, or change a weight")
    return total / np.float32(length)
