"""What a tenth of captions costs a search of many images: generated vectors, no weights.

    python -m benchmarks.captions_scale --images 1000000 --captions 100000

Lists imagined files with vectors of `benchmarks.clouds`, stores captions for some of the images,
builds both indexes, and asks each text of pictures alone, as is done where there are no captions,
and of both, in turn: what else the machine does meets both. Also how many of the exact first hits
are found. Fails where the median query takes more than twice as long with captions, by the clock or
by the processor, or finds fewer by more than three of a hundred.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.clouds import Clouds, Queries
from searchengine import Library, open_library
from searchengine.catalog.records import Batch
from searchengine.index.types import Modality
from searchengine.library.writing import Writer
from searchengine.retrieval.asked import Asked
from searchengine.retrieval.hits import Hits
from searchengine.retrieval.query import By, Kind, Query, Source
from searchengine.spaces.space import Space
from searchengine.texts.fusion import Matching, spread
from searchengine.texts.matching import setting_name
from searchengine.types import BlockChecksum, ImageEntry, ImageFacts
from tests.support.libraries import imagined_files

DIM, K, QUERIES = 256, 20, 60
EXACT_QUERIES = 20
MOST_TIMES = 2.0
MOST_LOST = 0.03
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
            with library.writing():
                add_captions(library, space, clouds, asked.images, asked.captions)
                started = time.perf_counter()
                space.refresh_caption_index()
                seconds = time.perf_counter() - started
            took = measured(library, queries)
            shares = {by: agreement(library, queries[:EXACT_QUERIES], by) for by in took}
    finally:
        shutil.rmtree(scratch)
    print(f"{asked.images:,} images, {asked.captions:,} captions, {DIM} dimensions")
    print(f"{K} hits, {QUERIES} texts, milliseconds; the index of captions took {seconds:.1f} s")
    for by, times in took.items():
        clock, processor = np.median(times, axis=0)
        worst = np.percentile(times[:, 0], 95)
        print(
            f"{by.value:<9} p50 {clock:.1f}  p95 {worst:.1f}  processor {processor:.1f}  "
            f"agreement@{K} {shares[by]:.3f}"
        )
    ratios = np.median(took[By.BOTH], axis=0) / np.median(took[By.PICTURES], axis=0)
    print(f"ratio of medians  {ratios[0]:.2f}, of the processor {ratios[1]:.2f}")
    if max(ratios) > MOST_TIMES or shares[By.PICTURES] - shares[By.BOTH] > MOST_LOST:
        raise SystemExit("captions cost more than promised")


def add_images(
    library: Library, writer: Writer, clouds: Clouds, images: int, dim: int = DIM
) -> Space:
    """List imagined files with generated vectors in a space of their own."""
    library.catalog.add_space(
        name="made", encoder="made", dim=dim, precision="float32", fingerprint="0" * 16
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


def measured(library: Library, queries: Queries) -> dict[By, NDArray[np.float64]]:
    """Milliseconds of each search by the clock and by the processor, shape (queries - 1, 2).

    The first of each way, which reads what is kept, is left out.
    """
    took: dict[By, list[tuple[float, float]]] = {By.PICTURES: [], By.BOTH: []}
    for query in queries:
        for by, times in took.items():
            hits, spent = timed(library, asking(query, by), K)
            times.append(spent)
            if len(hits) != K:
                raise SystemExit(f"{len(hits)} hits instead of {K}")
    return {by: 1e3 * np.array(times[1:]) for by, times in took.items()}


def timed(library: Library, query: Asked, k: int) -> tuple[Hits, tuple[float, float]]:
    """A search, and its seconds by the clock and by the processor."""
    started = time.perf_counter(), time.process_time()
    hits = library.search(query, k=k)
    ended = time.perf_counter(), time.process_time()
    return hits, (ended[0] - started[0], ended[1] - started[1])


def agreement(library: Library, queries: Queries, by: By) -> float:
    """Share of the exact first K that searches find."""
    shares = []
    for query in queries:
        found, exact = (
            {hit.id for hit in library.search(asking(query, by), k=K, exact=exact)}
            for exact in (False, True)
        )
        shares.append(len(found & exact) / K)
    return float(np.mean(shares))


def asking(query: NDArray[np.float32], by: By) -> Query:
    """The query of a text whose vector is known."""
    return Query((Source(Kind.VECTOR, query, modality=Modality.TEXT),), by=by)


if __name__ == "__main__":
    main()
