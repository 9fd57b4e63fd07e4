"""What four crops in each vector are worth: R@1 of captions, beside whole pictures alone.

    .venv/bin/python -m benchmarks.crops FILE --images DIR [--limit N]

Paired bootstrap intervals of the difference over images. Fails where the gain is less than 1.5
points, or its interval reaches 0.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from searchengine.datasets.dataset import read_dataset
from searchengine.datasets.images import find_images
from searchengine.embedding.crops import with_crops
from searchengine.encoders.interface import Encoder
from searchengine.encoders.loading import load_encoder
from searchengine.measures.resampling import paired_difference
from searchengine.types import Vectors

LEAST_GAIN = 1.5
"""Points of R@1."""

AT_A_TIME = 32


def main() -> None:
    """Measure, print, and fail where crops are worth less than was promised."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("captions", type=Path, help="a caption file, its images beside it")
    parser.add_argument("--images", type=Path, help="where they are instead")
    parser.add_argument("--model", default="starter")
    asked = parser.parse_args()
    images = read_dataset(asked.captions).images
    found = find_images(images, asked.images, asked.captions)
    present = [(file, image) for file, image in zip(found, images, strict=True) if file]
    texts = [text for _, image in present for text in image.captions[:5]]
    owners = np.repeat(np.arange(len(present)), [len(i.captions[:5]) for _, i in present])
    plain = load_encoder(asked.model, device="cpu", precision="float32")
    queries = plain.encode_texts(texts)
    hits, seconds = [], []
    for crops in (1, 4):
        started = time.perf_counter()
        rows = _encode(with_crops(plain, crops), [Path(file) for file, _ in present])
        seconds.append(time.perf_counter() - started)
        hits.append((queries @ rows.T).argmax(axis=1) == owners)
    before, after = (100 * found.mean() for found in hits)
    gain = paired_difference(100.0 * hits[0], 100.0 * hits[1], owners)
    print(
        f"{len(present):,} images, {len(texts):,} captions, {asked.model}: R@1 {before:.2f} whole, "
        f"{after:.2f} with 4 crops: {gain.mean:+.2f} [{gain.low:+.2f}, {gain.high:+.2f}] points; "
        f"{seconds[1] / seconds[0]:.2f} times the encoding"
    )
    if gain.mean < LEAST_GAIN or gain.low <= 0:
        sys.exit(1)


def _encode(encoder: Encoder, files: Sequence[Path]) -> Vectors:
    parts = [
        encoder.encode_images(
            [Image.open(file).convert("RGB") for file in files[start : start + AT_A_TIME]]
        )
        for start in range(0, len(files), AT_A_TIME)
    ]
    return np.concatenate(parts)


if __name__ == "__main__":
    main()
