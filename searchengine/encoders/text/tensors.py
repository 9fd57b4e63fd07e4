"""A safetensors file through a memory map: only what is looked at is read from the disk.

The library safetensors copies whole tensors; a query needs ten rows of the embedding of 49,408
tokens, and a fingerprint 64 values of each tensor. The format: eight bytes with the length of a
JSON header, the header with name, type, shape and place of each tensor, then the values
(https://github.com/huggingface/safetensors#format).
"""

from __future__ import annotations

import errno
import json
import os
import re
import zlib
from collections.abc import Iterator, Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Tensor = NDArray[Any]

_TYPES: dict[str, np.dtype[Any]] = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "U32": np.dtype("<u4"),
    "U8": np.dtype("u1"),
}
"""Not BF16, which numpy does not know."""


MALFORMED = (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)
"""What reading JSON of another kind than expected raises, deep as it may be."""


LARGE = 100_000_000
"""Bytes of a table from which its rows have checksums of their own: a query reads a few of them."""

ROW_CHECKSUMS = ".crc32"
"""Behind the name of a table: the name of the checksums of its rows."""


class UnreadableTensorsError(ValueError):
    """The file is no safetensors file, is cut off, or holds tensors of a type numpy lacks."""


class DamagedTensorsError(UnreadableTensorsError):
    """The values are not those that were written."""


class TensorFile(Mapping[str, Tensor]):
    """The tensors of a file by name, in order of it, read-only and mapped from disk.

    `notes` is what the file says about itself.
    """

    def __init__(self, path: Path) -> None:
        """Map the file at `path`. Raises OSError, and UnreadableTensorsError for a wrong one."""
        data = (
            np.memmap(path, dtype=np.uint8, mode="r") if path.stat().st_size else np.empty(0, "B")
        )
        try:
            start = 8 + int.from_bytes(data[:8].tobytes(), "little")
            header = json.loads(data[8:start].tobytes())
            self.notes: dict[str, str] = dict(header.pop("__metadata__", {}))
            self._tensors = {
                name: _tensor(data[start:], entry) for name, entry in sorted(header.items())
            }
        except MALFORMED as error:
            raise UnreadableTensorsError(f"{path}: {error}") from error

    @property
    def checksum(self) -> str:
        """See `checksum_of`."""
        return checksum_of(self)

    def __getitem__(self, name: str) -> Tensor:
        return self._tensors[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors)

    def __len__(self) -> int:
        return len(self._tensors)


def write_tensors(path: Path, tensors: Mapping[str, Tensor], notes: Mapping[str, str]) -> None:
    """Write a file at `path` that says `notes` about itself. Raises OSError."""
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    whole = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    try:
        save_file(whole, path, metadata=dict(notes))
    except SafetensorError as error:  # its words alone say what the system said
        found = re.search(r"os error (\d+)", str(error))
        number = int(found[1]) if found else errno.EIO
        raise OSError(number, os.strerror(number), str(path)) from error


def checksum_of(tensors: Mapping[str, Tensor]) -> str:
    """CRC-32 of the values of tensors, in the order of their names, as 8 hexadecimal digits.

    Reads all of them but those whose rows have checksums of their own.
    """
    crc = 0
    for name, tensor in sorted(tensors.items()):
        if f"{name}{ROW_CHECKSUMS}" not in tensors:
            crc = zlib.crc32(np.ascontiguousarray(tensor).reshape(-1).view(np.uint8).data, crc)
    return f"{crc:08x}"


def with_row_checksums(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors, and the checksums of the rows of those tables among them that are `LARGE`."""
    large = {name for name, tensor in tensors.items() if tensor.ndim == 2 and tensor.nbytes > LARGE}
    return {**tensors, **{f"{name}{ROW_CHECKSUMS}": row_checksums(tensors[name]) for name in large}}


def row_checksums(rows: Tensor) -> NDArray[np.uint32]:
    """CRC-32 of each row of a tensor of two dimensions."""
    return np.array([zlib.crc32(row.tobytes()) for row in rows], dtype=np.uint32)


def looked_up(tensors: Mapping[str, Tensor], name: str, numbers: NDArray[np.int64]) -> Tensor:
    """Rows of a table, shape (*numbers.shape, width): the others are not read.

    Raises DamagedTensorsError for rows that are not those their checksums are of.
    """
    used, places = np.unique(numbers, return_inverse=True)
    rows: Tensor = tensors[name][used]
    sums = tensors.get(f"{name}{ROW_CHECKSUMS}")
    if sums is not None and (row_checksums(rows) != sums[used]).any():
        raise DamagedTensorsError(f"rows of {name} are not as they were written")
    found: Tensor = rows[places.reshape(numbers.shape)]
    return found


def _tensor(values: NDArray[np.uint8], entry: dict[str, Any]) -> Tensor:
    """One tensor of the file. Raises ValueError where it does not lie within the file."""
    begin, end = entry["data_offsets"]
    shape, dtype = tuple(entry["shape"]), _TYPES[entry["dtype"]]
    if not 0 <= begin <= end <= len(values) or end - begin != prod(shape) * dtype.itemsize:
        raise ValueError("a tensor beyond the end of the file")
    tensor: Tensor = np.frombuffer(values, dtype, count=prod(shape), offset=begin)
    return tensor.reshape(shape)
