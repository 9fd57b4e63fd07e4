"""What a tenth of captions costs a search of many images: generated vectors, no weights.

    python -m benchmarks.captions_scale --images 1000000 --captions 100000

Lists imagined files with vectors of `benchmarks.clouds`, builds the index, and asks texts before
and after captions are stored for some of the images. Fails where the median query then takes more
than twice as long.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.clouds import Clouds, Queries
from searchengine import Library, open_library
from searchengine.catalog.records import Batch
from searchengine.index.types import Modality
from searchengine.library.writing import Writer
from searchengine.retrieval.query import Kind, Query, Source
from searchengine.spaces.space import Space
from searchengine.texts.fusion import Matching, spread
from searchengine.texts.matching import setting_name
from searchengine.types import BlockChecksum, ImageEntry, ImageFacts
from tests.support.libraries import imagined_files

DIM, K, QUERIES = 256, 20, 60
MOST_TIMES = 2.0
AT_A_TIME = 50_000


def main() -> None:
    """Measure, print, and fail over twice the time."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--images", type=int, default=1_000_000)
    parser.add_argument("--captions", type=int, default=100_000)
    asked = parser.parse_args()
    scratch = Path(tempfile.mkdtemp(prefix="clipseek-scale-"))
    clouds = Clouds(DIM)
    queries = clouds.texts(QUERIES, seed=3)
    try:
        with open_library(scratch, create=True) as library:
            with library.writing() as writer:
                space = add_images(library, writer, clouds, asked.images)
                space.refresh_index()
            before = measured(library, queries)
            with library.writing():
                add_captions(library, space, clouds, asked.images, asked.captions)
            after = measured(library, queries)
    finally:
        shutil.rmtree(scratch)
    print(f"{asked.images:,} images, {DIM} dimensions, {K} hits, {QUERIES} texts, milliseconds:")
    print(f"without captions  p50 {before[0]:.1f}  p95 {before[1]:.1f}")
    print(f"{asked.captions:,} captions  p50 {after[0]:.1f}  p95 {after[1]:.1f}")
    print(f"ratio of medians  {after[0] / before[0]:.2f}")
    if after[0] > MOST_TIMES * before[0]:
        raise SystemExit("captions cost more than promised")


def add_images(library: Library, writer: Writer, clouds: Clouds, images: int) -> Space:
    """List imagined files with generated vectors in a space of their own."""
    library.catalog.add_space(
        name="made", encoder="made", dim=DIM, precision="float32", fingerprint="0" * 16
    )
    space = library.space()
    space.directory.mkdir(parents=True)
    facts, files = ImageFacts(640, 480, "JPEG"), imagined_files(images)
    for start in range(0, images, AT_A_TIME):
        rows = clouds.images(min(AT_A_TIME, images - start), seed=start + 1)
        entries = [
            ImageEntry(file, number.to_bytes(16, "big"), facts)
            for number, file in enumerate(files[start : start + AT_A_TIME], start=start)
        ]
        writer.commit(space, Batch(added=entries), rows.astype(np.float32))
    return space


def add_captions(
    library: Library, space: Space, clouds: Clouds, images: int, captions: int
) -> None:
    """One caption for each of so many images, evenly over all, with generated vectors."""
    files = imagined_files(images)[:: images // captions][:captions]
    library.catalog.add_captions([(file.path, f"caption of {file.path}") for file in files])
    vectors = clouds.texts(captions, seed=4)
    while waiting := library.catalog.captions_without_vector(space.info, AT_A_TIME):
        rows, vectors = vectors[: len(waiting)], vectors[len(waiting) :]

        def append(
            count: int, last: BlockChecksum | None, rows: Queries = rows
        ) -> list[BlockChecksum]:
            return space.captions.append(rows, rows=count, last=last)

        library.catalog.record_caption_vectors(space.info, [each.id for each in waiting], append)
    sample = clouds.texts(500, seed=5)
    pictures = space.images.read(images)[:: images // 4_096].astype(np.float32)
    texts = space.captions.read(captions)[:: max(1, captions // 4_096)].astype(np.float32)
    matching = Matching(spread(sample, pictures), spread(sample, texts), images, captions)
    library.catalog.set_setting(setting_name(space), matching.as_text())


def measured(library: Library, queries: Queries) -> tuple[float, float]:
    """Median and 95th percentile of a search in milliseconds, after one that reads what is kept."""
    seconds = []
    for number, query in enumerate(queries):
        source = Source(Kind.VECTOR, query, modality=Modality.TEXT)
        started = time.perf_counter()
        hits = library.search(Query((source,)), k=K)
        if number:
            seconds.append(time.perf_counter() - started)
        if len(hits) != K:
            raise SystemExit(f"{len(hits)} hits instead of {K}")
    p50, p95 = np.percentile(1e3 * np.array(seconds), [50, 95])
    return float(p50), float(p95)


if __name__ == "__main__":
    main()
