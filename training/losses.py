"""The loss functions of both training stages, on unit embeddings."""

from __future__ import annotations

import torch
from torch.nn import functional


def soft_targets(sentences: torch.Tensor, hard_share: float, temperature: float) -> torch.Tensor:
    """Target distribution (B, B) of the contrastive loss, each row summing to one.

    `hard_share` goes to the pair itself, the rest is spread over captions that say much the same:
    softmax of the MiniLM cosines of `sentences` (B, 384) over `temperature`. Captions of different
    photos are often true of both; plain InfoNCE would push such pairs apart.
    """
    spread = torch.softmax(sentences @ sentences.T / temperature, dim=1)
    return spread * (1 - hard_share) + torch.eye(len(sentences)) * hard_share


def contrastive(
    images: torch.Tensor, texts: torch.Tensor, targets: torch.Tensor, scale: torch.Tensor
) -> torch.Tensor:
    """Symmetric cross entropy of `scale * images @ texts.T` (B, B) against `targets` (B, B)."""
    logits = scale * images @ texts.T
    forth = -(targets * torch.log_softmax(logits, 1)).sum(1).mean()
    back = -(targets * torch.log_softmax(logits.T, 1)).sum(1).mean()
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
