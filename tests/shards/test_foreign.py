"""A library in parts that is damaged, or somebody else's: one line that names the file."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from searchengine.encoders import loading
from searchengine.errors import StorageError
from searchengine.shards.layout import PARTS, receipts
from searchengine.shards.snapshots import newest_number
from searchengine.shards.storage import Storage
from searchengine.shards.tables import to_parquet
from tests.conftest import Run
from tests.support.shards import Counting, check_parts, index, url_of

pytest.importorskip("pyarrow", reason="pyarrow is not installed: the extra shards")
pytest.importorskip("fsspec", reason="fsspec is not installed: the extra shards")

OUTSIDE = "../../outside"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with photos, one of which is none, and a library of three parts of them."""
    place = tmp_path_factory.mktemp("made")
    (place / "photos").mkdir()
    for name in ("red", "green", "blue", "cyan"):
        Image.new("RGB", (8, 8), name).save(place / "photos" / f"{name}.png")
    (place / "photos/broken.png").write_bytes(b"no picture")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(loading, "load_encoder", lambda *_arguments, **_options: Counting())
        index(place / "parts", place / "photos", size=2)
    return place


@pytest.fixture
def parts(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of that library, to damage."""
    monkeypatch.setattr(loading, "load_encoder", lambda *_arguments, **_options: Counting())
    monkeypatch.setenv("CLIPSEEK_CACHE", str(tmp_path / "copies"))
    shutil.copytree(made / "parts", tmp_path / "parts")
    return tmp_path / "parts"


def _set(name: str, value: Any) -> Callable[[dict[str, Any]], object]:
    return lambda record: record.update({name: value})


def _set_in_first(name: str, value: Any) -> Callable[[dict[str, Any]], object]:
    return lambda record: record["parts"][0].update({name: value})


CHANGES = [
    *(("library.json", _set("dim", value)) for value in (None, "8", 2**70)),
    *(("library.json", _set("format", value)) for value in (None, "x", [1])),
    *(("parts/*.json", _set("rows", value)) for value in (None, "2", -2, 2**70)),
    *(("parts/*.json", _set("shard", value)) for value in (7, OUTSIDE, "0" * 20)),
    ("parts/*.json", _set("failed", None)),
    ("parts/*.json", _set("attempt", OUTSIDE)),
    *(("snapshots/*.json", _set_in_first("shard", value)) for value in (None, OUTSIDE)),
    *(("snapshots/*.json", _set_in_first("rows", value)) for value in (None, "2", -2)),
    *(("snapshots/*.json", _set("number", value)) for value in (None, 7)),
    *(("snapshots/*.json", _set("index", value)) for value in ("x", 9, -1)),
]


@pytest.mark.parametrize(("pattern", "change"), CHANGES)
def test_a_value_of_another_kind_is_one_line_that_names_the_file(
    run: Run, parts: Path, pattern: str, change: Callable[[dict[str, Any]], object]
) -> None:
    [file, *_] = sorted(parts.glob(pattern))
    record = json.loads(file.read_text())
    change(record)
    file.write_text(json.dumps(record))
    command = "info" if file.parent.name == PARTS else "search"
    asked = [command, *(["red"] if command == "search" else []), "--library", url_of(parts)]
    done = run(*asked)
    assert done.code == 1
    assert f"cannot use {url_of(file)}: it is " in done.err


@pytest.mark.parametrize("data", [b"", b"[" * 200_000, to_parquet({"text": ["x"]})])
@pytest.mark.parametrize(
    ("pattern", "asked"),
    [
        ("sources/*.parquet", ["info"]),
        ("parts/*.failed.parquet", ["search", "red"]),
        ("library.json", ["search", "red"]),
        ("snapshots/*.json", ["search", "red"]),
    ],
)
def test_a_file_of_another_kind_is_one_line_that_names_it(
    run: Run, parts: Path, pattern: str, asked: list[str], data: bytes
) -> None:
    file = max(parts.glob(pattern), key=lambda path: (path.suffix == ".json", path.stat().st_size))
    file.write_bytes(data)
    done = run(*asked, "--library", url_of(parts))
    assert done.code == 1
    assert f"cannot use {url_of(file)}: it is not" in done.err


def test_parts_whose_encoder_nobody_knows_any_more_are_not_mixed_with_others(
    run: Run, parts: Path, made: Path
) -> None:
    (parts / "library.json").unlink()
    for asked in (["index", f"{made}/photos"], ["search", "red"], ["check"]):
        done = run(*asked, "--library", url_of(parts))
        assert done.code == 1
        assert "library.json: it is gone, and parts are there; put it back" in done.err
    assert not (parts / "library.json").exists()


def test_parts_of_other_weights_are_no_answers(run: Run, parts: Path) -> None:
    record = json.loads((parts / "library.json").read_text())
    record["fingerprint"] = "other"
    (parts / "library.json").write_text(json.dumps(record))
    assert run("check", "--library", url_of(parts)).out.count("made by another encoder") == 3
    done = run("search", "red", "--library", url_of(parts))
    assert done.code == 1
    assert "is of weights fake; its encoder has other" in done.err


@pytest.mark.parametrize("hint", [b"6", b"0", b"x", b"9" * 5_000, "²".encode()])
def test_a_hint_that_is_wrong_is_only_a_hint(parts: Path, hint: bytes) -> None:
    (parts / "snapshots/LATEST").write_bytes(hint)
    assert newest_number(Storage(url_of(parts))) == 1


def test_what_is_lost_of_a_part_is_made_anew_by_what_is_said(
    run: Run, parts: Path, made: Path
) -> None:
    storage = Storage(url_of(parts))
    [receipt, *_] = receipts(storage).values()
    storage.remove([receipt.name("f16")])
    done = run("search", "red", "--library", storage.url)
    assert f"remove {PARTS}/{receipt.shard}.json and index again" in done.err
    storage.remove([f"{PARTS}/{receipt.shard}.json"])
    index(parts, made / "photos", size=2)
    paths = [str(path) for path in (made / "photos").iterdir()]
    check_parts(parts, paths, orphans=True)
    assert run("search", "red", "--library", storage.url).code == 0


def test_a_storage_that_is_full_says_what_helps(tmp_path: Path) -> None:
    storage = Storage(url_of(tmp_path / "parts"))
    said = f"{storage.url}/a: no space left on device; free some space and run"
    with pytest.raises(StorageError, match=re.escape(said)), storage._told("a"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
