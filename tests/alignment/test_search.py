"""Searches of a library that was aligned: by a plain ranking, for new images, and taken back."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from searchengine import Library, open_library
from searchengine.alignment.candidates import HUB_WEIGHT, Learned, hub_bias, mapped
from searchengine.alignment.kept import keep_alignment, read_alignment
from searchengine.alignment.ranking import FILE
from searchengine.catalog.records import Batch
from searchengine.errors import InputError
from searchengine.library.learned.align import extend_alignment, forget_alignment
from searchengine.retrieval.asked import as_query
from searchengine.retrieval.query import By
from searchengine.types import FileState, ImageEntry, ImageFacts, Vectors
from tests.alignment.test_candidates import unit
from tests.conftest import Run, Workbench
from tests.support.fake import FakeEncoder
from tests.support.libraries import imagined_files, list_files

N, D = 240, 12


class Told(FakeEncoder):
    """Knows the vectors of some texts; others have one of their own."""

    dim = D

    def __init__(self, known: dict[str, Vectors]) -> None:
        self.known = known

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        rows = [
            self.known[text]
            if text in self.known
            else np.random.default_rng(list(text.encode())).normal(size=D)
            for text in texts
        ]
        return unit(np.array(rows).reshape(-1, D))


@pytest.fixture
def library(tmp_path: Path) -> Library:
    encoder = Told({})
    list_files(tmp_path / "library", encoder, imagined_files(N))
    library = open_library(tmp_path / "library", load=lambda _: encoder)
    paths, rows = library.stored_vectors()
    noise = np.random.default_rng(1).normal(size=(N, D))
    captions = unit(rows.astype(np.float32) + 0.2 * noise + 0.2)
    texts = [f"caption {number}" for number in range(N)]
    encoder.known |= dict(zip(texts, captions, strict=True))
    library.add_captions([(str(path), text) for path, text in zip(paths, texts, strict=True)])
    return library


def of_pictures(library: Library, text: str, **how: Any) -> list[tuple[int, float]]:
    query = replace(as_query(text), by=By.PICTURES)
    return [(hit.image.id, hit.score) for hit in library.search(query, **how)]


def keep(library: Library, learned: Learned) -> None:
    space = library.space()
    keep_alignment(space.info, space.directory, learned, ("hub",), "", space.tied.note(N))


def learned(library: Library) -> Learned:
    random = np.random.default_rng(4)
    biases = random.uniform(0.2, 0.8, N).astype(np.float32)
    return Learned(biases, (0.1 * random.normal(size=(D, D))).astype(np.float32))


@pytest.mark.parametrize("k", [1, 7, N])
@pytest.mark.parametrize("parts", ["biases", "map", "both"])
def test_hits_are_those_of_a_plain_ranking(library: Library, parts: str, k: int) -> None:
    both = learned(library)
    kept = Learned(None if parts == "map" else both.biases, None if parts == "biases" else both.map)
    keep(library, kept)
    rows = library.stored_vectors()[1].astype(np.float32)
    query = library.encoders.for_texts(library.space()).encode_texts(["a dog"])
    scores = (query if kept.map is None else mapped(query, kept.map))[0] @ rows.T
    if kept.biases is not None:
        scores = scores - HUB_WEIGHT * (kept.biases - kept.biases.mean())
    found = of_pictures(library, "a dog", k=k)
    assert [image for image, _ in found] == (np.argsort(-scores)[:k] + 1).tolist()
    np.testing.assert_allclose([score for _, score in found], np.sort(scores)[::-1][:k], atol=2e-6)


def test_pages_continue_each_other_and_filters_hold(library: Library) -> None:
    keep(library, learned(library))
    whole = of_pictures(library, "a dog", k=20)
    assert of_pictures(library, "a dog", k=5, offset=10) == whole[10:15]
    assert of_pictures(library, "a dog", k=20, min_score=whole[3][1]) == whole[:4]


def test_queries_of_pictures_are_as_before(library: Library) -> None:
    vector = library.stored_vectors()[1][3].astype(np.float32)
    before = [(hit.image.id, hit.score) for hit in library.search(vector)]
    keep(library, learned(library))
    assert [(hit.image.id, hit.score) for hit in library.search(vector)] == before


def test_captions_are_still_compared_with_the_query_itself(library: Library) -> None:
    before = [(hit.image.id, hit.score) for hit in library.search("caption 7", k=3)]
    keep(library, Learned(map=np.zeros((D, D), dtype=np.float32)))
    after = [(hit.image.id, hit.score) for hit in library.search("caption 7", k=3)]
    assert [image for image, _ in after] == [image for image, _ in before]
    np.testing.assert_allclose([s for _, s in after], [s for _, s in before], atol=1e-6)


def test_removed_it_is_as_it_was(library: Library) -> None:
    before = of_pictures(library, "a dog")
    keep(library, learned(library))
    assert of_pictures(library, "a dog") != before
    assert forget_alignment(library)
    assert of_pictures(library, "a dog") == before
    assert not forget_alignment(library)


def test_new_images_get_their_bias(library: Library) -> None:
    library.align(["hub"])
    space = library.space()
    with library.catalog.snapshot() as now:
        rows, owners = now.caption_owners(space.info)
    captions = space.captions.read(N)[rows].astype(np.float32)
    images = library.stored_vectors()[1].astype(np.float32)
    keep(library, Learned(hub_bias(images, np.arange(N), captions, owners)))
    new = ImageEntry(FileState("/photos/new.jpg", 1, 1), b"new", ImageFacts(3, 2, "JPEG"))
    vector = unit(np.ones((1, D)))
    with library.writing() as writer:
        writer.commit(space, Batch(added=[new]), vector)
        extend_alignment(space)
    kept = read_alignment(space.info, space.directory, space.tied)
    assert kept is not None
    assert kept.learned.biases is not None
    assert len(kept.learned.biases) == N + 1
    stored = library.vectors(["/photos/new.jpg"])
    assert kept.learned.biases[N] == pytest.approx(
        np.sort(captions @ stored[0])[-10:].mean(), abs=1e-5
    )


@pytest.mark.parametrize("damage", ["cut", "flipped", "other"])
def test_a_damaged_file_is_said_and_left(library: Library, damage: str, caplog: Any) -> None:
    before = of_pictures(library, "a dog")
    keep(library, learned(library))
    path = library.space().directory / FILE
    data = bytearray(path.read_bytes())
    if damage == "flipped":
        data[-3] ^= 1
    path.write_bytes(b"{}" if damage == "other" else data[:-9] if damage == "cut" else bytes(data))
    with caplog.at_level(logging.WARNING, "clipseek"):
        assert of_pictures(library, "a dog") == before
    assert [f"{FILE} cannot be used" in said for said in caplog.messages] == [True]


def test_a_file_that_is_gone_is_found(library: Library) -> None:
    path = library.space().directory / FILE
    assert library.align(["hub"]).verdict.kept == ("hub",)
    assert library.check().is_sound
    path.unlink()
    for repair in (False, True):
        [fault] = library.check(repair=repair).faults
        assert fault.where.endswith(FILE)
        assert "clipseek align --remove" in fault.why
    assert forget_alignment(library)
    assert library.check().is_sound
    assert not forget_alignment(library)


def test_too_few_captions_are_counted(bench: Workbench, run: Run) -> None:
    bench.paint("red.png", "red")
    bench.index()
    done = run("align")
    assert done.code == 1
    assert "0 images have a caption; aligning takes 200 at least, 200 more" in done.err


def test_the_command(library: Library, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLIPSEEK_LIBRARY", str(library.path))
    encoder = library.encoders.for_texts(library.space())
    monkeypatch.setattr("searchengine.encoders.loading.load_for_queries", lambda _: encoder)
    table = run("align", "--try", "all")
    assert table.code == 0
    assert [line.split()[0] for line in table.out.splitlines()] == [
        "candidate", "as", "hub", "ridge-0.1", "ridge-0.3", "procrustes", "low-rank",
    ]  # fmt: skip
    assert "240 captions of 240 images among 240" in table.err
    told = json.loads(run("align", "--json").out)
    assert [each["name"] for each in told["candidates"]] == ["hub", "ridge-0.1", "ridge-0.3"]
    assert all(isinstance(each["kept"], bool) for each in told["candidates"])
    assert (library.space().directory / FILE).exists() == bool(told["kept"])
    assert run("align", "--remove").code == 0
    assert not (library.space().directory / FILE).exists()
    assert "try one of hub, ridge" in run("align", "--try", "magic").err


def test_nothing_is_tried_of_nothing(library: Library) -> None:
    with pytest.raises(InputError, match="try one of hub"):
        library.align([])
