"""Several photos as one archive: their bytes as they were indexed, or left out and said."""

from __future__ import annotations

import io
import os
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from searchengine.errors import InputError
from searchengine.types import FileState, ImageFacts, ImageRecord
from serving.files import archive
from tests.conftest import Workbench
from tests.support.serving import visit


def unpacked(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        assert packed.testzip() is None
        return {name: packed.read(name) for name in packed.namelist()}


@pytest.fixture
def twice(bench: Workbench) -> Workbench:
    """Two photos of one name in two folders, and one of another."""
    bench.paint("a/beach.png", "red")
    bench.paint("b/BEACH.png", "blue")
    bench.paint("städte ½.png", "green")
    bench.index()
    return bench


def test_files_are_packed_under_names_of_their_own(twice: Workbench) -> None:
    with visit(twice) as client:
        answer = client.post("/api/archive", data={"id": ["1", "2", "3", "1"]})
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == "attachment; filename=clipseek-3.zip"
    files = unpacked(answer.content)
    paths = sorted(path for path in twice.photos.rglob("*.png"))
    assert sorted(files.values()) == sorted(path.read_bytes() for path in paths)
    assert sorted(files) == sorted(["beach.png", "BEACH (2).png", "städte ½.png"])


@pytest.mark.skipif(os.name == "nt", reason="Windows has no files of such names")
def test_no_name_leads_out_of_the_folder_on_any_system(bench: Workbench) -> None:
    names = ["a\\..\\x.png", "C:x.png", "a\nb.png", "a\tb.png", "esc\x1b[2J.png"]
    for name, colour in zip(names, ("red", "blue", "green", "white", "black"), strict=True):
        bench.paint(name, colour)
    bench.index()
    with visit(bench) as client:
        answer = client.post("/api/archive", data={"id": ["1", "2", "3", "4", "5"]})
    safe = ["a_.._x.png", "C_x.png", "a_b.png", "a_b (2).png", "esc_[2J.png"]
    assert sorted(unpacked(answer.content)) == sorted(safe)


def test_what_has_changed_or_gone_is_left_out_and_said(twice: Workbench) -> None:
    (twice.photos / "a/beach.png").unlink()
    other = twice.photos / "b/BEACH.png"
    status = other.stat()
    data = bytearray(other.read_bytes())
    data[-1] ^= 1  # of the same size and time
    other.write_bytes(data)
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    with visit(twice) as client:
        files = unpacked(client.post("/api/archive", data={"id": ["1", "2", "3"]}).content)
    assert files.keys() == {"städte ½.png", "left out.txt"}
    said = files["left out.txt"].decode()
    assert "beach.png: no such file" in said.lower()
    assert "BEACH.png: the file has changed since it was indexed" in said


@pytest.mark.parametrize(
    ("ids", "status", "said"),
    [
        ([], 400, "takes 1 to 1,000 images, not 0"),
        (["1"] * 10_001, 400, "Maximum number of fields is 10000"),
        (["x"], 400, "id must be a whole number"),
        (["99"], 404, "99"),
    ],
)
def test_what_cannot_be_packed_is_said(
    twice: Workbench, ids: list[str], status: int, said: str
) -> None:
    with visit(twice) as client:
        answer = client.post("/api/archive", data={"id": ids})
        assert answer.status_code == status
        assert said in answer.json()["detail"]
        assert client.get("/api/archive?id=1").status_code == 405, "links of others fetch nothing"


def test_a_stranger_cannot_have_files_packed(twice: Workbench) -> None:
    with visit(twice) as client:
        headers = {"origin": "http://elsewhere.example"}
        answer = client.post("/api/archive", data={"id": ["1"]}, headers=headers)
    assert answer.status_code == 403


def test_bytes_and_times_have_their_limits(tmp_path: Path) -> None:
    file = FileState(str(tmp_path / "x.png"), archive.MOST_BYTES, 0, 0)
    record = ImageRecord(1, file, b"", ImageFacts(1, 1, "PNG"))
    archive.require_few([record])
    with pytest.raises(InputError, match=r"40\.0 GB"):
        archive.require_few([record, record])
    old = replace(record, file=replace(file, mtime_ns=-(10**18)))
    late = replace(record, file=replace(file, mtime_ns=5 * 10**18))
    assert archive.time_of(old) == archive.OLDEST
    assert archive.time_of(late) == archive.NEWEST
