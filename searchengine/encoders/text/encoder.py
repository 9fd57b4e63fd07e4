"""Encoding texts without the rest of the model: what a cold search loads instead of torch.

The starter's text tower is read from the weights that ship with it. Of another encoder the tower is
in the space's directory once torch has loaded the encoder for that space (`export.py`). Where
neither is to be had, the whole encoder serves.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from searchengine.encoders import hub
from searchengine.encoders.fingerprint import fingerprint_of, stride
from searchengine.encoders.names import STARTER
from searchengine.encoders.registry import STARTER_DIR
from searchengine.encoders.text.tensors import TensorFile, UnreadableTensorsError
from searchengine.encoders.text.tokenizer import VOCABULARY, ClipTokenizer
from searchengine.encoders.text.tower import TextTower, TowerShape
from searchengine.errors import EncoderError
from searchengine.types import SpaceInfo, Vectors

TOWER_FILE = "text_tower.safetensors"
"""In a space's directory: derived and deletable, like the index."""

TOWER_FORMAT = "1"
"""Of that file and its notes. A file of another format is as none, and written anew."""

UNUSABLE = (OSError, UnreadableTensorsError, ValueError, KeyError, TypeError)
"""What reading files of another kind than expected raises; the whole encoder then serves."""


@dataclass(frozen=True, eq=False)
class LightTextEncoder:
    """A text tower alone, as a `TextEncoder`; on the CPU, in float32."""

    name: str
    fingerprint: str
    tower: TextTower = field(repr=False)
    tokenizer: ClipTokenizer = field(repr=False)

    @property
    def dim(self) -> int:
        """Length d of the vectors."""
        return self.tower.shape.dim

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Texts to unit rows, shape (n, d), float32. Texts beyond the context are cut.

        Raises EncoderError where the weights give vectors without a direction.
        """
        rows = self.tower.embed([self.tokenizer.ids(text) for text in texts])
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
        return _of_starter() if space.encoder == STARTER else _of_space(space, directory)
    except UNUSABLE:
        return None


def _of_starter() -> LightTextEncoder | None:
    config = json.loads((STARTER_DIR / hub.CONFIG_FILE).read_text(encoding="utf-8"))["model_cfg"]
    shape = shape_of(config)
    if shape is None:
        return None
    file = TensorFile(STARTER_DIR / hub.WEIGHTS_FILES[0])
    _require_tensors(file, shape)
    samples = (
        (name, tensor.shape, tensor.reshape(-1)[:: stride(tensor.size)])
        for name, tensor in file.items()
    )
    return _made(STARTER, fingerprint_of(samples), shape, file)


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
        quick_gelu=bool(config.get("quick_gelu", False)),
    )


def _of_space(space: SpaceInfo, directory: Path) -> LightTextEncoder | None:
    file = TensorFile(directory / TOWER_FILE)
    shape = TowerShape(**json.loads(file.notes["shape"]))
    _require_tensors(file, shape)
    if (file.notes["format"], file.notes["fingerprint"]) != (TOWER_FORMAT, space.fingerprint):
        return None
    return _made(space.encoder, space.fingerprint, shape, file)


def _require_tensors(file: TensorFile, shape: TowerShape) -> None:
    """Raises KeyError or UnreadableTensorsError where the file does not hold the whole tower."""
    if any(file[name].shape != size for name, size in shape.tensors().items()):
        raise UnreadableTensorsError("tensors of other shapes than the tower's")


def _made(name: str, mark: str, shape: TowerShape, file: TensorFile) -> LightTextEncoder:
    return LightTextEncoder(name, mark, TextTower(shape, file), ClipTokenizer(shape.context))
