"""The vectors and facts of a library as files that other programs read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum
from io import BytesIO

import numpy as np

from searchengine.catalog.catalog import CatalogReads
from searchengine.library.library import Library
from searchengine.shards.storage import Storage
from searchengine.shards.tables import columns_of_entries, to_parquet
from searchengine.spaces.space import Space
from searchengine.types import ImageEntry
from searchengine.vectors.file import Rows


class Layout(Enum):
    """Of files for other programs."""

    PARQUET = "parquet"
    """`00000.parquet`, ...: a row an image, its facts and the column `vector`."""
    CLIP_RETRIEVAL = "clip-retrieval"
    """`img_emb/img_emb_00000.npy` and `metadata/metadata_00000.parquet` with `image_path`."""


def export_files(
    library: Library, url: str, layout: Layout, *, rows: int, space: str | None = None
) -> int:
    """Write every image that has a vector, `rows` a file; returns how many. Dead rows are left out.

    Raises NothingIndexedError and StorageError.
    """
    storage, count = Storage(url), 0
    for number, (entries, vectors) in enumerate(_runs(library, space, rows)):
        facts = columns_of_entries(entries)
        if layout is Layout.PARQUET:
            data = to_parquet({**facts, "vector": list(vectors.astype(np.float32))})
            storage.write(f"{number:05}.parquet", data)
        else:
            named = {"image_path": facts["path"], **facts}
            file = BytesIO()
            np.save(file, vectors)
            storage.write(f"img_emb/img_emb_{number:05}.npy", file.getvalue())
            storage.write(f"metadata/metadata_{number:05}.parquet", to_parquet(named))
        count += len(entries)
    return count


def _runs(
    library: Library, space: str | None, size: int
) -> Iterator[tuple[Sequence[ImageEntry], Rows]]:
    chosen = library.space(space)
    with library.catalog.snapshot() as now:
        numbers, _ = now.embedded_images(chosen.info)
        stored = chosen.images.read(now.rows(chosen.info))
        for start in range(0, len(numbers), size):
            some = numbers[start : start + size]
            yield entries_of_rows(now, chosen, some.tolist()), stored[some]


def entries_of_rows(now: CatalogReads, space: Space, rows: Sequence[int]) -> list[ImageEntry]:
    """What parts and files say of the images of these rows, none of which is dead."""
    records = now.images_of_rows(space.info, rows)
    found = [records[row] for row in rows]
    return [ImageEntry(each.file, each.content_hash, each.facts) for each in found]
