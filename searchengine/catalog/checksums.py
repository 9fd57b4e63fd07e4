"""Checksums: what the blocks of the vector files held when they were written."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from searchengine.catalog.sqlite.connection import Reads
from searchengine.catalog.sqlite.schema import caption_embeddings, checksums, embeddings
from searchengine.types import BlockChecksum, SpaceInfo

IMAGE_VECTORS = "vectors.f16"
CAPTION_VECTORS = "captions.f16"

FILES = {embeddings.name: IMAGE_VECTORS, caption_embeddings.name: CAPTION_VECTORS}
"""The vector file whose rows a table is about."""


class ChecksumReads(Reads):
    """What can be asked about checksums."""

    def checksums(self, space: SpaceInfo, file: str) -> dict[int, BlockChecksum]:
        """Those of a vector file of the space, by block; a version that kept none left gaps."""
        query = sa.select(checksums.c.block, checksums.c.rows, checksums.c.crc).where(
            checksums.c.space_id == space.id, checksums.c.file == file
        )
        with self._reading() as connection:
            return {row[0]: BlockChecksum(*row) for row in connection.execute(query)}


def last_checksum(connection: sa.Connection, space: SpaceInfo, file: str) -> BlockChecksum | None:
    """That of the highest block there is one of."""
    query = (
        sa.select(checksums.c.block, checksums.c.rows, checksums.c.crc)
        .where(checksums.c.space_id == space.id, checksums.c.file == file)
        .order_by(checksums.c.block.desc())
        .limit(1)
    )
    found = connection.execute(query).one_or_none()
    return None if found is None else BlockChecksum(*found)


def keep_checksums(
    connection: sa.Connection, space: SpaceInfo, file: str, blocks: Sequence[BlockChecksum]
) -> None:
    """Record checksums in the place of what was known of these blocks."""
    if not blocks:
        return
    insert = sqlite.insert(checksums)
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=list(checksums.primary_key),
            set_={name: insert.excluded[name] for name in ("rows", "crc")},
        ),
        [
            {
                "space_id": space.id,
                "file": file,
                "block": each.block,
                "rows": each.rows,
                "crc": each.crc,
            }
            for each in blocks
        ],
    )
