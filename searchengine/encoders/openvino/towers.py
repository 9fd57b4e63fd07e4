"""The two towers of an encoder as graphs and weights on the disk, and what is known of them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from searchengine.encoders import hub
from searchengine.encoders.names import STARTER_DIR, STARTER_SIZES
from searchengine.encoders.openvino.runtime import INT8
from searchengine.encoders.openvino.weights import Weights
from searchengine.encoders.preprocess import Preprocessing
from searchengine.encoders.text.encoder import starter_fingerprint
from searchengine.encoders.text.tensors import Tensor, TensorFile
from searchengine.errors import EncoderError

IMAGE, TEXT = "image", "text"
"""The names of the towers."""

STARTER_GRAPHS = STARTER_DIR / "towers.safetensors"
"""Which tensors the starter's graphs read, and those that its weights do not hold. Written by
`training/towers.py`."""


@dataclass(frozen=True, slots=True)
class TowerFacts:
    """What is known of an encoder beside its graphs."""

    name: str
    """The name `load_encoder` takes."""
    fingerprint: str
    dim: int
    logit_scale: float
    """What cosines were multiplied by in its training."""
    preprocessing: Preprocessing
    context: int | None
    """Ids of a text; None where torch encodes texts, as the tokenizer cannot be kept."""


def graph_name(tower: str, precision: str) -> str:
    """Of the graph that computes a tower in a precision: int8 has graphs of its own."""
    return f"{tower}-{INT8}" if precision == INT8 else tower


class DamagedTowersError(ValueError):
    """The bytes of a graph or of weights are not those that were written."""


UNUSABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, EncoderError)
"""What reading files of another kind than expected raises; torch then serves."""


class Towers(Protocol):
    """Where the graphs and weights of one encoder are."""

    @property
    def facts(self) -> TowerFacts:
        """Of the encoder."""

    @property
    def text_tower(self) -> Path | None:
        """A file for `searchengine.encoders.text`, where the tower is one it computes."""

    @property
    def has_int8(self) -> bool:
        """Whether its towers have graphs in int8, which passed the guard."""

    def forget(self) -> None:
        """Their files are not what was written: delete what can be made again."""

    def graph(self, tower: str) -> bytes:
        """OpenVINO's description of a tower, by a name of `graph_name`. Raises OSError."""

    def weights(self, tower: str) -> Weights:
        """What the graph reads. Raises OSError, and DamagedTowersError for other bytes."""

    def tokens(self) -> tuple[Mapping[str, Tensor], Mapping[str, str]]:
        """The table and the tokenizer of texts, as far as they are apart, and notes of them.

        Raises OSError, and DamagedTowersError for other values.
        """


class StarterTowers:
    """The starter's: graphs that ship beside its weights, and read their tensors from those."""

    text_tower = None
    has_int8 = False

    def __init__(self, name: str) -> None:
        """Of a name of `STARTER_SIZES`.

        Raises OSError, ValueError or KeyError where the installation is not whole.
        """
        config = json.loads((STARTER_DIR / hub.CONFIG_FILE).read_text(encoding="utf-8"))
        model = config["model_cfg"]
        self._tensors = TensorFile(STARTER_DIR / hub.WEIGHTS_FILES[0])
        self._others = TensorFile(STARTER_GRAPHS)
        self.facts = TowerFacts(
            name=name,
            fingerprint=starter_fingerprint(self._tensors),
            dim=model["embed_dim"],
            logit_scale=math.exp(float(self._tensors["logit_scale"])),
            preprocessing=Preprocessing.of(
                {"size": STARTER_SIZES[name], "fill_color": 0} | config["preprocess_cfg"]
            ),
            context=model["text_cfg"]["context_length"],
        )

    def forget(self) -> None:
        """See `Towers`. They are part of the installation."""

    def graph(self, tower: str) -> bytes:
        """See `Towers`."""
        return (STARTER_DIR / f"{tower}.xml").read_bytes()

    def weights(self, tower: str) -> Weights:
        """See `Towers`."""
        notes = self._others.notes
        tensors: Mapping[str, Any] = {**self._tensors, **self._others}
        weights = Weights.of_tensors(tensors[name] for name in json.loads(notes[tower]))
        if weights.checksum != notes[f"{tower} crc32"]:
            raise DamagedTowersError(f"the weights in {STARTER_DIR} are not as they were installed")
        return weights

    def tokens(self) -> tuple[Mapping[str, Tensor], Mapping[str, str]]:
        """See `Towers`. The table is in the graph, and the tokenizer is CLIP's."""
        return {}, {}
