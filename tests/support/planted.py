"""Copies of photos as people and programs make them, and other shots of the same scene."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator

from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps


def saved(picture: Image.Image, quality: int = 85, kind: str = "JPEG") -> Image.Image:
    """The picture as it comes back from a file."""
    return Image.open(io.BytesIO(as_file(picture, quality, kind))).convert("RGB")


def as_file(picture: Image.Image, quality: int = 85, kind: str = "JPEG") -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, quality=quality)
    return file.getvalue()


def cropped(picture: Image.Image, most: float, chance: random.Random) -> Image.Image:
    """Up to `most` of the width and of the height cut away, part of it on either side."""
    width, height = picture.size
    left, top = chance.uniform(0, most), chance.uniform(0, most)
    right, bottom = most - left, most - top
    return picture.crop(
        (int(left * width), int(top * height), int(width - right * width),
         int(height - bottom * height))
    )  # fmt: skip


def copies(picture: Image.Image, chance: random.Random) -> Iterator[tuple[str, Image.Image, str]]:
    """Near-copies of a picture: a name, the picture to save, and the format to save it in."""
    width, height = picture.size

    def scaled(share: float) -> Image.Image:
        size = max(1, round(share * width)), max(1, round(share * height))
        return picture.resize(size, Image.Resampling.LANCZOS)

    yield "strong", saved(picture, 30), "PNG"
    yield "webp", picture, "WEBP"
    yield "half", scaled(0.5), "JPEG"
    yield "small", scaled(0.3), "JPEG"
    yield "large", scaled(1.5), "JPEG"
    yield "crop", cropped(picture, 0.05, chance), "JPEG"
    yield "closer", cropped(picture, 0.1, chance), "JPEG"
    yield "both", cropped(scaled(0.6), 0.08, chance), "WEBP"


def other_copies(
    picture: Image.Image, chance: random.Random
) -> Iterator[tuple[str, Image.Image, str]]:
    """Near-copies of kinds that no threshold was chosen on, as `copies`."""
    width, height = picture.size
    yield "twice", saved(saved(picture, 60).resize((width * 3 // 4, height * 3 // 4)), 50), "JPEG"
    side = int(chance.uniform(0.04, 0.07) * width)
    yield "side", picture.crop((side, 0, width, height)), "JPEG"
    yield "palette", picture.quantize(256).convert("RGB"), "PNG"


def toned(picture: Image.Image, chance: random.Random) -> Iterator[tuple[str, Image.Image, str]]:
    """Copies in other tones, as `copies`."""
    edits = {
        "brighter": ImageEnhance.Brightness(picture).enhance(chance.uniform(1.1, 1.3)),
        "darker": ImageEnhance.Brightness(picture).enhance(chance.uniform(0.7, 0.9)),
        "contrast": ImageEnhance.Contrast(picture).enhance(chance.uniform(1.15, 1.4)),
        "flat": ImageEnhance.Contrast(picture).enhance(chance.uniform(0.65, 0.85)),
        "vivid": ImageEnhance.Color(picture).enhance(chance.uniform(1.2, 1.6)),
        "pale": ImageEnhance.Color(picture).enhance(chance.uniform(0.4, 0.8)),
        "grey": ImageOps.grayscale(picture).convert("RGB"),
        "gamma": _curved(
            picture, chance.choice((chance.uniform(0.7, 0.85), chance.uniform(1.2, 1.4)))
        ),
        "sharpened": ImageEnhance.Sharpness(picture).enhance(chance.uniform(1.5, 2.5)),
    }
    for name, edited in edits.items():
        yield name, edited, "JPEG"
    lighter = ImageEnhance.Brightness(picture).enhance(chance.uniform(0.85, 1.15))
    yield "lightcrop", cropped(lighter, 0.08, chance), "JPEG"


def _curved(picture: Image.Image, gamma: float) -> Image.Image:
    return picture.point([round(255 * (value / 255) ** gamma) for value in range(256)] * 3)


def turned(picture: Image.Image, chance: random.Random) -> tuple[Image.Image, Image.Image]:
    """Two shots from the hand: by a degree or two and a few hundredths apart, nothing has moved.

    Each shows seven tenths of the scene a side, as `panned`.
    """
    width, height = picture.size
    degrees = chance.choice((-1, 1)) * chance.uniform(0.7, 2)
    across, down = (chance.choice((-1, 1)) * chance.uniform(0.02, 0.05) for _ in range(2))
    other = picture.rotate(degrees, Image.Resampling.BICUBIC)

    def window(shot: Image.Image, right: float, below: float) -> Image.Image:
        left, top = int(width * (0.15 + right)), int(height * (0.15 + below))
        return shot.crop((left, top, left + int(0.7 * width), top + int(0.7 * height)))

    return window(picture, 0, 0), window(other, across, down)


def moved(picture: Image.Image, chance: random.Random) -> Image.Image:
    """Another shot from a tripod: a part of the scene has moved by a tenth and turned."""
    width, height = picture.size
    part_width = int(width * chance.uniform(0.25, 0.4))
    part_height = int(height * chance.uniform(0.25, 0.4))
    left = int((width - part_width) * chance.uniform(0.2, 0.8))
    top = int((height - part_height) * chance.uniform(0.2, 0.8))
    part = picture.crop((left, top, left + part_width, top + part_height))
    mask = Image.new("L", part.size, 0)
    ImageDraw.Draw(mask).ellipse((2, 2, part_width - 2, part_height - 2), fill=255)
    after = picture.copy()
    step = int(width * chance.uniform(0.06, 0.1)) * chance.choice((-1, 1))
    after.paste(
        part.rotate(chance.uniform(-15, 15)),
        (left + step, top + int(height * chance.uniform(0, 0.05))),
        mask.filter(ImageFilter.GaussianBlur(3)),
    )
    return after


def panned(
    picture: Image.Image, chance: random.Random, share: float = 0.7
) -> tuple[Image.Image, Image.Image]:
    """Two shots of a scene: the camera has turned a little, and a part of it has moved.

    Each shows `share` of it a side: less than a light crop leaves.
    """
    width, height = picture.size
    window = int(share * width), int(share * height)
    room = width - window[0], height - window[1]
    left, top = chance.uniform(0, 0.5), chance.uniform(0, 1)
    shots = []
    for across in (left, left + chance.uniform(0.25, 0.5)):
        x, y = int(across * room[0]), int(top * room[1])
        shots.append(picture.crop((x, y, x + window[0], y + window[1])))
    return shots[0], moved(shots[1], chance)
