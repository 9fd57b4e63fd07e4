"""Where in a picture a text is seen: at the right one of four photos, and who cannot say."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from searchengine.embedding.crops import with_crops
from searchengine.embedding.heat import Heat, heat_of
from searchengine.encoders.interface import Encoder
from searchengine.encoders.loading import load_encoder
from searchengine.errors import InputError
from tests.conftest import Run, Workbench
from tests.support.fake import FakeEncoder
from tests.support.places import ROOT

SAMPLES = ROOT / "sample_data"
ASKED = 50
SIDE = 224
LEAST_RIGHT = 0.75
"""Of mosaics of four photos, where chance gives 0.25."""


def opened(path: Path) -> Image.Image:
    with Image.open(path) as picture:
        return picture.convert("RGB")


@pytest.fixture(scope="module")
def starter() -> Encoder:
    return load_encoder("starter", device="cpu", precision="float32")


def test_it_points_at_the_photo_that_the_caption_is_of(starter: Encoder) -> None:
    captions: dict[str, list[str]] = {}
    lines = (SAMPLES / "captions.csv").read_text(encoding="utf-8").splitlines()
    for line in csv.DictReader(lines):
        captions.setdefault(line["image"], []).append(line["caption"])
    photos = {name: opened(SAMPLES / "photos" / name).resize((SIDE, SIDE)) for name in captions}
    chance = random.Random(1)
    right = 0
    for _ in range(ASKED):
        four = chance.sample(sorted(photos), 4)
        wanted = chance.randrange(4)
        mosaic = Image.new("RGB", (2 * SIDE, 2 * SIDE))
        for place, name in enumerate(four):
            mosaic.paste(photos[name], (place % 2 * SIDE, place // 2 * SIDE))
        across, down = heat_of(starter, mosaic, chance.choice(captions[four[wanted]])).most
        right += (across >= 0.5) + 2 * (down >= 0.5) == wanted
    assert right / ASKED >= LEAST_RIGHT


def test_of_a_picture_of_one_place_the_place_is_the_picture(starter: Encoder) -> None:
    """Where nothing differs from place to place the mean of the map is each of its places."""
    plain = Image.new("RGB", (SIDE, SIDE), (90, 120, 60))
    places = getattr(starter, "encode_map")(plain)  # noqa: B009 - no part of the seam
    assert places.shape == (14, 14, starter.dim)
    np.testing.assert_allclose(np.linalg.norm(places, axis=2), 1, atol=1e-5)
    inner = places[5:9, 5:9].reshape(-1, starter.dim)
    assert (inner @ inner.T).min() > 0.95, "far from the border all places are alike"


def test_strength_is_of_the_upper_half_alone() -> None:
    heat = Heat(np.array([[0.1, 0.1, 0.1], [0.1, 0.5, 0.3]], dtype=np.float32))
    assert heat.most == (0.5, 0.75)
    expected = np.array([[0, 0, 0], [0, 1, 0.5]])
    assert np.abs(heat.strength - expected).max() < 1e-6
    assert not Heat(np.ones((2, 2), dtype=np.float32)).strength.any()


def test_an_encoder_without_a_map_says_so() -> None:
    picture = Image.new("RGB", (20, 20), "red")
    for encoder in (FakeEncoder(), with_crops(FakeEncoder(), 4)):
        with pytest.raises(InputError, match="fake on cpu has no map"):
            heat_of(encoder, picture, "red")


def test_the_command(bench: Workbench, run: Run, starter: Encoder, tmp_path: Path) -> None:
    photo = SAMPLES / "photos" / "animals" / "two-dogs-at-window.jpg"
    bench.paint("red.png", "red")
    bench.index()
    done = run("describe", photo, "--where", "a dog")
    assert (done.code, done.out) == (1, "")
    assert "fake on cpu has no map of a picture" in done.err
    assert run("describe", photo, "--html", tmp_path / "where.html").code == 2

    bench.encoder = starter  # type: ignore[assignment]
    bench.library_path = tmp_path / "other"
    bench.index()
    page = tmp_path / "where.html"
    done = run(
        "describe", photo, "--where", "<b>a dog", "--html", page, "--library", tmp_path / "other"
    )
    assert done.code == 0, done.err
    assert done.out.startswith(f"{photo}: most at ")
    text = page.read_text(encoding="utf-8")
    assert text.count("data:image/jpeg;base64,") == 2
    assert "<b>a dog" not in text
    done = run("describe", photo, "--where", "a dog", "--json", "--library", tmp_path / "other")
    assert np.array(json.loads(done.out)["map"]).shape == (14, 14)
