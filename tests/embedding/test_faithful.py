"""Nothing that makes an index run faster may change what is found.

The plain path is a full decode and float32; the fast ones are a reduced decode, and bfloat16.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import pytest
from PIL import Image

from searchengine.datasets.dataset import CaptionedImage, read_dataset
from searchengine.datasets.images import find_images
from searchengine.encoders.interface import Encoder
from searchengine.encoders.loading import load_encoder
from searchengine.encoders.openclip import precision_choice as placement
from searchengine.images.decode import read_image
from searchengine.measures.ranks import pair_ranks
from searchengine.measures.recall import image_retrieval, text_retrieval
from searchengine.types import Pixels, Vectors
from tests.support.places import ROOT, SHARED

Successes = dict[str, np.ndarray[Any, np.dtype[np.bool_]]]

PHOTOS = sorted((ROOT / "sample_data" / "photos").rglob("*.*"))
FLICKR8K_DEV = SHARED / "data" / "flickr8k_dev"
LEAST_COSINE = 0.999
MOST_RECALL_MOVED = 0.001
"""A tenth of a point."""
MOST_ERRORS_MOVED = 2.0
"""Where single queries change hands: standard errors of a paired difference that is chance."""
KS = (1, 5, 10)
ENLARGED = 4
"""A photo of 224 pixels, so many times as large, is decoded at half its size: as far as it goes."""


@pytest.fixture(scope="module")
def plain() -> Encoder:
    return load_encoder("starter", device="cpu", precision="float32")


@pytest.fixture(scope="module")
def half() -> Encoder:
    return load_encoder("starter", device="cpu", precision="bfloat16")


def both_ways(encoder: Encoder, data: bytes) -> tuple[Pixels, Pixels]:
    """A file's picture at the encoder's input size, by the full and by the fast decode."""
    full, _ = read_image(data)
    fast, _ = read_image(data, input_size=encoder.input_size)
    return encoder.preprocess(full), encoder.preprocess(fast)


def enlarged(data: bytes, scale: float, image_format: str = "JPEG") -> bytes:
    """The photo as a file of `scale` times its width and height."""
    photo, _ = read_image(data)
    size = (round(scale * photo.width), round(scale * photo.height))
    file = io.BytesIO()
    photo.resize(size, Image.Resampling.BICUBIC).save(file, image_format, quality=92)
    return file.getvalue()


def in_threads(
    work: Callable[[bytes], tuple[Pixels, Pixels]], files: Sequence[bytes]
) -> tuple[list[Pixels], list[Pixels]]:
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        full, fast = zip(*pool.map(work, files), strict=True)
    return list(full), list(fast)


def mean_cosine(one: Vectors, other: Vectors) -> float:
    return float((one * other).sum(axis=1).mean())


def test_sample_photos_keep_their_vectors(plain: Encoder, half: Encoder) -> None:
    """As they are: decoded the fast way, and then in bfloat16 as well."""
    full, fast = in_threads(partial(both_ways, plain), [path.read_bytes() for path in PHOTOS])
    assert len(full) >= 50
    exact = plain.encode_pixels(full)
    assert mean_cosine(plain.encode_pixels(fast), exact) >= LEAST_COSINE
    assert mean_cosine(half.encode_pixels(fast), exact) >= LEAST_COSINE


@pytest.mark.parametrize(("image_format", "side"), [("JPEG", 3024), ("PNG", 1500), ("WEBP", 1400)])
def test_large_photos_keep_their_vectors(
    plain: Encoder, half: Encoder, image_format: str, side: int
) -> None:
    """Enlarged until the decode reduces them, to sizes that no block divides."""

    def work(data: bytes) -> tuple[Pixels, Pixels]:
        shorter = min(read_image(data)[0].size)
        file = enlarged(data, side / shorter, image_format)
        small, facts = read_image(file, input_size=plain.input_size)
        assert 448 <= min(small.size) <= facts.width / 2, "the decoder must have reduced it"
        return both_ways(plain, file)

    full, fast = in_threads(work, [path.read_bytes() for path in PHOTOS[::6]])
    exact = plain.encode_pixels(full)
    assert mean_cosine(plain.encode_pixels(fast), exact) >= LEAST_COSINE
    assert mean_cosine(half.encode_pixels(fast), exact) >= LEAST_COSINE


@pytest.fixture(scope="module")
def flickr8k() -> list[CaptionedImage]:
    if not FLICKR8K_DEV.exists():
        pytest.skip("no Flickr8k dev photos beside the checkout: recall not compared")
    images = read_dataset(FLICKR8K_DEV / "dataset_flickr8k.json").images
    assert len(images) == 1000
    return list(images)


@pytest.fixture(scope="module")
def texts(plain: Encoder, flickr8k: list[CaptionedImage]) -> Vectors:
    return plain.encode_texts([text for image in flickr8k for text in image.captions])


def photos_of(images: Sequence[CaptionedImage]) -> list[bytes]:
    paths = find_images(images, None, FLICKR8K_DEV / "dataset_flickr8k.json")
    return [path.read_bytes() for path in paths if path is not None]


def successes(images: Sequence[CaptionedImage], vectors: Vectors, texts: Vectors) -> Successes:
    """Which queries succeed, by direction and K."""
    owners = np.repeat(np.arange(len(images)), [len(image.captions) for image in images])
    pairs = pair_ranks(vectors, texts, owners)
    ways = (image_retrieval(pairs, owners, len(images), KS), text_retrieval(pairs, owners, KS))
    return {f"{way.name} R@{k}": way.ranks <= k for way in ways for k in KS}


@pytest.mark.timeout(600)
def test_recall_stays_on_flickr8k(
    plain: Encoder,
    flickr8k: list[CaptionedImage],
    texts: Vectors,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As the program does it by itself here: the fast decode, the precision that it chooses."""
    monkeypatch.setattr(placement, "LEAST_GAIN", 0.0)  # it may think bfloat16 as fast as it likes
    chosen = load_encoder("starter", device="cpu")
    full, fast = in_threads(partial(both_ways, plain), photos_of(flickr8k))
    exact = successes(flickr8k, plain.encode_pixels(full), texts)
    found = successes(flickr8k, chosen.encode_pixels(fast), texts)
    for name, wanted in exact.items():
        moved = found[name].mean() - wanted.mean()
        assert abs(moved) <= MOST_RECALL_MOVED + 1e-9, f"{name} moved by {100 * moved:+.2f} points"


@pytest.mark.timeout(600)
def test_a_reduced_decode_costs_no_recall(
    plain: Encoder, flickr8k: list[CaptionedImage], texts: Vectors
) -> None:
    """Enlarged until it is reduced as far as it goes: queries change hands, both ways alike."""
    full, fast = in_threads(
        lambda data: both_ways(plain, enlarged(data, ENLARGED)), photos_of(flickr8k)
    )
    exact = successes(flickr8k, plain.encode_pixels(full), texts)
    found = successes(flickr8k, plain.encode_pixels(fast), texts)
    for name, wanted in exact.items():
        changes = found[name].astype(int) - wanted
        chance = MOST_ERRORS_MOVED * np.count_nonzero(changes) ** 0.5 / len(changes)
        moved = changes.mean()
        assert abs(moved) <= max(MOST_RECALL_MOVED, chance), f"{name}: {100 * moved:+.2f} points"
