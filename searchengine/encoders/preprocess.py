"""open_clip's validation transform in two halves: pictures to bytes, and bytes to numbers.

The first half (resize, crop) runs in worker threads and gives small arrays that cross threads
cheaply; the second (scale, subtract, divide) is one operation on a whole batch, where the model
runs. The first is Pillow alone, with the sizes and places that torchvision computes, so that
pictures are read without torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from searchengine.errors import EncoderError, UnreadableImageError
from searchengine.types import Pixels

MAX_ASPECT = 400
"""Longer side over shorter side beyond which a picture is refused: resizing the shorter side of a
1 x 30,000 strip to 224 pixels would take 4 GB, and the model would see a speck of it."""

_RESIZE_MODES = ("shortest", "longest", "squash")

_FILTERS = {
    "bicubic": Image.Resampling.BICUBIC,
    "bilinear": Image.Resampling.BILINEAR,
    "random": Image.Resampling.BICUBIC,  # random in training alone
}


@dataclass(frozen=True)
class Preprocessing:
    """Calling it is the first half; `mean` and `std` are the numbers of the second."""

    size: tuple[int, int]
    """Height and width of the model's input, in pixels."""
    resize_mode: str
    """What fits into it: the "shortest" or "longest" side, or both in a "squash"."""
    interpolation: str
    fill_color: int
    """Beside a picture whose longest side fits, from 0 to 255."""
    mean: tuple[float, float, float]
    """Per channel, in units of 0 to 1."""
    std: tuple[float, float, float]
    """Per channel, in units of 0 to 1."""

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Preprocessing:
        """What an open_clip `preprocess_cfg`, or `asdict` of one of these, says.

        Raises EncoderError for another transform, as a guess would make wrong vectors.
        """
        try:
            size, mean, std = config["size"], config["mean"], config["std"]
            height, width = (size, size) if isinstance(size, int) else size
            made = cls(
                size=(int(height), int(width)),
                resize_mode=config["resize_mode"],
                interpolation=config["interpolation"],
                fill_color=int(config["fill_color"]),
                mean=(float(mean[0]), float(mean[1]), float(mean[2])),
                std=(float(std[0]), float(std[1]), float(std[2])),
            )
            known = made.resize_mode in _RESIZE_MODES and made.interpolation in _FILTERS
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise _not_understood(config) from error
        if not known or min(made.size) < 1:
            raise _not_understood(config)
        return made

    def __call__(self, image: Image.Image) -> Pixels:
        """One picture to shape (h, w, 3), uint8.

        Raises UnreadableImageError for strips longer than `MAX_ASPECT` times their width.
        """
        width, height = image.size
        if max(image.size) > MAX_ASPECT * min(image.size):
            raise UnreadableImageError(f"{width} x {height} pixels is too thin a strip")
        if image.mode != "RGB":  # a palette would be resized without smoothing
            image = image.convert("RGB")
        image = image.resize(self._resized(width, height), self._filter)
        return np.asarray(self._centred(image), dtype=np.uint8)

    @property
    def _filter(self) -> Image.Resampling:
        if self.resize_mode == "shortest" and self.size[0] != self.size[1]:
            return Image.Resampling.BICUBIC  # open_clip passes its interpolation on elsewhere only
        return _FILTERS[self.interpolation]

    def _resized(self, width: int, height: int) -> tuple[int, int]:
        """Width and height after resizing, rounded as each of open_clip's steps rounds."""
        target_height, target_width = self.size
        if self.resize_mode == "squash":
            return target_width, target_height
        if self.resize_mode == "shortest" and target_height == target_width:
            long = int(target_width * max(width, height) / min(width, height))
            return (target_width, long) if width <= height else (long, target_width)
        fit = max if self.resize_mode == "longest" else min
        ratio = fit(height / target_height, width / target_width)
        return round(width / ratio), round(height / ratio)

    def _centred(self, image: Image.Image) -> Image.Image:
        """The middle of the picture, on a ground of `fill_color` where it is smaller."""
        height, width = self.size
        more_x, more_y = max(width - image.width, 0), max(height - image.height, 0)
        if more_x or more_y:
            border = (more_x // 2, more_y // 2, (more_x + 1) // 2, (more_y + 1) // 2)
            image = ImageOps.expand(image, border, fill=(self.fill_color,) * 3)
        left, top = round((image.width - width) / 2), round((image.height - height) / 2)
        return image.crop((left, top, left + width, top + height))


def trial_pictures(preprocessing: Preprocessing, count: int) -> NDArray[np.uint8]:
    """Smooth random colours at the input size, (count, h, w, 3): nearer to photos than noise is."""
    random = np.random.default_rng(0)
    coarse = random.integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)
    enlarged = [Image.fromarray(small).resize((256, 256)) for small in coarse]
    return np.stack([preprocessing(picture) for picture in enlarged])


def _not_understood(config: object) -> EncoderError:
    return EncoderError(
        f"the preprocessing of this encoder is not understood ({config}); "
        "choose another encoder, see: clipseek models"
    )
