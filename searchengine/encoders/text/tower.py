"""The text towers of CLIP and SigLIP in numpy: what a query needs of a model, without torch.

The transformer of Radford et al., 2021, "Learning Transferable Visual Models From Natural Language
Supervision", as open_clip computes it (`CLIP.encode_text` in open_clip/model.py, `TextTransformer`
and `ResidualAttentionBlock` in open_clip/transformer.py): token and position embeddings, blocks of
attention and a two-layer perceptron with layer norms before them, the last norm, and a projection
of one row. In CLIP that is the row of the END token, and no token looks at later ones, so that
nothing after END is computed, and padding to the longest of a batch changes nothing. In SigLIP
(Zhai et al., 2023) every token looks at all of the padded text, and the row is the last.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from searchengine.encoders.text.tensors import Tensor, looked_up
from searchengine.float16 import widened

Rows = NDArray[np.float32]

TOKENS = "token_embedding.weight"
"""The table of the vocabulary, by open_clip's name."""

TOKENS_AT_A_TIME = 2048
"""Of a batch with its padding: the perceptron of ViT-L/14 then takes 25 MB."""


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
    activation: str
    """A key of `ACTIVATIONS`."""
    causal: bool = True
    """Whether no token looks at later ones."""
    pools_last: bool = False
    """Whether the vector is that of the last token of the padded text, or of the highest id."""
    projection_bias: bool = False
    epsilon: float = 1e-5
    """Of the layer norms; torch's default."""

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
            TOKENS: (self.vocabulary, w),
            "positional_embedding": (self.context, w),
            **{
                f"transformer.resblocks.{layer}.{name}": shape
                for layer in range(self.layers)
                for name, shape in block.items()
            },
            "ln_final.weight": (w,),
            "ln_final.bias": (w,),
            "text_projection": (w, self.dim),
            **({"text_projection.bias": (self.dim,)} if self.projection_bias else {}),
        }  # fmt: skip


class TextTower:
    """A tower and its weights, which are kept as float32 from the second batch on.

    A cold query is one batch, and takes half of the memory so.
    """

    def __init__(self, shape: TowerShape, weights: Mapping[str, Tensor]) -> None:
        """`weights` holds the tensors that `shape` names, of float32 or float16."""
        self.shape = shape
        self.weights = weights
        self._wide: dict[str, Rows] = {}
        self._keeps = False

    def embed(self, texts: Sequence[Sequence[int]]) -> Rows:
        """Ids to rows of any length, shape (n, dim), float32.

        Of a tower that pools the highest id, which is END, the row is where it first stands. Texts
        of one that is not causal are filled up with zeros to its context.
        """
        texts = [self._looked_at(ids) for ids in texts]
        out = np.empty((len(texts), self.shape.dim), dtype=np.float32)
        for batch in _batches([len(ids) for ids in texts]):
            out[batch] = self._embed_batch([texts[number] for number in batch])
            self._keeps = True
        return out

    def _looked_at(self, ids: Sequence[int]) -> Sequence[int]:
        """The ids that make a difference."""
        if self.shape.causal and not self.shape.pools_last:
            return ids[: ids.index(max(ids)) + 1]
        return [*ids, *[0] * (self.shape.context - len(ids))]

    def _embed_batch(self, texts: Sequence[Sequence[int]]) -> Rows:
        longest = max(len(ids) for ids in texts)
        padded = np.array([[*ids, *[0] * (longest - len(ids))] for ids in texts])
        x = widened(looked_up(self.weights, TOKENS, padded))
        x = x + self._weight("positional_embedding")[:longest]
        for layer in range(self.shape.layers):
            x = self._block(x, f"transformer.resblocks.{layer}.")
        x = x[np.arange(len(texts)), -1 if self.shape.pools_last else padded.argmax(axis=1)]
        projected: Rows = self._norm(x, "ln_final") @ self._weight("text_projection")
        if self.shape.projection_bias:
            projected += self._weight("text_projection.bias")
        return projected

    def _block(self, x: Rows, name: str) -> Rows:
        """One residual block on (n, tokens, width)."""
        x = x + self._attention(self._norm(x, f"{name}ln_1"), f"{name}attn.")
        hidden = self._linear(self._norm(x, f"{name}ln_2"), f"{name}mlp.c_fc.weight")
        hidden = ACTIVATIONS[self.shape.activation](hidden)
        return x + self._linear(hidden, f"{name}mlp.c_proj.weight")

    def _attention(self, x: Rows, name: str) -> Rows:
        n, tokens, width = x.shape
        heads = self.shape.heads
        joined = self._linear(x, f"{name}in_proj_weight")
        apart = joined.reshape(n, tokens, 3, heads, width // heads).transpose(2, 0, 3, 1, 4)
        query, key, value = apart[0], apart[1], apart[2]
        scores = (query * np.float32((width // heads) ** -0.5)) @ key.swapaxes(-1, -2)
        if self.shape.causal:
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
        scaled = centred / np.sqrt(variance + np.float32(self.shape.epsilon))
        out: Rows = scaled * self._weight(f"{name}.weight") + self._weight(f"{name}.bias")
        return out

    def _weight(self, name: str) -> Rows:
        found = self._wide.get(name)
        if found is None:
            found = widened(self.weights[name])
            if self._keeps:
                self._wide[name] = found
        return found


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


def tanh_gelu(x: Rows) -> Rows:
    """GELU by tanh: torch's `nn.GELU(approximate="tanh")`."""
    inner = np.float32((2 / np.pi) ** 0.5) * (x + np.float32(0.044715) * x * x * x)
    out: Rows = np.float32(0.5) * x * (1 + np.tanh(inner))
    return out


ACTIVATIONS = {"gelu": gelu, "quick_gelu": quick_gelu, "tanh_gelu": tanh_gelu}
