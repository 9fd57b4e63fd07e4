"""Encoding texts without the rest of the model: what a cold search loads instead of torch.

The starter's text tower is read from the weights that ship with it. Of another encoder the tower is
in the space's directory once torch has loaded the encoder for that space (`export.py`). Where
neither is to be had, the whole encoder serves.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from searchengine.encoders import hub
from searchengine.encoders.fingerprint import fingerprint_of, stride
from searchengine.encoders.names import STARTER_DIR, STARTER_SIZES
from searchengine.encoders.text.tensors import (
    MALFORMED,
    ROW_CHECKSUMS,
    DamagedTensorsError,
    Tensor,
    TensorFile,
    UnreadableTensorsError,
    row_checksums,
)
from searchengine.encoders.text.tokenizer import VOCABULARY, ClipTokenizer, Tokenizer
from searchengine.encoders.text.tower import ACTIVATIONS, TOKENS, TextTower, TowerShape
from searchengine.errors import EncoderError
from searchengine.types import SpaceInfo, Vectors

TOWER_FILE = "text_tower.safetensors"
"""In a space's directory: derived and deletable, like the index."""

TOKENIZER_NOTE = "tokenizer"
"""In the notes of that file, where its tokenizer is not CLIP's."""

TOWER_FORMAT = "1"
"""Of that file and its notes. A file of another format is as none, and written anew."""

UNUSABLE = (OSError, UnreadableTensorsError, *MALFORMED)
"""What reading files of another kind than expected raises; the whole encoder then serves."""


MOST = 2**20
"""Of the counts of a tower's shape; those of the largest are a tenth of it."""

log = logging.getLogger("clipseek")


@dataclass(frozen=True, eq=False)
class LightTextEncoder:
    """A text tower alone, as a `TextEncoder`; on the CPU, in float32."""

    name: str
    fingerprint: str
    tower: TextTower = field(repr=False)
    tokenizer: Tokenizer = field(repr=False)

    @property
    def dim(self) -> int:
        """Length d of the vectors."""
        return self.tower.shape.dim

    def tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of texts, cut at the context."""
        return self.tokenizer.rows(texts)

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Texts to unit rows, shape (n, d), float32. Texts beyond the context are cut.

        Raises EncoderError where the weights give vectors without a direction, or what is looked
        up of them is damaged.
        """
        try:
            rows = self.tower.embed(self.tokenizer.rows(texts))
        except DamagedTensorsError as error:
            raise EncoderError(
                f"{TOWER_FILE} of {self.name}: {error}; mend it with: clipseek check --repair"
            ) from error
        with np.errstate(divide="ignore", invalid="ignore"):
            unit: Vectors = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        if not np.isfinite(unit).all():
            raise EncoderError(f"{self.name} gives vectors that are zero or not finite")
        return unit


def load_for_texts(space: SpaceInfo, directory: Path) -> LightTextEncoder | None:
    """The text tower for a space whose files are in `directory`; None where there is none.

    Imports neither torch nor open_clip. The starter comes with the fingerprint of the weights that
    are installed; a tower of another encoder is that which made the space's vectors, or none.
    """
    try:
        if space.encoder in STARTER_SIZES:
            return _of_starter(space.encoder)
        return _of_space(space, directory)
    except DamagedTensorsError as error:
        log.warning("%s; the whole encoder is loaded in its place", error)
        return None
    except UNUSABLE:
        return None


def has_whole_tower(space: SpaceInfo, directory: Path) -> bool:
    """Whether a tower of the space is in `directory`, with a checksum that its values have."""
    try:
        file = TensorFile(directory / TOWER_FILE)
        return "crc32" in file.notes and _of_space(space, directory) is not None
    except UNUSABLE:
        return False


def fault_of_tower(space: SpaceInfo, directory: Path) -> str | None:
    """What is wrong with the text tower in `directory`; None where it is sound or there is none.

    Reads all of it.
    """
    try:
        found = _of_space(space, directory)
        table = {} if found is None else found.tower.weights
        if TOKENS + ROW_CHECKSUMS in table:
            sums = row_checksums(table[TOKENS])
            if (sums != table[TOKENS + ROW_CHECKSUMS]).any():
                return f"{TOWER_FILE} of space {space.name} is not as it was written"
    except FileNotFoundError:
        return None
    except DamagedTensorsError as error:
        return str(error)
    except UNUSABLE:
        return f"{TOWER_FILE} cannot be read"
    return None if found is not None else f"{TOWER_FILE} is of other weights than the space"


def _of_starter(name: str) -> LightTextEncoder | None:
    config = json.loads((STARTER_DIR / hub.CONFIG_FILE).read_text(encoding="utf-8"))["model_cfg"]
    shape = shape_of(config)
    if shape is None:
        return None
    file = TensorFile(STARTER_DIR / hub.WEIGHTS_FILES[0])
    _require_tensors(file, shape)
    return _made(name, starter_fingerprint(file), shape, file)


def starter_fingerprint(file: TensorFile) -> str:
    """That of the weights which are installed."""
    return fingerprint_of(
        (name, tensor.shape, tensor.reshape(-1)[:: stride(tensor.size)])
        for name, tensor in file.items()
    )


def shape_of(config: dict[str, Any]) -> TowerShape | None:
    """The tower of an open_clip `model_cfg`; None for one that is not of the plain kind."""
    text = dict(config["text_cfg"])
    plain = {name: text.pop(name) for name in ("context_length", "width", "heads", "layers")}
    if text != {"vocab_size": VOCABULARY} or config.get("custom_text"):
        return None  # another tokenizer, pooling, activation or kind of block
    return TowerShape(
        context=plain["context_length"],
        vocabulary=VOCABULARY,
        width=plain["width"],
        heads=plain["heads"],
        layers=plain["layers"],
        hidden=4 * plain["width"],
        dim=config["embed_dim"],
        activation="quick_gelu" if config.get("quick_gelu", False) else "gelu",
    )


def _of_space(space: SpaceInfo, directory: Path) -> LightTextEncoder | None:
    file = TensorFile(directory / TOWER_FILE)
    shape = _shape_in(file)
    _require_tensors(file, shape)
    if (file.notes["format"], file.notes["fingerprint"]) != (TOWER_FORMAT, space.fingerprint):
        return None
    if "crc32" in file.notes and file.notes["crc32"] != file.checksum:
        raise DamagedTensorsError(f"{TOWER_FILE} of space {space.name} is not as it was written")
    return _made(space.encoder, space.fingerprint, shape, file)


def _shape_in(file: TensorFile) -> TowerShape:
    """What the notes say. Raises one of `UNUSABLE` where that is the shape of nothing."""
    told = json.loads(file.notes["shape"])
    if "quick_gelu" in told:  # as it was written before there were other kinds
        told["activation"] = "quick_gelu" if told.pop("quick_gelu") else "gelu"
    shape = TowerShape(**told)
    for each in fields(shape):
        value = getattr(shape, each.name)
        if each.type == "int" and (type(value) is not int or not 0 < value < MOST):
            raise ValueError(f"{each.name} is {value!r}")
    if shape.activation not in ACTIVATIONS or not 0 < shape.epsilon < 1:
        raise ValueError("an activation or norms that are not known")
    if shape.layers > len(file) or shape.width % shape.heads:
        raise ValueError("more layers than tensors, or heads that do not share the width")
    return shape


def _require_tensors(file: TensorFile, shape: TowerShape) -> None:
    """Raises KeyError or UnreadableTensorsError where the file does not hold the whole tower."""
    if any(file[name].shape != size for name, size in shape.tensors().items()):
        raise UnreadableTensorsError("tensors of other shapes than the tower's")


def _made(name: str, mark: str, shape: TowerShape, file: TensorFile) -> LightTextEncoder:
    tokenizer = tokenizer_of(file, file.notes, shape.context)
    return LightTextEncoder(name, mark, TextTower(shape, file), tokenizer)


def tokenizer_of(
    tensors: Mapping[str, Tensor], notes: Mapping[str, str], context: int
) -> Tokenizer:
    """The one that was kept among tensors, or CLIP's. Raises one of `UNUSABLE`."""
    if TOKENIZER_NOTE not in notes:
        return ClipTokenizer(context)
    from searchengine.encoders.pieces.slices import SlicedTokenizer

    kept = SlicedTokenizer(tensors, notes[TOKENIZER_NOTE])
    if kept.context != context:
        raise ValueError("a tokenizer of another length than the tower's")
    return kept
