"""The text tower during training: open_clip's own modules behind a factored token embedding."""

from __future__ import annotations

import torch
from open_clip.model import CLIP
from open_clip.tokenizer import SimpleTokenizer
from torch import nn
from torch.nn import functional

CONTEXT = 32


def tokenize(texts: list[str]) -> list[torch.Tensor]:
    """Token ids of each text, start and end included, at most CONTEXT, without padding."""
    ids = SimpleTokenizer(context_length=CONTEXT)(texts)
    return [row[: int(row.argmax()) + 1] for row in ids]


class TextTower(nn.Module):
    """Token ids to embeddings, with token embedding = meanings @ basis + correction.

    Tokens that no training text holds still move with the basis and so keep their meaning;
    `fold` writes the sum back into the open_clip model.
    """

    def __init__(self, model: CLIP, meanings: torch.Tensor, used: torch.Tensor) -> None:
        super().__init__()
        width = model.token_embedding.embedding_dim
        self.register_buffer("meanings", meanings)
        compact = torch.zeros(len(meanings), dtype=torch.long)
        compact[used] = torch.arange(len(used))
        self.register_buffer("compact", compact)
        self.register_buffer("used", used)
        directions = torch.linalg.eigh(meanings.T @ meanings).eigenvectors[:, -width:]
        self.basis = nn.Parameter(directions * 0.25)
        self.correction = nn.Parameter(torch.zeros(len(used), width))
        self.model = model

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Ids (B, L), right-padded with zeros, to embeddings (B, D), not normalised.

        The causal mask keeps padding out of the end token's sight, so L may be any length that
        holds the longest text; open_clip itself always pads to CONTEXT.
        """
        length = ids.shape[1]
        x = self.meanings[ids] @ self.basis
        x = x + functional.embedding(self.compact[ids], self.correction)
        x = x + self.model.positional_embedding[:length]
        x = self.model.transformer(x, attn_mask=self.model.attn_mask[:length, :length])
        last = x[torch.arange(len(ids)), ids.argmax(1)]
        return self.model.ln_final(last) @ self.model.text_projection

    @torch.no_grad()
    def fold(self) -> None:
        """Write basis and correction into the model's token embedding (49408, width)."""
        table = self.meanings @ self.basis
        table[self.used] += self.correction
        self.model.token_embedding.weight.copy_(table)

    def trainable(self) -> list[nn.Parameter]:
        """Parameters that training moves; the table itself is derived."""
        rest = [
            parameter
            for name, parameter in self.model.named_parameters()
            if not name.startswith(("visual.", "token_embedding", "logit_scale"))
        ]
        return [self.basis, self.correction, *rest]
