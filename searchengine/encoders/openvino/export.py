"""From an open_clip model on torch to towers that need no torch.

Each tower is traced and converted once, stored in float16 and, where that keeps the guard, in int8,
and compared with torch before it is kept: what cannot be traced, or computes anything else, is left
to torch.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from searchengine.encoders.openclip.build import ClipModel
from searchengine.encoders.openclip.encoder import ClipEncoder
from searchengine.encoders.openclip.precision_choice import TRIAL_BATCH
from searchengine.encoders.openvino import kept, runtime
from searchengine.encoders.openvino.quantised import Trial, keep_int8
from searchengine.encoders.openvino.towers import IMAGE, TEXT, TowerFacts, graph_name
from searchengine.encoders.openvino.weights import Weights
from searchengine.encoders.preprocess import trial_pictures
from searchengine.encoders.text.encoder import tokenizer_of
from searchengine.encoders.text.export import (
    PROBES,
    export_text_tower,
    tokenizer_tensors,
    tower_of,
)
from searchengine.encoders.text.tensors import Tensor
from searchengine.encoders.text.tower import TOKENS
from searchengine.errors import first_line
from searchengine.types import Vectors

if TYPE_CHECKING:
    import torch

LEAST_COSINE = 0.9999
"""Of a tower's vectors in float32 with torch's, for each of a few pictures and texts."""


def export(encoder: ClipEncoder) -> None:
    """Keep the towers of an encoder in float32 on the CPU, or why it has none.

    The encoder encodes nothing any more after it: of the largest the weights take 7 GB, which are
    let go before what was written is tried. Raises OSError where nothing can be written.
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
        trials = {IMAGE: _convert_images(encoder, facts, directory)}
        has_tower = export_text_tower(encoder, directory)
        if facts.context is not None:
            trials[TEXT] = _convert_texts(encoder, facts.context, directory, has_tower=has_tower)
        keep_int8(directory, trials)
    except OSError:
        raise
    except Exception as error:  # tracing a model raises anything
        return first_line(error)
    return ""


def _context(encoder: ClipEncoder) -> int | None:
    """Tokens of a text, where the tokenizer can be kept and gives the same ids for `PROBES`."""
    try:
        arrays, notes = tokenizer_tensors(encoder)
        context = int(getattr(encoder.tokenizer, "context_length", 0))
        ours = tokenizer_of(arrays, notes, context)
        theirs = np.asarray(encoder.tokenizer(list(PROBES)))
        mine = runtime.padded(ours.rows(PROBES), context)
    except Exception:  # whatever a tokenizer of another kind may raise
        return None
    return context if theirs.shape == mine.shape and bool((theirs == mine).all()) else None


def _convert_images(encoder: ClipEncoder, facts: TowerFacts, directory: Path) -> Trial:
    import torch

    pixels = trial_pictures(encoder.preprocessing, TRIAL_BATCH)
    height, width = encoder.preprocessing.size
    example = torch.zeros(2, 3, height, width)
    convert(images_of(encoder.model), example, [-1, 3, height, width], directory / IMAGE)

    def compute(precision: str) -> Vectors:
        graph, weights = _read(directory, graph_name(IMAGE, precision))
        tower = runtime.image_tower(graph, weights, facts.preprocessing, precision, runtime.Tower)
        return tower(pixels)

    trial = Trial(compute, encoder.encode_pixels(list(pixels)))
    _let_go(encoder.model.visual)
    return _held(trial)


def _convert_texts(
    encoder: ClipEncoder, context: int, directory: Path, *, has_tower: bool
) -> Trial:
    import torch

    arrays, notes = tokenizer_tensors(encoder)
    texts = tokenizer_of(arrays, notes, context).rows(PROBES)
    example = torch.from_numpy(runtime.padded(texts, context))
    part, length = texts_of(encoder.model, context)
    table = convert(part, example, [-1, length], directory / TEXT, table_apart=True)
    if not has_tower:
        kept.keep_tokens(directory, {} if table is None else {TOKENS: table}, arrays, notes)
    del table

    def compute(precision: str) -> Vectors:
        graph, weights = _read(directory, graph_name(TEXT, precision))
        tower = runtime.text_tower(graph, weights, kept.tokens_in(directory), context, precision)
        return np.concatenate([tower([ids]) for ids in texts])

    trial = Trial(compute, encoder.encode_texts(PROBES))
    _let_go(encoder.model)
    return _held(trial)


def _let_go(part: torch.nn.Module | ClipModel) -> None:
    """Free the weights of a part of a model, which is of no use then."""
    for weight in part.parameters():
        weight.data = weight.data.new_empty(0)


def _read(directory: Path, name: str) -> tuple[bytes, Weights]:
    return (directory / f"{name}.xml").read_bytes(), Weights.of_file(directory / f"{name}.bin")


def images_of(model: ClipModel) -> torch.nn.Module:
    """Pictures to rows."""
    return _part(model, model.encode_image)


def texts_of(model: ClipModel, context: int) -> tuple[torch.nn.Module, int]:
    """Ids to rows, and how many ids a text has in it: -1 where any number will do.

    Of CLIP's own kind of tower, which looks no further than the end of a text, what comes behind
    that is not computed. open_clip's `encode_text` takes the whole context for some of these.
    """
    import torch

    tower, pool = tower_of(model)
    causal = getattr(tower, "attn_mask", None) is not None
    plain = causal and pool == "argmax" and getattr(tower, "cls_emb", None) is None
    projection = getattr(tower, "text_projection", None)
    if not plain or projection is None:
        return _part(model, model.encode_text), context

    def encode(ids: torch.Tensor) -> torch.Tensor:
        count = ids.shape[1]
        x = tower.token_embedding(ids) + tower.positional_embedding[:count]
        x = tower.ln_final(tower.transformer(x, attn_mask=tower.attn_mask[:count, :count]))
        ends = x[torch.arange(x.shape[0]), ids.argmax(dim=-1)]
        is_layer = isinstance(projection, torch.nn.Linear)
        rows: torch.Tensor = projection(ends) if is_layer else ends @ projection
        return rows

    return _part(model, encode), -1


def _part(model: ClipModel, compute: Callable[[torch.Tensor], torch.Tensor]) -> torch.nn.Module:
    """A module of its own, which holds the weights of the model."""
    import torch

    class Part(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, items: torch.Tensor) -> torch.Tensor:
            return compute(items)

    return Part().eval()


def convert(
    part: torch.nn.Module,
    example: torch.Tensor,
    shape: list[int],
    stem: Path,
    *,
    table_apart: bool = False,
) -> Tensor | None:
    """Write `stem`.xml and `stem`.bin: what a part of a model computes.

    `shape` is that of its input, -1 where any length will do. With `table_apart` the table of
    tokens stays out of it: it comes back, and the graph takes rows of it (`without_table`). Raises
    what tracing and converting raise.
    """
    import torch

    ov = runtime.openvino()
    with torch.inference_mode(False), torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what tracing says of Python values it takes for constant
        graph = ov.convert_model(part, example_input=example, input=[ov.PartialShape(shape)])
    table = runtime.without_table(graph) if table_apart else None
    ov.save_model(graph, stem.with_suffix(".xml"), compress_to_fp16=True)
    return table


def _held(trial: Trial) -> Trial:
    """Raises ValueError where a tower says another thing than torch."""
    rows = trial.compute("float32")
    with np.errstate(divide="ignore", invalid="ignore"):
        cosines = (rows * trial.right).sum(axis=1) / np.linalg.norm(rows, axis=1)
    if not (cosines >= LEAST_COSINE).all():
        raise ValueError(f"its vectors differ from torch's, by a cosine of {cosines.min():.5f}")
    return trial
