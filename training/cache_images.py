"""What the lower trunk makes of every photo in several views, once, as memory-mapped float16."""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from corpus import Photo
from PIL import Image, ImageEnhance
from torchvision.transforms import v2
from trunk import CHANNELS, GRID, SIDE, Lower, Upper, build_folded

log = logging.getLogger(__name__)

CLASSES = 1000
BATCH = 16  # fits the processor's cache: larger batches are slower
# Further looks at each photo, mild enough that its captions stay true.
CROP_SCALE = (0.5, 1.0)
CROP_RATIO = (0.75, 1.33)
BRIGHTNESS = (0.7, 1.3)


def load(path: Path, seed: int | None) -> torch.Tensor:
    """One photo (3, 224, 224), squashed, in [-1, 1]; with a seed mirrored, cropped and relit."""
    with Image.open(path) as opened:
        image = opened.convert("RGB")
    if seed is not None:
        image = vary(image, np.random.default_rng(seed))
    image = image.resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    return v2.functional.pil_to_tensor(image).float().div_(127.5).sub_(1.0)


def vary(image: Image.Image, generator: np.random.Generator) -> Image.Image:
    """The picture cropped, relit and every other time mirrored."""
    image = image.crop(draw_crop(image.size, generator))
    image = ImageEnhance.Brightness(image).enhance(generator.uniform(*BRIGHTNESS))
    if generator.random() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return image


def draw_crop(
    size: tuple[int, int], generator: np.random.Generator
) -> tuple[float, float, float, float]:
    """A random box (left, top, right, bottom) that covers CROP_SCALE of the picture."""
    area = generator.uniform(*CROP_SCALE)
    ratio = np.exp(generator.uniform(*np.log(CROP_RATIO)))
    width = min(1.0, float(np.sqrt(area * ratio))) * size[0]
    height = min(1.0, float(np.sqrt(area / ratio))) * size[1]
    left = generator.uniform(0, size[0] - width)
    top = generator.uniform(0, size[1] - height)
    return left, top, left + width, top + height


def cache_view(photos: list[Photo], out: Path, view: int) -> None:
    """Write maps (N, 14, 14, 120) to `out` and ImageNet logits (N, 1000) beside it, float16.

    View 0 is the photo as it is; every other number is another random variation.
    """
    if out.exists():
        return
    trunk = build_folded()
    lower, upper, classifier = Lower(trunk), Upper(trunk), trunk.get_submodule("classifier")
    partial = out.with_suffix(".partial.npy")
    shape = (len(photos), GRID, GRID, CHANNELS)
    table = np.lib.format.open_memmap(partial, mode="w+", dtype=np.float16, shape=shape)
    logits = np.empty((len(photos), CLASSES), dtype=np.float16)
    started = time.monotonic()
    with ThreadPoolExecutor(2) as pool, torch.inference_mode():
        for start in range(0, len(photos), BATCH):
            rows = range(start, min(start + BATCH, len(photos)))
            seeds = [None if view == 0 else view * 1_000_003 + row for row in rows]
            pixels = list(pool.map(load, [photos[row].path for row in rows], seeds))
            maps = lower(torch.stack(pixels).to(memory_format=torch.channels_last))
            table[rows.start : rows.stop] = maps.permute(0, 2, 3, 1).numpy()
            logits[rows.start : rows.stop] = classifier(upper(maps)).numpy()
            if start % (BATCH * 64) == 0:
                log.info("%s: %d of %d", out.name, start, len(photos))
    table.flush()
    np.save(logits_path(out), logits)
    partial.rename(out)
    log.info("%s: %d photos in %.0f s", out.name, len(photos), time.monotonic() - started)


def logits_path(maps: Path) -> Path:
    """Where the ImageNet logits of a file of maps are."""
    return maps.with_suffix(".logits.npy")
