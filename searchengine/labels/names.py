"""Names that images may have: read from a file of a person, or from those that ship.

One name a line; ` = ` before each synonym, ` < ` before a broader name; `#` begins a comment:

    golden retriever = goldie < dog
    car = automobile
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from searchengine.errors import InputError
from searchengine.files import read_file
from searchengine.paths import composed

MOST_NAMES = 20_000
"""Of a set: more are no vocabulary but a mistake, and each is a text to encode."""

LONGEST_NAME = 200
"""Characters: encoders read some 77 tokens."""

SHIPPED = ("documents", "imagenet", "photographer", "scenes")
"""The sets that ship, by name."""

_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Name:
    """One name, with other words for the same thing and the name of what it is a kind of."""

    name: str
    synonyms: tuple[str, ...] = ()
    broader: str | None = None
    """The next broader name of the same set."""

    @property
    def words(self) -> tuple[str, ...]:
        """The name and its synonyms."""
        return (self.name, *self.synonyms)


def read_names(path: Path) -> tuple[Name, ...]:
    """The names of a file. Raises InputError with the line that is wrong, and PathNotFoundError."""
    data = read_file(path, limit=10**7)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(f"{path}, line {line}: not UTF-8 text; save it as UTF-8") from error
    return parse_names(text, str(path))


def shipped_names(name: str) -> tuple[Name, ...]:
    """The names of a set that ships. Raises InputError for another."""
    if name not in SHIPPED:
        raise InputError(f"no label set {name!r} ships; there is: {', '.join(SHIPPED)}")
    text = (files("searchengine.labels") / "sets" / f"{name}.txt").read_text("utf-8")
    return parse_names(text, name)


def parse_names(text: str, where: str = "names") -> tuple[Name, ...]:
    """The names of a text, in its order, broader ones that have no line of their own behind.

    Raises InputError, which names `where` and the line.
    """
    found: dict[str, Name] = {}
    owners: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            for name in _chain(line):
                _add(name, found, owners)
        except InputError as error:
            raise InputError(f"{where}, line {number}: {error}") from error
    names = tuple(found.values())
    if not names:
        raise InputError(f"{where}: no names in it; write one name a line")
    if len(names) > MOST_NAMES:
        raise InputError(f"{where}: {len(names):,} names, over the limit of {MOST_NAMES:,}")
    _require_no_circle(found, where)
    return names


def depths(names: Iterable[Name]) -> dict[str, int]:
    """How many broader names stand above each name."""
    known = {each.name: each for each in names}
    return {name: sum(1 for _ in above(each, known)) for name, each in known.items()}


def above(name: Name, known: Mapping[str, Name]) -> Iterator[Name]:
    """The broader names of a name, the nearest first."""
    while name.broader is not None:
        name = known[name.broader]
        yield name


def _chain(line: str) -> Iterator[Name]:
    """The names of a line, from the broadest, which is the last, to the first."""
    line = line.split("#", 1)[0]
    if not line.strip():
        return
    parts = [_words(part) for part in line.split("<")]
    for place in range(len(parts) - 1, -1, -1):
        name, *synonyms = parts[place]
        broader = parts[place + 1][0] if place + 1 < len(parts) else None
        yield Name(name, tuple(synonyms), broader)


def kept_name(name: str) -> str:
    """A name of a label or a set as libraries have it, in composed form and without further space.

    Raises InputError for one that is empty, too long, or cannot be printed.
    """
    word = composed(_SPACE.sub(" ", name).strip())
    if not word:
        raise InputError("an empty name")
    if len(word) > LONGEST_NAME:
        raise InputError(f"a name of {len(word):,} characters; {LONGEST_NAME} at most")
    if not word.isprintable():
        raise InputError("a name with characters that cannot be printed")
    return word


def _words(part: str) -> list[str]:
    words = part.split("=")
    if not all(word.strip() for word in words):
        raise InputError("a name is missing beside = or <")
    words = [kept_name(word) for word in words]
    return list({word.casefold(): word for word in reversed(words)}.values())[::-1]


def _add(name: Name, found: dict[str, Name], owners: dict[str, str]) -> None:
    """Put a name beside the others, or what is new of it to what is known. Raises InputError."""
    key = name.name.casefold()
    for word in name.words:
        owner = owners.setdefault(word.casefold(), key)
        if owner != key:
            raise InputError(f"{word!r} is a word for {found[owner].name!r} already")
    known = found.get(key)
    broader = None if name.broader is None else found[name.broader.casefold()].name
    if known is None:
        found[key] = Name(name.name, name.synonyms, broader)
        return
    if broader is not None and known.broader not in (None, broader):
        raise InputError(f"{name.name!r} is a kind of {known.broader!r} already")
    synonyms = dict.fromkeys((*known.synonyms, *name.synonyms))
    found[key] = Name(known.name, tuple(synonyms), known.broader or broader)


def _require_no_circle(found: Mapping[str, Name], where: str) -> None:
    known = {name.name: name for name in found.values()}
    for name in known.values():
        seen = {name.name}
        for each in above(name, known):
            if each.name in seen:
                raise InputError(f"{where}: {name.name!r} is broader than itself")
            seen.add(each.name)
