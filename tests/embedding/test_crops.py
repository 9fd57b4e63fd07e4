"""Several crops in one vector: what is in it, what a library keeps of it, and who is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from indexers.reading import IndexOptions
from searchengine.embedding.crops import boxes, crops_of, with_crops, without_crops
from searchengine.errors import InputError
from tests.conftest import Run, Workbench
from tests.support.fake import FakeEncoder

QUARTERS = ("red", "green", "blue", "yellow")


def quartered(size: tuple[int, int] = (400, 300)) -> Image.Image:
    """Four colours, a corner each."""
    small = Image.new("RGB", (2, 2))
    for place, colour in enumerate(QUARTERS):
        small.paste(colour, (place % 2, place // 2, place % 2 + 1, place // 2 + 1))
    return small.resize(size, Image.Resampling.NEAREST)


def test_the_vector_is_that_of_the_whole_and_of_the_mean_of_its_crops() -> None:
    plain = FakeEncoder()
    picture = quartered()
    parts = plain.encode_images([picture, *(picture.crop(box) for box in boxes(picture.size))])
    expected = parts[0] + parts[1:].mean(axis=0)
    expected /= np.linalg.norm(expected)
    other = Image.new("RGB", (30, 40), "cyan")
    found = with_crops(plain, 4).encode_images([picture, other])
    np.testing.assert_allclose(found[0], expected, atol=1e-6)
    np.testing.assert_allclose(found[1], plain.encode_images([other])[0], atol=1e-6)


def test_crops_show_three_fifths_and_meet_every_corner() -> None:
    width, height = 1000, 700
    found = boxes((width, height))
    assert {(right - left, low - top) for left, top, right, low in found} == {(600, 420)}
    assert {(left, top) for left, top, _, _ in found} == {(0, 0), (400, 0), (0, 280), (400, 280)}


@pytest.mark.parametrize("size", [(1000, 200), (200, 1000), (9000, 300), (3, 400)])
def test_long_pictures_are_cut_along(size: tuple[int, int]) -> None:
    found = boxes(size)
    assert 3 <= len(found) <= 8
    seen = np.zeros(size, dtype=bool)
    for left, top, right, low in found:
        assert 0 <= left < right <= size[0]
        assert 0 <= top < low <= size[1]
        seen[left:right, top:low] = True
    assert seen.all(), "nothing is left out"


def test_only_pictures_are_seen_otherwise() -> None:
    plain = FakeEncoder()
    encoder = with_crops(plain, 4)
    np.testing.assert_array_equal(encoder.encode_texts(["red"]), plain.encode_texts(["red"]))
    assert (encoder.name, encoder.dim, encoder.fingerprint) == ("fake", 8, "fake")
    assert encoder.input_size == 14, "8 / 0.6: a crop fills the input"
    assert (crops_of(encoder), crops_of(plain)) == (4, 1)
    assert without_crops(encoder) is without_crops(plain) is plain
    assert with_crops(plain, 1) is plain
    assert encoder.encode_images([]).shape == (0, 8)
    with pytest.raises(InputError, match="1 or 4 crops, not 3"):
        with_crops(plain, 3)


@pytest.fixture
def cropped(bench: Workbench) -> Workbench:
    quartered().save(bench.photos / "quarters.png")
    bench.paint("grey.png", "grey")
    bench.index(options=IndexOptions(crops=4))
    return bench


def test_a_library_keeps_how_its_pictures_are_seen(cropped: Workbench, tmp_path: Path) -> None:
    again = tmp_path / "again.png"
    quartered((404, 300)).save(again)
    expected = with_crops(FakeEncoder(), 4).encode_images([quartered()])[0]
    with cropped.open() as library:
        stored = library.vectors([cropped.photos / "quarters.png"])[0]
        np.testing.assert_allclose(stored, expected, atol=2e-3)
        [hit] = library.search(again, k=1)
        assert hit.score == pytest.approx(1, abs=2e-3), "a picture that asks is seen alike"
        assert [space.crops for space in library.info().spaces] == [4]
    quartered((200, 150)).save(cropped.photos / "later.png")
    assert cropped.index().indexed == 1
    with cropped.open() as library:
        later = library.vectors([cropped.photos / "later.png"])[0]
        np.testing.assert_allclose(later, expected, atol=5e-3)


def test_vectors_of_two_kinds_are_not_mixed(cropped: Workbench, run: Run) -> None:
    cropped.paint("new.png", "blue")
    done = run("index", cropped.photos, "--crops", 1)
    assert done.code == 1
    assert "are made with --crops 4" in done.err
    assert "4 crops" in run("info").out
    assert run("index", cropped.photos, "--crops", 4).code == 0
    assert run("index", cropped.photos, "--crops", 3).code == 2
