"""What a run reads of its inputs, counted in bytes by a filesystem that wraps this machine's."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from indexers.sharded.plan import planned
from searchengine.encoders import loading
from searchengine.shards.layout import receipts
from searchengine.shards.storage import Storage
from tests.support.shards import Counting, index, named, stored, tar_of, url_of

pytest.importorskip("pyarrow", reason="pyarrow is not installed: the extra shards")
fsspec = pytest.importorskip("fsspec", reason="fsspec is not installed: the extra shards")

SHARDS = 100
SIDE = 60
"""Of a picture, in pixels: 11 kB as they are, next to which what archives and tables say of
themselves is little."""


class Reader:
    """A file of bytes, whose reads are counted under its name."""

    def __init__(self, file: Any, name: str, read: Counter[str]) -> None:
        self._file, self._name, self._read = file, name, read

    def read(self, *size: int) -> bytes:
        data: bytes = self._file.read(*size)
        self._read[self._name] += len(data)
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Bytes read by path, of what lies at `counted://` and a path of this machine."""
    from fsspec.implementations.local import LocalFileSystem

    counts = Counter[str]()

    class Counted(LocalFileSystem):  # type: ignore[misc]
        protocol = "counted"

        @classmethod
        def _strip_protocol(cls, path: str) -> str:
            return str(LocalFileSystem._strip_protocol(path.removeprefix("counted://")))

        def unstrip_protocol(self, name: str) -> str:
            return f"counted://{name}"

        def _open(self, path: str, *arguments: Any, **options: Any) -> Reader:
            return Reader(super()._open(path, *arguments, **options), path, counts)

    fsspec.register_implementation("counted", Counted, clobber=True)
    monkeypatch.setattr(loading, "load_encoder", lambda *_arguments, **_options: Counting())
    return counts


def photos_in(folder: Path) -> list[Path]:
    """As many pictures as shards, all of one size in bytes."""
    folder.mkdir()
    chance = np.random.default_rng(3)
    paths = [folder / f"{number:03}.bmp" for number in range(SHARDS)]
    for path in paths:
        Image.fromarray(chance.integers(256, size=(SIDE, SIDE, 3), dtype=np.uint8)).save(path)
    return paths


def tars_in(folder: Path) -> str:
    photos = photos_in(folder / "photos")
    for photo in photos:
        tar_of(folder / f"{photo.stem}.tar", [photo])
    return f"counted://{folder}/*.tar"


def tables_in(folder: Path) -> str:
    import pyarrow as pa
    import pyarrow.parquet as pq

    for photo in photos_in(folder / "photos"):
        pq.write_table(pa.table({"image": [photo.read_bytes()]}), folder / f"{photo.stem}.parquet")
    return f"counted://{folder}/*.parquet"


def loose_in(folder: Path) -> str:
    photos_in(folder / "photos")
    return f"counted://{folder}/photos"


@pytest.mark.parametrize(
    ("inputs_in", "times"),
    [(tars_in, 1), (loose_in, 1), (tables_in, 2)],  # the end of a table says what lies in it
)
def test_going_on_reads_a_hundredth_where_a_hundredth_is_left(
    read: Counter[str], tmp_path: Path, inputs_in: Callable[[Path], str], times: int
) -> None:
    (tmp_path / "inputs").mkdir()
    source, library = inputs_in(tmp_path / "inputs"), f"memory://{tmp_path.name}/parts"
    assert index(library, source, size=1).done == SHARDS
    everything = sum(os.path.getsize(path) for path in read)
    assert len(read) == SHARDS
    assert read.total() >= everything
    storage = Storage(url_of(library))
    shards = planned(storage)
    lost = shards[42]
    storage.remove([*named([receipts(storage)[lost.id]])])
    read.clear()
    assert index(library, source, size=1).done == 1
    assert set(read) == {lost.inputs[0].removeprefix("counted://").partition("#")[0]}
    assert 0 < read.total() <= times * everything / 100
    read.clear()
    assert index(library, source, size=1).done == 0
    assert not read
    assert len(stored(library)) == SHARDS
