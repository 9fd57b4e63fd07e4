"""How well text in pictures is read, and how long it takes: screenshots, receipts and signs.

    python -m benchmarks.ocr

Each is drawn with lines of words from the shipped list; signs are turned by some degrees, on colour
and with noise. Character accuracy is 1 - edit distance / length of the text, 0 at least; Tesseract,
where the system has it, reads the same pictures. Fails under `LEAST`.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from rapidfuzz.distance import Levenshtein

from searchengine.readers.ocr import OcrReader
from searchengine.texts.lexicon import in_captions

LEAST = 0.9
EACH = 6
KINDS = ("screenshot", "receipt", "sign")


def main() -> None:
    """Measure, print, and fail where it is less than was promised."""
    chance = random.Random(0)
    drawn = {
        kind: [draw(kind, chance) for _ in range(EACH)]
        for kind in ("screenshot", "receipt", "sign")
    }
    reader = OcrReader()
    reader.read(drawn["sign"][0][0])
    engines: dict[str, Callable[[Image.Image], str]] = {
        "RapidOCR": lambda picture: " ".join(reader.read(picture))
    }
    if shutil.which("tesseract"):
        engines["Tesseract"] = by_tesseract
    worst = 1.0
    for name, read in engines.items():
        for kind, pictures in drawn.items():
            started = time.perf_counter()
            right = [accuracy(text, read(picture)) for picture, text in pictures]
            seconds = (time.perf_counter() - started) / len(pictures)
            share = 100 * np.mean(right)
            print(f"{name:<10} {kind:<11} {share:5.1f} % of characters, {seconds:.2f} s")
            if name == "RapidOCR":
                worst = min(worst, float(np.mean(right)))
    if worst < LEAST:
        raise SystemExit("less than was promised")


def draw(kind: str, chance: random.Random) -> tuple[Image.Image, str]:
    """A picture and its text."""
    words = [word for word in in_captions() if len(word) > 3]
    lines = {"screenshot": 12, "receipt": 10, "sign": 2}[kind]
    each = {"screenshot": 7, "receipt": 3, "sign": 2}[kind]
    said = [" ".join(chance.sample(words, each)) for _ in range(lines)]
    if kind == "receipt":
        said = [f"{line} {chance.randrange(100)}.{chance.randrange(10, 99)}" for line in said]
    size, spot = {
        "screenshot": (18, (1100, 480)),
        "receipt": (20, (460, 420)),
        "sign": (44, (800, 300)),
    }[kind]
    paper = {"screenshot": "white", "receipt": "linen", "sign": "navy"}[kind]
    picture = Image.new("RGB", spot, paper)
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(size=size)
    for number, line in enumerate(said):
        place = (20, 20 + int(number * (spot[1] - 40) / lines))
        pen.text(place, line, font=font, fill="white" if kind == "sign" else "black")
    if kind == "sign":
        picture = picture.rotate(chance.uniform(-6, 6), expand=True, fillcolor=(90, 120, 80))
        noise = np.random.default_rng(0).normal(0, 12, (picture.height, picture.width, 3))
        picture = Image.fromarray((np.asarray(picture) + noise).clip(0, 255).astype(np.uint8))
    return picture, " ".join(said)


def accuracy(text: str, read: str) -> float:
    """In [0, 1], without regard to case and spaces."""
    one, other = ("".join(each.lower().split()) for each in (text, read))
    return max(0.0, 1 - Levenshtein.distance(one, other) / len(one))


def by_tesseract(picture: Image.Image) -> str:
    """What the system's Tesseract reads."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "picture.png"
        picture.save(path)
        done = subprocess.run(
            ["tesseract", str(path), "-"], capture_output=True, text=True, check=False
        )
    return done.stdout


if __name__ == "__main__":
    main()
