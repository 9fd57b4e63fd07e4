"""Inputs of which one is odd: it is one line, and the others are in the library."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from PIL import Image

from indexers.sharded import members
from searchengine.shards.layout import receipts
from searchengine.shards.parts import read_failures
from searchengine.shards.storage import Storage
from searchengine.shards.tables import to_parquet
from tests.conftest import Run, Workbench
from tests.support.shards import stored, url_of

pytest.importorskip("pyarrow", reason="pyarrow is not installed: the extra shards")
pytest.importorskip("fsspec", reason="fsspec is not installed: the extra shards")


def picture(colour: str) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (8, 8), colour).save(data, "PNG")
    return data.getvalue()


@contextmanager
def tar_at(path: Path, form: int = tarfile.PAX_FORMAT) -> Iterator[Any]:
    with tarfile.open(path, "w", format=form) as tar:

        def add(name: str, **headers: str) -> None:
            entry, data = tarfile.TarInfo(name), picture("red")
            entry.size, entry.pax_headers = len(data), headers
            tar.addfile(entry, io.BytesIO(data))

        add("first.png")
        yield add
        add("last.png")


def table_at(path: Path, column: str, values: list[Any]) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({column: values}), path)
    return path


def failed_in(library: str) -> dict[str, str]:
    storage = Storage(library)
    return {
        failure.file.path: failure.reason
        for receipt in receipts(storage).values()
        for failure in read_failures(storage, receipt)
    }


def test_names_that_no_library_can_hold_are_a_line_each(run: Run, tmp_path: Path) -> None:
    tar, library = tmp_path / "a.tar", url_of(tmp_path / "parts")
    with tar_at(tar, tarfile.GNU_FORMAT) as add:
        add("caf\udce9.png")
        add("caf\udce9.png")
    with tar_at(tmp_path / "b.tar") as add:
        add("x", path="nul\0.png")
        add("y.png", mtime="inf")
    done = run("index", f"{tmp_path}/*.tar", "--library", library)
    assert done.code == 0, done.err
    assert failed_in(library) == {
        f"{tar}/caf\\udce9.png": "the name is not valid UTF-8; rename it",
        f"{tar}/caf\\udce9.png#2": "the name is not valid UTF-8; rename it",
        f"{tmp_path}/b.tar/nul\\x00.png": "the name holds a NUL; rename it",
    }
    assert len(run("search", "red", "--library", library, "--paths").out.splitlines()) == 5
    assert "until its receipt is removed" in done.err


@pytest.mark.skipif(os.name == "nt", reason="needs names that are no text")
def test_a_file_at_a_url_whose_name_is_no_text_is_left_out(run: Run, tmp_path: Path) -> None:
    photos, library = tmp_path / "odd", url_of(tmp_path / "parts")
    photos.mkdir()
    for name in (b"good.png", b"caf\xe9.png"):
        Path(os.fsdecode(os.fsencode(photos) + b"/" + name)).write_bytes(picture("red"))
    done = run("index", photos.as_uri(), "--library", library)
    assert done.code == 0, done.err
    assert "the name is not valid UTF-8" in done.err
    assert set(stored(library)) == {str(photos / "good.png")}


def test_rows_of_a_table_without_a_picture_are_a_line_each(run: Run, tmp_path: Path) -> None:
    cells = table_at(tmp_path / "cells.parquet", "image", [picture("red"), None])
    texts = table_at(tmp_path / "texts.parquet", "image", ["red.png"])
    pairs = table_at(
        tmp_path / "pairs.parquet",
        "image",
        [{"bytes": picture("red"), "path": "a.png"}, {"bytes": None, "path": "b.png"}, None],
    )
    alone = table_at(tmp_path / "alone.parquet", "image", [{"path": "a.png"}])
    (tmp_path / "red.png").write_bytes(picture("red"))
    paths = table_at(tmp_path / "paths.parquet", "path", ["red.png", None, "", "red.png"])
    library = url_of(tmp_path / "parts")
    done = run("index", f"{tmp_path}/*.parquet", "--library", library)
    assert done.code == 0, done.err
    assert set(stored(library)) == {
        f"{cells}/0-0",
        f"{pairs}/0-0/a.png",
        str(tmp_path / "red.png"),
        f"{tmp_path}/red.png#2",
    }
    no_bytes, no_path = "there are no bytes in its row", "there is no path in its row"
    assert failed_in(library) == {
        f"{cells}/0-1": no_bytes,
        f"{texts}/0-0": no_bytes,
        f"{pairs}/0-1/b.png": no_bytes,
        f"{pairs}/0-2": no_bytes,
        f"{alone}/0-0/a.png": no_bytes,
        f"{paths}/0-1": no_path,
        f"{paths}/0-2": no_path,
    }


@pytest.mark.parametrize("name", ["typo.tar", "typo.parquet"])
def test_what_is_not_there_is_not_planned(run: Run, tmp_path: Path, name: str) -> None:
    library = url_of(tmp_path / "parts")
    done = run("index", f"{tmp_path}/{name}", "--library", library)
    assert done.code == 1
    assert f"{name}: no such file or directory" in done.err
    assert not Storage(library).listing("sources")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_nobody_waits_for_the_other_end_of_a_pipe(run: Run, tmp_path: Path) -> None:
    (tmp_path / "good.parquet").write_bytes(to_parquet({"path": []}))
    os.mkfifo(tmp_path / "pipe.tar")
    done = run("index", f"{tmp_path}/*", "--library", url_of(tmp_path / "parts"))
    assert done.code == 3
    assert "not an ordinary file" in done.err


def test_tables_that_cannot_be_read_are_a_line_each(
    run: Run, bench: Workbench, tmp_path: Path
) -> None:
    photos = [bench.paint(f"{name}.png", name) for name in ("red", "blue")]
    good = table_at(tmp_path / "good.parquet", "path", [str(photo) for photo in photos])
    whole = good.read_bytes()
    damaged = {"cut": whole[:-9], "nothing": b"", "no-table": b"PAR1" + bytes(90) + b"PAR1"}
    for name, data in damaged.items():
        (tmp_path / f"bad-{name}.parquet").write_bytes(data)
    library = url_of(tmp_path / "parts")
    done = run("index", f"{tmp_path}/*.parquet", "--library", library)
    assert done.code == 3, done.err
    assert [done.err.count(f"skipping {tmp_path}/bad-{name}.parquet: ") for name in damaged] == [
        1
    ] * 3
    assert "1 shard planned, 1 done in this run, 3 missing; 2 images with a vector" in done.err
    assert "nothing was published" in done.err
    for name in damaged:
        (tmp_path / f"bad-{name}.parquet").write_bytes(whole)
    done = run("index", f"{tmp_path}/*.parquet", "--library", library)
    assert "4 shards planned, 3 done in this run, 0 missing" in done.err


def test_a_packed_tar_is_read_to_its_checksum(run: Run, tmp_path: Path) -> None:
    with tar_at(tmp_path / "a.tar"):
        pass
    whole = gzip.compress((tmp_path / "a.tar").read_bytes())
    damaged = {
        "whole": whole,
        "sum": whole[:-5] + bytes([whole[-5] ^ 1]) + whole[-4:],
        "bit": whole[:60] + bytes([whole[60] ^ 16]) + whole[61:],
        "cut": whole[:-9],
        "cut before its sum": whole[:-8],
    }
    for name, data in damaged.items():
        (tmp_path / f"{name}.tar.gz").write_bytes(data)
        library = url_of(tmp_path / name)
        done = run("index", tmp_path / f"{name}.tar.gz", "--library", library)
        assert (done.code, len(stored(library)) if done.code == 0 else 0) == (
            (0, 2) if name == "whole" else (3, 0)
        ), name
        assert f"{name}.tar.gz" in done.err or name == "whole"


class Stumbling(BaseHTTPRequestHandler):
    """Pictures of which each has its own trouble, counted under its name."""

    asked: ClassVar[Counter[str]] = Counter()

    def do_GET(self) -> None:
        self.asked[self.path] += 1
        status = {"/gone.png": 404, "/forbidden.png": 403, "/down.png": 503}.get(self.path, 200)
        if self.path == "/soon.png" and self.asked[self.path] < 3:
            status = 503
        body = picture("red") if status == 200 else b""
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815 - as the server calls it

    def log_message(self, *_: object) -> None:
        """Nothing."""


def test_what_is_over_in_a_while_fails_no_picture(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("aiohttp", reason="aiohttp is not installed: URLs in tables")
    monkeypatch.setattr(members, "PAUSES", (0.0, 0.0))
    with ThreadingHTTPServer(("127.0.0.1", 0), Stumbling) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            web = f"http://127.0.0.1:{server.server_port}"
            names = ("good", "gone", "forbidden", "soon")
            table_at(tmp_path / "a.parquet", "path", [f"{web}/{name}.png" for name in names])
            table_at(tmp_path / "b.parquet", "path", [f"{web}/down.png"])
            libraries = [url_of(tmp_path / name) for name in "ab"]
            for library, code in zip(libraries, (0, 3), strict=True):
                table = tmp_path / f"{library[-1]}.parquet"
                done = run("index", table, "--library", library)
                assert done.code == code, done.err
            assert "503" in done.err
        finally:
            server.shutdown()
    assert stored(libraries[0]).keys() == {f"{web}/good.png", f"{web}/soon.png"}
    assert failed_in(libraries[0]).keys() == {f"{web}/gone.png", f"{web}/forbidden.png"}
    assert failed_in(libraries[1]) == {}
