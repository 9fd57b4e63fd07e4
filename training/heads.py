"""The trainable parts on top of the published encoders."""

from __future__ import annotations

import torch
from settings import DIM, HeadSettings
from torch import nn
from torch.nn import functional


class ImageHead(nn.Module):
    """Pooled trunk features (N, 1280) to embeddings (N, D): the head of open_clip's 'mlp' proj.

    Features are standardised first; `folded` moves that into the first layer, so that nothing is
    left which open_clip's TimmModel does not have.
    """

    def __init__(self, pooled: torch.Tensor, settings: HeadSettings) -> None:
        super().__init__()
        self.register_buffer("mean", pooled.mean(0))
        self.register_buffer("deviation", pooled.std(0) + 0.05)
        self.inputs = nn.Dropout(settings.drop)
        self.fc1 = nn.Linear(pooled.shape[1], settings.hidden)
        self.drop = nn.Dropout(settings.drop)
        self.fc2 = nn.Linear(settings.hidden, DIM, bias=False)

    def forward(self, pooled: torch.Tensor) -> torch.Tensor:
        """Pooled features (N, 1280) to embeddings (N, D), not normalised."""
        x = self.inputs((pooled - self.mean) / self.deviation)
        return self.fc2(self.drop(functional.gelu(self.fc1(x))))

    def folded(self) -> dict[str, torch.Tensor]:
        """Weights under the names of `timm.layers.Mlp`, standardisation folded into `fc1`."""
        weight = self.fc1.weight / self.deviation
        bias = self.fc1.bias - weight @ self.mean
        return {"fc1.weight": weight, "fc1.bias": bias, "fc2.weight": self.fc2.weight}


class SentenceText(nn.Module):
    """The text side of the teacher: MiniLM rows through a linear map and a gelu correction."""

    def __init__(self, sentences: torch.Tensor, settings: HeadSettings) -> None:
        super().__init__()
        self.sentences = sentences  # (T, 384) unit rows; not a buffer, which averaging would copy
        width = sentences.shape[1]
        self.skip = nn.Linear(width, DIM)
        self.fc1 = nn.Linear(width, settings.text_hidden)
        self.drop = nn.Dropout(settings.drop)
        self.fc2 = nn.Linear(settings.text_hidden, DIM, bias=False)

    def embed(self, rows: torch.Tensor) -> torch.Tensor:
        """Unit embeddings (B, D) of the texts `rows` (B,)."""
        x = self.sentences[rows] * self.sentences.shape[1] ** 0.5  # unit variance per coordinate
        return functional.normalize(
            self.skip(x) + self.fc2(self.drop(functional.gelu(self.fc1(x))))
        )
