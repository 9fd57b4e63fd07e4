"""Moving on to another encoder: which space answers, what it lacks, and forgetting an old one.

A second space is filled by index runs while the default one answers; nothing of the one touches the
other. Which space answers is a setting of the catalog: one transaction, back and forth.
"""

from __future__ import annotations

import logging
import shutil
from dataclasses import dataclass

from searchengine.catalog.spaces import DEFAULT_SPACE
from searchengine.encoders.names import STARTER, STARTER_256, canonical_name
from searchengine.errors import LibraryError, NothingIndexedError, SpaceNotFoundError
from searchengine.library.learned.derived import derived_setting
from searchengine.library.library import Library
from searchengine.spaces.space import Space, crops_setting
from searchengine.texts.matching import setting_name

log = logging.getLogger("clipseek")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a space is filled."""

    space: str
    images: int
    """With a vector in it."""
    of: int
    """Images of the library."""
    bytes: int
    """On disk."""

    @property
    def lacking(self) -> int:
        """Images that searches in it do not find."""
        return self.of - self.images


@dataclass(frozen=True, slots=True)
class Switch:
    """Another space answers from now on."""

    before: str
    now: Progress
    again: list[str]
    """What was done for the space before and is not for this one: commands."""


def progress(library: Library, space: Space) -> Progress:
    """How far a space is filled."""
    images, _ = library.catalog.vector_counts(space.info)
    return Progress(space.info.name, images, library.catalog.counts()["images"], space.bytes)


def find_space(library: Library, name: str) -> Space:
    """The space of a name, or of an encoder under any of its names. Raises SpaceNotFoundError."""
    try:
        return library.space(name)
    except SpaceNotFoundError:
        return library.space(STARTER_256 if name == STARTER else canonical_name(name))


def use_space(library: Library, name: str) -> Switch:
    """Let the space of this name, or of this encoder, answer searches that name none.

    Raises SpaceNotFoundError, NothingIndexedError where it is empty, and LibraryLockedError.
    """
    with library.writing():
        before, space = library.space(), find_space(library, name)
        now = progress(library, space)
        if now.images == 0:
            raise NothingIndexedError(library.path)
        library.catalog.set_setting(DEFAULT_SPACE, space.info.name)
    return Switch(before.info.name, now, _to_be_done_again(before, space))


def forget_space(library: Library, name: str) -> Progress:
    """Remove a space that does not answer, with its files; returns what it was.

    Raises SpaceNotFoundError, LibraryError for the space that answers, and LibraryLockedError.
    """
    with library.writing():
        space = find_space(library, name)
        if space.info.id == library.space().info.id:
            others = [other.info.name for other in library.spaces()[1:]]
            way_out = (
                f"first let another answer: clipseek use {others[0]}"
                if others
                else "it is the only one; index with another encoder first: --model NAME"
            )
            raise LibraryError(f"space {space.info.name} answers the searches; {way_out}")
        gone = progress(library, space)
        name = space.info.name
        about = [setting_name(space), crops_setting(name), derived_setting(name)]
        library.catalog.remove_space(space.info, about)
        try:
            shutil.rmtree(space.directory)
        except OSError as error:
            log.warning("%s is left on the disk: %s; remove it by hand", space.directory, error)
    return gone


def _to_be_done_again(before: Space, now: Space) -> list[str]:
    """Settings that were tuned are of one index: another is searched by a rule of thumb."""
    tuned = before.index_info().index
    if tuned is None or not (tuned.text or tuned.image):
        return []
    fresh = now.index_info().index
    return [] if fresh is not None and (fresh.text or fresh.image) else ["clipseek tune"]
