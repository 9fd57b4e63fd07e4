"""The difference hash: of the same picture saved anew, and of different ones."""

from __future__ import annotations

import io
from itertools import combinations

import numpy as np
from PIL import Image

from searchengine.measures.perceptual import difference_hash, look_the_same
from tests.support.places import ROOT


def test_the_bits_are_those_of_a_script() -> None:
    picture = Image.effect_noise((9, 8), 80)
    values = np.asarray(picture).tolist()
    bits = "".join(str(int(row[x] < row[x + 1])) for row in values for x in range(8))
    assert difference_hash(picture) == int(bits, 2)


def test_saved_anew_looks_the_same_and_other_photos_do_not() -> None:
    photos = sorted((ROOT / "sample_data" / "photos").rglob("*.jpg"))[:20]
    pictures = [Image.open(path).convert("RGB") for path in photos]
    hashes = [difference_hash(picture) for picture in pictures]
    for picture, found in zip(pictures, hashes, strict=True):
        saved = io.BytesIO()
        picture.resize((picture.width // 2, picture.height // 2)).save(saved, "JPEG", quality=30)
        assert look_the_same(difference_hash(Image.open(saved)), found)
    assert not any(look_the_same(*pair) for pair in combinations(hashes, 2))
