"""What a catalog answers: one contract for all its forms, by numbers worked out by hand.

They follow from `make_catalog`, which says what is in it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from searchengine.catalog.catalog import Catalog, CatalogReads
from searchengine.catalog.records import Batch, CaptionedText, Facets, Known, SameContent
from searchengine.catalog.sqlite import connection
from searchengine.geography import Near
from searchengine.types import (
    FailureKind,
    FileState,
    Filter,
    ImageEntry,
    ImageFacts,
    ImageRecord,
    Orientation,
    SpaceInfo,
)
from tests.support.catalogs import (
    BAD,
    BLUE,
    COPY,
    GREEN,
    NOON_2018,
    ONE,
    RED,
    TWO,
    WORSE,
    make_catalog,
)

RECORDS = {
    image_id: ImageRecord(image_id, entry.file, entry.content_hash, entry.facts)
    for image_id, entry in {1: RED, 2: BLUE, 3: GREEN, 5: COPY}.items()
}
NOBODY = SpaceInfo(9, "nobody", "nobody", 4, "float32", "f9")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    catalog = make_catalog(tmp_path_factory.mktemp("library") / "catalog.sqlite")
    catalog.close()
    return catalog.path


@pytest.fixture(scope="module", params=["Catalog", "Snapshot", "AskedOften"])
def now(request: pytest.FixtureRequest, path: Path) -> Iterator[CatalogReads]:
    catalog = Catalog(path)
    if request.param == "Catalog":
        yield catalog
    else:
        over = catalog.snapshot() if request.param == "Snapshot" else catalog.asked_often()
        with over as reads:
            yield reads
    catalog.close()


def test_spaces_oldest_first(now: CatalogReads) -> None:
    assert now.spaces() == [ONE, TWO]


def test_rows_that_count(now: CatalogReads) -> None:
    assert [now.rows(space) for space in (ONE, TWO, NOBODY)] == [5, 2, 0]
    assert [now.caption_rows(space) for space in (ONE, TWO)] == [2, 0]
    assert [now.vector_counts(space) for space in (ONE, TWO)] == [(3, 2), (2, 0)]


def test_dead_rows(now: CatalogReads) -> None:
    assert now.dead_rows(ONE).tolist() == [1, 3]
    assert now.dead_rows(TWO).tolist() == []
    count, dead = now.rows_and_dead(ONE)
    assert (count, dead.tolist(), str(dead.dtype)) == (5, [1, 3], "int64")


def test_dead_rows_of_captions(tmp_path: Path) -> None:
    catalog = make_catalog(tmp_path / "catalog.sqlite")
    count, dead = catalog.caption_rows_and_dead(ONE)
    assert (count, dead.tolist(), str(dead.dtype)) == (2, [], "int64")
    catalog.record(None, Batch(removed=[3]))  # grass, whose caption has row 0
    assert catalog.caption_rows_and_dead(ONE)[1].tolist() == [0]
    assert catalog.caption_rows_and_dead(TWO)[0] == 0
    catalog.close()


def test_rows_and_their_images(now: CatalogReads) -> None:
    rows, paths = now.embedded_images(ONE)
    assert rows.tolist() == [0, 2, 4]
    assert paths == [RED.file.path, GREEN.file.path, BLUE.file.path]
    assert now.images_of_rows(ONE, [4, 1, 0, 99]) == {0: RECORDS[1], 4: RECORDS[2]}
    assert now.images_of_rows(TWO, [0, 1, 2]) == {0: RECORDS[5], 1: RECORDS[1]}
    assert now.images_of_rows(ONE, []) == {}
    assert now.rows_of(ONE, [1, 2, 3, 4, 5]) == {1: 0, 2: 4, 3: 2}
    assert now.rows_of(TWO, [1, 2, 3, 4, 5]) == {1: 1, 5: 0}


def test_images(now: CatalogReads) -> None:
    assert now.images([5, 4, 1]) == {1: RECORDS[1], 5: RECORDS[5]}
    assert now.newest(ONE, Filter()) == [3, 2, 1]
    assert now.newest(ONE, Filter(under=Path("/photos/a"))) == [2, 1]
    assert now.newest(TWO, Filter()) == [5, 1]


@pytest.mark.parametrize(
    ("place", "ids"),
    [
        ("/photos", [1, 2, 3, 5]),
        ("/photos/a", [1, 2]),
        ("/photos/a/red.jpg", [1]),
        ("/photos/a/red", []),
        ("/phot", []),
        ("/", [1, 2, 3, 5]),
    ],
)
def test_ids_at_or_under_a_path(now: CatalogReads, place: str, ids: list[int]) -> None:
    assert sorted(now.image_ids(place)) == ids


@pytest.mark.parametrize(
    ("where", "rows"),
    [
        (Filter(), [0, 2, 4]),
        (Filter(under=Path("/photos/a")), [0, 4]),
        (Filter(after=datetime(2019, 1, 1)), [0, 2]),
        (Filter(after=datetime(2019, 1, 1, 0, 0, 1)), [0]),
        (Filter(before=datetime(2019, 1, 1)), [4]),
        (Filter(after=datetime(2018, 3, 4, 12), before=datetime(2020, 6, 1, 12)), [2, 4]),
        (Filter(camera="eos 5d"), [0, 2]),
        (Filter(camera="mark ii"), [2]),
        (Filter(camera="%"), []),
        (Filter(orientation=Orientation.PORTRAIT), [4]),
        (Filter(orientation=Orientation.SQUARE), [2]),
        (Filter(under=Path("/photos/a"), orientation=Orientation.LANDSCAPE), [0]),
        (Filter(near=Near(48.1, 11.5, 1)), [0]),
        (Filter(near=Near(48.1, 11.6, 7_500)), [0]),
        (Filter(near=Near(48.1, 11.6, 7_400)), []),
    ],
)
def test_rows_that_pass_a_filter(now: CatalogReads, where: Filter, rows: list[int]) -> None:
    assert now.rows_matching(ONE, where).tolist() == rows
    found = now.newest(ONE, where)
    assert found == sorted({0: 1, 2: 3, 4: 2}[row] for row in rows)[::-1]


def test_facets(now: CatalogReads) -> None:
    assert now.facets(ONE, Filter()) == Facets(
        total=3,
        root=Path("/photos"),
        folders=[(Path("/photos/a"), 2), (Path("/photos/b"), 1)],
        years=[(2020, 1), (2019, 1), (2018, 1)],
        undated=1,
        cameras=[("Canon EOS 5D", 2), ("Canon EOS 5D Mark II", 1)],
        orientations=[
            (Orientation.LANDSCAPE, 1),
            (Orientation.PORTRAIT, 1),
            (Orientation.SQUARE, 1),
        ],
        labels=[("car", 1), ("red", 1)],
        places=[],
    )
    # Each count drops its own part of the filter: years below 2020 stay to be chosen, and of the
    # cameras and shapes only those of 2020.
    assert now.facets(ONE, Filter(after=datetime(2020, 1, 1))) == Facets(
        total=1,
        root=Path("/photos"),
        folders=[(Path("/photos/a"), 1)],
        years=[(2020, 1), (2019, 1), (2018, 1)],
        undated=1,
        cameras=[("Canon EOS 5D", 1)],
        orientations=[(Orientation.LANDSCAPE, 1)],
        labels=[("car", 1), ("red", 1)],
        places=[],
    )
    assert now.newest(ONE, Filter(label="car")) == [1]
    assert now.facets(ONE, Filter(before=datetime(2020, 1, 1))).labels == []
    assert now.facets(ONE, Filter(label="car")).labels == [("car", 1), ("red", 1)]
    assert now.facets(NOBODY, Filter()) == Facets(0, None, [], [], 0, [], [], [], [])


def test_what_the_plan_is_made_from(now: CatalogReads) -> None:
    red, every = Known(1, 11, NOON_2018, True), [RED.file.path, BLUE.file.path, COPY.file.path]
    assert now.known("encoder/one", [*every, "/photos", "/elsewhere"]) == {
        RED.file.path: red,
        BLUE.file.path: Known(2, 12, NOON_2018 + 1, True),
        COPY.file.path: Known(5, 11, NOON_2018, False),
    }
    assert now.known("encoder/two", [BLUE.file.path, RED.file.path]) == {
        RED.file.path: red,
        BLUE.file.path: Known(2, 12, NOON_2018 + 1, False),
    }
    assert now.known("encoder/none", [GREEN.file.path])[GREEN.file.path].has_vector is False
    assert now.known("encoder/one", ["/photos/\U0001f600\"'.jpg"]) == {}
    assert now.known("encoder/one", []) == {}


def test_which_images_no_file_was_found_for(now: CatalogReads) -> None:
    listed = {record.file.path: number for number, record in RECORDS.items()}
    assert now.unseen(["/photos"], []) == listed
    assert now.unseen(["/photos", RED.file.path], [1, 3]) == {BLUE.file.path: 2, COPY.file.path: 5}
    assert now.unseen(["/photos"], [5, 3, 2, 1]) == {}
    assert now.unseen(["/elsewhere"], []) == now.unseen([], []) == {}


def test_same_content(now: CatalogReads) -> None:
    assert now.same_content(ONE, b"red") == SameContent(1, RED.file.path, 0, RED.facts)
    assert now.same_content(ONE, b"red", 5) == SameContent(1, RED.file.path, 0, RED.facts)
    assert now.same_content(TWO, b"red", 5) == SameContent(5, COPY.file.path, 0, COPY.facts)
    assert now.same_content(TWO, b"red", 1) == SameContent(1, RED.file.path, 1, RED.facts)
    assert now.same_content(ONE, b"blue") == SameContent(2, BLUE.file.path, 4, BLUE.facts)
    assert now.same_content(ONE, b"before") is None
    assert now.same_content(ONE, b"gone") is None
    assert now.same_content(TWO, b"green") is None


def test_captions(now: CatalogReads) -> None:
    rows, texts = now.caption_texts(ONE)
    assert (rows.tolist(), texts) == ([0, 1], ["grass", "a red car"])
    assert now.caption_texts(TWO)[1] == []
    assert now.captions_without_vector(ONE, 9) == [CaptionedText(2, "the car")]
    assert len(now.captions_without_vector(TWO, 9)) == 3
    assert len(now.captions_without_vector(TWO, 2)) == 2


def test_failures_by_path(now: CatalogReads) -> None:
    found = now.failures()
    assert [(failure.path, failure.reason) for failure in found] == [
        ("/photos/a/bad.jpg", "4 GB"),
        ("/photos/x/worse.jpg", "not a picture"),
    ]
    assert all(0 <= (datetime.now() - failure.failed_at).total_seconds() < 600 for failure in found)
    assert [(failure.kind, failure.tried_with) for failure in found] == [
        (FailureKind.TOO_LARGE, "2 GB"),
        (FailureKind.UNREADABLE, "pillow 1"),
    ]
    assert now.failed_files() == {BAD.file.path: BAD, WORSE.file.path: WORSE}


def test_counts(now: CatalogReads) -> None:
    assert now.counts() == {"images": 4, "failures": 2, "captions": 3}


def test_long_lists_are_asked_for_in_parts(
    now: CatalogReads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "MAX_PARAMETERS", 2)
    assert now.images([1, 2, 3, 4, 5]) == RECORDS
    assert now.images_of_rows(ONE, range(5)).keys() == {0, 2, 4}
    assert now.rows_of(ONE, [1, 2, 3, 4, 5]) == {1: 0, 2: 4, 3: 2}


def test_the_answers_are_those_of_plain_sql(now: CatalogReads, path: Path) -> None:
    """SQLite is asked without the program."""
    plain = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    for space in (ONE, TWO):
        owners = plain.execute(
            "SELECT row, owner_id FROM embeddings WHERE space_id = ? ORDER BY row", (space.id,)
        ).fetchall()
        alive = {owner: row for row, owner in owners if owner is not None}
        assert now.rows(space) == len(owners)
        assert now.dead_rows(space).tolist() == [row for row, owner in owners if owner is None]
        assert now.rows_of(space, range(10)) == alive
        assert now.rows_matching(space, Filter()).tolist() == sorted(alive.values())
        wide = plain.execute(
            "SELECT count(*) FROM images JOIN embeddings ON owner_id = id "
            "WHERE space_id = ? AND width > height",
            (space.id,),
        )
        shapes = dict(now.facets(space, Filter()).orientations)
        assert shapes[Orientation.LANDSCAPE] == wide.fetchone()[0]
    listed = plain.execute("SELECT id, path, content_hash FROM images ORDER BY id").fetchall()
    found = now.images([image_id for image_id, *_ in listed]).values()
    assert [(image.id, image.file.path, image.content_hash) for image in found] == listed
    plain.close()


def test_icons_come_after_photos_however_late_they_came(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path / "catalog.sqlite")
    catalog.add_space(name="s", encoder="s", dim=4, precision="float32", fingerprint="f")
    [space] = catalog.spaces()
    sizes = [(640, 480), (32, 32), (4000, 150), (200, 300), (64, 64), (800, 600)]
    added = [
        ImageEntry(
            FileState(f"/p/{number}.png", 1, 1), bytes([number] * 16), ImageFacts(*size, "PNG")
        )
        for number, size in enumerate(sizes)
    ]
    catalog.record(space, Batch(added=added), lambda _rows, _last: [])
    assert catalog.newest(space, Filter()) == [6, 4, 1, 5, 3, 2]
    catalog.close()


def test_a_snapshot_stays_and_who_asks_often_sees_what_is_written(tmp_path: Path) -> None:
    catalog = make_catalog(tmp_path / "catalog.sqlite")
    with catalog.snapshot() as before, catalog.asked_often() as listed:
        assert listed.same_content(ONE, b"red") is not None
        catalog.record(None, Batch(removed=[1]))
        assert before.same_content(ONE, b"red") is not None
        assert listed.same_content(ONE, b"red") is None
    catalog.close()
