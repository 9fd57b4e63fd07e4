"""Paths as people write them, and the one spelling under which a place is known."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from searchengine.errors import PathNotFoundError


def absolute(path: str | os.PathLike[str]) -> str:
    """The path from the root of the file system, `~` and `..` resolved, symlinks not."""
    return os.path.abspath(os.path.expanduser(path))


def at_home(path: str | os.PathLike[str]) -> Path:
    """The path with the home directory that `~` or `~user` stands for at its beginning.

    A name that begins so and is there is that. Raises PathNotFoundError where there is neither.
    """
    place = os.path.expanduser(path)
    if place.startswith("~") and not os.path.lexists(place.partition(os.sep)[0]):
        raise PathNotFoundError(path, "there is no such user, and nothing of that name")
    return Path(place)


def is_url(place: str | os.PathLike[str]) -> bool:
    """Whether a place is written as the URL of a storage, as s3://bucket/name."""
    return "://" in os.fspath(place)


def url_spelling(place: str | os.PathLike[str]) -> str | None:
    """The URL that a place is, also where pathlib has taken a slash of it; None for a path."""
    found = re.fullmatch(r"([a-z][a-z0-9+.-]+):/+(.*)", os.fspath(place), re.DOTALL)
    return f"{found[1]}://{found[2]}".rstrip("/") if found else None


def below(directory: str) -> str:
    """What every path below the directory starts with: `/a/b/` for `/a/b`, `/` for `/`."""
    return directory.rstrip(os.sep) + os.sep


def is_at_or_below(path: str, directory: str) -> bool:
    """Whether a path is the directory's or one below it, both absolute."""
    return path == directory or path.startswith(below(directory))


def parents(path: str) -> list[str]:
    """The directories above an absolute path, the nearest first, up to the root."""
    found = []
    while (above := os.path.dirname(path)) != path:
        path = above
        found.append(path)
    return found


def user_cache(name: str) -> Path:
    """A file or folder of ours in the user's cache: what is there may be deleted at any time."""
    import platformdirs

    return platformdirs.user_cache_path("clipseek", appauthor=False) / name


def composed(name: str) -> str:
    """The name with its accents composed (NFC): equal for all spellings that look the same."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def named_alike(name: str, known: Iterable[str]) -> str | None:
    """Which of the known names is meant: the same one, else one that looks the same."""
    known = list(known)
    if name in known:
        return name
    return next((each for each in known if composed(each) == composed(name)), None)


def is_text(name: str) -> bool:
    """Whether the name is text: bytes that are not UTF-8 come as lone surrogates."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def escaped(name: str) -> str:
    """The name as text: lone surrogates are written out."""
    return name.encode("utf-8", "backslashreplace").decode()


class Places:
    """The one spelling of each place on the disk, with what was listed on the way remembered.

    A place is spelled as an absolute path without symbolic links, its names as the directories list
    them: another case or another composition of accents, where they lead to the same place, are
    the same spelling. What does not exist stays as it is written below the part that does. Names
    that two files share up to their accents' composition stay two.
    """

    def __init__(self) -> None:
        """Nothing is looked at yet. Keep it for one command: the disk changes."""
        self._names: dict[str, frozenset[str]] = {}
        self._directories: dict[str, str] = {}

    def real(self, path: str | os.PathLike[str]) -> str:
        """The spelling of a place that a person or a file names, relative or absolute."""
        written = os.path.join(os.getcwd(), os.path.expanduser(path))
        try:
            resolved = os.path.realpath(written)
        except ValueError:  # a NUL: no such place
            return absolute(path)
        spelled = self._as_listed(resolved)
        # A name that was written otherwise than the disk has it may have hidden a link.
        return spelled if spelled == resolved else self.real(spelled)

    def resolved_directory(self, directory: str) -> str:
        """A directory's absolute path with its symbolic links followed; each is looked at once."""
        known = self._directories.get(directory)
        if known is None:
            parent, name = os.path.split(directory)
            known = os.path.join(self.resolved_directory(parent), name) if name else parent
            if os.path.islink(known):
                known = os.path.realpath(known)
            self._directories[directory] = known
        return known

    def _as_listed(self, path: str) -> str:
        place, *names = path.split(os.sep)
        place += os.sep
        for name in names:
            place = os.path.join(place, self._listed_name(place, name)) if name else place
        return place

    def _listed_name(self, directory: str, name: str) -> str:
        """How the directory lists a name; as it is written where it does not, or more than once."""
        names = self._listing(directory)
        if not names or name in names:
            return name
        path = os.path.join(directory, name)
        alike = [other for other in names if _folded(other) == _folded(name)]
        if os.path.lexists(path):  # the file system takes other spellings of a name
            found = [other for other in alike if _is_same(os.path.join(directory, other), path)]
        else:
            found = [other for other in alike if composed(other) == composed(name)]
        return found[0] if len(found) == 1 else name

    def _listing(self, directory: str) -> frozenset[str]:
        if directory not in self._names:
            try:
                self._names[directory] = frozenset(os.listdir(directory))
            except OSError:  # not there, or not to be looked into: names stay as written
                self._names[directory] = frozenset()
        return self._names[directory]


def real(path: str | os.PathLike[str]) -> str:
    """The one spelling of a place, as `Places.real` says."""
    return Places().real(path)


def _folded(name: str) -> str:
    return composed(name).casefold()


def _is_same(one: str, other: str) -> bool:
    return os.path.samestat(os.lstat(one), os.lstat(other))
