"""From an open_clip model on torch to towers that need no torch.

Each tower is traced and converted once, stored in float16, and compared with torch before it is
kept: what cannot be traced, or computes anything else, is left to torch.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from searchengine.encoders.openclip.build import ClipModel
from searchengine.encoders.openclip.encoder import ClipEncoder
from searchengine.encoders.openvino import kept, runtime
from searchengine.encoders.openvino.encoder import padded
from searchengine.encoders.openvino.towers import IMAGE, TEXT, TowerFacts
from searchengine.encoders.openvino.weights import Weights
from searchengine.encoders.preprocess import trial_pictures
from searchengine.encoders.text.export import PROBES, export_text_tower
from searchengine.encoders.text.tokenizer import ClipTokenizer
from searchengine.errors import first_line
from searchengine.types import Vectors

if TYPE_CHECKING:
    import torch

LEAST_COSINE = 0.9999
"""Of a tower's vectors in float32 with torch's, for each of a few pictures and texts."""


def export(encoder: ClipEncoder) -> None:
    """Keep the towers of an encoder in float32 on the CPU, or why it has none.

    Raises OSError where nothing can be written.
    """
    facts = TowerFacts(
        name=encoder.name,
        fingerprint=encoder.fingerprint,
        dim=encoder.dim,
        logit_scale=encoder.logit_scale,
        preprocessing=encoder.preprocessing,
        context=_context(encoder),
    )
    kept.keep(facts, encoder.files, runtime.version(), lambda to: _export(encoder, facts, to))


def _export(encoder: ClipEncoder, facts: TowerFacts, directory: Path) -> str:
    """Write the files; returns why they cannot be used, or nothing."""
    try:
        _convert_images(encoder, facts, directory)
        if facts.context is not None:
            _convert_texts(encoder, facts.context, directory)
    except OSError:
        raise
    except Exception as error:  # tracing a model raises anything
        return first_line(error)
    export_text_tower(encoder, directory)
    return ""


def _context(encoder: ClipEncoder) -> int | None:
    """Tokens of a text, where the tokenizer is CLIP's: the ids are the same for `PROBES`."""
    context = getattr(encoder.tokenizer, "context_length", None)
    if not isinstance(context, int):
        return None
    ours = ClipTokenizer(context)
    try:
        theirs = np.asarray(encoder.tokenizer(list(PROBES)))
    except Exception:  # whatever a tokenizer of another kind may raise
        return None
    same = theirs.shape == (len(PROBES), context) and bool(
        (theirs == padded([ours.ids(text) for text in PROBES], context)).all()
    )
    return context if same else None


def _convert_images(encoder: ClipEncoder, facts: TowerFacts, directory: Path) -> None:
    import torch

    pixels = trial_pictures(encoder.preprocessing, 2)
    height, width = encoder.preprocessing.size
    example = torch.zeros(2, 3, height, width)
    convert(encoder.model, "encode_image", example, [-1, 3, height, width], directory / "image")
    graph = (directory / f"{IMAGE}.xml").read_bytes()
    weights = Weights.of_file(directory / f"{IMAGE}.bin")
    tower = runtime.image_tower(graph, weights, facts.preprocessing, "float32")
    _require_same(tower(pixels), encoder.encode_pixels(list(pixels)))


def _convert_texts(encoder: ClipEncoder, context: int, directory: Path) -> None:
    import torch

    tokenizer = ClipTokenizer(context)
    tokens = padded([tokenizer.ids(text) for text in PROBES], context)
    example = torch.from_numpy(tokens)
    convert(encoder.model, "encode_text", example, [-1, context], directory / "text")
    graph = (directory / f"{TEXT}.xml").read_bytes()
    tower = runtime.text_tower(graph, Weights.of_file(directory / f"{TEXT}.bin"), "float32")
    _require_same(tower(tokens), encoder.encode_texts(PROBES))


def convert(
    model: ClipModel, method: str, example: torch.Tensor, shape: list[int], stem: Path
) -> None:
    """Write `stem`.xml and `stem`.bin: what `method` of an open_clip model computes.

    `shape` is that of its input, -1 where any length will do. Raises what tracing and converting
    raise.
    """
    import torch

    class Part(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, items: torch.Tensor) -> torch.Tensor:
            outcome: torch.Tensor = getattr(self.model, method)(items)
            return outcome

    ov = runtime.openvino()
    with torch.inference_mode(False), torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what tracing says of Python values it takes for constant
        graph = ov.convert_model(
            Part().eval(), example_input=example, input=[ov.PartialShape(shape)]
        )
    ov.save_model(graph, stem.with_suffix(".xml"), compress_to_fp16=True)


def _require_same(rows: Vectors, torchs: Vectors) -> None:
    """Raises ValueError where a tower says another thing than torch, whose rows are unit rows."""
    with np.errstate(divide="ignore", invalid="ignore"):
        cosines = (rows * torchs).sum(axis=1) / np.linalg.norm(rows, axis=1)
    if not (cosines >= LEAST_COSINE).all():
        raise ValueError(f"its vectors differ from torch's, by a cosine of {cosines.min():.5f}")
