"""What rclip has encoded is taken over, checked, and what cannot be is left to index runs."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from indexers.elsewhere.rclip import ENCODER, OLD_ENCODER, default_database, open_rclip
from tests.conftest import Run, Workbench
from tests.support.fake import CountingEncoder, FakeEncoder
from tests.support.libraries import check_library
from tests.support.rclip import list_picture, make_database

COLOURS = ("red", "green", "blue", "white", "black", "yellow")


class Counting(CountingEncoder):
    """Has the name of rclip's."""

    name = ENCODER


@pytest.fixture
def counting(bench: Workbench, run: Run) -> Counting:
    bench.encoder = Counting()
    return bench.encoder


def vector_of(picture: Path) -> np.ndarray:
    with Image.open(picture) as image:
        [vector] = FakeEncoder().encode_images([image.convert("RGB")])
    return np.asarray(vector)


@pytest.fixture
def database(bench: Workbench, tmp_path: Path) -> Path:
    """Of twenty-four pictures."""
    made = make_database(tmp_path / "db.sqlite3")
    for number in range(24):
        colour = COLOURS[number % len(COLOURS)]
        picture = bench.paint(f"{number:02} {colour}.png", colour)
        list_picture(made, picture, vector_of(picture))
    return made


def imported(run: Run, database: Path) -> dict[str, Any]:
    done = run("import", "rclip", database, "--json")
    assert done.code == 0, done.err
    report: dict[str, Any] = json.loads(done.out)
    parts = ("taken", "known", "twice", "gone", "changed", "seen_otherwise", "removed", "unusable")
    assert report["found"] == sum(report[name] for name in parts)
    return {name: value for name, value in report.items() if name in parts and value}


def test_vectors_come_over_and_the_next_index_run_knows_them(
    run: Run, bench: Workbench, database: Path, counting: Counting
) -> None:
    before = database.read_bytes()
    done = run("import", "rclip", database)
    assert (done.code, done.out) == (0, "")
    assert "24 in rclip's database = 24 taken over + 0 known" in done.err
    assert "16 encoded again: cosines of 1.0000 and more" in done.err
    assert counting.pictures == 16
    assert database.read_bytes() == before
    assert [each.name for each in database.parent.glob("db.sqlite3*")] == ["db.sqlite3"]
    check_library(bench.library_path, counting)
    with bench.open() as library:
        paths, rows = library.stored_vectors()
        for path, row in zip(paths, rows, strict=True):
            np.testing.assert_allclose(row, vector_of(path), atol=1e-3)
        [record, *_] = library.catalog.images([1]).values()
    assert (record.facts.width, record.facts.height, record.facts.format) == (40, 30, "PNG")
    done = run("index", bench.photos)
    assert "24 found = 0 indexed + 24 unchanged" in done.err
    assert counting.pictures == 16
    assert run("search", "yellow", "-k", "1", "--paths").out.endswith("yellow.png\n")
    assert imported(run, database) == {"known": 24}
    assert counting.pictures == 16


def test_what_is_not_as_rclip_saw_it_is_left_out_and_counted(
    run: Run, bench: Workbench, database: Path, counting: Counting, tmp_path: Path
) -> None:
    (bench.photos / "00 red.png").unlink()
    bench.paint("01 green.png", "cyan", (80, 60))
    touched = bench.photos / "02 blue.png"
    os.utime(touched, (1, 1))
    turned = tmp_path / "photos" / "turned.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 30), "red").save(turned, exif=exif)
    clear = bench.photos / "clear.png"
    Image.new("RGBA", (40, 30), (255, 0, 0, 0)).save(clear)
    broken = bench.photos / "broken.jpg"
    broken.write_bytes(b"no picture")
    red = vector_of(bench.photos / "06 red.png")
    for picture in (turned, clear, broken):
        list_picture(database, picture, red)
    link = bench.photos / "link.png"
    link.symlink_to(bench.photos / "06 red.png")
    list_picture(database, link, red)
    list_picture(database, bench.paint("deleted.png", "red"), red, deleted=1)
    counts = imported(run, database)
    assert counts == {"taken": 21, "gone": 1, "changed": 2, "seen_otherwise": 3, "twice": 1}
    done = run("index", bench.photos)
    assert "27 found = 4 indexed + 21 unchanged + 0 moved + 1 copies + 1 failed" in done.err


def test_rows_that_rclip_never_wrote_are_counted(
    run: Run, bench: Workbench, database: Path, counting: Counting
) -> None:
    picture = bench.paint("more.png", "red")
    red = vector_of(picture)
    others: tuple[dict[str, object], ...] = (
        {"vector": b"short"},
        {"vector": "text"},
        {"vector": (red * 3).tobytes()},
        {"vector": np.full(8, np.nan, np.float32).tobytes()},
        {"vector": np.full(8, 3e38, np.float32).tobytes()},
        {"filepath": "relative.png"},
        {"filepath": b"\xff\xfe"},
        {"filepath": "/" + "x" * 100_000},
        {"size": "large"},
        {"modified_at": "yesterday"},
        {"modified_at": float("inf")},
    )
    for number, other in enumerate(others):
        same = bench.paint(f"more {number}.png", "red")
        list_picture(database, same, red, **other)
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(
            "INSERT INTO images(filepath, modified_at, size, vector) "
            "VALUES (CAST(x'2FFF' AS TEXT), 1.0, 1, x'00')"
        )
        connection.commit()
    assert imported(run, database) == {"taken": 24, "unusable": 12}


def test_a_database_of_nothing_that_can_be_used_is_counted_and_no_library_is_left(
    run: Run, bench: Workbench, tmp_path: Path, counting: Counting
) -> None:
    made = make_database(tmp_path / "none.sqlite3")
    list_picture(made, bench.paint("a.png", "red"), np.zeros(8))
    done = run("import", "rclip", made, "--json")
    assert done.code == 1
    assert (json.loads(done.out)["found"], json.loads(done.out)["unusable"]) == (1, 1)
    assert f"nothing in {made} could be taken over" in done.err
    assert not (bench.library_path / "catalog.sqlite").exists()
    run("index", bench.photos)
    assert imported(run, made) == {"known": 1}, "a library that has pictures is no failure"


def test_vectors_of_other_weights_are_refused(
    run: Run, bench: Workbench, database: Path, counting: Counting
) -> None:
    with closing(sqlite3.connect(database)) as connection:  # one in two belongs to another
        rows = connection.execute("SELECT id, vector FROM images ORDER BY id").fetchall()
        for (number, _), (_, vector) in zip(rows[::2], rows[1::2], strict=True):
            connection.execute("UPDATE images SET vector = ? WHERE id = ?", (vector, number))
        connection.commit()
    done = run("import", "rclip", database)
    assert (done.code, done.out) == (1, "")
    assert f"the vectors in {database} are not of {ENCODER}: of 16 pictures" in done.err
    assert "nothing was taken over. Index the folders instead" in done.err
    assert not (bench.library_path / "catalog.sqlite").exists()


def test_a_picture_removed_for_good_stays_away(
    run: Run, bench: Workbench, database: Path, counting: Counting
) -> None:
    run("import", "rclip", database)
    run("remove", bench.photos / "06 red.png", "--forever")
    run("remove", bench.photos / "07 green.png")
    assert imported(run, database) == {"known": 22, "removed": 1, "taken": 1}


def test_a_library_of_another_encoder_is_left_alone(
    run: Run, bench: Workbench, database: Path
) -> None:
    run("index", bench.photos)
    done = run("import", "rclip", database)
    assert done.code == 1
    assert f"space 'fake' was made by fake, not by {ENCODER}" in done.err


def test_what_is_no_database_of_rclip_is_said(run: Run, tmp_path: Path) -> None:
    empty, text = tmp_path / "empty.sqlite3", tmp_path / "text.sqlite3"
    sqlite3.connect(empty).close()
    text.write_bytes(b"no database at all" * 100)
    for path, said in (
        (tmp_path / "nowhere", "no database of rclip is there"),
        (empty, "it has no table of images"),
        (text, "is no database of rclip: file is not a database"),
        (make_database(tmp_path / "new.sqlite3", 5), "has version 5 of rclip's tables"),
    ):
        done = run("import", "rclip", path)
        assert (done.code, said in done.err, done.err.count("\n")) == (1, True, 1), done.err
    assert run("import", "file://team").code == 2
    assert run("import", "file://team", tmp_path / "there", "--model", "x").code == 2


def test_the_encoder_is_that_of_the_version(tmp_path: Path) -> None:
    for version, encoder in ((2, OLD_ENCODER), (3, ENCODER), (4, ENCODER)):
        with open_rclip(make_database(tmp_path / f"{version}.sqlite3", version)) as opened:
            assert opened.encoder == encoder


def test_rclips_own_place_is_looked_at(
    run: Run, database: Path, counting: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RCLIP_DATADIR", str(database.parent))
    assert default_database() == database
    assert "24 taken over" in run("import", "rclip").err


def test_columns_that_compute_are_not_trusted(
    run: Run, bench: Workbench, tmp_path: Path, counting: Counting
) -> None:
    """A view in the place of the table is refused, and no function of the schema's is called."""
    path = tmp_path / "view.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE other (id)")
        connection.execute("CREATE VIEW images AS SELECT id, load_extension('x') FROM other")
        connection.commit()
    done = run("import", "rclip", path)
    assert (done.code, "it has no table of images" in done.err) == (1, True)
