"""The index of captions: it agrees with the exact answer, stays fresh, and can be lost."""

from __future__ import annotations

import logging
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from searchengine.catalog.records import Batch
from searchengine.index import plan as index_plan
from searchengine.index import settings as index_settings
from searchengine.index.facts import read_facts
from searchengine.library.library import Library, open_library
from searchengine.retrieval import rank
from searchengine.retrieval.query import Kind, Query, Source
from searchengine.spaces.indexed import KnownIndex
from searchengine.texts import ranking
from searchengine.types import Vectors
from searchengine.vectors.rowset import RowSet
from searchengine.vectors.scan import RowNumbers, scan
from tests.support.damage import DIM, entries, flip, unit_rows
from tests.support.fake import FakeEncoder

pytest.importorskip("faiss", reason="needs faiss: pip install 'clipseek[cpu]'")

IMAGES, CAPTIONS = 2_000, 1_500


class Numbered(FakeEncoder):
    """Texts are numbers, and their vectors near one of a few centres by the number."""

    dim = DIM

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Unit rows, shape (n, DIM)."""
        centres = 1.5 * unit_rows(30, seed=4)
        rows = np.stack([_noise(text) + centres[_number(text) % 30] for text in texts])
        unit: Vectors = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return unit


def _number(text: str) -> int:
    return int(text.split()[-1]) if text.split()[-1].isdigit() else len(text)


def _noise(text: str) -> Vectors:
    noise: Vectors = unit_rows(1, seed=1_000 + _number(text))[0]
    return noise


def open_numbered(path: Path) -> Library:
    return open_library(path, create=True, load=lambda _: Numbered())


def captions(first: int, last: int) -> list[tuple[str, str]]:
    """One for each image from `first` to `last`, in mixed order."""
    images = np.random.default_rng(5).permutation(IMAGES)
    return [(f"/p/{images[n]}", f"caption {n}") for n in range(first, last)]


@pytest.fixture(autouse=True)
def _small_indexes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_plan, "EXACT_BELOW", 1_000)
    monkeypatch.setattr(index_settings, "SHORTLIST", 200)
    monkeypatch.setattr(index_settings, "FILTERED_SHORTLIST", 200)
    monkeypatch.setattr(rank, "FEW_ROWS", 20)
    monkeypatch.setattr(ranking, "FEW_TEXTS", 20)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of images and captions, each with an index, made once."""
    path = tmp_path_factory.mktemp("captioned") / "library"
    encoder = Numbered()
    with pytest.MonkeyPatch.context() as patch, open_numbered(path) as library:
        patch.setattr(index_plan, "EXACT_BELOW", 1_000)
        with library.writing() as writer:
            space = writer.space_for(encoder)
            texts = encoder.encode_texts([f"image {n}" for n in range(IMAGES)])
            rows = texts + 0.5 * unit_rows(IMAGES, seed=9)
            rows /= np.linalg.norm(rows, axis=1, keepdims=True)
            writer.commit(space, Batch(added=entries(0, IMAGES)), rows)
            space.refresh_index()
        assert library.add_captions(captions(0, CAPTIONS)) == (CAPTIONS, [])
    return path


@pytest.fixture
def library(built: Path, tmp_path: Path) -> Library:
    """A copy of it that the test may break."""
    path = tmp_path / "library"
    shutil.copytree(built, path)
    return open_numbered(path)


def asked(library: Library, number: int, **how: object) -> list[tuple[str, float]]:
    text = Source(Kind.TEXT, f"query {number}")
    return [(hit.path.name, hit.score) for hit in library.search(Query((text,)), **how)]  # type: ignore[arg-type]


def agreement(library: Library) -> float:
    """Share of the exact first ten that searches find, with the same scores."""
    shares = []
    for number in range(2_000, 2_020):
        exact, through = asked(library, number, exact=True), asked(library, number)
        scores = dict(exact)
        assert all(score == scores.get(name, score) for name, score in through)
        shares.append(len(set(exact) & set(through)) / len(exact))
    return float(np.mean(shares))


def count_scanned(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many captions each scan from now on compares."""
    scanned: list[int] = []

    def counted(texts: Vectors, query: Vectors, k: int, *, among: RowNumbers | None = None) -> Any:
        if len(texts) == CAPTIONS:
            scanned.append(CAPTIONS if among is None else len(among))
        return scan(texts, query, k, among=among)

    monkeypatch.setattr(ranking, "scan", counted)
    return scanned


def index_of(library: Library) -> KnownIndex:
    return library.space().caption_index


def test_it_is_made_with_the_captions_asked_and_agrees_with_every_caption_compared(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = index_of(library).facts(CAPTIONS)
    assert facts is not None
    assert (facts.covered, facts.listed) == (CAPTIONS, CAPTIONS)
    exact = [asked(library, number, exact=True) for number in range(5)]
    assert agreement(library) >= 0.95
    scanned = count_scanned(monkeypatch)
    assert [asked(library, number)[0] for number in range(5)] == [first for first, *_ in exact]
    assert sum(scanned) == 0, "no caption is compared to find those that are near"


@pytest.mark.parametrize("share", [0.02, 0.3, 0.9])
def test_under_a_filter_it_names_captions_of_what_passes(library: Library, share: float) -> None:
    space = library.space()
    passing = RowSet.of_mask(np.random.default_rng(1).random(IMAGES) < share)
    same = 0.0
    for query in Numbered().encode_texts([f"query {n}" for n in range(9)]):
        texts = ranking.captioned(space, library.catalog, query)
        assert texts is not None
        found = texts.likely(20, passing)
        assert passing[found].all()
        compared = replace(texts, index=None).likely(20, passing)
        same += len(np.intersect1d(found, compared)) / len(compared) / 9
    assert same >= 0.7, "by the codes alone"


def test_what_is_added_is_found_at_once_and_what_is_removed_no_more(library: Library) -> None:
    images = [path for path, _ in captions(CAPTIONS, CAPTIONS + 40)]
    before = score_of(library, 5_000, images[0])
    library.add_captions([(images[0], "caption 5000")])
    assert read_facts(index_of(library).directory).covered == CAPTIONS  # type: ignore[union-attr]
    assert score_of(library, 5_000, images[0]) > before + 0.1
    assert is_likely(library, 5_000, images[0])
    library.add_captions([(path, f"caption {n}") for n, path in enumerate(images[1:], 6_000)])
    facts = read_facts(index_of(library).directory)
    assert facts is not None
    assert (facts.covered, facts.plan.rows) == (CAPTIONS + 40, CAPTIONS), "added, not trained anew"
    assert is_likely(library, 6_010, images[11])
    with library.writing() as writer:
        assert writer.remove_captions("file") == CAPTIONS + 40
    assert score_of(library, 5_000, images[0]) == before
    assert library.check().is_sound


def score_of(library: Library, number: int, image: str) -> float:
    return dict(asked(library, number, k=IMAGES))[Path(image).name]


def is_likely(library: Library, number: int, image: str) -> bool:
    """Whether a query's nearest captions, by the index, name an image."""
    space = library.space()
    [query] = Numbered().encode_texts([f"query {number}"])
    texts = ranking.captioned(space, library.catalog, query)
    assert texts is not None
    return int(Path(image).name) in texts.likely(5, None)


def test_captions_of_images_that_are_gone_crowd_nobody_out(library: Library) -> None:
    gone = [name for name, _ in asked(library, 7, k=50, exact=True)]
    library.remove([f"/p/{name}" for name in gone])
    found = asked(library, 7, k=10)
    assert len(found) == 10
    assert not {name for name, _ in found} & set(gone)
    assert agreement(library) >= 0.95
    many = [f"/p/{n}" for n in range(1_000) if str(n) not in gone]
    library.remove(many)
    with library.writing() as writer:
        writer.embed_captions(library.space())
    facts = read_facts(index_of(library).directory)
    assert facts is not None
    assert facts.listed < 1_000, "built anew without those that are dead"


@pytest.mark.parametrize("damage", ["delete", "flip", "truncate", "no facts"])
def test_it_can_be_lost_and_is_made_anew(
    library: Library, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    exact = [asked(library, number, exact=True) for number in range(5)]
    file = index_of(library).directory / "index.faiss"
    facts = index_of(library).directory / "index.json"
    if damage == "delete":
        shutil.rmtree(file.parent)
    elif damage == "flip":
        flip(file, file.stat().st_size // 2)
    elif damage == "truncate":
        file.write_bytes(file.read_bytes()[:1_000])
    else:
        facts.unlink()
    with open_numbered(library.path) as fresh, caplog.at_level(logging.WARNING):
        found = [asked(fresh, number) for number in range(5)]
        if damage != "flip":
            assert [pair[0] for pair in found] == [pair[0] for pair in exact]
        report = fresh.check()
        assert report.is_sound == (damage == "delete")
        if damage != "delete":
            [fault] = report.faults
            assert fault.where == "spaces/fake/captions/index.json"
        assert fresh.check(repair=True).is_sound
        assert index_of(fresh).at(CAPTIONS) is not None
        assert agreement(fresh) >= 0.95


def test_one_that_names_captions_that_are_not_there_is_passed_by(
    library: Library, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = asked(library, 3, exact=True)
    index = index_of(library).at(CAPTIONS)
    assert index is not None
    monkeypatch.setattr(
        index._index, "search", lambda *_, **__: (None, np.array([[CAPTIONS + 7, 2]]))
    )
    with caplog.at_level(logging.WARNING):
        found = asked(library, 3)
        asked(library, 4)
    assert found[0] == exact[0]
    [said] = caplog.messages
    assert said.startswith("the index of the captions of space fake is damaged")


def test_without_faiss_every_caption_is_compared(
    library: Library, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    for number in range(3):
        assert asked(library, number) == asked(library, number, exact=True)
    assert index_of(library).at(CAPTIONS) is None
    assert all(message.startswith("faiss is not installed") for message in caplog.messages)
