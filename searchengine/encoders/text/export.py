"""Keeping an encoder's text tower beside a space's vectors, for searches to come.

The encoder is at hand here, loaded by torch, so that the tower is compared with it before it is
kept: what is not of the plain kind, or computes anything else, is left to torch.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from searchengine.encoders.interface import TextEncoder
from searchengine.encoders.names import STARTER_SIZES
from searchengine.encoders.openclip.encoder import ClipEncoder
from searchengine.encoders.pieces.slices import sliced
from searchengine.encoders.pieces.tokenizer import PieceTokenizer
from searchengine.encoders.text.encoder import (
    TOKENIZER_NOTE,
    TOWER_FILE,
    TOWER_FORMAT,
    UNUSABLE,
    LightTextEncoder,
    has_whole_tower,
    tokenizer_of,
)
from searchengine.encoders.text.tensors import (
    Tensor,
    checksum_of,
    with_row_checksums,
    write_tensors,
)
from searchengine.encoders.text.tower import TOKENS, TextTower, TowerShape
from searchengine.errors import EncoderError
from searchengine.files import replacing
from searchengine.types import SpaceInfo

LEAST_COSINE = 0.9999
"""Of the tower's vectors with the encoder's, for each of `PROBES`; below it nothing is kept."""

LEAST_COSINE_OF_HALVES = 0.99999
"""The same for weights in float16. They take half the disk and are read in half the time."""

PROBES = (
    "a photo of a dog",
    "Two children, 7 and 9 years old, building a sandcastle on the beach at sunset!",
    "",
    "ein Café in Zürich, 東京の夜景 🌃",
    "a very long text " * 40,
)
"""Short, long, empty, cut at the context, and in other alphabets."""


def keep_text_tower(encoder: TextEncoder, space: SpaceInfo, directory: Path) -> bool:
    """Bring the text tower of a loaded encoder into the space's `directory`; whether it is there.

    See `export_text_tower`. A directory that cannot be written is no error: the tower saves time,
    and nothing depends on it.
    """
    if space.encoder in STARTER_SIZES or has_whole_tower(space, directory):
        return True
    if isinstance(encoder, ClipEncoder):
        return export_text_tower(encoder, directory)
    tower: Path | None = getattr(encoder, "text_tower", None)  # of one that was exported before
    if tower is None:
        return False
    try:
        with replacing(directory / TOWER_FILE) as beside:
            shutil.copyfile(tower, beside)
    except OSError:
        return False
    return True


def export_text_tower(encoder: ClipEncoder, directory: Path) -> bool:
    """Write the text tower of an open_clip model into `directory`; whether it is there.

    Only of models whose weights are in float32, whose tower is of the plain kind and agrees with
    `encoder` on `PROBES`.
    """
    if encoder.precision != "float32":
        return False  # weights that were rounded are not those of a query in float32
    try:
        shape, weights = _read_tower(encoder)
        arrays, notes = tokenizer_tensors(encoder)
    except (AttributeError, *UNUSABLE):
        return False
    for dtype, least in ((np.float16, LEAST_COSINE_OF_HALVES), (np.float32, LEAST_COSINE)):
        with np.errstate(over="ignore"):  # to infinity, which disagrees
            tensors = {name: tensor.astype(dtype, copy=False) for name, tensor in weights.items()}
        stored = with_row_checksums(tensors) | arrays
        if _agreement(encoder, shape, stored, notes) >= least:
            return _write(directory, shape, stored, notes, encoder.fingerprint)
    return False


def tokenizer_tensors(encoder: ClipEncoder) -> tuple[dict[str, Tensor], dict[str, str]]:
    """What keeps the tokenizer of an encoder, and notes of it; nothing for CLIP's.

    Raises ValueError or AttributeError for a kind that cannot be kept.
    """
    tokenizer: Any = encoder.tokenizer
    pieces = getattr(tokenizer, "pieces", None)
    if not isinstance(pieces, PieceTokenizer):
        return {}, {}
    arrays, note = sliced(pieces)
    return arrays, {TOKENIZER_NOTE: note}


def tower_of(model: Any) -> tuple[Any, str | None]:  # noqa: ANN401 - a model of open_clip
    """The part of a model that texts go through, and whose token the vector is, where it says so.

    Of open_clip's CustomTextCLIP that is a module of its own; CLIP has the parts in itself.
    """
    if hasattr(model, "text"):
        return model.text, getattr(model.text, "pool_type", None)
    return model, getattr(model, "text_pool_type", None)


def _read_tower(encoder: ClipEncoder) -> tuple[TowerShape, dict[str, NDArray[np.float32]]]:
    """The shape and the weights. Raises AttributeError or ValueError for another kind of tower."""
    model: Any = encoder.model
    tower, pool = tower_of(model)
    if pool not in ("argmax", "last"):
        raise ValueError(f"the vector is of another token: {pool}")
    block = tower.transformer.resblocks[0]
    tensors = _text_tensors(model.state_dict(), tower is not model)
    shape = TowerShape(
        context=int(tower.context_length),
        vocabulary=int(tensors[TOKENS].shape[0]),
        width=int(tower.ln_final.weight.shape[0]),
        heads=int(block.attn.num_heads),
        layers=len(tower.transformer.resblocks),
        hidden=int(block.mlp.c_fc.weight.shape[0]),
        dim=encoder.dim,
        activation=_activation(block.mlp.gelu),
        causal=tower.attn_mask is not None,
        pools_last=pool == "last",
        projection_bias="text_projection.bias" in tensors,
        epsilon=float(tower.ln_final.eps),
    )
    if {name: tuple(tensor.shape) for name, tensor in tensors.items()} != shape.tensors():
        raise ValueError("other tensors than a plain tower has")
    return shape, {name: tensor.cpu().numpy() for name, tensor in tensors.items()}


def _activation(activation: Any) -> str:  # noqa: ANN401 - a torch module
    name = type(activation).__name__
    way = getattr(activation, "approximate", "none")
    known = {"GELU": {"none": "gelu", "tanh": "tanh_gelu"}, "QuickGELU": {"none": "quick_gelu"}}
    return known[name][way]


def _text_tensors(state: Mapping[str, Any], separate: bool) -> dict[str, Any]:
    """By the names of `TowerShape.tensors`."""
    if separate:
        state = {n.removeprefix("text."): t for n, t in state.items() if n.startswith("text.")}
    else:
        state = {n: t for n, t in state.items() if not n.startswith(("visual.", "logit_"))}
    if "text_projection.weight" in state:  # a linear layer, whose weights lie the other way round
        state["text_projection"] = state.pop("text_projection.weight").T
    return state


def _agreement(
    encoder: ClipEncoder, shape: TowerShape, tensors: Mapping[str, Tensor], notes: Mapping[str, str]
) -> float:
    """The least cosine over `PROBES` of a tower of these tensors with the encoder itself."""
    try:
        tokenizer = tokenizer_of(tensors, notes, shape.context)
        tower = TextTower(shape, tensors)
        light = LightTextEncoder(encoder.name, encoder.fingerprint, tower, tokenizer)
        rows = light.encode_texts(PROBES)
    except (EncoderError, OSError, IndexError):
        return -1.0
    return float((rows * encoder.encode_texts(PROBES)).sum(axis=1).min())


def _write(
    directory: Path,
    shape: TowerShape,
    tensors: Mapping[str, Tensor],
    notes: Mapping[str, str],
    mark: str,
) -> bool:
    """Whether the tower could be written. Two searches may do it at once."""
    notes = {
        "format": TOWER_FORMAT,
        "fingerprint": mark,
        "shape": json.dumps(asdict(shape)),
        "crc32": checksum_of(tensors),
        **notes,
    }
    try:
        with replacing(directory / TOWER_FILE) as beside:
            write_tensors(beside, tensors, notes)
    except OSError:
        return False
    return True
