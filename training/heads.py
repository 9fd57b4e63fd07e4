"""The trainable parts of the teacher: one head for each frozen encoder."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional


class ImageHead(nn.Module):
    """Pooled trunk features (N, 1280) to embeddings (N, D): the head of open_clip's 'mlp' proj.

    Features are standardised first; `folded` moves that into the first layer, so that nothing is
    left which open_clip's TimmModel does not have.
    """

    def __init__(
        self, mean: torch.Tensor, deviation: torch.Tensor, dim: int, hidden: int, drop: float
    ) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)
        self.inputs = nn.Dropout(drop)
        self.fc1 = nn.Linear(len(mean), hidden)
        self.drop = nn.Dropout(drop)
        self.fc2 = nn.Linear(hidden, dim, bias=False)

    def forward(self, pooled: torch.Tensor) -> torch.Tensor:
        """Pooled features (N, 1280) to embeddings (N, D), not normalised."""
        x = self.inputs((pooled - self.mean) / self.deviation)
        return self.fc2(self.drop(functional.gelu(self.fc1(x))))

    def folded(self) -> dict[str, torch.Tensor]:
        """Weights under the names of `timm.layers.Mlp`, standardisation folded into `fc1`."""
        weight = self.fc1.weight / self.deviation
        bias = self.fc1.bias - weight @ self.mean
        return {"fc1.weight": weight, "fc1.bias": bias, "fc2.weight": self.fc2.weight}


class TextHead(nn.Module):
    """MiniLM embeddings (N, 384) to embeddings (N, D): a linear map and a gelu correction."""

    def __init__(self, dim: int, hidden: int, drop: float, width: int = 384) -> None:
        super().__init__()
        self.skip = nn.Linear(width, dim)
        self.fc1 = nn.Linear(width, hidden)
        self.drop = nn.Dropout(drop)
        self.fc2 = nn.Linear(hidden, dim, bias=False)

    def forward(self, sentences: torch.Tensor) -> torch.Tensor:
        """Unit MiniLM rows (N, 384) to embeddings (N, D), not normalised."""
        x = sentences * sentences.shape[-1] ** 0.5  # unit variance per coordinate
        return self.skip(x) + self.fc2(self.drop(functional.gelu(self.fc1(x))))
