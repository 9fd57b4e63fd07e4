"""Hold a model folder against the targets of the starter encoder.

    python training/evaluate.py --model searchengine/encoders/starter --data ../shared/data

Recall, labels and probes are measured through open_clip alone, in float32, as any user of the
folder would; speed is that of the program, on this machine. Exits with 1 where a target is missed.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import open_clip
import torch
from assemble import class_of, class_prompts
from corpus import Photo, read_karpathy, read_pack
from open_clip import IMAGENET_CLASSNAMES
from PIL import Image, ImageOps
from recall import Recall, retrieval_recall
from torch.nn import functional

from searchengine import load_encoder

ROOT = Path(__file__).parents[1]
PROBES = ROOT / "tests" / "data" / "probes.csv"
PROBE_PHOTOS = ROOT / "sample_data" / "photos"
LABELLED = "nips2017_imagenet"

TARGETS = {
    "text to image R@1": 0.24,
    "text to image R@5": 0.53,
    "text to image R@10": 0.66,
    "image to text R@1": 0.30,
    "image to text R@5": 0.59,
    "image to text R@10": 0.72,
    "ImageNet names, first right": 0.50,
    "probes right": 0.85,
    "images a second": 60.0,
}
AT_MOST = {"milliseconds a text": 5.0, "megabytes": 50.0}


def chunks(rows: int, size: int = 64) -> Iterator[slice]:
    """Consecutive slices that cover `rows` rows."""
    return (slice(start, start + size) for start in range(0, rows, size))


class Measured:
    """A model folder through open_clip."""

    def __init__(self, folder: Path) -> None:
        name = f"local-dir:{folder.resolve()}"
        self.model, _, self.preprocess = open_clip.create_model_and_transforms(
            name, require_pretrained=True, weights_only=True
        )
        self.model.eval()
        self.tokenizer = open_clip.get_tokenizer(name)

    def images(self, paths: list[Path]) -> torch.Tensor:
        """Unit embeddings (N, D) of photos."""
        rows = []
        for chunk in chunks(len(paths)):
            pixels = []
            for path in paths[chunk]:
                with Image.open(path) as image:
                    pixels.append(self.preprocess(ImageOps.exif_transpose(image).convert("RGB")))
            rows.append(functional.normalize(self.model.encode_image(torch.stack(pixels)), dim=1))
        return torch.cat(rows)

    def texts(self, texts: list[str]) -> torch.Tensor:
        """Unit embeddings (T, D) of texts."""
        tokens = self.tokenizer(texts)
        rows = [self.model.encode_text(tokens[chunk]) for chunk in chunks(len(texts), 256)]
        return functional.normalize(torch.cat(rows), dim=1)


def recall(model: Measured, photos: list[Photo]) -> dict[str, float]:
    """R@1/5/10 both ways."""
    owners = [number for number, photo in enumerate(photos) for _ in photo.captions]
    captions = [caption for photo in photos for caption in photo.captions]
    images = model.images([photo.path for photo in photos])
    forth, back = retrieval_recall(images, model.texts(captions), torch.tensor(owners))
    return {**_named("text to image", forth), **_named("image to text", back)}


def _named(direction: str, value: Recall) -> dict[str, float]:
    return {f"{direction} R@{k}": r for k, r in ((1, value.r1), (5, value.r5), (10, value.r10))}


def labels(model: Measured, photos: list[Photo]) -> dict[str, float]:
    """How often the right one of ImageNet's 1,000 names is the first, on photos held out."""
    named = [photo for photo in photos if photo.source == LABELLED and class_of(photo)]
    wanted = torch.tensor([IMAGENET_CLASSNAMES.index(class_of(photo)) for photo in named])
    scores = model.images([photo.path for photo in named]) @ model.texts(class_prompts()).T
    right = (scores.argmax(1) == wanted).float().mean().item()
    return {"ImageNet names, first right": right}


def probes(model: Measured) -> dict[str, float]:
    """How often a text is nearer to the right one of two sample photos."""
    with PROBES.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    names = sorted({row[side] for row in rows for side in ("right", "wrong")})
    place = {name: number for number, name in enumerate(names)}
    scores = (
        model.texts([row["text"] for row in rows])
        @ model.images([PROBE_PHOTOS / name for name in names]).T
    )
    found = [
        bool(scores[number, place[row["right"]]] > scores[number, place[row["wrong"]]])
        for number, row in enumerate(rows)
    ]
    for row, right in zip(rows, found, strict=True):
        if not right:
            print(f"probe missed ({row['kind']}): {row['text']}: {row['wrong']}")
    return {"probes right": float(np.mean(found))}


def speed() -> dict[str, float]:
    """Of the program with the encoder it ships, at the precision it chooses on this machine."""
    encoder = load_encoder("starter", device="cpu")
    random = np.random.default_rng(0)
    pixels = list(random.integers(0, 256, (32, 224, 224, 3), dtype=np.uint8))
    print(f"speed: {encoder.precision}, {torch.get_num_threads()} threads, batches of 32")
    text = ["a brown dog running on the beach"]
    return {
        "images a second": 32 / _seconds(lambda: encoder.encode_pixels(pixels), 7),
        "milliseconds a text": 1000 * _seconds(lambda: encoder.encode_texts(text), 50),
    }


def _seconds(work: Callable[[], object], times: int) -> float:
    """The median of several runs, after one that does not count."""
    work()
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return float(np.median(taken))


def main() -> None:
    """Print every figure beside its target."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True, help="folder of the shipped files")
    parser.add_argument("--data", type=Path, required=True, help="holds flickr8k_dev/ and pack/")
    arguments = parser.parse_args()
    with torch.inference_mode():
        model = Measured(arguments.model)
        quality = {
            **recall(model, read_karpathy(arguments.data / "flickr8k_dev")),
            **labels(model, read_pack(arguments.data / "pack")),
            **probes(model),
        }
    figures = {
        **quality,
        **speed(),
        "megabytes": sum(p.stat().st_size for p in arguments.model.glob("*.safetensors")) / 1e6,
    }
    missed = 0
    for name, value in figures.items():
        most = name in AT_MOST
        target = AT_MOST[name] if most else TARGETS[name]
        good = value <= target if most else value >= target
        missed += not good
        verdict = "" if good else "MISSED"
        print(f"{name:30} {value:8.3f}  {'<=' if most else '>='} {target:g}  {verdict}".rstrip())
    sys.exit(min(missed, 1))


if __name__ == "__main__":
    main()
