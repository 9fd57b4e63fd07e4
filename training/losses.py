"""The loss functions of all stages, on unit embeddings."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional


@dataclass(frozen=True)
class Targets:
    """What a batch of B photos and their T texts should say of each other."""

    of_photos: torch.Tensor  # (B, T), rows sum to one
    of_texts: torch.Tensor  # (T, B), rows sum to one


def soft_targets(
    sentences: torch.Tensor, owners: torch.Tensor, hard_share: float, temperature: float
) -> Targets:
    """Targets for texts with MiniLM rows `sentences` (T, 384); `owners` (T,) are their photos.

    `hard_share` goes to the true pairs, the rest is spread by how near a text is to what the
    photo's own texts say: softmax of the cosines over `temperature`. Captions of different photos
    are often true of both; plain InfoNCE would push such pairs apart.
    """
    mine = functional.one_hot(owners).float()  # (T, B)
    photos = functional.normalize(mine.T @ sentences, dim=1)
    near = sentences @ photos.T / temperature
    spread = 1 - hard_share
    return Targets(
        of_photos=hard_share * (mine / mine.sum(0)).T + spread * torch.softmax(near.T, 1),
        of_texts=hard_share * mine + spread * torch.softmax(near, 1),
    )


def contrastive(
    images: torch.Tensor, texts: torch.Tensor, targets: Targets, scale: torch.Tensor
) -> torch.Tensor:
    """Symmetric cross entropy of `scale * images @ texts.T` (B, T) against the targets."""
    logits = scale * images @ texts.T
    forth = -(targets.of_photos * torch.log_softmax(logits, 1)).sum(1).mean()
    back = -(targets.of_texts * torch.log_softmax(logits.T, 1)).sum(1).mean()
    return (forth + back) / 2


def class_agreement(
    images: torch.Tensor, names: torch.Tensor, classes: torch.Tensor, scale: float
) -> torch.Tensor:
    """Cross entropy between the trunk's own class probabilities and those of the class names.

    images (B, D), names (1000, D) unit rows, classes (B, 1000) probabilities.
    """
    logits = scale * images @ names.T
    return -(classes * torch.log_softmax(logits, 1)).sum(1).mean()


def cosine_distance(guess: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Mean of 1 - cosine over unit rows (B, D)."""
    return 1 - (guess * truth).sum(1).mean()


def neighbourhood(guess: torch.Tensor, truth: torch.Tensor, scale: float) -> torch.Tensor:
    """Cross entropy between the similarity distributions inside a batch of unit rows (B, D).

    Row i of both compares text i with the teacher's embedding of every text of the batch.
    """
    wanted = torch.softmax(scale * truth @ truth.T, 1)
    return -(wanted * functional.log_softmax(scale * guess @ truth.T, 1)).sum(1).mean()
