"""Every version opens every older library: one of each schema version is committed.

How they were made is in `tests/data/README.md`.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from indexers import pipeline
from searchengine import Filter, Library, open_library
from searchengine.catalog.records import Batch, FailedFile
from searchengine.catalog.sqlite.schema import SCHEMA_VERSION
from searchengine.retrieval import rank
from searchengine.retrieval.asked import as_query
from searchengine.retrieval.query import By
from searchengine.texts.matching import matching_of
from searchengine.types import (
    FailureKind,
    FileState,
    ImageEntry,
    ImageFacts,
    Orientation,
    Pixels,
    Vectors,
)
from tests.conftest import Watcher
from tests.support.catalogs import schema_of
from tests.support.fake import FakeEncoder
from tests.support.libraries import check_library
from tests.support.places import DATA

LISTED = 294
ROWS = 295
"""One of them is dead: its image was removed."""
CAPTIONS = 118
IMAGE_NPROBE = {1: 2, 2: 3, 3: 3, 4: 3, 5: 3, 6: 3}
"""What was found by tuning, by schema version."""
PORTRAITS = {1: 30, 2: 26, 3: 26, 4: 26, 5: 26, 6: 26}
"""One sample photo is turned by EXIF, which its changed copies in the second library lost."""
HORSE = "/photos/sample/animals/brown-horse.jpg"


class AsStarter(FakeEncoder):
    """Passes for the encoder that made the library, whose weights would take seconds to load."""

    name = "starter"
    dim = 256

    def __init__(self, fingerprint: str) -> None:
        self.fingerprint = fingerprint

    def encode_pixels(self, pixels: Sequence[Pixels]) -> Vectors:
        return self._widened(super().encode_pixels(pixels))

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        return self._widened(super().encode_texts(texts))

    def _widened(self, rows: Vectors) -> Vectors:
        return np.pad(rows, ((0, 0), (0, self.dim - FakeEncoder.dim)))


VERSIONS = sorted(int(path.name.rpartition("-")[2]) for path in DATA.glob("library-schema-*"))


def test_there_is_a_library_of_every_older_version() -> None:
    assert set(VERSIONS) >= set(range(1, SCHEMA_VERSION))


@pytest.fixture(params=VERSIONS, ids=lambda version: f"schema {version}")
def version(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def path(version: int, tmp_path: Path) -> Path:
    """A copy of the library of a version."""
    return Path(shutil.copytree(DATA / f"library-schema-{version}", tmp_path / "library"))


@pytest.fixture
def library(path: Path) -> Iterator[Library]:
    with open_library(path) as opened:
        yield opened


def test_it_keeps_the_invariants_and_has_todays_tables(path: Path) -> None:
    open_library(path).close()
    assert check_library(path) == LISTED
    assert schema_of(path / "catalog.sqlite") == (
        (DATA / f"schema-{SCHEMA_VERSION}.sql").read_text(encoding="utf-8").split()
    )


def test_its_numbers(library: Library) -> None:
    info = library.info()
    assert (info.images, info.failures, info.captions) == (LISTED, 1, CAPTIONS)
    [space] = info.spaces
    assert (space.name, space.encoder, space.dim, space.precision) == (
        "starter",
        "starter",
        256,
        "float32",
    )
    assert (space.images, space.captions, space.indexed_rows) == (LISTED, CAPTIONS, ROWS)
    assert (space.index.rows, space.index.dead, space.index.uncovered) == (ROWS, 1, 0)
    [failure] = library.failures()
    assert (failure.path, failure.reason) == (
        "/photos/broken.jpg",
        "not an image this program knows",
    )


def test_the_index_and_what_was_tuned_are_used(library: Library, version: int) -> None:
    index = library.space().index(ROWS)
    assert index is not None
    assert index.facts.plan.factory == "IVF4,PQ32np"
    info = library.index_info()
    assert info.text is not None
    assert info.image is not None
    assert (info.text.nprobe, info.text.shortlist) == (4, 100)
    assert (info.image.nprobe, info.image.shortlist) == (IMAGE_NPROBE[version], 100)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a brown horse", "brown-horse.jpg"),
        ("citrus fruit", "citrus-slices.jpg"),
        ("a mountain trail", "mountain-trail.jpg"),
    ],
)
def test_a_text_finds_what_it_names_through_the_index(
    library: Library, monkeypatch: pytest.MonkeyPatch, text: str, name: str
) -> None:
    monkeypatch.setattr(rank, "FEW_ROWS", 0)  # as with a library that is large enough
    through: list[int] = []
    rank_through = rank.rank_through

    def watched(*given: Any, **named: Any) -> Any:
        through.append(1)
        return rank_through(*given, **named)

    monkeypatch.setattr(rank, "rank_through", watched)
    asked = replace(as_query(text), by=By.PICTURES)  # else names of files come before it
    hits = library.search(asked, k=3)
    assert through, "the index was not asked"
    exact = library.search(asked, k=3, exact=True)
    assert hits[0].path.name == name
    assert hits[0] == exact[0]


def test_stored_captions_describe_a_vector(library: Library) -> None:
    [horse] = library.vectors([HORSE])
    assert "horse" in library.describe(horse, k=1)[0].text


@pytest.mark.parametrize(
    ("where", "count"),
    [
        (Filter(under=Path("/photos/grey")), 58),
        (Filter(camera="eos 5d"), 54),
        (Filter(before=datetime(2020, 1, 1)), 58),
        (Filter(under=Path("/photos/sample/textures"), orientation=Orientation.SQUARE), 1),
    ],
)
def test_filters(library: Library, where: Filter, count: int) -> None:
    hits = library.search("an animal", k=LISTED, where=where)
    assert len(hits) == count
    assert library.catalog.facets(library.space().info, where).total == count


def test_the_shape_is_a_filter_too(library: Library, version: int) -> None:
    where = Filter(orientation=Orientation.PORTRAIT)
    assert len(library.search("an animal", k=LISTED, where=where)) == PORTRAITS[version]


def test_it_is_written_to(library: Library) -> None:
    space = library.space()
    horse, other = library.catalog.image_ids(HORSE)[0], "/photos/small/animals/chameleon.jpg"
    new = ImageEntry(FileState("/photos/new.jpg", 5, 10**18), b"n" * 16, ImageFacts(30, 20, "JPEG"))
    batch = Batch(
        added=[new],
        moved=[(horse, FileState("/photos/moved.jpg", 47577, 10**18))],
        failed=[
            FailedFile(
                FileState("/photos/empty.jpg", 0, 10**18), FailureKind.UNREADABLE, "empty file"
            )
        ],
        removed=library.catalog.image_ids(other),
    )
    vector = np.eye(256, dtype=np.float32)[:1]
    with library.writing() as writer:
        writer.commit(space, batch, vector)
    [added] = library.search(vector[0], k=1)
    assert added.path == Path("/photos/new.jpg")
    assert added.score == pytest.approx(1.0)
    assert added.image.id > 295, "an id was used again"
    assert library.add_captions([("/photos/new.jpg", "nothing but one"), (HORSE, "a horse")]) == (
        1,
        [HORSE],
    )
    assert library.search("a brown horse", k=5)[0].path.name == "brown-horse.jpg"
    assert Path("/photos/moved.jpg") in {hit.path for hit in library.search("a brown horse", k=5)}
    info = library.info()
    assert (info.images, info.failures, info.captions) == (LISTED, 2, CAPTIONS + 1)
    assert library.catalog.dead_rows(space.info).size == 2
    assert library.catalog.image_ids(other) == []


def test_an_index_run_adds_to_it(library: Library, path: Path, tmp_path: Path) -> None:
    tuned = library.index_info()
    photos = tmp_path / "photos"
    photos.mkdir()
    for colour in ("red", "green", "blue"):
        Image.new("RGB", (40, 30), colour).save(photos / f"{colour}.png")
    encoder = AsStarter(library.space().info.fingerprint)
    report = pipeline.index(
        library, [photos], encoder="starter", load=lambda: encoder, observer=Watcher()
    )
    assert (report.found, report.indexed, report.removed) == (3, 3, 0)
    assert library.info().images == LISTED + 3
    assert len(library.info().spaces) == 1
    assert matching_of(library.space(), library.catalog) is not None, "captions count from now on"
    [red] = encoder.encode_images([Image.open(photos / "red.png")])
    assert library.search(red, k=1)[0].path == photos / "red.png"
    index = library.index_info()
    assert index.index is not None
    assert index.index.plan.factory == "IVF4,PQ32np"
    assert (index.text, index.image) == (tuned.text, tuned.image)
    library.close()
    assert check_library(path) == LISTED + 3


def test_what_version_2_has_room_for_is_kept(tmp_path: Path) -> None:
    path = Path(shutil.copytree(DATA / "library-schema-2", tmp_path / "library"))
    with open_library(path) as library:
        assert [(each.path, each.reason) for each in library.excluded()] == [
            ("/photos/left", "holds .nomedia"),
            ("/photos/saturn draft.jpg", "--exclude *draft*"),
        ]
        info = library.info()
        assert info.exclude == ["*draft*"]
        assert {each.suffix: each.files for each in info.passed_over} == {".mp4": 1, ".txt": 1}
        assert library.check().is_sound
    with open(path / "spaces" / "starter" / "vectors.f16", "r+b") as file:
        file.seek(7 * 512)
        first = file.read(1)
        file.seek(7 * 512)
        file.write(bytes([first[0] ^ 1]))
    with open_library(path) as library:
        assert len(library.check().faults) == 1, "its checksums are not used"
