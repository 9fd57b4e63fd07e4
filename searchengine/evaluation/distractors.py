"""Wrong answers from a library: without the test images themselves, and what looks like them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from searchengine.errors import ClipseekError
from searchengine.files import content_hash_of, read_whole
from searchengine.images.decode import read_image
from searchengine.measures.perceptual import difference_hash, look_the_same
from searchengine.types import Vectors
from searchengine.vectors.file import Rows
from searchengine.vectors.scan_torch import best_rows

NEAR = 0.99
"""Cosine from which on a distractor is likely a test image that was saved anew."""

LOOKED_AT = 100
"""Near pairs whose pictures are compared, the nearest first: each costs two decodes."""

_ROWS_AT_A_TIME = 16_384

_HASH_SIZE = 64
"""Pixels that a picture may be reduced to before it is hashed."""


@dataclass(frozen=True, slots=True)
class Distractors:
    """Images that are no answer to any caption, with their vectors."""

    paths: Sequence[Path]
    """Absolute."""
    rows: Rows
    """Unit rows of the encoder that is evaluated, shape (n, d)."""
    contents: Sequence[bytes] = field(default=(), repr=False)
    """`searchengine.files.content_hash` of each, or none at all."""

    def without(self, files: Sequence[Path]) -> Distractors:
        """Those that are none of `files`, neither by path nor by content."""
        paths, contents = set(files), _contents_of(files) if self.contents else set()
        kept = [
            place
            for place, path in enumerate(self.paths)
            if path not in paths and not (self.contents and self.contents[place] in contents)
        ]
        return Distractors(
            [self.paths[place] for place in kept],
            self.rows[kept],
            [self.contents[place] for place in kept] if self.contents else (),
        )


def _contents_of(files: Sequence[Path]) -> set[bytes]:
    found = set()
    for path in files:
        try:
            found.add(content_hash_of(path))
        except OSError:
            continue  # it is unreadable as a test image too, and counted there
    return found


def lookalikes(
    others: Distractors, files: Sequence[Path], vectors: Vectors, *, device: str = "cpu"
) -> str | None:
    """A sentence on distractors that are nearly a test image, or None where there are none.

    `vectors`, shape (n, d), are of the test images `files`.
    """
    cosines, nearest = _nearest(others.rows, vectors, device)
    near = np.flatnonzero(cosines > NEAR)
    if not len(near):
        return None
    looked_at = near[np.argsort(-cosines[near], kind="stable")][:LOOKED_AT]
    pairs = [(others.paths[place], files[nearest[place]]) for place in looked_at.tolist()]
    same = [pair for pair in pairs if _is_one_picture(*pair)]
    one, other = same[0] if same else pairs[0]
    compared = "" if len(near) <= LOOKED_AT else f" of the {LOOKED_AT} nearest"
    return (
        f"{len(near):,} of the wrong answers are near a test image (cosine over {NEAR}), and "
        f"{len(same):,}{compared} look the same by perceptual hash, such as {one} and {other}: "
        "answers that are right to the eye may count as wrong; take copies out of the library"
    )


def _nearest(
    rows: Rows, vectors: Vectors, device: str
) -> tuple[NDArray[np.floating], NDArray[np.int64]]:
    """The cosine of each row with its nearest vector, and which that is, both of shape (n,)."""
    found = [
        best_rows(
            vectors, rows[first : first + _ROWS_AT_A_TIME].astype(np.float32), 1, device=device
        )
        for first in range(0, len(rows), _ROWS_AT_A_TIME)
    ]
    if not found:
        return np.empty(0), np.empty(0, dtype=np.int64)
    return (
        np.concatenate([scores[:, 0] for scores, _ in found]),
        np.concatenate([numbers[:, 0] for _, numbers in found]),
    )


def _is_one_picture(one: Path, other: Path) -> bool:
    """Whether both can be read and look the same."""
    first, second = _hash_of(one), _hash_of(other)
    return first is not None and second is not None and look_the_same(first, second)


def _hash_of(path: Path) -> int | None:
    try:
        picture, _ = read_image(read_whole(path), name=path.name, input_size=_HASH_SIZE)
    except (OSError, ClipseekError):
        return None
    return difference_hash(picture)
