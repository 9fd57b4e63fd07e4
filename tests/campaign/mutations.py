"""Damaged image files: whatever the bytes, a picture comes out or one line says why not.

    python -m tests.campaign.mutations --files 10000

Files of every format are damaged in several ways (bits flipped, bytes overwritten, cut off, pieces
moved, lengths changed) and decoded. Nothing but an ImageError may come out, soon and in bounded
memory, and its message is for people.
"""

from __future__ import annotations

import argparse
import io
import random
import re
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image

from searchengine.errors import ImageError
from searchengine.images.decode import read_image

SLOW_SECONDS = 15.0
"""Of the processor. A picture at the limit of 200 megapixels takes 8, whatever is wrong with it."""

PYTHON = re.compile(r"b'|b\"|0x[0-9a-f]{6,}|<\w+ object|Traceback")
"""What no message for people holds."""


def originals() -> dict[str, bytes]:
    """One small file of each format that can be written here, by a name with its suffix."""
    values = np.random.default_rng(1).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    picture = Image.fromarray(values).resize((64, 48), Image.Resampling.BILINEAR)
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x0132] = "Maker", "Model", "2020:01:02 03:04:05"
    palette = picture.quantize(16)
    gray = Image.fromarray(values[..., 0].astype(np.uint16) * 257)
    files: dict[str, bytes] = {}
    for name, form, image in (
        ("a.jpg", "JPEG", picture), ("a.png", "PNG", picture), ("p.png", "PNG", palette),
        ("a.webp", "WEBP", picture), ("a.gif", "GIF", palette), ("a.bmp", "BMP", picture),
        ("a.tif", "TIFF", picture), ("g.tif", "TIFF", gray), ("a.avif", "AVIF", picture),
        ("a.jp2", "JPEG2000", picture), ("a.ppm", "PPM", picture), ("a.tga", "TGA", picture),
    ):  # fmt: skip
        buffer = io.BytesIO()
        image.save(buffer, form, exif=exif.tobytes())
        files[name] = buffer.getvalue()
    import pillow_heif

    buffer = io.BytesIO()
    pillow_heif.from_pillow(picture).save(buffer, quality=50, exif=exif.tobytes())
    files["a.heic"] = buffer.getvalue()
    return files


def _flip(data: bytearray, chance: random.Random) -> bytearray:
    for _ in range(chance.choice((1, 1, 5, 30))):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return data


def _flip_head(data: bytearray, chance: random.Random) -> bytearray:
    for _ in range(chance.choice((1, 3))):
        data[chance.randrange(min(len(data), 200))] = chance.randrange(256)
    return data


def _cut(data: bytearray, chance: random.Random) -> bytearray:
    return data[: chance.randrange(len(data))]


def _overwrite(data: bytearray, chance: random.Random) -> bytearray:
    start = chance.randrange(len(data))
    length = min(len(data) - start, chance.choice((4, 16, 256)))
    data[start : start + length] = chance.choice((bytes(length), chance.randbytes(length)))
    return data


def _move(data: bytearray, chance: random.Random) -> bytearray:
    start, end = sorted(chance.randrange(len(data)) for _ in range(2))
    piece = data[start:end]
    del data[start:end]
    data[(at := chance.randrange(len(data) + 1)) : at] = piece
    return data


def _number(data: bytearray, chance: random.Random) -> bytearray:
    """A length or a size with an extreme value."""
    at = chance.randrange(max(1, len(data) - 4))
    data[at : at + 4] = chance.choice((b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\0"))
    return data


DAMAGES: tuple[Callable[[bytearray, random.Random], bytearray], ...] = (
    _flip, _flip_head, _cut, _overwrite, _move, _number,
)  # fmt: skip


def mutations(count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Names and damaged bytes, formats and damages in turns."""
    chance, files = random.Random(seed), list(originals().items())
    for number in range(count):
        name, data = files[number % len(files)]
        damage = DAMAGES[number // len(files) % len(DAMAGES)]
        yield name, bytes(damage(bytearray(data), chance))


def run(count: int, seed: int) -> tuple[Counter[str], list[str]]:
    """How the files ended, and what was wrong, in words."""
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    for number, (name, data) in enumerate(mutations(count, seed)):
        began = time.process_time()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                read_image(data, name=name, input_size=32)
            counts["decoded"] += 1
        except ImageError as error:
            counts["refused in one line"] += 1
            if PYTHON.search(str(error)) or "\n" in str(error):
                wrong.append(f"{number} ({name}): {str(error)!r} is not for people")
        except BaseException as error:
            wrong.append(f"{number} ({name}): {type(error).__name__}: {error}")
        if time.process_time() - began > SLOW_SECONDS:
            wrong.append(f"{number} ({name}): took {time.process_time() - began:.1f} s")
    return counts, wrong


def main() -> None:
    """Run the campaign; exit status 1 where anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    counts, wrong = run(arguments.files, arguments.seed)
    print(*wrong, sep="\n")
    for what, number in sorted(counts.items()):
        print(f"{number:6} {what}")
    print(f"{len(wrong):6} wrong")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
