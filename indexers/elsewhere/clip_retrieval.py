"""The folder that `clip-retrieval inference` writes, read as what it is: files of anybody's making.

Its layout is that of `datasets/stored_vectors`. Paths are kept as clip-retrieval was given them:
those that are relative start where it ran.
"""

from __future__ import annotations

import logging
import os
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, repeat
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexers.elsewhere.listing import is_file_path, unit_rows
from searchengine.datasets import parquet
from searchengine.datasets.stored_vectors import IMAGES, METADATA, TEXTS, numbered
from searchengine.errors import CaptionFileError, InputError, PathNotFoundError, reason_of
from searchengine.types import Vectors

log = logging.getLogger("clipseek")

PATH, CAPTION = "image_path", "caption"

ENCODER = "ViT-B-32-quickgelu/openai"
"""What clip-retrieval encodes with unless told otherwise, by its name here."""

AT_A_TIME = 4096
"""Rows of vectors that are looked at together."""

LOOKED_AT = 256
"""Paths that show whether a folder is of files, or of tars."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A picture as clip-retrieval lists it."""

    id: int
    """Its row, counted through all files."""
    path: str
    caption: str
    encoded_by: float
    """When its vector was written: seconds since 1970."""

    def is_of(self, facts: os.stat_result) -> bool:
        """Whether the file was not written since: no more is kept of it."""
        return facts.st_mtime <= self.encoded_by


@dataclass(frozen=True, slots=True)
class _Pair:
    """A file of vectors and the table of their pictures, row for row."""

    first: int
    """The id of its first row."""
    rows: int
    images: Path
    metadata: Path
    texts: Path | None
    """Vectors of the captions, row for row too."""


class ClipRetrievalFolder:
    """What it lists, file by file; files that do not belong together are left out, and said."""

    program = "clip-retrieval"

    def __init__(self, path: Path) -> None:
        """Raises PathNotFoundError, MissingExtraError without pyarrow, and InputError.

        That for a folder that is none of clip-retrieval's, or that lists no files.
        """
        self.path = path
        self.dim = 0
        """Numbers a vector."""
        self._pairs: list[_Pair] = []
        self._left_out = 0
        """Rows of files that do not belong together."""
        self._opened: dict[Path, NDArray[np.floating]] = {}
        """The files that were read last, one of pictures and one of texts."""
        parquet.require()
        if not path.is_dir():
            raise PathNotFoundError(path, "name the folder that clip-retrieval inference wrote")
        images, tables = _by_name(path / IMAGES, "npy"), _by_name(path / METADATA, "parquet")
        if not images or not tables:
            alone = "vectors of texts alone" if (path / TEXTS).is_dir() else "nothing"
            raise InputError(
                f"{path} has no {IMAGES}/*.npy with {METADATA}/*.parquet, but {alone}; name the "
                "folder that clip-retrieval inference wrote for pictures"
            )
        for name in dict.fromkeys((*images, *tables)):
            self._add(images.get(name), tables.get(name), name)
        if not self._pairs:
            raise InputError(f"{path}: none of its files can be used")
        self._require_files()

    def _add(self, images: Path | None, metadata: Path | None, name: str) -> None:
        rows, dim, listed = 0, 0, 0
        wrong = []
        if images is None:
            wrong.append(f"{metadata}: there is no {IMAGES}/{IMAGES}{name}.npy")
        else:
            try:
                rows, dim = _opened(images).shape
            except CaptionFileError as error:
                wrong.append(str(error))
        if metadata is None:
            wrong.append(f"{images}: there is no {METADATA}/{METADATA}{name}.parquet")
        else:
            try:
                listed = _count(metadata)
            except CaptionFileError as error:
                wrong.append(str(error))
        if not wrong and rows != listed:
            wrong.append(f"{images}: {rows:,} rows of vectors, and {listed:,} of metadata")
        if not wrong and self._pairs and dim != self.dim:
            wrong.append(f"{images}: vectors of {dim:,} numbers, where others have {self.dim:,}")
        if wrong or images is None or metadata is None:
            log.warning("left out: %s", "; ".join(wrong))
            self._left_out += listed or rows
            return
        first = self._pairs[-1].first + self._pairs[-1].rows if self._pairs else 0
        texts = self.path / TEXTS / f"{TEXTS}{name}.npy"
        has_texts = texts.is_file() and _shape_of(texts) == (rows, dim)
        self._pairs.append(_Pair(first, rows, images, metadata, texts if has_texts else None))
        self.dim = dim

    def _require_files(self) -> None:
        """Keys of tars have no ending. Raises InputError where there is nothing else."""
        rows = islice(parquet.read_rows(self._pairs[0].metadata, [PATH]), LOOKED_AT)
        paths = [str(row[PATH]) for row in rows]
        if paths and not any("." in os.path.basename(path) for path in paths):
            raise InputError(
                f"{self.path} is made from tars: {paths[0]!r} is a picture's key there, and a "
                "library lists files. Unpack the tars and index that folder (clipseek index PATH), "
                "or make a library in parts of them as they are: clipseek index 'PATH/*.tar' "
                "--library URL"
            )

    def entries(self) -> Iterator[Entry | None]:
        """Every row, in the order of the files; None for what is no path with a unit vector."""
        for pair in self._pairs:
            yield from self._entries_of(pair)
        yield from repeat(None, self._left_out)

    def _entries_of(self, pair: _Pair) -> Iterator[Entry | None]:
        encoded_by, done = pair.images.stat().st_mtime, 0
        rows = parquet.read_rows(pair.metadata, [PATH, CAPTION])
        try:
            for row, is_unit in zip(rows, self._are_unit(pair), strict=False):
                number, done = pair.first + done, done + 1
                yield _entry(number, row, encoded_by) if is_unit else None
        except CaptionFileError as error:
            log.warning("%s rows are left out: %s", f"{pair.rows - done:,}", error)
        yield from repeat(None, pair.rows - done)

    def _are_unit(self, pair: _Pair) -> Iterator[bool]:
        stored = self._rows_of(pair.images)
        for start in range(0, pair.rows, AT_A_TIME):
            yield from unit_rows(stored[start : start + AT_A_TIME])[1]

    def vectors(self, numbers: Sequence[int], dim: int) -> tuple[Vectors, list[bool]]:
        """Unit rows of the pictures of these ids, in order, and which of them can be used.

        Rows have shape (n, dim), float32; those that cannot be used are zeros. Raises InputError
        where the vectors have not `dim` numbers.
        """
        if dim != self.dim:
            raise InputError(
                f"the vectors in {self.path} have {self.dim:,} numbers each, and those of the "
                f"encoder that was named {dim:,}; name the one that made them: --model NAME"
            )
        return self._gather(numbers, lambda pair: pair.images)

    def text_vectors(self, numbers: Sequence[int], dim: int) -> tuple[Vectors, list[bool]]:
        """The same of the captions of these pictures; those of a file without any are zeros."""
        return self._gather(numbers, lambda pair: pair.texts)

    def _gather(
        self, numbers: Sequence[int], file_of: Callable[[_Pair], Path | None]
    ) -> tuple[Vectors, list[bool]]:
        stored = np.zeros((len(numbers), self.dim))
        for place, number in enumerate(numbers):
            pair = self._pairs[bisect_right(self._pairs, number, key=lambda each: each.first) - 1]
            file = file_of(pair)
            if file is not None:
                stored[place] = self._rows_of(file)[number - pair.first]
        return unit_rows(stored)

    def _rows_of(self, file: Path) -> NDArray[np.floating]:
        if file not in self._opened:
            self._opened = {
                other: rows for other, rows in self._opened.items() if other.parent != file.parent
            }
            self._opened[file] = _opened(file)
        return self._opened[file]


def _by_name(directory: Path, ending: str) -> dict[str, Path]:
    """Its files by what their names have behind the directory's: `_0` for `img_emb_0.npy`."""
    try:
        files = numbered(directory, ending)
    except CaptionFileError:
        return {}
    return {file.stem.removeprefix(directory.name): file for file in files}


def _opened(file: Path) -> NDArray[np.floating]:
    """Its rows (n, d), as they lie on the disk. Raises CaptionFileError."""
    try:
        rows = np.load(file, mmap_mode="r", allow_pickle=False)
    except OSError as error:
        raise CaptionFileError(f"{file}: {reason_of(error)}") from error
    except (ValueError, EOFError):  # what numpy says is of pickles
        rows = None
    if not isinstance(rows, np.ndarray) or rows.ndim != 2 or rows.dtype.kind != "f":
        raise CaptionFileError(f"{file}: no rows of vectors that can be read")
    return rows


def _shape_of(file: Path) -> tuple[int, ...]:
    """Of its rows; empty where none can be read."""
    try:
        return _opened(file).shape
    except CaptionFileError:
        return ()


def _count(metadata: Path) -> int:
    """Rows of a table that has paths. Raises CaptionFileError."""
    for _ in parquet.read_rows(metadata, [PATH]):
        break
    return parquet.count_rows(metadata)


def _entry(number: int, row: dict[str, object], encoded_by: float) -> Entry | None:
    path, caption = row[PATH], row.get(CAPTION)
    if not isinstance(path, str) or not path:
        return None
    path = os.path.join(os.getcwd(), path)
    if not is_file_path(path):
        return None
    return Entry(number, path, caption.strip() if isinstance(caption, str) else "", encoded_by)
