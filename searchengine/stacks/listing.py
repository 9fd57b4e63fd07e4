"""The groups of a library for somebody who wants to tidy up: the best of each first."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from searchengine.catalog.catalog import CatalogReads
from searchengine.errors import InputError
from searchengine.files import file_state
from searchengine.spaces.space import Space
from searchengine.spaces.stacked import ALONE, Stacks
from searchengine.stacks.best import quality
from searchengine.stacks.folding import likeness_of
from searchengine.stacks.pictured import read_pictured
from searchengine.types import ImageRecord, Likeness

READ_AT_A_TIME = 1_000
"""Groups whose images are read together."""


@dataclass(frozen=True, slots=True)
class Member:
    """One image of a group."""

    image: ImageRecord
    sharpness: float | None
    """As `searchengine.looks.look` has it; None where it is not known."""
    likeness: Likeness | None
    """To the best of the group; None of the best itself."""


@dataclass(frozen=True, slots=True)
class Group:
    """Images that are of one picture or one moment, two or more, the best first."""

    level: Likeness
    members: tuple[Member, ...]


class _Labelled(NamedTuple):
    image: ImageRecord
    sharpness: float | None
    copies: int
    """Their label."""


def duplicates(space: Space, now: CatalogReads, level: Likeness) -> Iterator[Group]:
    """The groups of a level, by the path of the best, as of a moment.

    EXACT are files that are equal byte for byte, NEAR these and other copies of one picture, MOMENT
    different pictures of one moment, of each picture the best file alone, and what is a copy of a
    copy but not of the best file. Files that are gone or
    have changed since they were indexed are in no group. Raises InputError where nothing was
    compared yet.
    """
    found = list(_groups(space, now, level))
    found.sort(key=lambda group: group.members[0].image.file.path)
    return iter(found)


def stack_of(space: Space, now: CatalogReads, image: ImageRecord) -> tuple[Member, ...]:
    """An image with all that it is of one moment with, the best first; empty where it is alone.

    The likeness of each is to this image, whose own is None.
    """
    count = now.rows(space.info)
    stacks = space.stacks.at(count)
    row = now.rows_of(space.info, [image.id]).get(image.id)
    if stacks is None or row is None:
        return ()
    [label] = stacks.moments_of(np.array([row])).tolist()
    of_rows = now.images_of_rows(space.info, stacks.of_moment(label).tolist())
    images = sorted(
        (_labelled(stacks, each, record) for each, record in of_rows.items()),
        key=_quality,
        reverse=True,
    )
    copies = int(stacks.copies_of(np.array([row]))[0])
    return tuple(
        Member(
            each.image,
            each.sharpness,
            None
            if each.image.id == image.id
            else likeness_of(image.content_hash, copies, each.image.content_hash, each.copies),
        )
        for each in images
    )


def _labelled(stacks: Stacks | None, row: int, image: ImageRecord) -> _Labelled:
    if stacks is None or row >= stacks.covered:
        return _Labelled(image, None, ALONE)
    sharpness = float(stacks.sharpness[row]) if stacks.moments[row] != ALONE else None
    return _Labelled(image, sharpness, int(stacks.copies[row]))


def _groups(space: Space, now: CatalogReads, level: Likeness) -> Iterator[Group]:
    stacks = space.stacks.at(now.rows(space.info))
    labels: NDArray[np.signedinteger]
    if level is Likeness.EXACT:
        pictured = read_pictured(space.info, now)
        rows, labels = pictured.rows, pictured.contents
    elif stacks is None:
        raise InputError(
            "the images of this library were not compared yet; do so with: clipseek index PATH"
        )
    else:
        labels = stacks.copies if level is Likeness.NEAR else stacks.moments
        rows = np.flatnonzero(labels != ALONE)
        labels = labels[rows]
    for part in _parts(_together(rows, labels)):
        of_rows = now.images_of_rows(space.info, [row for group in part for row in group])
        for group in part:
            images = [_labelled(stacks, row, of_rows[row]) for row in group if row in of_rows]
            present = [each for each in images if _is_as_indexed(each.image)]
            if level is Likeness.MOMENT:
                present = _best_of_each_picture(present)
            if len(present) > 1:
                yield _group(level, present)


def _together(rows: NDArray[np.int64], labels: NDArray[np.signedinteger]) -> list[list[int]]:
    """The rows of each label that several have."""
    order = np.argsort(labels, kind="stable")
    parts = np.split(rows[order], np.flatnonzero(np.diff(labels[order])) + 1)
    return [part.tolist() for part in parts if len(part) > 1]


def _parts(groups: Sequence[list[int]]) -> Iterator[Sequence[list[int]]]:
    for start in range(0, len(groups), READ_AT_A_TIME):
        yield groups[start : start + READ_AT_A_TIME]


def _best_of_each_picture(images: Iterable[_Labelled]) -> list[_Labelled]:
    """One of those with the same label of copies; all that have none."""
    best: dict[int, _Labelled] = {}
    for each in sorted(images, key=_quality):
        best[each.copies if each.copies != ALONE else -1 - each.image.id] = each
    return list(best.values())


def _group(level: Likeness, images: Sequence[_Labelled]) -> Group:
    best, *others = sorted(images, key=_quality, reverse=True)
    members = [Member(best.image, best.sharpness, None)]
    for other in others:
        likeness = likeness_of(
            best.image.content_hash, best.copies, other.image.content_hash, other.copies
        )
        members.append(Member(other.image, other.sharpness, likeness))
    return Group(level, tuple(members))


def _quality(each: _Labelled) -> tuple[float, ...]:
    facts = each.image.facts
    path = each.image.file.path
    pixels = facts.width * facts.height
    return *quality(pixels, each.sharpness or 0.0, facts.format, path), -each.image.id


def _is_as_indexed(image: ImageRecord) -> bool:
    """Whether the file is there and looks as it did: what somebody may delete others for."""
    try:
        return file_state(image.file.path, os.stat(image.file.path)) == image.file
    except OSError:
        return False
