"""A small catalog with one of everything, and everything that can be asked of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import astuple, is_dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from searchengine.catalog.catalog import Catalog, CatalogReads
from searchengine.catalog.checksums import IMAGE_VECTORS
from searchengine.catalog.labels.examples import Example
from searchengine.catalog.labels.given import Labelled
from searchengine.catalog.records import Batch, FailedFile, Found, PassedOver
from searchengine.types import (
    PLACE,
    BlockChecksum,
    Excluded,
    FailureKind,
    FileState,
    Filter,
    ImageEntry,
    ImageFacts,
    SpaceInfo,
)

NOON_2018 = int(datetime(2018, 3, 4, 12).timestamp()) * 10**9
ONE = SpaceInfo(1, "one", "encoder/one", 4, "float32", "f1")
TWO = SpaceInfo(2, "two", "encoder/two", 8, "bfloat16", "f2")

RED = ImageEntry(
    FileState("/photos/a/red.jpg", 11, NOON_2018),
    b"red",
    ImageFacts(640, 480, "JPEG", datetime(2020, 6, 1, 12), "Canon EOS 5D", 48.1, 11.5),
)
BLUE = ImageEntry(
    FileState("/photos/a/blue.png", 12, NOON_2018 + 1), b"blue", ImageFacts(480, 640, "PNG")
)
GREEN = ImageEntry(
    FileState("/photos/b/green.jpg", 13, NOON_2018 + 2),
    b"green",
    ImageFacts(500, 500, "JPEG", datetime(2019, 1, 1), "Canon EOS 5D Mark II"),
)
GONE = ImageEntry(FileState("/photos/b/gone.jpg", 14, NOON_2018), b"gone", ImageFacts(1, 1, "JPEG"))
COPY = ImageEntry(FileState("/photos/c/copy.jpg", 11, NOON_2018), b"red", RED.facts)
WORSE = FailedFile(
    FileState("/photos/x/worse.jpg", 22, 222), FailureKind.UNREADABLE, "not a picture", "pillow 1"
)
BAD = FailedFile(FileState("/photos/a/bad.jpg", 21, 221), FailureKind.TOO_LARGE, "4 GB", "2 GB")


def make_catalog(path: Path) -> Catalog:
    """Images 1 red, 2 blue (changed since), 3 green, 5 copy (in space two alone); 4 is gone.

    Rows of space one: 0 red, 1 dead (blue as it was), 2 green, 3 dead (gone), 4 blue. Rows of space
    two: 0 copy, 1 red. Captions: 1 and 2 of red, 3 of green; rows of their vectors in space one:
    0 of caption 3, 1 of caption 1. A label set of which red has two labels, and green an example.
    """
    catalog = Catalog(path)
    for space in (ONE, TWO):
        catalog.add_space(
            name=space.name,
            encoder=space.encoder,
            dim=space.dim,
            precision=space.precision,
            fingerprint=space.fingerprint,
        )
    before = ImageEntry(FileState(BLUE.file.path, 99, 99), b"before", ImageFacts(9, 9, "PNG"))
    catalog.record(ONE, Batch(added=[RED, before, GREEN, GONE], failed=[WORSE, BAD]))
    blue = ImageEntry(BLUE.file, BLUE.content_hash, BLUE.facts, image_id=2)
    catalog.record(ONE, Batch(added=[blue], removed=[4]))
    red = ImageEntry(RED.file, RED.content_hash, RED.facts, image_id=1)
    catalog.record(TWO, Batch(added=[COPY, red]))
    catalog.add_captions(
        [
            (RED.file.path, "a red car"),
            (RED.file.path, "the car"),
            (GREEN.file.path, "grass"),
        ]
    )
    catalog.record_caption_vectors(ONE, [3, 1])
    catalog.keep_checksums(ONE, IMAGE_VECTORS, [BlockChecksum(0, 5, 77)])
    catalog.put_label_set("colours", "{}")
    catalog.record_labels(1, ONE, 5, [1, 3], [Labelled(1, "red", 0.75), Labelled(1, "car", 0.5)])
    catalog.put_examples(1, [Example(3, "red", is_right=False)])
    return catalog


def change_everything(catalog: Catalog) -> None:
    """Write so that every question has another answer."""
    catalog.add_space(name="three", encoder="encoder/three", dim=2, precision="x", fingerprint="y")
    new = ImageEntry(
        FileState("/photos/d/new.jpg", 15, NOON_2018), b"new", ImageFacts(3, 2, "JPEG")
    )
    failed = FailedFile(FileState("/photos/z.jpg", 23, 223), FailureKind.UNREADABLE, "empty")
    others = [
        ImageEntry(FileState(path, 16, NOON_2018), path.encode(), ImageFacts(3, 2, "JPEG"))
        for path in ("/photos/d/e\u0301.jpg", "/photos/d/other.jpg")
    ]
    catalog.record(ONE, Batch(added=[new, *others], removed=[1, 2], failed=[failed]))
    catalog.record_survey(
        ["/photos"],
        [Excluded("/photos/@eaDir", "@eaDir")],
        [PassedOver("/photos", ".psd", "not read", 2)],
        {"exclude": '["*.tif"]', "names": '{"a": "b"}'},
    )
    catalog.add_captions([(GREEN.file.path, "more grass"), ("/photos/d/new.jpg", "new")])
    catalog.add_captions([(GREEN.file.path, "a sign")], "ocr")
    catalog.add_to_album(catalog.put_album("trip", None), [3, 5])
    catalog.keep_out(["/photos/private"])
    catalog.record_found(PLACE, "1", [Found(3, ("Lisbon, Portugal",))])
    catalog.record_caption_vectors(ONE, [4])
    catalog.keep_checksums(ONE, IMAGE_VECTORS, [BlockChecksum(0, 6, 2**32 - 1)])
    catalog.record_labels(1, ONE, 8, [3], [Labelled(3, "grass", 0.9)])
    catalog.put_examples(1, [Example(3, "red", is_right=True), Example(3, "grass", is_right=True)])


ASKED: dict[str, Callable[[CatalogReads], Any]] = {
    "spaces": lambda now: now.spaces(),
    "rows": lambda now: now.rows(ONE),
    "caption_rows": lambda now: now.caption_rows(ONE),
    "caption_state": lambda now: now.caption_state(ONE),
    "caption_rows_and_dead": lambda now: now.caption_rows_and_dead(ONE),
    "caption_owners": lambda now: now.caption_owners(ONE),
    "vector_counts": lambda now: now.vector_counts(ONE),
    "dead_rows": lambda now: now.dead_rows(ONE),
    "rows_and_dead": lambda now: now.rows_and_dead(ONE),
    "rows_matching": lambda now: now.rows_matching(ONE, Filter()),
    "rows_of": lambda now: now.rows_of(ONE, [1, 2, 3, 4, 5]),
    "embedded_images": lambda now: now.embedded_images(ONE),
    "images": lambda now: now.images([1, 2, 3, 4, 5]),
    "images_of_rows": lambda now: now.images_of_rows(ONE, [0, 1, 2]),
    "lists": lambda now: now.lists(Filter(under=Path("/photos/d"))),
    "contents": lambda now: now.contents(),
    "newest": lambda now: now.newest(ONE, Filter()),
    "latest": lambda now: now.latest(ONE, Filter()),
    "by_path": lambda now: now.by_path(ONE, Filter()),
    "ids_by_path": lambda now: now.ids_by_path([RED.file.path, "/none"]),
    "image_ids": lambda now: now.image_ids("/photos"),
    "count_at": lambda now: now.count_at("/photos"),
    "texts": lambda now: now.texts("exclude"),
    "text_by_text": lambda now: now.text_by_text("names"),
    "album_covers": lambda now: now.album_covers(),
    "known": lambda now: now.known("encoder/one", [RED.file.path, "/photos/d/new.jpg"]),
    "unseen": lambda now: now.unseen(["/photos"], [1, 2]),
    "same_content": lambda now: now.same_content(ONE, b"red"),
    "facets": lambda now: now.facets(ONE, Filter()),
    "captions_without_vector": lambda now: now.captions_without_vector(ONE, 10),
    "caption_texts": lambda now: now.caption_texts(ONE),
    "failures": lambda now: now.failures(),
    "failed_files": lambda now: now.failed_files(),
    "checksums": lambda now: now.checksums(ONE, IMAGE_VECTORS),
    "folders": lambda now: now.folders(),
    "holds_images": lambda now: now.holds_images("/photos/d"),
    "paths_under": lambda now: now.paths_under("/photos/a"),
    "composed_alike": lambda now: now.composed_alike({"/photos/d/\u00e9.jpg"}),
    "setting": lambda now: now.setting("exclude"),
    "excluded": lambda now: now.excluded(),
    "excluded_counts": lambda now: now.excluded_counts(),
    "passed_over": lambda now: now.passed_over(),
    "rows_with_words": lambda now: now.rows_with_words(ONE, [["car"]]),
    "captions_of": lambda now: now.captions_of([1, 3]),
    "captions_of_rows": lambda now: now.captions_of_rows(ONE, [0, 1]),
    "has_word": lambda now: now.has_word("sign"),
    "words_beginning_with": lambda now: now.words_beginning_with("m"),
    "pictured": lambda now: list(now.pictured(ONE)),
    "unread": lambda now: now.unread("ocr", "1", ["/photos"]),
    "listed_under": lambda now: now.listed_under([]),
    "sources": lambda now: now.sources(),
    "captions_from": lambda now: now.captions_from("file"),
    "label_sets": lambda now: now.label_sets(),
    "rows_from": lambda now: now.rows_from(ONE, 1),
    "labels_by_image": lambda now: now.labels_by_image(1),
    "files_of_rows": lambda now: now.files_of_rows(ONE, [0, 2]),
    "label_names": lambda now: now.label_names(),
    "labels_of": lambda now: now.labels_of([1, 3]),
    "label_examples": lambda now: now.label_examples(1),
    "label_to_review": lambda now: now.label_to_review(1, 0),
    "places": lambda now: now.places(),
    "located": lambda now: now.located(),
    "unplaced": lambda now: now.unplaced("1"),
    "images_at_places_with": lambda now: now.images_at_places_with("lisbon"),
    "albums": lambda now: now.albums(),
    "album_called": lambda now: now.album_called("trip"),
    "album_images": lambda now: now.album_images(1),
    "kept_out": lambda now: now.kept_out(),
    "counts": lambda now: now.counts(),
    "row_facts": lambda now: list(now.row_facts(ONE)),
}
"""Every question, by the name of its method."""


def plain(answer: Any) -> Any:
    """An answer in values that can be compared: arrays become lists."""
    if isinstance(answer, np.ndarray):
        return answer.tolist()
    if is_dataclass(answer) and not isinstance(answer, type):
        return plain(astuple(answer))
    if isinstance(answer, dict):
        return {key: plain(value) for key, value in answer.items()}
    return [plain(value) for value in answer] if isinstance(answer, list | tuple) else answer


def schema_of(path: Path) -> list[str]:
    """The words of the statements that made the tables of a catalog, tables by name."""
    catalog = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    made = catalog.execute(
        "SELECT sql FROM sqlite_master WHERE sql NOT NULL AND name NOT LIKE 'sqlite%' ORDER BY name"
    )
    words = " ".join(f"{sql.strip()};" for (sql,) in made).split()
    catalog.close()
    return words
