"""Whether looks as they were made at first, which libraries hold, are still of their pictures.

Means were made of all pixels then, and are now made of a smaller picture.
"""

from __future__ import annotations

import random
import zlib

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from searchengine.looks.look import LOOK, Looks, look_of
from searchengine.looks.means import detail_apart
from searchengine.looks.same import SAME_COLOUR, SAME_DETAIL, same_picture
from tests.support.places import ROOT
from tests.support.planted import copies, moved, other_copies, saved, toned, turned

PHOTOS = sorted((ROOT / "sample_data" / "photos").rglob("*.jpg"))[1::3]


@pytest.fixture(scope="module")
def older(pictures: list[Image.Image]) -> Looks:
    return np.stack([_older_look_of(picture) for picture in pictures])


def test_means_are_a_level_apart(looks: Looks, older: Looks) -> None:
    assert _apart(looks, older, "grey").max() <= 1.5
    assert _apart(looks, older, "colour").max() <= SAME_COLOUR / 2, "at an uneven edge"
    assert np.median(_apart(looks, older, "colour")) <= SAME_COLOUR / 8
    apart = detail_apart(looks["grey"].astype(np.float32), older["grey"].astype(np.float32))
    assert apart.max() <= SAME_DETAIL / 2
    assert np.median(apart) <= SAME_DETAIL / 4


def test_sharpness_is_equal_to_the_last_bit(pictures: list[Image.Image]) -> None:
    """It orders files of one size: any difference would choose among lossless copies."""
    larger = [picture.resize((901, 1203)) for picture in pictures[:3]]
    for picture in (*pictures, *larger):
        assert look_of(picture)["sharpness"] == _older_look_of(picture)["sharpness"]


def test_copies_are_known_by_looks_of_either_version(pictures: list[Image.Image]) -> None:
    chance = random.Random(8)
    agreed: list[bool] = []
    found = 0
    for picture in pictures:
        one, before = look_of(picture), _older_look_of(picture)
        for making in (copies, other_copies, toned):
            for _, copy, kind in making(picture, chance):
                again = saved(copy, kind=kind)
                other, other_before = look_of(again), _older_look_of(again)
                left, right = (
                    np.stack([before, before, one]),
                    np.stack([other_before, other, other]),
                )
                as_before, mixed, now = same_picture(left, right).tolist()
                agreed.append(as_before == mixed == now)
                found += mixed
    assert np.mean(agreed) >= 0.98
    assert found / len(agreed) >= 0.95


def test_other_pictures_are_no_copies_of_what_was_looked_at_before(
    pictures: list[Image.Image], older: Looks, looks: Looks
) -> None:
    one, other = (~np.eye(len(looks), dtype=bool)).nonzero()
    assert not same_picture(older[one], looks[other]).any()
    after = np.stack([look_of(moved(each, random.Random(3))) for each in pictures])
    assert same_picture(older, after).mean() <= 0.08
    chance = random.Random(4)
    pairs = [[saved(shot) for shot in turned(each, chance)] for each in pictures]
    before = np.stack([_older_look_of(one) for one, _ in pairs])
    assert same_picture(before, np.stack([look_of(two) for _, two in pairs])).mean() <= 0.08


def _apart(one: Looks, other: Looks, what: str) -> NDArray[np.float64]:
    """Root mean squares, of 255, shape (n,)."""
    differences = one[what].astype(float) - other[what]
    means: NDArray[np.float64] = np.square(differences).reshape(len(one), -1).mean(axis=1)
    return np.sqrt(means)


def _older_look_of(picture: Image.Image) -> Looks:
    luma = picture.convert("L")
    small = picture.reduce(max(1, min(picture.size) // 16))
    look = np.zeros((), dtype=LOOK)
    look["grey"] = np.asarray(luma.resize((32, 32), Image.Resampling.BILINEAR))
    coloured = small.resize((8, 8), Image.Resampling.BILINEAR).convert("YCbCr")
    look["colour"] = np.asarray(coloured)[..., 1:]
    look["sharpness"] = _older_sharpness(np.asarray(luma))
    look["crc"] = zlib.crc32(look.tobytes()[:-4])
    return look


def _older_sharpness(luma: NDArray[np.uint8]) -> float:
    height, width = luma.shape
    across = down = 0.0
    for top in range(0, height, 64):
        strip = luma[top : top + 66]
        lines, columns = strip[:64:2].astype(np.int16), strip[:, ::2].astype(np.int16)
        across += _squares(lines[:, 2:] - lines[:, :-2])
        down += _squares(columns[2:] - columns[:-2])
    pairs_across, pairs_down = -(-height // 2) * (width - 2), (height - 2) * -(-width // 2)
    return float(across / pairs_across + down / pairs_down)


def _squares(differences: NDArray[np.int16]) -> float:
    values = differences.astype(np.float32).ravel()
    return float(values @ values)
