"""CLIP's text tower in numpy: what a query needs of a model, without waiting for torch.

The transformer of Radford et al., 2021, "Learning Transferable Visual Models From Natural Language
Supervision", as open_clip computes it (`CLIP.encode_text` in open_clip/model.py, `TextTransformer`
and `ResidualAttentionBlock` in open_clip/transformer.py): token and position embeddings, blocks of
causal attention and a two-layer perceptron with layer norms before them, the last norm, and a
projection of the row at the END token. No token looks at later ones, so that nothing after END is
computed, and padding to the longest of a batch changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from searchengine.encoders.text.tensors import Tensor
from searchengine.float16 import widened

Rows = NDArray[np.float32]

TOKENS_AT_A_TIME = 2048
"""Of a batch with its padding: the perceptron of ViT-L/14 then takes 25 MB."""

EPSILON = 1e-5
"""Of the layer norms: torch's default."""


@dataclass(frozen=True, slots=True)
class TowerShape:
    """What a tower's weights do not say about it, and what they must fit."""

    context: int
    """Tokens of a text, at most."""
    vocabulary: int
    width: int
    heads: int
    layers: int
    hidden: int
    """Width of the perceptrons."""
    dim: int
    """Length of the vectors."""
    quick_gelu: bool
    """The activation: x sigmoid(1.702 x) where True, else the exact GELU."""

    def tensors(self) -> dict[str, tuple[int, ...]]:
        """The weights by open_clip's names, and their shapes."""
        w, h = self.width, self.hidden
        block = {
            "ln_1.weight": (w,), "ln_1.bias": (w,),
            "attn.in_proj_weight": (3 * w, w), "attn.in_proj_bias": (3 * w,),
            "attn.out_proj.weight": (w, w), "attn.out_proj.bias": (w,),
            "ln_2.weight": (w,), "ln_2.bias": (w,),
            "mlp.c_fc.weight": (h, w), "mlp.c_fc.bias": (h,),
            "mlp.c_proj.weight": (w, h), "mlp.c_proj.bias": (w,),
        }  # fmt: skip
        return {
            "token_embedding.weight": (self.vocabulary, w),
            "positional_embedding": (self.context, w),
            **{
                f"transformer.resblocks.{layer}.{name}": shape
                for layer in range(self.layers)
                for name, shape in block.items()
            },
            "ln_final.weight": (w,),
            "ln_final.bias": (w,),
            "text_projection": (w, self.dim),
        }  # fmt: skip


class TextTower:
    """A tower and its weights, which are kept as float32 once they were used."""

    def __init__(self, shape: TowerShape, weights: Mapping[str, Tensor]) -> None:
        """`weights` holds the tensors that `shape` names, of float32 or float16."""
        self.shape = shape
        self._stored = weights
        self._wide: dict[str, Rows] = {}

    def embed(self, texts: Sequence[Sequence[int]]) -> Rows:
        """Ids to rows of any length, shape (n, dim), float32.

        The row is that of the highest id, which is END, where it first stands.
        """
        cut = [ids[: ids.index(max(ids)) + 1] for ids in texts]
        out = np.empty((len(cut), self.shape.dim), dtype=np.float32)
        for batch in _batches([len(ids) for ids in cut]):
            out[batch] = self._embed_batch([cut[number] for number in batch])
        return out

    def _embed_batch(self, texts: Sequence[Sequence[int]]) -> Rows:
        """The same for texts that end with END."""
        longest = max(len(ids) for ids in texts)
        padded = np.array([[*ids, *[0] * (longest - len(ids))] for ids in texts])
        x = widened(self._stored["token_embedding.weight"][padded])
        x = x + self._weight("positional_embedding")[:longest]
        for layer in range(self.shape.layers):
            x = self._block(x, f"transformer.resblocks.{layer}.")
        x = x[np.arange(len(texts)), [len(ids) - 1 for ids in texts]]
        projected: Rows = self._norm(x, "ln_final") @ self._weight("text_projection")
        return projected

    def _block(self, x: Rows, name: str) -> Rows:
        """One residual block on (n, tokens, width)."""
        x = x + self._attention(self._norm(x, f"{name}ln_1"), f"{name}attn.")
        hidden = self._linear(self._norm(x, f"{name}ln_2"), f"{name}mlp.c_fc.weight")
        hidden = quick_gelu(hidden) if self.shape.quick_gelu else gelu(hidden)
        return x + self._linear(hidden, f"{name}mlp.c_proj.weight")

    def _attention(self, x: Rows, name: str) -> Rows:
        """Each token attends to itself and to those before it."""
        n, tokens, width = x.shape
        heads = self.shape.heads
        joined = self._linear(x, f"{name}in_proj_weight")
        apart = joined.reshape(n, tokens, 3, heads, width // heads).transpose(2, 0, 3, 1, 4)
        query, key, value = apart[0], apart[1], apart[2]
        scores = (query * np.float32((width // heads) ** -0.5)) @ key.swapaxes(-1, -2)
        scores[..., np.triu(np.ones((tokens, tokens), dtype=bool), 1)] = -np.inf
        mixed = softmax(scores) @ value
        return self._linear(
            mixed.transpose(0, 2, 1, 3).reshape(n, tokens, width), f"{name}out_proj.weight"
        )

    def _linear(self, x: Rows, weight: str) -> Rows:
        bias = weight.removesuffix("weight") + "bias"
        out: Rows = x.reshape(-1, x.shape[-1]) @ self._weight(weight).T
        out += self._weight(bias)
        return out.reshape(*x.shape[:-1], -1)

    def _norm(self, x: Rows, name: str) -> Rows:
        centred = x - x.mean(axis=-1, keepdims=True)
        variance = np.square(centred).mean(axis=-1, keepdims=True)
        scaled = centred / np.sqrt(variance + np.float32(EPSILON))
        out: Rows = scaled * self._weight(f"{name}.weight") + self._weight(f"{name}.bias")
        return out

    def _weight(self, name: str) -> Rows:
        if name not in self._wide:
            self._wide[name] = widened(self._stored[name])
        return self._wide[name]


def _batches(lengths: Sequence[int]) -> list[list[int]]:
    """Texts that go through together, by number: of like lengths, so that little is padding."""
    batches: list[list[int]] = []
    for number in sorted(range(len(lengths)), key=lengths.__getitem__):
        if not batches or (len(batches[-1]) + 1) * lengths[number] > TOKENS_AT_A_TIME:
            batches.append([])
        batches[-1].append(number)
    return batches


def softmax(scores: Rows) -> Rows:
    """Along the last axis."""
    weights: Rows = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    return weights


def quick_gelu(x: Rows) -> Rows:
    """OpenAI's approximation of GELU: x sigmoid(1.702 x)."""
    with np.errstate(over="ignore"):  # exp of a large number is infinite, its sigmoid 0: right
        sigmoid = 1 / (1 + np.exp(np.float32(-1.702) * x))
    out: Rows = x * sigmoid
    return out


def gelu(x: Rows) -> Rows:
    """GELU, which is x times the normal distribution function: torch's `nn.GELU()`.

    erf by formula 7.1.26 of Abramowitz and Stegun, 1964, "Handbook of Mathematical Functions",
    which is right to 1.5e-7, about the precision of float32.
    """
    z = np.abs(x) * np.float32(0.5**0.5)
    t = np.float32(1) / (np.float32(1) + np.float32(0.3275911) * z)
    series: Rows = np.full_like(t, 1.061405429)
    for term in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        series *= t
        series += term
    erf = 1 - series * t * np.exp(-z * z)
    halved: Rows = np.float32(0.5) * x * (1 + np.copysign(erf, x))
    return halved
