"""Recall at K as image-text retrieval papers report it."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Recall:
    """Share of queries, in [0, 1], with at least one relevant answer in the first 1, 5 and 10."""

    r1: float
    r5: float
    r10: float

    def __str__(self) -> str:
        return f"{self.r1:.3f}/{self.r5:.3f}/{self.r10:.3f}"


def recall_of_ranks(ranks: torch.Tensor) -> Recall:
    """Summarise ranks (Q,), 0 for an answer in first place."""
    return Recall(*((ranks < k).float().mean().item() for k in (1, 5, 10)))


def retrieval_recall(
    images: torch.Tensor, texts: torch.Tensor, owners: torch.Tensor
) -> tuple[Recall, Recall]:
    """(text to image, image to text) for unit images (N, D), texts (T, D), `owners` (T,) in [0, N).

    A query's rank is the number of answers that score strictly higher than its best relevant one.
    """
    scores = texts @ images.T
    own = scores.gather(1, owners[:, None])
    text_ranks = (scores > own).sum(1)
    relevant = owners[None, :] == torch.arange(len(images))[:, None]
    best = scores.T.masked_fill(~relevant, -2.0).amax(1, keepdim=True)
    image_ranks = (best < scores.T).sum(1)
    return recall_of_ranks(text_ranks), recall_of_ranks(image_ranks)
