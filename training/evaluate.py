"""Recall of the shipped file on a Karpathy-style folder, through open_clip alone.

python training/evaluate.py --model searchengine/starter --data ../shared/data/flickr8k_dev
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import open_clip
import torch
from corpus import Photo, read_karpathy
from open_clip.model import CLIP
from PIL import Image
from recall import retrieval_recall
from torch.nn import functional
from torchvision.transforms import Compose


def chunks(rows: int, size: int = 64) -> Iterator[slice]:
    """Consecutive slices that cover `rows` rows."""
    return (slice(start, start + size) for start in range(0, rows, size))


def encode_photos(model: CLIP, preprocess: Compose, photos: list[Photo]) -> torch.Tensor:
    """Unit embeddings (N, D) of photos, decoded and preprocessed as a user of open_clip would."""
    rows = []
    for chunk in chunks(len(photos)):
        pixels = []
        for photo in photos[chunk]:
            with Image.open(photo.path) as image:
                pixels.append(preprocess(image.convert("RGB")))
        rows.append(functional.normalize(model.encode_image(torch.stack(pixels)), dim=1))
    return torch.cat(rows)


def encode_texts(model: CLIP, name: str, texts: list[str]) -> torch.Tensor:
    """Unit embeddings (T, D) of texts with the model's own tokenizer."""
    tokens = open_clip.get_tokenizer(name)(texts)
    rows = [model.encode_text(tokens[chunk]) for chunk in chunks(len(texts), 256)]
    return functional.normalize(torch.cat(rows), dim=1)


def speed(model: CLIP, name: str) -> tuple[float, float]:
    """(milliseconds for one query with tokenizing, images a second in batches of 32)."""
    tokenizer = open_clip.get_tokenizer(name)
    texts = ["a brown dog running on the beach"] * 50
    for text in texts[:5]:
        model.encode_text(tokenizer([text]))
    started = time.perf_counter()
    for text in texts:
        model.encode_text(tokenizer([text]))
    query = (time.perf_counter() - started) / len(texts) * 1000
    pixels = torch.zeros(32, 3, 224, 224)
    model.encode_image(pixels)
    started = time.perf_counter()
    for _ in range(3):
        model.encode_image(pixels)
    return query, 96 / (time.perf_counter() - started)


@torch.inference_mode()
def main() -> None:
    """Print text-to-image and image-to-text R@1/5/10, and the speed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True, help="folder of the shipped files")
    parser.add_argument("--data", type=Path, required=True, help="folder with dataset_*.json")
    parser.add_argument("--split", default="val")
    arguments = parser.parse_args()
    name = f"local-dir:{arguments.model.resolve()}"
    model, _, preprocess = open_clip.create_model_and_transforms(name, require_pretrained=True)
    model.eval()
    photos = read_karpathy(arguments.data, arguments.split)
    images = encode_photos(model, preprocess, photos)
    texts = encode_texts(model, name, [text for photo in photos for text in photo.captions])
    owners = [number for number, photo in enumerate(photos) for _ in photo.captions]
    forth, back = retrieval_recall(images, texts, torch.tensor(owners))
    print(f"{len(photos)} photos, {len(texts)} captions: {arguments.data.name} {arguments.split}")
    print(f"text to image R@1/5/10 {forth}")
    print(f"image to text R@1/5/10 {back}")
    query, images_a_second = speed(model, name)
    print(
        f"one query {query:.1f} ms, {images_a_second:.0f} images a second, "
        f"{torch.get_num_threads()} threads"
    )


if __name__ == "__main__":
    main()
