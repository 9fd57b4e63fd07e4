"""What clip-retrieval has encoded is taken over, checked, and what cannot be is said."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from indexers.elsewhere.clip_retrieval import ClipRetrievalFolder
from indexers.elsewhere.listing import SAMPLE
from indexers.elsewhere.take_over import take_over
from indexers.pipeline import IndexReport, index
from searchengine import load_encoder, open_library
from searchengine.encoders.interface import Encoder
from searchengine.library.cached.files import Layout, export_files
from searchengine.library.library import Library
from searchengine.types import Vectors
from tests.conftest import Run, Watcher, Workbench
from tests.support.clip_retrieval import write_files
from tests.support.fake import CountingEncoder, FakeEncoder
from tests.support.libraries import check_library
from tests.support.places import ROOT

pyarrow = pytest.importorskip("pyarrow", reason="tables of parquet need pyarrow")
pytest.importorskip("pyarrow.parquet")

COLOURS = ("red", "green", "blue", "white", "black", "yellow")
MODEL = ("--model", "fake")


class Counting(CountingEncoder):
    """Keeps the texts too."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        self.texts += texts
        return super().encode_texts(texts)


@pytest.fixture
def counting(bench: Workbench, run: Run) -> Counting:
    bench.encoder = Counting()
    return bench.encoder


def vectors_of(pictures: list[Path]) -> np.ndarray:
    rows = []
    for picture in pictures:
        with Image.open(picture) as image:
            rows += list(FakeEncoder().encode_images([image.convert("RGB")]))
    return np.stack(rows)


def painted(bench: Workbench, count: int = 24) -> list[Path]:
    return [
        bench.paint(f"{number:02} {COLOURS[number % 6]}.png", COLOURS[number % 6])
        for number in range(count)
    ]


@pytest.fixture
def folder(bench: Workbench, tmp_path: Path) -> Path:
    """Of twenty-four pictures in two files; those of the first have captions."""
    pictures, made = painted(bench), tmp_path / "embeddings"
    said = [f" a {picture.stem[3:]} thing\n" for picture in pictures[:20]]
    write_files(made, "0", pictures[:20], vectors_of(pictures[:20]), said)
    write_files(made, "1", pictures[20:], vectors_of(pictures[20:]))
    return made


def imported(run: Run, folder: Path, *more: object) -> dict[str, Any]:
    done = run("import", "clip-retrieval", folder, *MODEL, "--json", *more)
    assert done.code == 0, done.err
    report: dict[str, Any] = json.loads(done.out)
    parts = ("taken", "known", "twice", "gone", "changed", "seen_otherwise", "removed", "unusable")
    assert report["found"] == sum(report[name] for name in parts)
    return {name: value for name, value in report.items() if name in parts and value}


def refused(run: Run, folder: Path) -> str:
    done = run("import", "clip-retrieval", folder, *MODEL)
    assert (done.code, done.out) == (1, ""), done.err
    return done.err


def test_vectors_come_over_and_the_next_index_run_knows_them(
    run: Run, bench: Workbench, folder: Path, counting: Counting
) -> None:
    done = run("import", "clip-retrieval", folder, *MODEL)
    assert (done.code, done.out) == (0, "")
    assert "24 in clip-retrieval's folder = 24 taken over + 0 known" in done.err
    assert f"{SAMPLE} encoded again: cosines of 1.0000 and more" in done.err
    assert "20 captions too; without them: clipseek captions remove --source" in done.err
    assert counting.pictures == SAMPLE
    check_library(bench.library_path, FakeEncoder())
    with bench.open() as library:
        paths, rows = library.stored_vectors()
        np.testing.assert_allclose(rows, vectors_of(list(map(Path, paths))), atol=2e-3)
        assert library.catalog.sources() == {"clip-retrieval": 20}
        assert ("a red thing", str(bench.photos / "00 red.png")) in [
            (said.text, path) for path, said in library.catalog.captions_from("clip-retrieval")
        ]
    done = run("index", bench.photos)
    assert "24 found = 0 indexed + 24 unchanged" in done.err
    assert counting.pictures == SAMPLE
    assert run("search", "yellow", "-k", "1", "--paths").out.endswith("yellow.png\n")
    assert imported(run, folder) == {"known": 24}
    assert counting.pictures == SAMPLE
    assert (
        "20 captions of clip-retrieval removed"
        in run("captions", "remove", "--source", "clip-retrieval").err
    )


def captioned(bench: Workbench, place: Path) -> list[str]:
    """A folder of twenty-four pictures with captions and their vectors; the captions."""
    pictures = painted(bench)
    said = [f"{picture.stem[3:]} as number {number}" for number, picture in enumerate(pictures)]
    rows, of_said = vectors_of(pictures), FakeEncoder().encode_texts(said)
    write_files(place, "0", pictures[:20], rows[:20], said[:20], of_said[:20])
    write_files(place, "1", pictures[20:], rows[20:], said[20:], of_said[20:])
    return said


def caption_vectors(bench: Workbench) -> dict[str, np.ndarray]:
    with bench.open() as library:
        space = library.space()
        numbers, texts = library.catalog.caption_texts(space.info)
        stored = space.captions.read(library.catalog.caption_rows(space.info))
        return dict(zip(texts, stored[numbers], strict=True))


def test_vectors_of_captions_come_over_too(
    run: Run, bench: Workbench, tmp_path: Path, counting: Counting
) -> None:
    said = captioned(bench, tmp_path / "e")
    assert imported(run, tmp_path / "e") == {"taken": 24}
    assert len([text for text in counting.texts if text in said]) == SAMPLE
    stored = caption_vectors(bench)
    assert sorted(stored) == sorted(said)
    for text, row in stored.items():
        np.testing.assert_allclose(row, FakeEncoder().encode_texts([text])[0], atol=2e-3)
    check_library(bench.library_path, FakeEncoder())


def test_captions_without_a_vector_of_ours_are_encoded(
    run: Run, bench: Workbench, tmp_path: Path, counting: Counting
) -> None:
    said = captioned(bench, tmp_path / "e")
    file = tmp_path / "e" / "text_emb" / "text_emb_0.npy"
    rows = np.load(file)
    rows[3] = np.nan
    np.save(file, rows)
    (tmp_path / "e" / "text_emb" / "text_emb_1.npy").write_bytes(b"no rows")
    assert imported(run, tmp_path / "e") == {"taken": 24}
    assert {said[3], *said[20:]} <= set(counting.texts)
    assert sorted(caption_vectors(bench)) == sorted(said)


def test_captions_of_another_text_encoder_are_encoded(
    run: Run, bench: Workbench, tmp_path: Path, counting: Counting
) -> None:
    said = captioned(bench, tmp_path / "e")
    file = tmp_path / "e" / "text_emb" / "text_emb_0.npy"
    np.save(file, np.roll(np.load(file), 1, axis=0))
    done = run("import", "clip-retrieval", tmp_path / "e", *MODEL)
    assert "captions are encoded here: of 16 one has a cosine of" in done.err
    assert "= 24 taken over" in done.err
    assert set(said) <= set(counting.texts)
    for text, row in caption_vectors(bench).items():
        np.testing.assert_allclose(row, FakeEncoder().encode_texts([text])[0], atol=2e-3)


def test_what_is_not_as_it_was_encoded_is_left_out_and_counted(
    run: Run, bench: Workbench, folder: Path, counting: Counting
) -> None:
    (bench.photos / "00 red.png").unlink()
    later = (folder / "img_emb" / "img_emb_0.npy").stat().st_mtime + 60
    changed = bench.paint("01 green.png", "cyan", (80, 60))
    os.utime(changed, (later, later))
    clear = bench.photos / "clear.png"
    Image.new("RGBA", (40, 30), (255, 0, 0, 0)).save(clear)
    red = vectors_of([bench.photos / "06 red.png"])
    write_files(folder, "2", [clear, bench.photos / "06 red.png"], np.concatenate([red, red]))
    done = run("import", "clip-retrieval", folder, *MODEL)
    assert "= 22 taken over + 0 known + 1 twice + 1 gone + 1 changed + 1 seen" in done.err
    assert f"No file is at 1 path, the first of them {bench.photos / '00 red.png'}" in done.err
    assert "Those that are left, and new ones: clipseek index PATH" in done.err
    done = run("index", bench.photos)
    assert "24 found = 2 indexed + 22 unchanged" in done.err


def test_rows_that_are_no_vector_or_path_are_counted(
    run: Run, bench: Workbench, folder: Path, counting: Counting
) -> None:
    red = vectors_of([bench.photos / "06 red.png"])[0]
    rows = np.stack([red, np.full(8, np.nan), np.zeros(8), red * 3, np.full(8, 6e4), red, red, red])
    same = bench.paint("more.png", "red")
    write_files(folder, "2", [*[same] * 5, None, "/" + "x" * 100_000, "\0"], rows, [None] * 8)
    assert imported(run, folder) == {"taken": 25, "unusable": 7}


def test_a_damaged_row_does_not_take_the_place_of_a_whole_one(
    run: Run, bench: Workbench, tmp_path: Path, counting: Counting
) -> None:
    picture = bench.paint("one.png", "red")
    [red] = vectors_of([picture])
    said = ["one", "two", "two", ""]
    write_files(tmp_path / "e", "0", [picture] * 4, np.stack([red * 0, red, red, red]), said)
    assert imported(run, tmp_path / "e") == {"taken": 1, "twice": 2, "unusable": 1}
    with bench.open() as library:
        assert library.catalog.sources() == {"clip-retrieval": 1}


def test_files_that_do_not_belong_together_are_left_out_and_said(
    run: Run, bench: Workbench, folder: Path, counting: Counting
) -> None:
    pictures = [bench.paint(f"other {number}.png", "red") for number in range(5)]
    rows = vectors_of(pictures)
    for name, wrong in (
        ("2", rows[:3]),
        ("3", rows),
        ("4", rows),
        ("5", rows),
        ("6", rows[:, :4]),
        ("7", rows),
        ("8", rows),
    ):
        write_files(folder, name, pictures, wrong)
    (folder / "metadata" / "metadata_3.parquet").unlink()
    (folder / "img_emb" / "img_emb_4.npy").unlink()
    (folder / "img_emb" / "img_emb_5.npy").write_bytes(b"no rows")
    (folder / "metadata" / "metadata_7.parquet").write_bytes(b"no table")
    np.save(folder / "img_emb" / "img_emb_8.npy", np.array([[{}]]), allow_pickle=True)
    done = run("import", "clip-retrieval", folder, *MODEL)
    said = [line for line in done.err.splitlines() if "left out: " in line]
    for line, why in zip(
        said,
        (
            "img_emb_2.npy: 3 rows of vectors, and 5 of metadata",
            "img_emb_3.npy: there is no metadata/metadata_3.parquet",
            "img_emb_5.npy: no rows of vectors that can be read",
            "img_emb_6.npy: vectors of 4 numbers, where others have 8",
            "metadata_7.parquet: not a table that can be read",
            "img_emb_8.npy: no rows of vectors that can be read",
            "metadata_4.parquet: there is no img_emb/img_emb_4.npy",
        ),
        strict=True,
    ):
        assert why in line
    assert "59 in clip-retrieval's folder = 24 taken over" in done.err
    assert "+ 35 unusable" in done.err


def test_a_table_that_ends_in_nonsense_gives_what_it_has(
    run: Run, bench: Workbench, tmp_path: Path, counting: Counting
) -> None:
    pictures = [bench.paint(f"{number:03}.png", COLOURS[number % 6]) for number in range(300)]
    write_files(tmp_path / "e", "0", pictures, vectors_of(pictures), ["red"] * 300)
    table = tmp_path / "e" / "metadata" / "metadata_0.parquet"
    pyarrow.parquet.write_table(
        pyarrow.parquet.read_table(table),
        table,
        compression="none",
        use_dictionary=False,
        write_statistics=False,
    )
    data = bytearray(table.read_bytes())
    place = data.index(b"299.png")
    data[place : place + 3] = b"\xff\xfe\xff"
    table.write_bytes(data)
    done = run("import", "clip-retrieval", tmp_path / "e", *MODEL)
    assert "44 rows are left out" in done.err
    assert "not a table that can be read" in done.err
    assert "300 in clip-retrieval's folder = 256 taken over" in done.err
    assert "+ 44 unusable" in done.err


def test_vectors_of_another_encoder_are_refused(
    run: Run, bench: Workbench, folder: Path, counting: Counting
) -> None:
    rows = np.load(folder / "img_emb" / "img_emb_0.npy")
    np.save(folder / "img_emb" / "img_emb_0.npy", rows[::-1])
    said = refused(run, folder)
    assert f"the vectors in {folder} are not of fake: of {SAMPLE} pictures" in said
    assert "nothing was taken over" in said
    assert "or name the encoder that made them: --model NAME" in said
    assert not (bench.library_path / "catalog.sqlite").exists()
    wide = np.pad(rows, ((0, 0), (0, 8)))
    np.save(folder / "img_emb" / "img_emb_0.npy", wide)
    (folder / "img_emb" / "img_emb_1.npy").unlink()
    assert "have 16 numbers each, and those of the encoder that was named 8" in refused(run, folder)
    assert not (bench.library_path / "catalog.sqlite").exists()


def test_a_library_of_another_encoder_is_left_alone(
    run: Run, bench: Workbench, folder: Path, counting: Counting
) -> None:
    run("index", bench.photos)
    done = run("import", "clip-retrieval", folder, "--model", "another")
    assert (done.code, "was made by fake, not by another" in done.err) == (1, True)


def test_relative_paths_start_where_the_command_runs(
    run: Run, bench: Workbench, tmp_path: Path, counting: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = painted(bench, 3)
    names = [picture.relative_to(tmp_path) for picture in pictures]
    write_files(tmp_path / "e", "0", names, vectors_of(pictures))
    done = run("import", "clip-retrieval", tmp_path / "e", *MODEL)
    assert "relative paths start where this command runs" in done.err
    monkeypatch.chdir(tmp_path)
    assert imported(run, tmp_path / "e") == {"taken": 3}


def test_what_is_no_folder_of_pictures_is_said(
    run: Run, bench: Workbench, tmp_path: Path, counting: Counting, folder: Path
) -> None:
    tars = tmp_path / "tars"
    write_files(tars, "0", ["000000001", "shards/000000002"], np.eye(8)[:2])
    texts, bare = tmp_path / "texts", tmp_path / "bare"
    (texts / "text_emb").mkdir(parents=True)
    write_files(bare, "0", ["a.png"], np.eye(8)[:2])
    for path, said in (
        (tmp_path / "nowhere", "name the folder that clip-retrieval inference wrote"),
        (bench.photos, "has no img_emb/*.npy with metadata/*.parquet, but nothing; name"),
        (texts, "has no img_emb/*.npy with metadata/*.parquet, but vectors of texts alone"),
        (tars, "is made from tars: '000000001' is a picture's key there, and a library lists"),
    ):
        err = refused(run, path)
        assert (said in err, err.count("\n")) == (True, 1), err
    assert "none of its files can be used" in refused(run, bare)
    done = run("import", "clip-retrieval", folder)
    assert (done.code, "--model ViT-B-32-quickgelu/openai" in done.err) == (2, True)
    assert run("import", "clip-retrieval").code == 2


def test_without_pyarrow_the_extra_is_named(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    said = refused(run, folder)
    assert ("tables of parquet need pyarrow" in said, "parquet" in said) == (True, True)


def test_what_the_shipped_encoder_wrote_comes_back(tmp_path: Path) -> None:
    """Photos, encoded by the starter, exported in this layout and taken over by another library."""
    photos = tmp_path / "photos"
    photos.mkdir()
    for photo in sorted((ROOT / "sample_data" / "photos").rglob("*.jpg"))[:20]:
        shutil.copy(photo, photos)
    encoder = load_encoder("starter-256")

    def load(_name: str = "") -> Encoder:
        return encoder

    def indexed(library: Library) -> IndexReport:
        return index(library, [photos], encoder=encoder.name, load=load, observer=Watcher())

    with open_library(tmp_path / "first", create=True, load=load) as first:
        indexed(first)
        export_files(first, f"file://{tmp_path / 'embeddings'}", Layout.CLIP_RETRIEVAL, rows=8)
        expected = dict(zip(*first.stored_vectors(), strict=True))
    with open_library(tmp_path / "second", create=True, load=load) as second:
        folder = ClipRetrievalFolder(tmp_path / "embeddings")
        report = take_over(second, folder, encoder=encoder.name, load=load, observer=Watcher())
        assert (report.taken, report.seen_otherwise, report.checked) == (19, 1, SAMPLE)
        for path, row in zip(*second.stored_vectors(), strict=True):
            np.testing.assert_allclose(row, expected[path], atol=1e-3)
        again = indexed(second)
        assert (again.indexed, again.unchanged) == (1, 19)
