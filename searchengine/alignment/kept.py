"""What was kept of an alignment: one file in a space's directory, derived and deletable.

`alignment.safetensors` holds `biases`, float32 (n,), one for each of the first n rows of image
vectors, and `map`, float32 (d, d), either or both; its notes say of which encoder and captions.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from searchengine.alignment.candidates import HUB_WEIGHT, Biases, Learned, mapped
from searchengine.alignment.ranking import FILE
from searchengine.encoders.text.tensors import MALFORMED, TensorFile
from searchengine.spaces.tied import NOTE, TiedRows, write_tied
from searchengine.types import SpaceInfo

FORMAT = "1"
"""Of the file. One of another format is as none."""

log = logging.getLogger("clipseek")


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """What searches by words apply."""

    learned: Learned
    names: tuple[str, ...]
    """Of the candidates that it is made of."""
    captions: str
    """A hash of the captions that it was learned from."""
    lowering: Biases = field(init=False)
    """What is taken from the cosine of each row, and 0 behind the last."""

    def __post_init__(self) -> None:
        biases = self.learned.biases
        weighted = np.zeros(0) if biases is None else HUB_WEIGHT * (biases - biases.mean())
        object.__setattr__(self, "lowering", np.append(weighted, 0).astype(np.float32))

    def query(self, query: NDArray[np.float32]) -> NDArray[np.float32]:
        """What pictures are compared with in the place of a text's vector, shape (d,)."""
        by = self.learned.map
        moved: NDArray[np.float32] = query if by is None else mapped(query[np.newaxis], by)[0]
        return moved

    def lowered(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """What is taken from the cosines of rows, shape (len(rows),): 0 for the usual image.

        Rows that came since count as usual.
        """
        return self.lowering[np.minimum(rows, len(self.lowering) - 1)]

    @property
    def most_raised(self) -> float:
        """By how much a cosine may rise at most."""
        return float(-self.lowering.min())


def read_alignment(space: SpaceInfo, directory: Path, tied: TiedRows) -> Alignment | None:
    """What is kept for a space; None without anything.

    Of what is damaged or of other rows than the `tied` ones too, which is said.
    """
    path = directory / FILE
    try:
        state = path.stat()
    except OSError:
        return None
    return _read(path, space, tied, state.st_mtime_ns, state.st_size, state.st_ino)


def fault_of_alignment(space: SpaceInfo, directory: Path, tied: TiedRows) -> str | None:
    """What is wrong with what is kept; None where it is sound or there is none."""
    try:
        _checked(directory / FILE, space, tied)
    except FileNotFoundError:
        return None
    except (OSError, *MALFORMED) as error:
        return (
            f"{FILE} cannot be used: {error}; learn it again with clipseek align, or stay without: "
            "clipseek align --remove"
        )
    return None


@lru_cache(maxsize=8)
def _read(path: Path, space: SpaceInfo, tied: TiedRows, *_state: int) -> Alignment | None:
    """Once for each state of the file."""
    try:
        return _checked(path, space, tied)
    except (OSError, *MALFORMED) as error:
        log.warning("searching without alignment: %s cannot be used: %s", path, error)
        return None


def _checked(path: Path, space: SpaceInfo, tied: TiedRows) -> Alignment:
    """Raises OSError and one of `MALFORMED`."""
    file = TensorFile(path)
    if (file.notes["format"], file.notes["fingerprint"]) != (FORMAT, space.fingerprint):
        raise ValueError("it is of another format, or of another encoder")
    if file.notes["crc32"] != file.checksum:
        raise ValueError("it is not as it was written")
    biases, by = file.get("biases"), file.get("map")
    for tensor, right in ((biases, biases is None or biases.ndim == 1), (by, _fits(by, space.dim))):
        if not right or (tensor is not None and not _is_finite(tensor)):
            raise ValueError("it holds other numbers than an alignment has")
    if not tied.are_of(file.notes.get(NOTE)):
        raise ValueError("it is of other pictures than these")
    names = json.loads(file.notes["names"])
    return Alignment(Learned(biases, by), tuple(map(str, names)), file.notes["captions"])


def _fits(by: Any, dim: int) -> bool:  # noqa: ANN401 - a tensor or None
    return by is None or by.shape == (dim, dim)


def _is_finite(tensor: NDArray[Any]) -> bool:
    return tensor.dtype == np.float32 and tensor.size > 0 and bool(np.isfinite(tensor).all())


def keep_alignment(
    space: SpaceInfo,
    directory: Path,
    learned: Learned,
    names: Sequence[str],
    captions: str,
    note: str,
) -> None:
    """Put what was learned in the place of what was kept, with a note of the rows that it is of.

    Raises StorageFullError and LibraryUnusableError.
    """
    parts: dict[str, NDArray[np.float32]] = {}
    if learned.biases is not None:
        parts["biases"] = learned.biases
    if learned.map is not None:
        parts["map"] = np.ascontiguousarray(learned.map)
    notes = {
        "format": FORMAT,
        "fingerprint": space.fingerprint,
        "names": json.dumps(list(names)),
        "captions": captions,
    }
    write_tied(directory / FILE, parts, notes, note)


def remove_alignment(directory: Path) -> bool:
    """Search as before; whether anything was kept."""
    try:
        (directory / FILE).unlink()
    except FileNotFoundError:
        return False
    return True
