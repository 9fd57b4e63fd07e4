"""What is written twice is there once, and with what was written last."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from searchengine.catalog.catalog import Catalog
from searchengine.catalog.records import Batch
from searchengine.errors import LibraryDamagedError
from searchengine.types import FileState
from tests.support.catalogs import BLUE, GREEN, ONE, RED, make_catalog


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    made = make_catalog(tmp_path / "catalog.sqlite")
    yield made
    made.close()


def test_a_file_that_fails_again_has_its_last_reason(catalog: Catalog) -> None:
    path = "/photos/a/bad.jpg"
    catalog.record(None, Batch(failed=[(FileState(path, 7, 77), "empty")]))
    assert [(failure.path, failure.reason) for failure in catalog.failures()] == [
        (path, "empty"),
        ("/photos/x/worse.jpg", "not a picture"),
    ]
    assert catalog.failed_files()[path] == (7, 77)


def test_a_caption_of_an_image_is_stored_once(catalog: Catalog) -> None:
    pairs = [
        (RED.file.path, "the car"),
        (GREEN.file.path, "the car"),
        (BLUE.file.path, "sky"),
        (BLUE.file.path, "sky"),
        ("/photos/b/gone.jpg", "nothing"),
    ]
    assert catalog.add_captions(pairs) == (2, ["/photos/b/gone.jpg"])
    assert catalog.add_captions(pairs) == (0, ["/photos/b/gone.jpg"])
    assert catalog.counts()["captions"] == 5


def test_what_is_indexed_or_gone_is_no_failure(catalog: Catalog) -> None:
    moved = FileState("/photos/a/bad.jpg", 11, 12)
    catalog.record(ONE, Batch(moved=[(1, moved)]))
    assert [failure.path for failure in catalog.failures()] == ["/photos/x/worse.jpg"]
    catalog.forget_failures(["/photos"], keep={"/photos/x/worse.jpg"})
    catalog.forget_failures(["/photos/xy"], keep=set())
    assert len(catalog.failures()) == 1
    catalog.forget_failures(["/photos/x"], keep=set())
    assert catalog.failures() == []
    assert catalog.images([1])[1].file == moved


def test_a_batch_that_fails_is_not_recorded_in_part(catalog: Catalog) -> None:
    with pytest.raises(LibraryDamagedError, match=r"UNIQUE .*: images\.path"):
        catalog.record(ONE, Batch(added=[RED], removed=[2, 3]))
    assert catalog.counts()["images"] == 4
    assert catalog.rows(ONE) == 5
