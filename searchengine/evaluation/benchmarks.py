"""Which benchmark a set of images is.

A benchmark is known by its images alone: `fingerprint` is the SHA-256 of the sorted identities of
the images, joined by line feeds, as UTF-8. `identity` folds the spellings of one image: Flickr's
photo number in the names of Flickr8k and Flickr30k, COCO's number in those of 2014 and of 2017.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass

from searchengine.datasets.dataset import CaptionedImage
from searchengine.images.formats import is_image_name

FLICKR8K, FLICKR30K, COCO = "flickr8k", "flickr30k", "coco"
"""Families of benchmarks, as Karpathy's JSON names them."""


NAME_SHAPES = {
    COCO: re.compile(r"(?:COCO_(?:train|val|test)\d{4}_)?(\d{12})(?:\.\w+)?"),
    FLICKR8K: re.compile(r"(\d+)_[0-9a-f]{10}(?:\.\w+)?(?:\.1)?"),
    FLICKR30K: re.compile(r"(\d{4,11})(?:\.\w+)?"),
}
"""File names of a family. One name in Flickr8k's token file ends in `.jpg.1`."""


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A known set of images."""

    name: str
    family: str
    images: int
    sha256: str
    """`fingerprint` of the images."""
    reported: bool
    """Whether papers report R@K on it."""


# The fingerprints were made from Karpathy's JSON of the Flickr30k and COCO test images (the VSE++
# pairs give the same) and of Flickr8k's val split, from captions_val2017.json, and from VSE++'s
# id_mapping.json of Flickr30k. Two come from public copies of id lists, copied by hand and checked:
# their length in characters, no id twice, and against lists at hand. These are the photo numbers of
# Flickr_8k.testImages.txt (none is in dev, 929 are Flickr30k's) and test.txt of
# BryanPlummer/flickr30k_entities (962 are in id_mapping.json, 25 in Karpathy's test split).
BENCHMARKS = (
    Benchmark(
        "Flickr30k Karpathy test",
        FLICKR30K,
        1000,
        "3561ef20c1ce29ad8138e655ad5a6239d8c6bf191c41b495786d9b3a46d895aa",
        True,
    ),
    Benchmark(
        "COCO Karpathy test",
        COCO,
        5000,
        "b4f15b295a1855a8ae04635e2754c2dec5644ae7b047a9b377edd5defd876a98",
        True,
    ),
    Benchmark(
        "Flickr8k test",
        FLICKR8K,
        1000,
        "52e432a30eece23121ebed0943f14944553da10b9a25a646f5e1c3130ee36788",
        True,
    ),
    Benchmark(
        "Flickr8k dev",
        FLICKR8K,
        1000,
        "3be0134fc8052ccaddc97cb76c1b632edbd683a7cf5680081b21986bdf480188",
        False,
    ),
    Benchmark(
        "Flickr30k Entities test",
        FLICKR30K,
        1000,
        "43aa148f28ed57ff53d026a71ec522029a0e3660ddeeb3fd61830afb35be6465",
        False,
    ),
    Benchmark(
        "Flickr30k, all splits of Karpathy",
        FLICKR30K,
        31014,
        "016d201a996ffb418f49199122e8cbf7c5f4966335573e2550a1fd02e13028df",
        False,
    ),
    Benchmark(
        "COCO val2017",
        COCO,
        5000,
        "e920c94fbab89c0f03582f6ef8cdc66092097d5ad1b1d240d1f8cb5ccdc1d85d",
        False,
    ),
)
"""Known sets of images, those of papers first."""


def identity(key: str) -> str:
    """One spelling of an image's key.

    It is "391895" for `val2014/COCO_val2014_000000391895.jpg`, "2090545563" for
    `2090545563_a4e66ec76b.jpg`, and for others the file name without the suffix of an image.
    """
    name = posixpath.basename(key)
    if match := NAME_SHAPES[COCO].fullmatch(name):
        return str(int(match[1]))
    if match := NAME_SHAPES[FLICKR8K].fullmatch(name):
        return match[1]
    return posixpath.splitext(name)[0] if is_image_name(name) else name


def fingerprint(images: Sequence[CaptionedImage]) -> str:
    """SHA-256, in hexadecimal, of which images these are, in whatever order and spelling."""
    names = sorted(identity(image.key) for image in images)
    return hashlib.sha256("\n".join(names).encode()).hexdigest()


def dataset_sha256(images: Sequence[CaptionedImage], captions_per_image: int | None = None) -> str:
    """SHA-256, in hexadecimal, of the images and of the captions that are asked.

    Hashed are lines of identity, tab, caption and line feed, as UTF-8: images sorted by identity,
    captions in their order, white space within a caption written as one space. So it is the same
    for one dataset in several formats.
    """
    rows = sorted((identity(im.key), im.captions[:captions_per_image]) for im in images)
    digest = hashlib.sha256()
    for name, captions in rows:
        for caption in captions:
            digest.update(f"{name}\t{' '.join(caption.split())}\n".encode())
    return digest.hexdigest()


def recognise(images: Sequence[CaptionedImage]) -> str | None:
    """The name in `BENCHMARKS` of exactly these images, or None. Captions play no part."""
    benchmark = find_benchmark(images)
    return benchmark.name if benchmark else None


def find_benchmark(images: Sequence[CaptionedImage]) -> Benchmark | None:
    """The benchmark that exactly these images are, or None."""
    if len(images) not in {benchmark.images for benchmark in BENCHMARKS}:
        return None
    sha256 = fingerprint(images)
    return next((known for known in BENCHMARKS if known.sha256 == sha256), None)
