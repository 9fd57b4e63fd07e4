"""What derived files note of the rows that they were made of, so that those of others are told."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

from searchengine.encoders.text.tensors import Tensor, checksum_of, write_tensors
from searchengine.errors import LibraryDamagedError
from searchengine.files import replacing, unwritable
from searchengine.types import BlockChecksum
from searchengine.vectors.checksums import blocks_of
from searchengine.vectors.file import VectorFile

NOTE = "rows"
"""The name under which a derived file keeps its note."""

_NOTE = re.compile(r"(\d{1,18}) [0-9a-f]{8}", re.ASCII)


class TiedRows:
    """The rows of one vector file of a space, as the catalog knows them. Any thread may ask.

    Rows never change once they count, so that a note of the first ones says for good which they
    are. `count` says how many count, and `checksums` what their blocks held.
    """

    def __init__(
        self,
        file: VectorFile,
        count: Callable[[], int],
        checksums: Callable[[], Mapping[int, BlockChecksum]],
    ) -> None:
        self._file = file
        self._count = count
        self._checksums = checksums
        self._known: dict[str, bool] = {}

    def note(self, rows: int) -> str:
        """What a file keeps that is made of the first `rows` rows, all of which count.

        Their number, and the CRC-32 over the checksums of their blocks, 8 hexadecimal digits.
        """
        known = self._checksums()
        read = self._file.checksums(rows, _lacking(known, rows))
        found = {**known, **{each.block: each for each in read}}
        told = b"".join(found[block].crc.to_bytes(4, "little") for block, _ in blocks_of(rows))
        return f"{rows} {zlib.crc32(told):08x}"

    def are_of(self, note: str | None) -> bool:
        """Whether a file with this note was made of rows that are the first ones here.

        One of a version that noted nothing is taken as it is, and so is any where a damaged row
        keeps us from telling.
        """
        if note is None:
            return True
        if note not in self._known:
            found, count = _NOTE.fullmatch(note), self._count()
            rows = int(found[1]) if found else 0
            if rows > count:
                return False
            try:
                self._known[note] = note == self.note(rows) or self._is_doubtful(rows, count)
            except LibraryDamagedError:
                return True
        return self._known[note]

    def forget(self) -> None:
        """Ask anew from now on: a repair changed rows that nobody uses, and their checksums."""
        self._known.clear()

    def _is_doubtful(self, rows: int, count: int) -> bool:
        """Whether a block that is read, as rows have come to it since, is not as it was written."""
        known = self._checksums()
        lacking = _lacking(known, rows)
        found = self._file.checksums(count, lacking)
        return any(known.get(block) != now for block, now in zip(lacking, found, strict=True))


def write_tied(
    path: Path, tensors: Mapping[str, Tensor], notes: Mapping[str, str], note: str
) -> None:
    """Put a derived file of a space in the place of the one before, all at once.

    It says `notes` about itself, `note` of its rows, and the checksum of its tensors. Raises
    StorageFullError and LibraryUnusableError.
    """
    told = {**notes, "crc32": checksum_of(tensors), NOTE: note}
    try:
        with replacing(path) as beside:
            write_tensors(beside, tensors, told)
    except OSError as error:
        raise unwritable(path.parents[2], path.name, error) from error


def _lacking(known: Mapping[int, BlockChecksum], rows: int) -> list[int]:
    """The blocks of the first `rows` rows of which no checksum of so many is known."""
    return [
        block for block, size in blocks_of(rows) if block not in known or known[block].rows != size
    ]
