"""Folders of photos to measure on: generated, or many made of a few."""

from __future__ import annotations

from itertools import cycle, islice
from pathlib import Path

import numpy as np
from PIL import Image

SIZES = {"12 megapixels": (4000, 3000), "web size": (640, 480)}


def multiplied(photos: Path, folder: Path, count: int) -> Path:
    """`count` photos of the ones below `photos`.

    Past the last it begins anew, with bytes behind the picture's end that make the file another.
    """
    folder.mkdir()
    sources = sorted(path for path in photos.rglob("*") if path.is_file())
    for number, source in enumerate(islice(cycle(sources), count)):
        data = source.read_bytes() + (number // len(sources)).to_bytes(4, "big")
        (folder / f"{number:06}{source.suffix}").write_bytes(data)
    return folder


def empty_files(folder: Path, count: int) -> None:
    """So many files without a byte, in folders of 1,000."""
    for number in range(count):
        directory = folder / f"{number // 1000:04}"
        if number % 1000 == 0:
            directory.mkdir(parents=True)
        (directory / f"IMG_{number:06}.jpg").touch()


def generated(folder: Path, size: tuple[int, int], count: int) -> Path:
    """JPEGs of (width, height) with detail at every scale, as photos have (a 1/f spectrum)."""
    folder.mkdir()
    random = np.random.default_rng(1)
    width, height = size
    base = np.zeros((height, width, 3), dtype=np.float32)
    for scale in (4, 16, 64, 256):
        small = random.normal(size=(height // scale + 2, width // scale + 2, 3)) * scale**0.5
        for channel in range(3):
            layer = Image.fromarray(small[:, :, channel].astype(np.float32))
            base[:, :, channel] += np.asarray(layer.resize(size, Image.Resampling.BICUBIC))
    base = 128 + 48 * base / base.std() + random.normal(scale=4, size=base.shape)
    picture = np.clip(base, 0, 255).astype(np.uint8)
    for number in range(count):
        shifted = np.roll(picture, 37 * number, axis=1)
        Image.fromarray(shifted).save(folder / f"{number:06}.jpg", quality=88)
    return folder
