"""What a person asks, as it stands in a URL: read, changed and written. Pure text, no disk."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, time
from enum import Enum
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlencode

from searchengine.errors import InputError
from searchengine.geography import read_near
from searchengine.relevance.bar import Strictness
from searchengine.retrieval.dates import read_date
from searchengine.retrieval.hits import Order
from searchengine.retrieval.query import By, Mark
from searchengine.types import Filter, Orientation

E = TypeVar("E", bound=Enum)
D = TypeVar("D")

MAX_TEXT = 1_000
"""Characters: encoders read some 77 tokens."""

MAX_MARKS = 100
"""Images that one query may like, and as many that it may dislike."""

MAX_WEIGHT = 100.0
"""Of a mark: more drowns everything else."""

NAMES = (
    "q", "picture", "like", "unlike", "under", "after", "before", "camera", "orientation",
    "dated", "label", "near", "place", "album", "min_score", "by", "matching", "as_typed",
    "all", "sort",
)  # fmt: skip
"""The parameters of a question, in the order in which a URL has them."""

_YES_OR_NO = {True: "yes", False: "no"}
_MARK = re.compile(r"(?:(?P<weight>\d{1,4}(?:\.\d{1,6})?):)?(?P<id>\d{1,18})")
_WHOLE = re.compile(r"\d{1,18}")
_SURROGATE = re.compile("[\ud800-\udfff]")
_PICTURE = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Question:
    """A search: words, an uploaded picture, images to be nearer to or farther from, a filter."""

    text: str = ""
    """As typed. Always text: it never names a file or a URL."""
    picture: str | None = None
    """The key of an uploaded picture."""
    like: tuple[Mark, ...] = ()
    unlike: tuple[Mark, ...] = ()
    where: Filter = field(default_factory=Filter)
    near: str | None = None
    """The place that images were taken near, as typed: whoever knows names of places puts it into
    `where`."""
    min_score: float | None = None
    by: By = By.BOTH
    matching: Strictness | None = None
    """How far hits must stand out; of words alone, as nothing else is measured."""
    as_typed: bool = False
    """Whether misspelt words are searched for as they are."""
    unfolded: bool = False
    """Whether copies, and pictures of one moment, are each a hit."""
    order: Order = Order.RELEVANCE
    """What they are shown in the order of."""

    @property
    def is_of_words(self) -> bool:
        """Whether it is asked by words and by nothing else."""
        return bool(self.text) and not (self.picture or self.like or self.unlike)

    @property
    def asks(self) -> bool:
        """Whether there is anything to rank by; without, the library is only looked through."""
        return bool(self.text or self.picture or self.like or self.unlike)

    def pairs(self) -> list[tuple[str, str]]:
        """The parameters of its URL; `read_question` of them is this question again."""
        where = self.where
        values: dict[str, list[object]] = {
            "q": [self.text],
            "picture": [self.picture],
            "like": [_mark_text(mark) for mark in self.like],
            "unlike": [_mark_text(mark) for mark in self.unlike],
            "under": [where.under],
            "after": [_date_text(where.after)],
            "before": [_date_text(where.before)],
            "camera": [where.camera],
            "orientation": [where.orientation.value if where.orientation else None],
            "label": [where.label],
            "dated": [None if where.dated is None else _YES_OR_NO[where.dated]],
            "near": [self.near],
            "place": [where.place],
            "album": [where.album],
            "min_score": [None if self.min_score is None else f"{self.min_score:g}"],
            "by": [None if self.by is By.BOTH else self.by.value],
            "matching": [self.matching.value if self.matching else None],
            "as_typed": ["yes" if self.as_typed else None],
            "all": ["yes" if self.unfolded else None],
            "sort": [None if self.order is Order.RELEVANCE else self.order.value],
        }
        return [(name, str(value)) for name in NAMES for value in values[name] if value]

    def url(self, path: str = "/", offset: int = 0) -> str:
        """Where this question is answered."""
        pairs = [*self.pairs(), *([("offset", str(offset))] if offset else [])]
        return f"{path}?{urlencode(pairs)}" if pairs else path


def read_question(parameters: Iterable[tuple[str, str]]) -> Question:
    """The question in the parameters of a URL or form; empty values and other names are skipped.

    Raises InputError with the parameter that makes no sense.
    """
    given: dict[str, list[str]] = {name: [] for name in NAMES}
    for name, value in parameters:
        if name in given and value.strip():
            given[name].append(_text(name, value.strip()))
    text = " ".join(given["q"])
    if len(text) > MAX_TEXT:
        raise InputError(f"q has {len(text):,} characters, over the limit of {MAX_TEXT:,}; cut it")
    picture = _one(given, "picture")
    if picture is not None and not _PICTURE.fullmatch(picture):
        raise InputError("picture is no key that this server gave; upload the picture first")
    under = _one(given, "under")
    if under and not Path(under).is_absolute():
        raise InputError(f"under must be the whole path of a folder, not {under!r}")
    orientation = _one(given, "orientation")
    after, before = (_date(name, _one(given, name)) for name in ("after", "before"))
    return Question(
        text=text,
        picture=picture,
        like=_marks("like", given["like"]),
        unlike=_marks("unlike", given["unlike"]),
        where=Filter(
            under=Path(under) if under else None,
            after=after,
            before=before,
            camera=_one(given, "camera"),
            orientation=read_choice("orientation", orientation, Orientation, None),
            dated=_yes_or_no("dated", _one(given, "dated")),
            label=_one(given, "label"),
            place=_one(given, "place"),
            album=_one(given, "album"),
        ),
        near=_near(_one(given, "near")),
        min_score=_score(_one(given, "min_score")),
        by=read_choice("by", _one(given, "by"), By, By.BOTH),
        matching=read_choice("matching", _one(given, "matching"), Strictness, None),
        as_typed=_yes_or_no("as_typed", _one(given, "as_typed")) or False,
        unfolded=_yes_or_no("all", _one(given, "all")) or False,
        order=read_choice("sort", _one(given, "sort"), Order, Order.RELEVANCE),
    )


def read_what_can_be(parameters: Iterable[tuple[str, str]]) -> tuple[Question, InputError | None]:
    """The question without the parameters that make no sense, and what the first of them is."""
    given = list(parameters)
    with suppress(InputError):
        return read_question(given), None
    kept: list[tuple[str, str]] = []
    wrong: InputError | None = None
    for name in NAMES:
        pairs = [pair for pair in given if pair[0] == name]
        try:
            read_question(pairs)
        except InputError as error:
            wrong = wrong or error
        else:
            kept += pairs
    return read_question(kept), wrong


def one_of(pairs: Iterable[tuple[str, str]], name: str) -> str | None:
    """The value of a parameter, None where it is not given. Raises InputError for several."""
    return _only(name, [value.strip() for key, value in pairs if key == name and value.strip()])


def read_one_whole(
    pairs: Iterable[tuple[str, str]], name: str, *, low: int, high: int, default: int
) -> int:
    """The whole number that a parameter is, as `read_whole`. Raises InputError."""
    return read_whole(name, one_of(pairs, name), low=low, high=high, default=default)


def read_whole(name: str, text: str | None, *, low: int, high: int, default: int) -> int:
    """A whole number from `low` to `high`, `default` where there is none. Raises InputError."""
    if not text:
        return default
    if not _WHOLE.fullmatch(text) or not low <= int(text) <= high:
        raise InputError(f"{name} must be a whole number from {low:,} to {high:,}, not {text!r}")
    return int(text)


def _one(given: dict[str, list[str]], name: str) -> str | None:
    return _only(name, given[name])


def _only(name: str, values: list[str]) -> str | None:
    several = list(dict.fromkeys(values))
    if len(several) > 1:
        raise InputError(f"{name} is given {len(several)} times; give it once")
    return several[0] if several else None


def _text(name: str, value: str) -> str:
    """Text that can be compared and encoded: forms may hold NULs, and halves of characters."""
    if "\0" in value:
        raise InputError(f"{name} holds a NUL character; leave it out")
    if not value.isascii() and _SURROGATE.search(value):
        raise InputError(f"{name} holds half a character, a lone surrogate; leave it out")
    return value


def _marks(name: str, texts: list[str]) -> tuple[Mark, ...]:
    if len(texts) > MAX_MARKS:
        raise InputError(f"{name} names {len(texts):,} images, over the limit of {MAX_MARKS}")
    marks: dict[int, Mark] = {}
    for text in texts:
        match = _MARK.fullmatch(text)
        weight = float(match["weight"] or 1) if match else 0.0
        if match is None or not 0 < weight <= MAX_WEIGHT:
            raise InputError(f"{name}={text} is no image id; write 12, or 2:12 to weigh it double")
        marks[int(match["id"])] = Mark(int(match["id"]), weight)
    return tuple(marks.values())


def _mark_text(mark: Mark) -> str:
    return str(mark.id) if mark.weight == 1 else f"{mark.weight:g}:{mark.id}"


def _date(name: str, text: str | None) -> datetime | None:
    try:
        return read_date(text) if text else None
    except InputError as error:
        raise InputError(f"{name}: {error}") from error


def _date_text(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    is_midnight = moment.time() == time()
    return moment.date().isoformat() if is_midnight else moment.isoformat(timespec="seconds")


def _near(text: str | None) -> str | None:
    if text is not None:
        read_near(text)
    return text


def read_choice(name: str, text: str | None, kind: type[E], default: D) -> E | D:
    """One of the values of an enum; `default` without text. Raises InputError, with those."""
    if not text:
        return default
    try:
        return kind(text)
    except ValueError as error:
        known = ", ".join(str(choice.value) for choice in kind)
        raise InputError(f"{name} must be one of {known}, not {text!r}") from error


def _yes_or_no(name: str, text: str | None) -> bool | None:
    if text is None:
        return None
    for value, word in _YES_OR_NO.items():
        if text == word:
            return value
    raise InputError(f"{name} must be yes or no, not {text!r}")


def _score(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        score = float(text)
    except ValueError:
        score = float("nan")
    if not -1 <= score <= 1:
        raise InputError(f"min_score must be a number from -1 to 1, not {text!r}")
    return score
