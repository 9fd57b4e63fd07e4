"""The training photos as tensors: views of each, and which texts belong to it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from cache_images import logits_path


@dataclass(frozen=True)
class View:
    """One look at some or all of the photos."""

    maps: torch.Tensor  # (M, 14, 14, 120) float16, of the lower trunk; or (M, 1, 1, 1280) pooled
    logits: torch.Tensor  # (M, 1000) float16, of the published ImageNet classifier
    place: torch.Tensor  # (N,) the row of each photo in `maps`, -1 where this view lacks it


@dataclass(frozen=True)
class Photos:
    """N photos."""

    views: list[View]
    texts: list[torch.Tensor]  # the text rows of each photo: its captions, or phrases of its labels
    captioned: torch.Tensor  # (N,) bool: has people's own words

    def look(self, photos: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Maps (B, C, H, W) and class probabilities (B, 1000) of a random view of each."""
        views = [view for view in self.views if bool((view.place[photos] >= 0).all())]
        drawn = torch.randint(len(views), (len(photos),))
        maps = torch.empty(len(photos), *views[0].maps.shape[1:])
        logits = torch.empty(len(photos), views[0].logits.shape[1])
        for number, view in enumerate(views):
            chosen = drawn == number
            rows = view.place[photos[chosen]]
            maps[chosen] = view.maps[rows].float()
            logits[chosen] = view.logits[rows].float()
        return maps.permute(0, 3, 1, 2), torch.softmax(logits, 1)

    def pick(self, photos: torch.Tensor, count: int) -> torch.Tensor:
        """`count` random text rows of each photo (B, count), again and again where it has fewer."""
        picked = []
        for photo in photos.tolist():
            rows = self.texts[photo]
            times = -(-count // len(rows))
            order = torch.cat([torch.randperm(len(rows)) for _ in range(times)])
            picked.append(rows[order[:count]])
        return torch.stack(picked)

    def batches(self, rows: torch.Tensor, size: int, repeats: int) -> list[torch.Tensor]:
        """One epoch of the photos `rows`, in batches of one kind: with captions, or labels only.

        Photos with captions come `repeats` times. Mixed batches would fill a captioned photo's
        negatives with objects on white ground, which teach it nothing.
        """
        out: list[torch.Tensor] = []
        has_captions = self.captioned[rows]
        for kind, times in ((rows[has_captions], repeats), (rows[~has_captions], 1)):
            for _ in range(times):
                order = kind[torch.randperm(len(kind))]
                out += list(order.tensor_split(max(1, round(len(order) / size))))
        return [out[number] for number in torch.randperm(len(out)).tolist()]


def load_view(path: Path, place: torch.Tensor) -> View:
    """The view that `cache_images.cache_view` wrote, mapped from disk."""
    maps = torch.from_numpy(np.load(path, mmap_mode="c"))
    return View(maps, torch.from_numpy(np.load(logits_path(path))), place)
