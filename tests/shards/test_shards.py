"""Libraries in parts: what goes in comes out once, whoever works, and however often."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import clipseek
from indexers.sharded.executors import middle_of_longest_run, parse_task
from indexers.sharded.plan import plan, planned, shard_of
from indexers.sharded.sources import Inputs, Kind, expanded
from indexers.sharded.work import Work, Worker
from searchengine.encoders import loading, names
from searchengine.errors import EncoderMismatchError, InputError, StorageError
from searchengine.shards.layout import Receipt, receipt_name
from searchengine.shards.parts import commit, read_vectors
from searchengine.shards.snapshots import LATEST, newest, newest_number
from searchengine.shards.status import collect, faults
from searchengine.shards.storage import Storage
from searchengine.shards.tables import to_parquet
from searchengine.types import Pixels, Vectors
from tests.conftest import Run, Workbench
from tests.support.places import ROOT
from tests.support.shards import (
    Counting,
    check_parts,
    index,
    named,
    stored,
    tar_of,
    url_of,
)

pytest.importorskip("pyarrow", reason="pyarrow is not installed: the extra shards")
pytest.importorskip("fsspec", reason="fsspec is not installed: the extra shards")


@pytest.fixture
def encoder(monkeypatch: pytest.MonkeyPatch) -> Counting:
    made = Counting()
    monkeypatch.setattr(loading, "load_encoder", lambda *_arguments, **_options: made)
    return made


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A bucket of a server in this process."""
    server = pytest.importorskip("moto.server", reason="moto is not installed")
    pytest.importorskip("s3fs", reason="s3fs is not installed")
    served = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    served.start()
    host, port = served.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    import fsspec

    fsspec.filesystem("s3", skip_instance_cache=True).mkdir("bucket")
    yield "s3://bucket"
    served.stop()


@pytest.fixture
def photos(bench: Workbench) -> list[Path]:
    """Ten pictures and one that is none."""
    painted = [bench.paint(f"{number:02}.png", (number * 20, 99, 7)) for number in range(10)]
    (bench.photos / "broken.png").write_bytes(b"nothing")
    return [*painted, bench.photos / "broken.png"]


def test_rows_and_facts_are_those_of_a_library_of_one_machine(
    bench: Workbench, encoder: Counting, photos: list[Path], tmp_path: Path
) -> None:
    bench.index()
    report = index(tmp_path / "parts", bench.photos)
    assert (report.planned, report.done, report.missing) == (3, 3, 0)
    assert (report.images, report.failed, report.snapshot) == (10, 1, 1)
    found = stored(tmp_path / "parts")
    with bench.open() as library:
        listed, rows = library.stored_vectors()
        assert sorted(found) == sorted(map(str, listed))
        for path, row in zip(listed, rows, strict=True):
            np.testing.assert_array_equal(found[str(path)][1], row)
        ids = library.catalog.ids_by_path(list(found))
        for name, image_id in ids.items():
            entry, record = found[name][0], library.catalog.images([image_id])[image_id]
            assert (entry.file, entry.content_hash) == (record.file, record.content_hash)
            assert entry.file.ctime_ns == record.file.ctime_ns
            assert entry.facts == record.facts
        [failure] = library.failures()
    check_parts(tmp_path / "parts", [*map(str, photos)])
    assert failure.path == str(photos[-1])


def test_a_folder_a_tar_and_tables_make_the_same_rows(
    encoder: Counting, photos: list[Path], tmp_path: Path
) -> None:
    tar = tar_of(tmp_path / "00000.tar", photos)
    paths = tmp_path / "paths.parquet"
    paths.write_bytes(to_parquet({"path": [str(photo) for photo in photos]}))
    import pyarrow as pa
    import pyarrow.parquet as pq

    cells = [{"bytes": photo.read_bytes(), "path": photo.name} for photo in photos]
    pq.write_table(pa.table({"image": cells}), tmp_path / "cells.parquet", row_group_size=3)
    by_name = []
    for source in (photos[0].parent, tar, paths, tmp_path / "cells.parquet"):
        library = tmp_path / f"of-{source.name}"
        assert index(library, source).failed == 1
        found = {path.rpartition("/")[2]: row for path, (_, row) in stored(library).items()}
        by_name.append(found)
    assert list(by_name[1]) == [photo.name for photo in photos[:-1]]
    for found in by_name[1:]:
        assert found.keys() == by_name[0].keys()
        for name, row in found.items():
            np.testing.assert_array_equal(row, by_name[0][name])


def test_equal_members_of_a_shard_are_encoded_once(
    encoder: Counting, photos: list[Path], tmp_path: Path
) -> None:
    for number, path in enumerate(photos[:4]):
        shutil.copy(path, path.parent / f"copy {number}.png")
    tar = tar_of(tmp_path / "00000.tar", sorted(photos[0].parent.iterdir()))
    assert index(tmp_path / "parts", tar).images == 14
    assert encoder.pictures == 10
    rows = {path.rpartition("/")[2]: row for path, (_, row) in stored(tmp_path / "parts").items()}
    for number, path in enumerate(photos[:4]):
        np.testing.assert_array_equal(rows[f"copy {number}.png"], rows[path.name])


def test_plans_stay_and_take_in_what_is_new(bench: Workbench, tmp_path: Path) -> None:
    storage = Storage(url_of(tmp_path / "parts"))
    first, _ = plan(storage, Inputs(["/c", "/a", "/b"], ["/t.tar"], []), 2)
    assert first == [
        shard_of(Kind.TAR, ["/t.tar"]),
        shard_of(Kind.FILES, ["/c", "/a"]),
        shard_of(Kind.FILES, ["/b"]),
    ]
    both, _ = plan(storage, Inputs(["/d", "/c", "/e", "/b"], ["/t.tar"], []), 2)
    assert both == [*first, shard_of(Kind.FILES, ["/d", "/e"])]
    assert plan(storage, Inputs(["/e", "/d"], [], []), 7) == (both, [])
    assert both == planned(storage)
    tasks = [parse_task(f"{number}/3") for number in range(3)]
    shares = [shard for task in tasks for shard in task.share(both)]
    assert sorted(shares, key=both.index) == both
    for wrong in ("3/3", "1", "a/b", "-1/3", "1/0"):
        with pytest.raises(InputError, match="--task"):
            parse_task(wrong)


def test_of_two_that_plan_at_once_none_plans_an_input_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At each look at the storage the other may have planned in between."""
    inputs = Inputs(["/a", "/b", "/c"], [], [])
    for moment in ("listing", "read_all", "create"):
        storage = Storage(url_of(tmp_path / moment))
        really = getattr(Storage, moment)
        others = iter((True,))

        def late(self: Storage, *arguments: Any, really: Any = really, others: Any = others) -> Any:
            answer = really(self, *arguments) if moment != "create" else None  # noqa: B023
            if next(others, False):
                plan(self, Inputs(["/b", "/a"], [], []), 2)
            return really(self, *arguments) if answer is None else answer

        monkeypatch.setattr(Storage, moment, late)
        shards, _ = plan(storage, inputs, 2)
        monkeypatch.setattr(Storage, moment, really)
        assert sorted(name for shard in shards for name in shard.inputs) == ["/a", "/b", "/c"]
        assert planned(storage) == shards


def test_braces_and_stars_name_many(tmp_path: Path) -> None:
    assert list(expanded("s3://b/{08..11}.tar")) == [
        f"s3://b/{n}.tar" for n in ("08", "09", "10", "11")
    ]
    assert list(expanded("/a{b}{c,d}")) == ["/a{b}c", "/a{b}d"]


def attempts_at_once(storage: Storage, attempts: int) -> None:
    """Of many who commit one shard at once one stays, and the others leave nothing behind."""
    rows = np.eye(8, dtype=np.float32)[:0]
    found: list[Receipt] = []

    def attempt() -> None:
        found.append(commit(storage, "shard", [], rows, [], "fake", "here"))

    threads = [threading.Thread(target=attempt) for _ in range(attempts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == attempts
    assert len(set(found)) == 1
    assert {file.name for file in storage.listing("parts")} == named(found)


def test_of_many_attempts_one_is_committed(tmp_path: Path) -> None:
    for number in range(5):
        attempts_at_once(Storage(url_of(tmp_path / str(number))), 16)


def test_a_run_that_is_killed_at_any_write_is_completed_by_the_next(
    photos: list[Path], tmp_path: Path
) -> None:
    """The plan, the files of a part, its receipt, the snapshot: each is once what died."""
    command = [sys.executable, "-m", "tests.support.shards", str(tmp_path / "dead")]
    command.append(str(photos[0].parent))
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    libraries = sorted((tmp_path / "dead").iterdir())
    assert len(libraries) == 2 + 4 + 2 + 1
    for library in libraries:
        check_parts(library, [*map(str, photos)], orphans=True)


class InStep(Counting):
    """Encodes when another one does too, as long as there is one."""

    def __init__(self, both: threading.Barrier) -> None:
        super().__init__()
        self._both = both

    def encode_pixels(self, pixels: Sequence[Pixels]) -> Vectors:
        with suppress(threading.BrokenBarrierError):
            self._both.wait(60)
        return super().encode_pixels(pixels)


def test_two_drivers_at_once_share_the_work(
    monkeypatch: pytest.MonkeyPatch, bench: Workbench, tmp_path: Path
) -> None:
    for number in range(24):
        bench.paint(f"{number:02}.png", (number * 10, 9, 99))
    both = threading.Barrier(2)
    made = [InStep(both), InStep(both)]
    waiting, starts = list(made), [0, 8]
    monkeypatch.setattr(loading, "load_encoder", lambda *_arguments, **_options: waiting.pop())
    monkeypatch.setattr(random, "randrange", lambda _shards: starts.pop())

    def drive() -> None:
        index(tmp_path / "parts", bench.photos, size=2)
        both.abort()  # the other may have a shard left

    drivers = [threading.Thread(target=drive) for _ in made]
    for driver in drivers:
        driver.start()
    for driver in drivers:
        driver.join()
    snapshot = check_parts(tmp_path / "parts", [*map(str, bench.photos.iterdir())])
    assert len(snapshot.parts) == 12
    assert sum(encoder.pictures for encoder in made) <= 24 + 2 * 2  # a shard more for each
    assert min(encoder.pictures for encoder in made) > 2


def test_two_workers_of_one_process_are_told_apart(tmp_path: Path) -> None:
    work = Work(url_of(tmp_path), "fake")
    assert Worker(work).name != Worker(work).name


def test_who_meets_another_goes_where_nobody_is() -> None:
    order = list("abcdefgh")
    assert middle_of_longest_run(order, "cdefgh") == 5
    assert middle_of_longest_run(order, "abefgh") == 6
    assert middle_of_longest_run(order, "h") == 7
    assert middle_of_longest_run(order, "abh") == 1


def test_a_damaged_tar_is_a_shard_that_fails(run: Run, photos: list[Path], tmp_path: Path) -> None:
    good = tar_of(tmp_path / "good.tar", photos)
    whole = good.read_bytes()
    damaged = {
        "cut": whole[: len(whole) // 2],
        "no-end": whole[: 512 * 2],
        "header": whole[:1024] + b"x" * 512 + whole[1536:],
        "nothing": b"",
    }
    for name, data in damaged.items():
        (tmp_path / f"bad-{name}.tar").write_bytes(data)
    library = url_of(tmp_path / "parts")
    done = run("index", f"{tmp_path}/*.tar", "--library", library)
    assert done.code == 3, done.err
    for name in damaged:
        assert f"skipping {tmp_path}/bad-{name}.tar: " in done.err
    assert f"skipping {good}/broken.png: " in done.err
    assert "5 shards planned, 1 done in this run, 4 missing; 10 images with a vector" in done.err
    assert "nothing was published" in done.err
    assert run("index", "--finish", "--library", library).code == 3
    assert newest_number(Storage(library)) == 0
    done = run("index", "--finish", "--allow-missing", "--library", library)
    assert "snapshot 1 of" in done.err
    assert len(stored(library)) == 10


def test_tasks_do_their_shares_and_one_publishes(
    run: Run, photos: list[Path], tmp_path: Path
) -> None:
    library = url_of(tmp_path / "parts")
    for number in range(3):
        ask = ("index", photos[0].parent, "--library", library, "--shard-size", 3)
        assert run(*ask, "--task", f"{number}/3").code == 0
        assert newest_number(Storage(library)) == 0
    done = run("index", "--finish", "--library", library, "--json")
    assert '"snapshot": 1' in done.out
    check_parts(library, [*map(str, photos)])
    for wrong in (["--task", "3/3"], ["--finish"], ["--finish", "--task", "0/2"]):
        assert run("index", photos[0].parent, "--library", library, *wrong).code == 2
    done = run("index", photos[0].parent, "--task", "0/2")
    assert done.code == 2
    assert "--task is for a library in parts" in done.err


def test_a_flipped_byte_of_a_part_is_named(
    encoder: Counting, photos: list[Path], tmp_path: Path
) -> None:
    index(tmp_path / "parts", photos[0].parent, size=20)
    storage = Storage(url_of(tmp_path / "parts"))
    [part] = newest(storage).parts
    file = tmp_path / "parts" / part.name("f16")
    file.write_bytes(file.read_bytes()[:-1] + b"\0")
    with pytest.raises(StorageError, match=part.name("f16")):
        read_vectors(storage, part, 8)


def test_a_part_whose_receipt_is_removed_is_made_anew(
    encoder: Counting, photos: list[Path], tmp_path: Path
) -> None:
    """What is said to do about a damaged part. Meanwhile its files serve."""
    index(tmp_path / "parts", photos[0].parent)
    storage = Storage(url_of(tmp_path / "parts"))
    before = newest(storage)
    storage.remove([receipt_name(before.parts[1].shard)])
    assert collect(storage, keep=1, orphan_seconds=-1.0).files == 0
    assert len(stored(tmp_path / "parts")) == 10
    assert index(tmp_path / "parts", photos[0].parent).done == 1
    after = check_parts(tmp_path / "parts", [*map(str, photos)], orphans=True)
    assert [part.shard for part in after.parts] == [part.shard for part in before.parts]
    assert after.parts[1].attempt != before.parts[1].attempt
    assert [fault for _, fault in faults(storage) if fault] == []
    collect(storage, keep=1, orphan_seconds=-1.0)
    check_parts(tmp_path / "parts", [*map(str, photos)])


def test_other_weights_are_refused(
    monkeypatch: pytest.MonkeyPatch, encoder: Counting, photos: list[Path], tmp_path: Path
) -> None:
    index(tmp_path / "parts", photos[0])
    monkeypatch.setattr(Counting, "fingerprint", "other")
    with pytest.raises(EncoderMismatchError, match="with weights fake"):
        index(tmp_path / "parts", photos[1])


def test_the_hint_of_the_newest_snapshot_may_be_behind(
    encoder: Counting, photos: list[Path], tmp_path: Path
) -> None:
    for photo in photos[:3]:
        index(tmp_path / "parts", photo)
    storage = Storage(url_of(tmp_path / "parts"))
    assert newest(storage).number == 3
    storage.write(LATEST, b"1")
    assert newest_number(storage) == 3
    storage.remove([LATEST])
    assert newest_number(storage) == 3


def test_python_has_it_too(
    encoder: Counting, photos: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "canonical_name", lambda name: name)
    monkeypatch.setenv("CLIPSEEK_CACHE", str(tmp_path / "copies"))
    url = url_of(tmp_path / "parts")
    report = clipseek.index_sharded(url, photos[0].parent, encoder="fake", shard_size=4)
    assert (report.done, report.images, report.snapshot) == (3, 10, 1)
    assert clipseek.index_sharded(url, photos[0].parent).done == 0
    with clipseek.open_library(url) as library:
        assert len(library) == 10
    assert clipseek.RayExecutor(workers=8, gpus=1).workers == 8


def test_libraries_of_one_machine_import_none_of_it(colours: Workbench) -> None:
    """In processes of their own, as the imports of others would show here."""
    for command in (["search", "red"], ["index", str(colours.photos)]):
        code = (
            "import sys; from searchengine.encoders import loading; "
            "from tests.support.fake import FakeEncoder; "
            "loading.load_encoder = loading.load_for_queries = lambda *a, **o: FakeEncoder(); "
            f"from cli.main import _run; sys.argv = ['clipseek', *{command!r}]; code = _run(); "
            "assert code == 0, code; "
            "assert not {'fsspec', 'pyarrow', 'ray'} & set(sys.modules)"
        )
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={**os.environ, "CLIPSEEK_LIBRARY": str(colours.library_path)},
            check=True,
            capture_output=True,
        )


def test_s3(run: Run, s3: str, photos: list[Path], tmp_path: Path) -> None:
    attempts_at_once(Storage(f"{s3}/race"), 8)
    import fsspec

    for number in range(2):
        tar = tar_of(tmp_path / f"{number:05}.tar", photos)
        fsspec.filesystem("s3").put(str(tar), f"{s3}/photos/{number:05}.tar")
    source, library = f"{s3}/photos/{{00000..00001}}.tar", f"{s3}/library"
    for number in range(2):
        assert run("index", source, "--library", library, "--task", f"{number}/2").code == 0
    assert run("index", "--finish", "--library", library).code == 0
    names = [f"{s3}/photos/{number:05}.tar/{photo.name}" for number in (0, 1) for photo in photos]
    check_parts(library, names)
    for photo in photos:
        fsspec.filesystem("s3").put(str(photo), f"{s3}/loose/{photo.name}")
    assert run("index", f"{s3}/loose", "--library", f"{s3}/other").code == 0
    check_parts(f"{s3}/other", [f"{s3}/loose/{photo.name}" for photo in photos])
