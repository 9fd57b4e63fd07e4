"""Libraries go to a URL and back, and nothing is encoded on the way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from searchengine.encoders import loading
from searchengine.shards.storage import Storage
from searchengine.shards.tables import from_parquet
from tests.conftest import Run, Workbench
from tests.support.fake import FakeEncoder
from tests.support.libraries import check_library
from tests.support.shards import Counting, check_parts, index, stored, url_of

pytest.importorskip("pyarrow", reason="pyarrow is not installed: the extra shards")
pytest.importorskip("fsspec", reason="fsspec is not installed: the extra shards")


@pytest.fixture
def encoder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Counting:
    made = Counting()
    monkeypatch.setattr(loading, "load_encoder", lambda *_arguments, **_options: made)
    monkeypatch.setenv("CLIPSEEK_CACHE", str(tmp_path / "copies"))
    return made


def test_there_and_back(run: Run, colours: Workbench, tmp_path: Path) -> None:
    (colours.photos / "blue.png").unlink()
    captions = tmp_path / "captions.csv"
    captions.write_text(f"image,caption\n{colours.photos / 'red.png'},a wall\n", encoding="utf-8")
    run("captions", "add", captions)
    run("index", colours.photos)  # a row is dead now
    url = url_of(tmp_path / "parts")
    done = run("export", colours.library_path, url)
    assert "5 images copied, 1 caption; snapshot 1 of" in done.err
    paths = [str(path) for path in colours.photos.iterdir()]
    check_parts(url, paths)
    assert run("export", colours.library_path, url).err.startswith("0 images copied")
    back = tmp_path / "back"
    assert "5 images, 1 new caption in" in run("import", url, back).err
    check_library(back, FakeEncoder())
    with colours.open() as library:
        listed, rows = library.stored_vectors()
        records = library.catalog.images(list(library.catalog.ids_by_path(paths).values()))
    found = stored(url)
    for path, row in zip(listed, rows, strict=True):
        np.testing.assert_array_equal(found[str(path)][1], row)
    for record in records.values():
        entry = found[record.file.path][0]
        assert (entry.file, entry.content_hash, entry.facts) == (
            record.file,
            record.content_hash,
            record.facts,
        )
        assert entry.file.ctime_ns == record.file.ctime_ns
    done = run("index", colours.photos, "--library", back)  # its own library from here on
    assert "5 found = 0 indexed + 5 unchanged" in done.err
    assert run("search", "red", "-k", "1", "--paths", "--library", back).out.strip() == str(
        colours.photos / "red.png"
    )
    assert run("remove", colours.photos / "red.png", "--library", back).code == 0


def test_what_was_exported_is_not_encoded_again_and_imports_go_on(
    run: Run, colours: Workbench, tmp_path: Path, encoder: Counting
) -> None:
    url = url_of(tmp_path / "parts")
    run("export", colours.library_path, url)
    back = tmp_path / "back"
    run("import", url, back)
    colours.paint("cyan.png", "cyan")
    report = index(tmp_path / "parts", colours.photos)
    assert (report.images, encoder.pictures) == (7, 1)
    assert "7 images in" in run("import", url, back).err
    check_library(back, FakeEncoder())


def test_other_programs_read_it(run: Run, colours: Workbench, tmp_path: Path) -> None:
    with colours.open() as library:
        listed, rows = library.stored_vectors()
    assert run("export", colours.library_path, url_of(tmp_path / "a"), "--as", "parquet").code == 0
    columns = from_parquet((tmp_path / "a" / "00000.parquet").read_bytes(), ("path", "vector"))
    assert columns["path"] == [str(path) for path in listed]
    np.testing.assert_array_equal(np.array(columns["vector"], dtype=np.float16), rows)
    asked = ["export", str(colours.library_path), url_of(tmp_path / "b"), "--as", "clip-retrieval"]
    assert run(*asked).code == 0
    metadata = tmp_path / "b" / "metadata" / "metadata_00000.parquet"
    named = from_parquet(metadata.read_bytes(), ("image_path",))
    assert named["image_path"] == [str(path) for path in listed]
    np.testing.assert_array_equal(np.load(tmp_path / "b" / "img_emb" / "img_emb_00000.npy"), rows)
    assert run(*asked[:-1], "lance").code == 2


@pytest.mark.parametrize("fact", ["fingerprint", "encoder"])
def test_another_encoder_is_refused(
    run: Run, colours: Workbench, tmp_path: Path, fact: str
) -> None:
    url = url_of(tmp_path / "parts")
    run("export", colours.library_path, url)
    made = tmp_path / "parts" / "library.json"
    made.write_text(made.read_text().replace(f'"{fact}": "fake"', f'"{fact}": "x"'))
    for command in (("export", colours.library_path, url), ("import", url, colours.library_path)):
        done = run(*command)
        assert done.code == 1
        assert "was made by" in done.err
    assert Storage(url).exists("snapshots/00000001.json")
