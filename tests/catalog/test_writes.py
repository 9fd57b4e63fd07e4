"""What is written twice is there once, and with what was written last."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from searchengine.catalog.catalog import Catalog
from searchengine.catalog.labels.examples import Example
from searchengine.catalog.labels.given import Label, Labelled
from searchengine.catalog.records import Batch, FailedFile
from searchengine.errors import LibraryDamagedError, RefusedValueError
from searchengine.types import FailureKind, FileState, ImageEntry, ImageFacts
from tests.support.catalogs import BLUE, GREEN, ONE, RED, TWO, make_catalog


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    made = make_catalog(tmp_path / "catalog.sqlite")
    yield made
    made.close()


def test_a_file_that_fails_again_has_its_last_reason(catalog: Catalog) -> None:
    path = "/photos/a/bad.jpg"
    again = FailedFile(FileState(path, 7, 77), FailureKind.UNREADABLE, "empty", "pillow 2")
    catalog.record(None, Batch(failed=[again]))
    assert [(failure.path, failure.reason) for failure in catalog.failures()] == [
        (path, "empty"),
        ("/photos/x/worse.jpg", "not a picture"),
    ]
    assert catalog.failed_files()[path] == again


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


@pytest.mark.parametrize(
    "facts",
    [
        ImageFacts(2**64, 1, "JPEG"),
        ImageFacts(1, -(2**70), "JPEG"),
        ImageFacts(1, 1, "JPEG", camera="\ud800"),
        ImageFacts(1, 1, "JPEG", camera=object()),  # type: ignore[arg-type]
        ImageFacts(1, 1, "JPEG", taken_at="noon"),  # type: ignore[arg-type]
        ImageFacts(1, 1, "JPEG", latitude=1j),  # type: ignore[arg-type]
    ],
    ids=lambda facts: repr(facts)[:60],
)
def test_what_sqlite_cannot_hold_is_refused_whole(catalog: Catalog, facts: ImageFacts) -> None:
    good = ImageEntry(FileState("/photos/d/good.jpg", 1, 1), b"good", ImageFacts(1, 1, "PNG"))
    bad = ImageEntry(FileState("/photos/d/bad.jpg", 1, 1), b"bad", facts)
    with pytest.raises(RefusedValueError, match="the catalog cannot hold a value"):
        catalog.record(ONE, Batch(added=[good, bad]))
    assert catalog.counts()["images"] == 4
    assert catalog.rows(ONE) == 5


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (2**63 - 1, 2**63 - 1),
        (2**63, 2**63 - 1),
        (10**19, 2**63 - 1),
        (460_000_000_000_000_000_000, 2**63 - 1),
        (-(2**63), -(2**63) + 1),
        (-11_644_473_600 * 10**9, -(2**63) + 1),  # 1601-01-01, where NTFS begins
        (-1, -1),
        (0, 0),
    ],
)
def test_times_are_cut_to_what_the_catalog_holds(catalog: Catalog, given: int, kept: int) -> None:
    file = FileState("/photos/d/old.jpg", 1, given)
    assert file.mtime_ns == kept
    catalog.record(ONE, Batch(added=[ImageEntry(file, b"old", ImageFacts(1, 1, "PNG"))]))
    catalog.record(None, Batch(moved=[(1, FileState(RED.file.path, 1, given))]))
    catalog.record(None, Batch(failed=[FailedFile(file, FailureKind.UNREADABLE, "old")]))
    assert catalog.images([1])[1].file.mtime_ns == kept
    assert catalog.images([1])[1].modified_at.year in (1677, 1969, 1970, 2262)
    assert catalog.failed_files()[file.path].file == file


def test_sizes_are_cut_too() -> None:
    assert FileState("/a", 2**70, 0) == FileState("/a", 2**63 - 1, 0)


def test_labels_are_those_of_the_last_run_of_a_set(catalog: Catalog) -> None:
    [stored] = catalog.label_sets()
    assert (stored.space_id, stored.rows) == (1, 5)
    assert catalog.labels_of([1, 3]) == {1: [Label("red", 0.75), Label("car", 0.5)]}
    catalog.record_labels(stored.id, ONE, 6, [1], [Labelled(1, "car", 0.9)])
    assert catalog.labels_by_image(stored.id) == {1: [Label("car", 0.9)]}
    catalog.begin_labels(stored.id, TWO)
    assert catalog.labels_of([1]) == {}
    [begun] = catalog.label_sets()
    assert (begun.space_id, begun.rows) == (2, 0)


def test_another_definition_is_asked_anew_and_the_same_is_not(catalog: Catalog) -> None:
    catalog.put_label_set("colours", "{}")
    assert [(each.rows, each.space_id) for each in catalog.label_sets()] == [(5, 1)]
    catalog.put_label_set("colours", "[]")
    assert [(each.rows, each.space_id) for each in catalog.label_sets()] == [(0, None)]


def test_labels_and_examples_leave_with_their_image_and_with_their_set(catalog: Catalog) -> None:
    catalog.put_examples(1, [Example(1, "red", is_right=True), Example(1, "red", is_right=False)])
    assert [(each.image_id, each.is_right) for each in catalog.label_examples(1)] == [
        (1, False),
        (3, False),
    ]
    catalog.record(None, Batch(removed=[1]))
    assert catalog.labels_of([1]) == {}
    assert [each.image_id for each in catalog.label_examples(1)] == [3]
    catalog.remove_label_set(1)
    assert (catalog.label_sets(), catalog.label_examples(1)) == ([], [])


def test_a_set_outlives_the_space_that_it_was_asked_in(catalog: Catalog) -> None:
    catalog.remove_space(ONE)
    assert [(each.name, each.space_id) for each in catalog.label_sets()] == [("colours", None)]
    assert catalog.labels_of([1])[1][0].name == "red"
