"""Search terms: from what a person types to the sources of a query.

    dog + snow - person          terms, joined by + and - with space around them
    2:golden retriever - .5:dog  a weight before a term
    "2:1 scale - blue"           in double quotes, straight or curly: words as they stand

Words that follow each other are one text. A weight begins a term, and neither a digit nor space
follows its colon: `16:9`, `10:10`, `3:00 pm` and `2001: a space odyssey` are words. Where files and
addresses may be named, the path of an image file or an http(s) address is a term of its own
wherever it stands. Everybody's text is read by these rules: typed into a shell, in one argument or
in many, into the page, or given to Python.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from searchengine.errors import QueryError
from searchengine.images.formats import is_image_name
from searchengine.retrieval.query import Kind, Source

OPERATORS = {"+": 1.0, "-": -1.0}

MAX_WEIGHT = 1_000.0
"""More than this drowns every other term, and float32 in the end."""

_NUMBER = r"(?:\d+(?:\.\d*)?|\.\d+)"
_WEIGHED = re.compile(rf"(?P<weight>{_NUMBER}):(?P<rest>[^\s\d].*)", re.DOTALL)
_TOKEN = re.compile(rf'(?:{_NUMBER}:)?"[^"]+"(?!\S)|\S+')
_QUOTED = re.compile(r'"([^"]+)"')
_ADDRESS = re.compile(r"https?://", re.IGNORECASE)
_OTHER_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://\S", re.IGNORECASE)
_CURLY = str.maketrans(dict.fromkeys("\u201c\u201d\u201e\u201f", '"'))
"""Double quotes as phones and word processors set them."""

_SEPARATORS = os.sep + "/"
_PATHS = tuple(start + slash for start in (".", "..", "~", "") for slash in _SEPARATORS)
"""What only paths begin with."""


def parse_terms(
    words: Sequence[str], *, add: Sequence[str] = (), subtract: Sequence[str] = ()
) -> list[Source]:
    """Words that may name image files and addresses, and further terms to add or subtract.

    A word that names a file as a whole is that file, whatever space is in it. Raises QueryError
    where they make no terms, and for a path where there is no image file.
    """
    tokens = [token for word in words for token in _tokens(word)]
    if words and not tokens and not (add or subtract):
        raise QueryError('an empty term; quote the words to search for, as in "a red car"')
    terms = _read(tokens, may_name=True)
    terms += [_single(text, 1.0) for text in add] + [_single(text, -1.0) for text in subtract]
    if not terms:
        raise QueryError('nothing to search for; try: clipseek search "a dog on the beach"')
    return terms


def parse_text(text: str) -> list[Source]:
    """Words of somebody who must reach no file and no address, as terms that are all texts.

    An operator at the end is left out: the person is still typing. No terms where there are no
    words. Raises QueryError where the terms make no query.
    """
    tokens = _TOKEN.findall(text.translate(_CURLY))
    while tokens and tokens[-1] in OPERATORS:
        tokens.pop()
    return _read(tokens, may_name=False)


def _tokens(word: str) -> list[str]:
    """The parts of a word between spaces, if it is not a path or an address as a whole."""
    if not _is_file(word):
        word = word.translate(_CURLY)
    parts: list[str] = _TOKEN.findall(word)
    if len(parts) < 2:
        return parts
    name = _weighed(word)[1]
    joined = bool(OPERATORS.keys() & set(parts))
    if name.startswith(_PATHS):
        names_one = is_image_name(name) and not is_image_name(parts[0]) and not joined
        is_one = names_one or names_a_folder(name)
    else:
        is_one = _ADDRESS.match(name) is not None and not joined
    return [word] if is_one or _is_file(name) else parts


def _read(tokens: Sequence[str], *, may_name: bool) -> list[Source]:
    """The grammar: groups of tokens between operators."""
    terms: list[Source] = []
    sign, group = 1.0, list[str]()
    for position, token in enumerate([*tokens, "+"]):
        if token not in OPERATORS:
            group.append(token)
            continue
        if group:
            terms.extend(_group(group, sign, may_name=may_name))
        elif position > 0:
            raise QueryError(
                f"an operator without a term in {' '.join(tokens)!r}; write: A + B - C"
            )
        sign, group = OPERATORS[token], []
    return terms


def _group(tokens: Sequence[str], sign: float, *, may_name: bool) -> Iterator[Source]:
    """Tokens between two operators: each picture stands alone, the words between them join."""
    words: list[str] = []
    for token in tokens:
        picture = _picture(token, sign) if may_name else None
        if picture is None:
            words.append(token)
            continue
        if words:
            yield _text(" ".join(words), sign)
        words = []
        yield picture
    if words:
        yield _text(" ".join(words), sign)


def _single(text: str, sign: float) -> Source:
    """A term that was given apart: no operator in it counts."""
    return _picture(text, sign) or _text(text.translate(_CURLY), sign)


def _text(text: str, sign: float) -> Source:
    weight, text = _weighed(text)
    quoted = _QUOTED.fullmatch(text)
    text = (quoted[1] if quoted else text).strip()
    if not text:
        raise QueryError('an empty term; quote the words to search for, as in "a red car"')
    return replace(_source(Kind.TEXT, text, sign * weight), quoted=quoted is not None)


def _picture(text: str, sign: float) -> Source | None:
    """The picture that a path or an address names; None for words.

    Raises QueryError for what can only be a path and leads to no file.
    """
    weight, name = _weighed(text)
    if _ADDRESS.match(name):
        return _source(Kind.URL, name, sign * weight)
    if _OTHER_ADDRESS.match(name):
        raise QueryError(f"{name}: only http and https addresses are read; give the path of a file")
    is_named = bool(name.strip(_SEPARATORS))
    begins_as_path = name.startswith(_PATHS) and is_named
    if not (begins_as_path or is_image_name(name) or (os.sep in name and is_named)):
        return None
    if _is_file(name):
        return _source(Kind.FILE, name, sign * weight)
    if names_a_folder(name):
        raise QueryError(f"{name}: a folder is no term; did you mean --under {name}")
    if begins_as_path or (is_image_name(name) and not re.search(r"\s", name)):
        raise QueryError(
            f"{name}: no such image file; check the path. To find an image of the library by its "
            f"name, quote it twice: '\"{os.path.basename(name)}\"'"
        )
    return None


def _source(kind: Kind, value: str, weight: float) -> Source:
    if abs(weight) > MAX_WEIGHT:
        raise QueryError(
            f"{value!r} has a weight over {MAX_WEIGHT:g}; give it a smaller one, or put the words "
            "into double quotes of their own if the number is one of them"
        )
    if weight == 0:
        raise QueryError(f"{value!r} has weight 0; leave it out or give it a weight above 0")
    return Source(kind, value, weight)


def _weighed(text: str) -> tuple[float, str]:
    match = _WEIGHED.fullmatch(text)
    return (float(match["weight"]), match["rest"]) if match else (1.0, text)


def names_a_folder(text: str) -> bool:
    """Whether there is a folder of this name or path."""
    return os.path.isdir(os.path.expanduser(text))  # False for a NUL, or what is too long


def _is_file(name: str) -> bool:
    return os.path.isfile(os.path.expanduser(name))  # False for a NUL, or what is too long
