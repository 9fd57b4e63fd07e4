"""From caches on disk to the tensors that training reads."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from corpus import Photo
from open_clip import IMAGENET_CLASSNAMES
from teacher import Benchmark, Classes, Pairs
from torch import nn


def load_sentences(path: Path) -> tuple[list[str], torch.Tensor]:
    """Texts and unit MiniLM rows (T, 384) that `cache_embeddings` wrote."""
    texts = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    return texts, torch.from_numpy(np.load(path.with_suffix(".npy"))).float()


def load_pooled(path: Path) -> torch.Tensor:
    """Average-pooled features (N, 1280) float32 of a cache of feature maps."""
    maps = np.load(path, mmap_mode="r")
    return torch.cat(
        [
            torch.from_numpy(np.asarray(maps[start : start + 512], dtype=np.float32)).mean(1)
            for start in range(0, len(maps), 512)
        ]
    )


def make_pairs(
    photos: list[Photo], pooled: torch.Tensor, texts: list[str], sentences: torch.Tensor
) -> Pairs:
    """Training pairs."""
    row = {text: number for number, text in enumerate(texts)}
    rows = [torch.tensor([row[text] for text in photo.texts]) for photo in photos]
    captioned = torch.tensor([bool(photo.captions) for photo in photos])
    return Pairs(pooled, sentences, rows, captioned)


def make_benchmark(
    photos: list[Photo], pooled: torch.Tensor, texts: list[str], sentences: torch.Tensor
) -> Benchmark:
    """Held-out photos with their own captions (first five)."""
    row = {text: number for number, text in enumerate(texts)}
    picked = [row[text] for photo in photos for text in photo.captions[:5]]
    owners = [number for number, photo in enumerate(photos) for _ in photo.captions[:5]]
    return Benchmark(pooled, sentences[picked], torch.tensor(owners))


def class_prompts() -> list[str]:
    """One sentence for each ImageNet class, in the order of the trunk's classifier."""
    return [f"a photo of {article(name)} {name}" for name in IMAGENET_CLASSNAMES]


def article(name: str) -> str:
    """'an' before a vowel letter, else 'a'."""
    return "an" if name[0].lower() in "aeiou" else "a"


def make_classes(trunk: nn.Module, prompts: torch.Tensor) -> Classes:
    """The trunk's classifier beside the MiniLM rows of `class_prompts` (1000, 384)."""
    layer = trunk.get_submodule("classifier")
    weight, bias = layer.get_parameter("weight").detach(), layer.get_parameter("bias").detach()
    return Classes(weight, bias, prompts)
