"""Libraries in parts for tests: made with the fake encoder, and held against their inputs."""

from __future__ import annotations

import io
import itertools
import os
import sys
import tarfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from indexers.sharded.run import ShardedReport, index_sharded
from indexers.sharded.work import Work
from searchengine.encoders import loading
from searchengine.shards.layout import PARTS, Receipt, made_by, receipts
from searchengine.shards.parts import SUFFIXES, read_entries, read_failures, read_vectors
from searchengine.shards.snapshots import Snapshot, newest
from searchengine.shards.storage import Storage
from searchengine.shards.tables import to_parquet
from searchengine.types import ImageEntry, Pixels, Vectors
from tests.support.fake import CountingEncoder, FakeEncoder


class Silent:
    """An observer that tells nobody."""

    def planned(self, total: int) -> None: ...

    def started(self) -> None: ...

    def advanced(self) -> None: ...

    def skipped(self, path: str, reason: str) -> None: ...


class Counting(CountingEncoder):
    """May take its time."""

    def __init__(self, seconds: float = 0.0) -> None:
        super().__init__()
        self._seconds = seconds

    def encode_pixels(self, pixels: Sequence[Pixels]) -> Vectors:
        time.sleep(self._seconds * len(pixels))
        return super().encode_pixels(pixels)


def use(encoder: Callable[[], FakeEncoder]) -> None:
    """Let workers of this process load this encoder. A process of its own calls it."""
    loading.load_encoder = lambda *_arguments, **_options: encoder()


def index(library: Path | str, *sources: Path | str, size: int = 4) -> ShardedReport:
    """A run with the encoder that is in use."""
    work = Work(url_of(library), "fake", threads=2)
    return index_sharded(
        [str(source) for source in sources], work, observer=Silent(), shard_size=size
    )


def url_of(library: Path | str) -> str:
    return f"file://{library}" if isinstance(library, Path) else library


def stored(library: Path | str) -> dict[str, tuple[ImageEntry, np.ndarray]]:
    """Every image of the newest snapshot by path, with its row; each is there once."""
    storage = Storage(url_of(library))
    made = made_by(storage)
    assert made is not None
    found: dict[str, tuple[ImageEntry, np.ndarray]] = {}
    for part in newest(storage).parts:
        rows = read_vectors(storage, part, made.dim)
        for entry, row in zip(read_entries(storage, part), rows, strict=True):
            assert entry.file.path not in found, "listed twice"
            found[entry.file.path] = entry, row
    return found


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    """Of two stored rows, whose lengths are 1 up to the rounding of halves."""
    wide, wider = one.astype(np.float64), other.astype(np.float64)
    return float(wide @ wider / np.linalg.norm(wide) / np.linalg.norm(wider))


def check_parts(library: Path | str, paths: Sequence[str], *, orphans: bool = False) -> Snapshot:
    """Hold a library that is done against the paths of its inputs; returns its snapshot."""
    storage = Storage(url_of(library))
    snapshot = newest(storage)
    failed = [
        failure.file.path for part in snapshot.parts for failure in read_failures(storage, part)
    ]
    assert sorted([*stored(library), *failed]) == sorted(paths)
    assert {part.shard for part in snapshot.parts} == set(receipts(storage))
    if not orphans:
        assert {file.name for file in storage.listing(PARTS)} == named(snapshot.parts)
    return snapshot


def named(parts: Sequence[Receipt]) -> set[str]:
    """Every file that these receipts speak of, and they themselves."""
    return {
        name for part in parts for name in (f"{PARTS}/{part.shard}.json", *map(part.name, SUFFIXES))
    }


def tar_of(path: Path, files: Sequence[Path]) -> Path:
    """A tar of these files, by their base names."""
    with tarfile.open(path, "w") as tar:
        for file in files:
            tar.add(file, file.name)
        text = tarfile.TarInfo("caption.txt")
        text.size = 3
        tar.addfile(text, io.BytesIO(b"abc"))
    return path


def die_at(step: int) -> None:
    """Let this process die as if killed, in place of its write of this number."""
    writes = itertools.count(1)

    def dying(really: Callable[..., Any]) -> Callable[..., Any]:
        def write(*arguments: Any) -> Any:
            if next(writes) == step:
                os._exit(9)
            return really(*arguments)

        return write

    Storage.write = dying(Storage.write)  # type: ignore[method-assign]
    Storage.create = dying(Storage.create)  # type: ignore[method-assign]


def run_and_die(libraries: Path, photos: str) -> None:
    """Run over a folder into a library a write, each dying at that one, and then once more.

    Forked, as what is imported takes longer than a run.
    """
    for step in itertools.count(1):
        code = 0
        for is_first in (True, False):
            child = os.fork()
            if child == 0:
                if is_first:
                    die_at(step)
                index(libraries / str(step), photos, size=20)
                os._exit(0)
            ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            code = ended if is_first else code
            assert ended in ((0, 9) if is_first else (0,)), ended
        if code == 0:
            return


def main() -> None:
    """Every death of a run over a folder."""
    use(FakeEncoder)
    to_parquet({"path": []})  # imported once, before the forks
    run_and_die(Path(sys.argv[1]), sys.argv[2])


if __name__ == "__main__":
    main()
