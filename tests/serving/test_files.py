"""Files of listed images over HTTP: their parts, their names, nothing that took their place."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from starlette.testclient import TestClient

from searchengine.types import FileState, ImageFacts, ImageRecord
from serving.files import listed
from serving.files.answer import Part, asked_part, file_headers
from serving.files.listed import KnownContents, ListedFile, read_listed
from serving.problems import FileChangedError, RangeRefusedError
from tests.conftest import Workbench
from tests.support.serving import visit

SIZE = 1000


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=0-", (0, SIZE)),
        ("bytes=10-19", (10, 20)),
        ("Bytes = 10 - 19", (10, 20)),
        ("bytes=990-5000", (990, SIZE)),
        ("bytes=-1", (SIZE - 1, SIZE)),
        ("bytes=-5000", (0, SIZE)),
        ("bytes=9-8", None),
        ("bytes=-", None),
        ("bytes=a-b", None),
        ("bytes=0-1,5-6", None),
        ("items=0-1", None),
        ("", None),
        ("bytes=" + "9" * 5000 + "-", None),
    ],
)
def test_the_part_that_is_asked_for(asked: str, part: tuple[int, int] | None) -> None:
    assert asked_part({"range": asked}, SIZE, '"a"', "then") == (Part(*part) if part else None)


@pytest.mark.parametrize("asked", ["bytes=1000-", "bytes=1000-1001", "bytes=-0", f"bytes={9**19}-"])
def test_a_part_behind_the_end_is_refused(asked: str) -> None:
    with pytest.raises(RangeRefusedError):
        asked_part({"range": asked}, SIZE, "", "")


def test_a_part_of_another_version_is_not_asked_for() -> None:
    for given, is_part in (('"a"', True), ("then", True), ('"b"', False), ('W/"a"', False)):
        headers = {"range": "bytes=1-2", "if-range": given}
        assert (asked_part(headers, SIZE, '"a"', "then") is not None) is is_part, given


@pytest.mark.parametrize(
    ("path", "is_dated"), [("/api/images/1/file", True), ("/api/images/1/thumbnail", False)]
)
def test_what_a_client_has_is_not_sent_again(colours: Workbench, path: str, is_dated: bool) -> None:
    with visit(colours) as client:
        whole = client.get(path)
        tag = whole.headers["etag"]
        known = [("if-none-match", each) for each in (tag, f"W/{tag}", f'"x", {tag}', "*")]
        other = [("if-none-match", '"x"'), ("if-modified-since", "Thu, 01 Jan 1970 00:00:00 GMT")]
        if is_dated:
            known.append(("if-modified-since", whole.headers["last-modified"]))
        for name, value in known:
            answer = client.get(path, headers={name: value, "range": "bytes=0-1"})
            assert (answer.status_code, answer.content) == (304, b""), (name, value)
            assert answer.headers["etag"] == tag
        for name, value in (*other, ("if-modified-since", "some day")):
            assert client.get(path, headers={name: value}).content == whole.content, (name, value)
        both = {"if-none-match": '"x"', "if-modified-since": "Fri, 01 Jan 2100 00:00:00 GMT"}
        assert client.get(path, headers=both).status_code == 200


def test_a_file_is_sent_in_parts(colours: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serving.files.answer.PIECE", 7)
    data = (colours.photos / "red.png").read_bytes()
    with visit(colours) as client:
        url = "/api/images/1/file"
        name = unquote(client.get(url).headers["content-disposition"].rpartition("'")[2])
        data = (colours.photos / name).read_bytes()
        whole = client.get(url)
        assert (whole.status_code, whole.content) == (200, data)
        assert whole.headers["accept-ranges"] == "bytes"
        modified = parsedate_to_datetime(whole.headers["last-modified"]).timestamp()
        assert modified == int((colours.photos / name).stat().st_mtime)
        part = client.get(url, headers={"range": "bytes=5-24"})
        assert (part.status_code, part.content) == (206, data[5:25])
        assert part.headers["content-range"] == f"bytes 5-24/{len(data)}"
        assert part.headers["content-length"] == "20"
        assert part.headers["etag"] == whole.headers["etag"]
        several = client.get(url, headers={"range": "bytes=0-1,5-6"})
        assert (several.status_code, several.content) == (200, data)
        behind = client.get(url, headers={"range": f"bytes={len(data)}-"})
        assert behind.status_code == 416
        assert behind.headers["content-range"] == f"bytes */{len(data)}"
        assert behind.headers["content-type"] == "application/problem+json"
        head = client.head(url)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == str(len(data))
        assert head.headers["etag"] == whole.headers["etag"]
        assert client.get(url, headers={"range": "bytes=0-1", "if-range": '"x"'}).content == data
        kept = client.get(
            client.get("/api/images/1").json()["file"], headers={"range": "bytes=0-1"}
        )
        assert kept.headers["cache-control"].endswith("immutable")


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("20091018_152107.tif", "20091018_152107.tif"),
        ("IMG_1029.HEIC", "IMG_1029.HEIC"),
        ('a "quoted"; name.jpg', "a%20%22quoted%22%3B%20name.jpg"),
        ("it's 100%.jpg", "it%27s%20100%25.jpg"),
        ("two\r\nlines.jpg", "two%0D%0Alines.jpg"),
        ("日本 é.jpg", "%E6%97%A5%E6%9C%AC%20%C3%A9.jpg"),
        ("\udcff.jpg", "%3F.jpg"),
    ],
)
def test_a_download_keeps_its_name(name: str, sent: str) -> None:
    record = _record(Path("/photos") / name, 1, 0, b"x")
    assert file_headers(record)["content-disposition"] == f"inline; filename*=UTF-8''{sent}"


def _record(path: Path, size: int, mtime_ns: int, content_hash: bytes) -> ImageRecord:
    return ImageRecord(1, FileState(str(path), size, mtime_ns), content_hash, ImageFacts(1, 1, "X"))


@pytest.fixture
def photo(bench: Workbench) -> ImageRecord:
    """A listed picture, as the catalog has it."""
    bench.paint("red.png", "red")
    bench.index()
    with bench.open() as library:
        return library.catalog.images([1])[1]


def _secret(record: ImageRecord, path: Path) -> Path:
    """Another file of the same size and time."""
    path.write_bytes(b"SECRET".ljust(record.file.size, b"!"))
    os.utime(path, ns=(record.file.mtime_ns, record.file.mtime_ns))
    return path


def _linked(record: ImageRecord, there: Path) -> None:
    record.path.unlink()
    record.path.symlink_to(_secret(record, there))


def _renamed(record: ImageRecord, there: Path) -> None:
    os.replace(_secret(record, there), record.path)


def _written_over(record: ImageRecord, _there: Path) -> None:
    with record.path.open("r+b") as file:
        file.write(b"SECRET")
    os.utime(record.path, ns=(record.file.mtime_ns, record.file.mtime_ns))


def _hard_linked(record: ImageRecord, there: Path) -> None:
    record.path.unlink()
    os.link(_secret(record, there), record.path)


SWAPS = [_linked, _renamed, _written_over, _hard_linked]


@pytest.mark.parametrize("swap", SWAPS)
@pytest.mark.parametrize("was_asked_before", [False, True])
def test_a_file_of_the_same_size_and_time_is_not_served(
    bench: Workbench,
    photo: ImageRecord,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    swap: Callable[[ImageRecord, Path], None],
    was_asked_before: bool,
) -> None:
    monkeypatch.setattr(listed, "SETTLED_SECONDS", 0.0)
    with visit(bench) as client:
        addresses = client.get("/api/images/1").json()
        if was_asked_before:
            assert client.get(addresses["file"]).status_code == 200
        swap(photo, tmp_path / "secret")
        for url in (addresses["file"], "/api/images/1/file", addresses["thumbnail"]):
            for headers in ({}, {"range": "bytes=0-5"}):
                answer = client.get(url, headers=headers)
                assert answer.status_code == 410, (url, headers)
                assert b"SECRET" not in answer.content
        assert client.head("/api/images/1/file").status_code == 410


def test_links_to_the_same_content_are_served(
    bench: Workbench, photo: ImageRecord, tmp_path: Path
) -> None:
    """Photos are indexed through links, so a link alone is no reason."""
    os.rename(photo.path, tmp_path / "elsewhere.png")
    photo.path.symlink_to(tmp_path / "elsewhere.png")
    with visit(bench) as client:
        assert client.get("/api/images/1/file").status_code == 200


@pytest.mark.parametrize("kind", ["pipe", "directory", "endless", "nothing"])
def test_what_is_no_file_is_not_served(bench: Workbench, photo: ImageRecord, kind: str) -> None:
    photo.path.unlink()
    if kind == "pipe":
        os.mkfifo(photo.path)
    elif kind == "directory":
        photo.path.mkdir()
    elif kind == "endless":
        photo.path.symlink_to("/dev/zero")
    with visit(bench) as client:
        assert client.get("/api/images/1/file").status_code == 410
        assert client.get("/api/images/1/thumbnail").status_code == 410


def test_a_file_that_is_renamed_over_while_it_is_asked_for(
    bench: Workbench, photo: ImageRecord, tmp_path: Path
) -> None:
    """Either the listed bytes or none: never those of the other file."""
    ours, stop = photo.path.read_bytes(), threading.Event()
    copy = tmp_path / "copy.png"

    def swap() -> None:
        while not stop.is_set():
            for data in (b"SECRET".ljust(len(ours), b"!"), ours):
                copy.write_bytes(data)
                os.utime(copy, ns=(photo.file.mtime_ns, photo.file.mtime_ns))
                os.replace(copy, photo.path)

    swapping = threading.Thread(target=swap)
    swapping.start()
    try:
        with visit(bench) as client:
            answers = [client.get("/api/images/1/file") for _ in range(150)]
    finally:
        stop.set()
        swapping.join()
    assert {answer.content for answer in answers if answer.status_code == 200} == {ours}
    assert {answer.status_code for answer in answers} <= {200, 410}


def test_a_file_that_changes_while_it_is_read_is_not_read_on(photo: ImageRecord) -> None:
    file = ListedFile(photo)
    assert file.read(0, 4) == photo.path.read_bytes()[:4]
    with photo.path.open("r+b") as other:
        other.seek(10)
        other.write(b"SECRET")
    with pytest.raises(FileChangedError, match="changed since"):
        file.read(8, 10)
    file.close()
    file.close()


def test_a_file_that_loses_its_name_while_it_is_read_is_read_on(photo: ImageRecord) -> None:
    data = photo.path.read_bytes()
    file = ListedFile(photo)
    assert file.read(0, 4) == data[:4]
    photo.path.unlink()
    assert file.read(4, 10_000) == data[4:]
    file.close()


def test_a_file_is_read_through_once(photo: ImageRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[Path] = []
    check = ListedFile.check

    def noted(file: ListedFile) -> None:
        checked.append(file.path)
        check(file)

    monkeypatch.setattr(ListedFile, "check", noted)
    monkeypatch.setattr(listed, "SETTLED_SECONDS", 1_000.0)
    contents = KnownContents()
    contents.open(photo).close()
    contents.open(photo).close()
    assert len(checked) == 2  # too young: a change in the same tick of the clock would not show
    monkeypatch.setattr(listed, "SETTLED_SECONDS", 0.0)
    for _ in range(3):
        contents.open(photo).close()
    assert len(checked) == 3
    monkeypatch.setattr(listed, "REMEMBERED", 0)
    os.chmod(photo.path, 0o600)  # as any change, it shows
    contents.open(photo).close()
    contents.open(photo).close()
    assert len(checked) == 5


def test_no_file_stays_open(bench: Workbench, photo: ImageRecord, tmp_path: Path) -> None:
    def opened() -> int:
        files = [os.path.realpath(each) for each in Path("/proc/self/fd").iterdir()]
        return sum(file.startswith(f"{bench.photos}{os.sep}") for file in files)

    with visit(bench) as client:
        with photo.path.open("rb"):
            assert opened() == 1
        _ask(client)
        _renamed(photo, tmp_path / "secret")
        _ask(client)
        assert opened() == 0


def _ask(client: TestClient) -> list[Any]:
    url = "/api/images/1/file"
    return [client.get(url), client.head(url), client.get(url, headers={"range": "bytes=999999-"})]


def test_a_listed_file_is_read_whole_or_not_at_all(photo: ImageRecord, tmp_path: Path) -> None:
    assert read_listed(photo) == photo.path.read_bytes()
    _renamed(photo, tmp_path / "secret")
    with pytest.raises(FileChangedError, match=r"red\.png: the file has changed"):
        read_listed(photo)


@pytest.mark.parametrize("year", [1601, 1969, 2300, 2446])
def test_files_of_any_year_are_served(bench: Workbench, year: int) -> None:
    in_memory = Path("/dev/shm")  # keeps every time
    with tempfile.TemporaryDirectory(dir=in_memory if in_memory.is_dir() else None) as photos:
        bench.photos = Path(photos)
        bench.paint("red.png", "red")
        seconds = round((year - 1970) * 365.2425 * 86400)
        os.utime(bench.photos / "red.png", (0, seconds))
        if (bench.photos / "red.png").stat().st_mtime != seconds:
            pytest.skip("this file system does not keep the time")
        assert bench.index().indexed == 1
        with visit(bench) as client:
            whole = client.get("/api/images/1/file")
            assert (whole.status_code, whole.content) == (
                200,
                (bench.photos / "red.png").read_bytes(),
            )
            assert client.get("/api/images/1/thumbnail?size=small").status_code == 200
