"""open_clip's validation transform in two halves: pictures to bytes, and bytes to numbers.

The first half (resize, crop) runs in worker threads and gives small arrays that cross threads
cheaply; the second (scale, subtract, divide) is one operation on a whole batch, on the device.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from searchengine.errors import EncoderError, UnreadableImageError
from searchengine.types import Pixels

MAX_ASPECT = 400
"""Longer side over shorter side beyond which a picture is refused: resizing the shorter side of a
1 x 30,000 strip to 224 pixels would take 4 GB, and the model would see a speck of it."""


@dataclass(frozen=True)
class Preprocessing:
    """The two halves. Calling it is the first; `mean` and `std` are the numbers of the second."""

    steps: tuple[Callable[[Image.Image], Image.Image], ...]
    mean: tuple[float, float, float]
    """Per channel, in units of 0 to 1."""
    std: tuple[float, float, float]
    """Per channel, in units of 0 to 1."""

    def __call__(self, image: Image.Image) -> Pixels:
        """One picture to shape (h, w, 3), uint8.

        Raises UnreadableImageError for strips longer than `MAX_ASPECT` times their width.
        """
        if max(image.size) > MAX_ASPECT * min(image.size):
            width, height = image.size
            raise UnreadableImageError(f"{width} x {height} pixels is too thin a strip")
        if image.mode != "RGB":  # a palette would be resized without smoothing
            image = image.convert("RGB")
        for step in self.steps:
            image = step(image)
        return np.asarray(image, dtype=np.uint8)


def split_transform(transform: object) -> Preprocessing:
    """The halves of a torchvision `Compose`: PIL steps, then ToTensor, then Normalize.

    Raises EncoderError for any other structure, as a guess would make wrong vectors.
    """
    steps = list(getattr(transform, "transforms", []))
    if len(steps) < 2 or not _is_a(steps[-2], "ToTensor") or not _is_a(steps[-1], "Normalize"):
        raise EncoderError(
            f"the preprocessing of this encoder is not understood ({transform}); "
            "choose another encoder, see: clipseek models"
        )
    return Preprocessing(tuple(steps[:-2]), _three(steps[-1].mean), _three(steps[-1].std))


def _is_a(step: object, class_name: str) -> bool:
    return any(cls.__name__ == class_name for cls in type(step).__mro__)


def _three(values: Iterable[float]) -> tuple[float, float, float]:
    red, green, blue = (float(value) for value in values)
    return red, green, blue
