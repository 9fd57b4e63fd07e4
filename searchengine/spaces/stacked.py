"""Which rows of a space's image vectors stand for one picture, and which for one moment.

`stacks.safetensors` is derived and deletable, as the index is: index runs make it, and it covers
the rows that there were then.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from searchengine.encoders.text.tensors import (
    TensorFile,
    UnreadableTensorsError,
)
from searchengine.spaces.tied import NOTE, TiedRows, write_tied

STACKS_FILE = "stacks.safetensors"

FORMAT = "2"
"""Of the file. One of a format that is not known is as none, and made anew by index runs."""

FORMAT_OF_LABELS = "1"
"""One without links: searched as it is, and made anew by the next index run."""

ALONE = -1

MOST_TOGETHER = 20.0
"""Images of a moment that are ranked at once, at most."""

Labels = NDArray[np.int32]

_BY_ROW = {
    "copies": "<i4", "moments": "<i4", "sharpness": "<f4", "asked": "|u1",
}  # fmt: skip
"""Tensors of the file that have a number for each row, and its kind."""


@dataclass(frozen=True)
class Stacks:
    """Labels of rows 0 to `covered` - 1; equal ones are together, and `ALONE` is with nobody.

    A label is the row of the best of them, as it was when they were found. Rows may have died
    since.
    """

    copies: Labels
    """Copies of one picture, each of them one of the best, shape (covered,)."""
    moments: Labels
    """Of one moment, shape (covered,): copies of one picture, and what is linked with one of them,
    are always of one moment."""
    sharpness: NDArray[np.float32]
    """Of rows that are not alone, shape (covered,); see `searchengine.looks.look`."""
    links: NDArray[np.int32]
    """Rows that are copies of each other, shape (p, 2): what labels are made from."""
    asked: NDArray[np.uint8]
    """1 for rows whose copies were looked for, shape (covered,); 0 also for a file that is equal
    byte for byte to one of them."""
    images: int
    """How many images there were."""
    note: str | None = None
    """Of the rows that were looked at; see `searchengine.spaces.tied`."""

    @property
    def covered(self) -> int:
        """Rows that were looked at."""
        return len(self.moments)

    @cached_property
    def _by_label(self) -> tuple[Labels, NDArray[np.int64]]:
        """The labels of all rows that are not alone, ascending, and those rows."""
        rows = np.flatnonzero(self.moments != ALONE)
        order = np.argsort(self.moments[rows], kind="stable")
        return self.moments[rows[order]], rows[order]

    def moments_of(self, rows: NDArray[np.int64]) -> Labels:
        """The label of the moment of each row, shape (n,)."""
        return self._of(self.moments, rows)

    def were_asked(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether the copies of each row were looked for, shape (n,)."""
        found = np.zeros(len(rows), dtype=bool)
        inside = rows < self.covered
        found[inside] = self.asked[rows[inside]] == 1
        return found

    def copies_of(self, rows: NDArray[np.int64]) -> Labels:
        """The label of the copies of each row, shape (n,)."""
        return self._of(self.copies, rows)

    def _of(self, labels: Labels, rows: NDArray[np.int64]) -> Labels:
        found = np.full(len(rows), ALONE, dtype=np.int32)
        inside = rows < self.covered
        found[inside] = labels[rows[inside]]
        return found

    @cached_property
    def any(self) -> bool:
        """Whether there is a row that is not alone."""
        return bool((self.moments != ALONE).any())

    @cached_property
    def _usual(self) -> float:
        """Images of the moment of an image, itself included, in the mean."""
        _, counts = np.unique(self.moments[self.moments != ALONE], return_counts=True)
        together = int(np.square(counts).sum()) + self.covered - int(counts.sum())
        return together / max(1, self.covered)

    def rows_for(self, moments: int) -> int:
        """How many of the best-ranked rows are of so many moments, most often."""
        return moments + round(moments * min(max(1.0, self._usual - 1), MOST_TOGETHER))

    def of_moment(self, label: int) -> NDArray[np.int64]:
        """The rows with this label of a moment, ascending; none for `ALONE`."""
        labels, rows = self._by_label
        first, last = np.searchsorted(labels, label), np.searchsorted(labels, label, side="right")
        return rows[first:last]


def _without_links(copies: Labels, moments: Labels, sharpness: NDArray[np.float32]) -> Stacks:
    """Labels whose links are not known: nobody was asked."""
    links = np.empty((0, 2), dtype=np.int32)
    asked = np.zeros(len(copies), dtype=np.uint8)
    return Stacks(copies, moments, sharpness, links, asked, images=0)


NO_STACKS = _without_links(
    np.empty(0, dtype=np.int32), np.empty(0, dtype=np.int32), np.empty(0, dtype=np.float32)
)
"""Of a library whose images were not compared."""


class KnownStacks:
    """The file of a space, read again when it has changed. Any thread may ask."""

    def __init__(self, directory: Path, tied: TiedRows) -> None:
        self._path = directory / STACKS_FILE
        self._tied = tied
        self._kept: tuple[tuple[int, ...], Stacks | None] | None = None

    def at(self, rows: int) -> Stacks | None:
        """As they are now, where so many rows count; None where there is no file that fits them."""
        try:
            status = self._path.stat()
        except OSError:
            return None
        state = (status.st_ino, status.st_size, status.st_mtime_ns)
        kept = self._kept
        if kept is None or kept[0] != state:
            kept = self._kept = state, read_stacks(self._path)
        stacks = kept[1]
        if stacks is None or stacks.covered > rows or not self._tied.are_of(stacks.note):
            return None
        return stacks

    def to_fold(self, rows: int) -> Stacks | None:
        """As `at`; None also where every row is alone."""
        stacks = self.at(rows)
        return stacks if stacks is not None and stacks.any else None

    def fault(self, rows: int) -> str | None:
        """What is wrong with the file where `rows` rows count; None where it is sound or none."""
        if not self._path.exists():
            return None
        found = read_stacks(self._path)
        if found is None or found.covered > rows:
            return "it is not as it was written; the next index run makes it anew"
        if not self._tied.are_of(found.note):
            return "it is of other pictures than these; the next index run makes it anew"
        return None

    def keep(self, stacks: Stacks) -> None:
        """Put them in the place of those there were. Raises as `write_tied`."""
        tensors = {name: getattr(stacks, name) for name in (*_BY_ROW, "links")}
        notes = {"format": FORMAT, "images": str(stacks.images)}
        write_tied(self._path, tensors, notes, self._tied.note(stacks.covered))

    def forget(self) -> None:
        """Delete the file, where that can be done."""
        with suppress(OSError):
            self._path.unlink()


def read_stacks(path: Path) -> Stacks | None:
    """What the file at `path` holds; None where it is not what was written."""
    try:
        file = TensorFile(path)
        is_whole = file.notes.get("crc32") == file.checksum
        if file.notes.get("format") == FORMAT_OF_LABELS:
            found = _without_links(file["copies"], file["moments"], file["sharpness"])
        else:
            found = Stacks(
                **{name: file[name] for name in (*_BY_ROW, "links")},
                images=int(file.notes.get("images", "")),
                note=file.notes.get(NOTE),
            )
            is_whole = is_whole and file.notes.get("format") == FORMAT
    except (OSError, UnreadableTensorsError, KeyError, ValueError):
        return None
    return found if is_whole and _is_right(found) else None


def _is_right(found: Stacks) -> bool:
    arrays = [getattr(found, name) for name in _BY_ROW]
    links = found.links
    return (
        found.moments.ndim == 1
        and {array.shape for array in arrays} == {found.moments.shape}
        and [array.dtype.str for array in arrays] == list(_BY_ROW.values())
        and (links.dtype.str, links.shape[1:]) == ("<i4", (2,))
        and bool(((links >= 0) & (links < found.covered)).all())
    )
