"""Checksums of rows, a block of them at a time: CRC-32 as zlib computes it.

Rows are appended to the last block, and its checksum is continued from where it was.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from searchengine.types import BlockChecksum

BLOCK_ROWS = 1_024
"""Rows that share a checksum: a megabyte at 512 dimensions. Fewer would have to be encoded again
where one is damaged, and more checksums kept: 16 KB a million rows."""


def continued(data: bytes, row_bytes: int, first_row: int, crc: int = 0) -> Iterator[BlockChecksum]:
    """The checksums of the blocks that `data` lies in: whole rows, from row `first_row` on.

    `crc` is that of the rows of the first block before them.
    """
    view, start, row = memoryview(data), 0, first_row
    while start < len(data):
        block, before = divmod(row, BLOCK_ROWS)
        stop = min(len(data), start + (BLOCK_ROWS - before) * row_bytes)
        row += (stop - start) // row_bytes
        yield BlockChecksum(block, row - block * BLOCK_ROWS, zlib.crc32(view[start:stop], crc))
        start, crc = stop, 0


def blocks_of(rows: int) -> list[tuple[int, int]]:
    """The blocks of so many rows, each with the rows of it that count."""
    starts = range(0, rows, BLOCK_ROWS)
    return [(start // BLOCK_ROWS, min(BLOCK_ROWS, rows - start)) for start in starts]
