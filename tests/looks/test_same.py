"""Whether looks tell copies of real photos from other photos, and from other shots of them."""

from __future__ import annotations

import random

import numpy as np
import pytest
from PIL import Image, ImageOps

from searchengine.looks.look import LOOK, Looks, known_looks, look_of
from searchengine.looks.same import same_picture
from tests.support.places import ROOT
from tests.support.planted import copies, cropped, moved, saved, toned, turned

PHOTOS = sorted((ROOT / "sample_data" / "photos").rglob("*.jpg"))[::3]
"""A third of the sample photos: none of them chose a threshold."""


def test_copies_are_known_whatever_their_size_and_format(
    pictures: list[Image.Image], looks: Looks
) -> None:
    chance = random.Random(5)
    known = total = 0
    for picture, look in zip(pictures, looks, strict=True):
        made = [look_of(saved(copy, kind=kind)) for _, copy, kind in copies(picture, chance)]
        known += int(same_picture(np.repeat(look, len(made)), np.stack(made)).sum())
        total += len(made)
    assert known / total >= 0.95


def test_copies_in_other_tones_are_known(pictures: list[Image.Image], looks: Looks) -> None:
    chance = random.Random(6)
    known: dict[str, list[bool]] = {}
    for picture, look in zip(pictures, looks, strict=True):
        for name, edited, kind in toned(picture, chance):
            edit = look_of(saved(edited, kind=kind))
            known.setdefault(name, []).extend(same_picture(look[None], edit[None]).tolist())
    shares = {name: float(np.mean(found)) for name, found in known.items()}
    assert np.mean(list(shares.values())) >= 0.95
    assert min(shares.values()) >= 0.85, shares


def test_a_crop_is_known_from_either_side(pictures: list[Image.Image], looks: Looks) -> None:
    parts = np.stack([look_of(cropped(each, 0.06, random.Random(2))) for each in pictures])
    np.testing.assert_array_equal(same_picture(looks, parts), same_picture(parts, looks))


def test_different_photos_are_never_the_same(looks: Looks) -> None:
    one, other = np.triu_indices(len(looks), 1)
    assert not same_picture(looks[one], looks[other]).any()


def test_another_shot_of_the_scene_is_no_copy(pictures: list[Image.Image], looks: Looks) -> None:
    after = np.stack([look_of(moved(each, random.Random(3))) for each in pictures])
    assert same_picture(looks, after).mean() <= 0.08, "of some nothing is seen to have moved"


def test_a_shot_from_another_place_is_no_copy(pictures: list[Image.Image]) -> None:
    chance = random.Random(4)
    pairs = [[look_of(saved(shot)) for shot in turned(each, chance)] for each in pictures]
    one, other = (np.stack(looks) for looks in zip(*pairs, strict=True))
    assert same_picture(one, other).mean() <= 0.08, "all but that is as it was in the first"


def test_a_negative_is_no_copy(pictures: list[Image.Image], looks: Looks) -> None:
    negatives = np.stack([look_of(ImageOps.invert(picture)) for picture in pictures])
    assert not same_picture(looks, negatives).any()


def test_another_colour_is_another_picture(pictures: list[Image.Image], looks: Looks) -> None:
    tinted = []
    for picture in pictures:
        red, green, blue = picture.split()
        tinted.append(look_of(Image.merge("RGB", (blue, green, red))))
    coloured = looks["colour"].std(axis=(1, 2, 3)) > 12
    assert coloured.sum() > 10
    assert not same_picture(looks, np.stack(tinted))[coloured].any()


def test_blank_and_unknown_pictures_are_the_same_as_none() -> None:
    blank = np.stack([look_of(Image.new("RGB", (40, 30), "white"))] * 2)
    assert not same_picture(blank[:1], blank[1:]).any(), "nothing can be told from it"
    unknown = np.zeros(2, dtype=LOOK)
    assert not same_picture(unknown[:1], unknown[1:]).any()
    assert known_looks(np.concatenate([blank, unknown])).tolist() == [True, True, False, False]


def test_drawings_on_other_grounds_and_lone_dots_are_no_copies() -> None:
    grounds = ("white", "yellow")
    drawn = [Image.new("RGB", (320, 240), ground) for ground in grounds]
    for page in drawn:
        page.paste("black", (60, 50, 180, 160))
    dotted = [Image.new("RGB", (40, 30), (90 + n, 120 + 2 * n, 90)) for n in range(2)]
    for number, page in enumerate(dotted):
        page.putpixel((0, 0), (255 * number, 0, 200))
    for one, other in (drawn, dotted):
        assert not same_picture(look_of(one)[None], look_of(other)[None]).any()


def test_a_flipped_bit_makes_a_look_unknown(looks: Looks) -> None:
    damaged = looks[:1].copy()
    damaged["grey"][0, 3, 4] ^= 1
    assert known_looks(damaged).tolist() == [False]


def test_a_sharper_picture_is_said_to_be_sharper(pictures: list[Image.Image]) -> None:
    for picture in pictures[:8]:
        blurred = picture.resize((picture.width // 3, picture.height // 3)).resize(picture.size)
        assert look_of(picture)["sharpness"] > look_of(blurred)["sharpness"]


@pytest.mark.parametrize("size", [(1, 1), (2, 5), (3, 3), (300, 1), (2, 300), (67, 130), (66, 66)])
def test_sharpness_is_brenners_over_the_whole_picture(size: tuple[int, int]) -> None:
    """However it is cut into strips."""
    width, height = size
    luma = np.random.default_rng(0).integers(0, 256, (height, width), dtype=np.uint8)
    lines, columns = luma[::2].astype(float), luma[:, ::2].astype(float)
    expected = [
        (differences**2).mean() if differences.size else 0.0
        for differences in (lines[:, 2:] - lines[:, :-2], columns[2:] - columns[:-2])
    ]
    look = look_of(Image.fromarray(luma).convert("RGB"))
    assert look["sharpness"] == pytest.approx(sum(expected), rel=1e-6)
