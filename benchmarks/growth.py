"""How long library operations take as a library grows: imagined files, random vectors, no weights.

Run by `benchmarks.run`. What should not grow with the library stays in milliseconds; what reads all
of it (a run over files that the library lists) grows in step.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from indexers.plan import AT_A_TIME, in_runs
from searchengine import Library, open_library
from searchengine.catalog.records import Batch
from searchengine.types import FileState, Filter, ImageEntry, ImageFacts, Vectors
from tests.support.fake import FakeEncoder
from tests.support.libraries import imagined_files, list_files

SIZES = (1_000, 10_000, 100_000)
DIM = 512
BATCH = 100
"""Images that are added, moved and removed in one transaction, as of a few seconds of a run."""
TIMES = 5


class WideFake(FakeEncoder):
    """Random rows as long as those of ViT-B/32."""

    dim = DIM

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Unit rows, shape (n, 512); the same text has the same row."""
        rows = [np.random.default_rng(list(text.encode())).normal(size=DIM) for text in texts]
        vectors: Vectors = np.array(rows, dtype=np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors


@dataclass(frozen=True, slots=True)
class Growth:
    """One operation, milliseconds by the number of images."""

    operation: str
    milliseconds: dict[int, float]


def growth(scratch: Path, sizes: tuple[int, ...] = SIZES) -> list[Growth]:
    """Every operation at every size, the best of `TIMES`."""
    found: dict[str, dict[int, float]] = {}
    for size in sizes:
        path = scratch / f"growth-{size}"
        list_files(path, WideFake(), imagined_files(size))
        for operation, seconds in _operations(path, size):
            found.setdefault(operation, {})[size] = 1e3 * seconds
    return [Growth(operation, by_size) for operation, by_size in found.items()]


def _operations(path: Path, size: int) -> Iterator[tuple[str, float]]:
    with _opened(path) as library:
        library.space().refresh_index()
    yield "open and first search", _best(lambda: _first_search(path))
    with _opened(path) as library:
        library.search("warm")
        yield "search, ten hits", _best(lambda: library.search("two dogs"))
        hidden = Filter(under=Path("/photos/0000"))
        yield "search in one folder", _best(lambda: library.search("two dogs", where=hidden))
        yield "info", _best(library.info)
        runs = list(in_runs([file.path for file in imagined_files(size)], AT_A_TIME))
        yield (
            "what the library lists, for a run",
            _best(lambda: [library.catalog.known("fake", run) for run in runs]),
        )
        yield f"save {BATCH} images", _best(_saver(library, size))
        yield f"remove {BATCH} images", _best(_remover(library, size))


def _first_search(path: Path) -> None:
    with _opened(path) as library:
        library.search("two dogs")


@contextmanager
def _opened(path: Path) -> Iterator[Library]:
    with open_library(path, load=lambda _: WideFake()) as library:
        yield library


def _saver(library: Library, size: int) -> Callable[[], None]:
    """Saves other images at each call."""
    rows = WideFake().encode_texts([str(number) for number in range(BATCH)])
    calls = iter(range(TIMES))

    def save() -> None:
        first = size + BATCH * next(calls)
        entries = [
            ImageEntry(
                FileState(f"/new/{number}.jpg", 10**6, 10**18),
                number.to_bytes(16, "big"),
                ImageFacts(640, 480, "JPEG"),
            )
            for number in range(first, first + BATCH)
        ]
        with library.writing() as writer:
            writer.commit(library.space(), Batch(added=entries), rows)

    return save


def _remover(library: Library, size: int) -> Callable[[], None]:
    calls = iter(range(TIMES))

    def remove() -> None:
        first = size + BATCH * next(calls)
        library.remove([f"/new/{number}.jpg" for number in range(first, first + BATCH)])

    return remove


def _best(work: Callable[[], object]) -> float:
    seconds = []
    for _ in range(TIMES):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return min(seconds)
