"""Published zero-shot retrieval numbers, to print beside measured ones.

The numbers lie in published.csv: a row for every encoder, benchmark and source, rounded to four
decimals. They are those of the encoders in `searchengine.encoders.table` and of OpenAI's CLIP
models.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from searchengine.encoders.names import HUB_PREFIX, canonical_name, split_name
from searchengine.encoders.table import models

SOURCES = {
    "open_clip": "open_clip, docs/openclip_retrieval_results.csv",
    "CLIP_benchmark": "CLIP_benchmark, benchmark/benchmark.csv",
    "big_vision": "google-research/big_vision, README_siglip2.md",
    "perception_models": "facebookresearch/perception_models, apps/pe/README.md",
}
"""Where a number was published, by its name in the file."""

_FILE = Path(__file__).with_name("published.csv")

_OPENAI = "openai"
"""OpenAI's weights compute with QuickGELU whether the architecture's name says so or not."""


MIXED_PRECISION = (
    "Published numbers are of mixed precision: some tenths of a point between them and float32 "
    "are usual"
)
ALL_OF_COCO = (
    "; those of COCO are over all 25,010 captions, not the first five of each image "
    "(--captions-per-image all)"
)


def how_they_were_measured(dataset: str | None) -> str:
    """What to know before a published number is set beside a measured one, in a sentence."""
    is_coco = dataset is not None and dataset.startswith("COCO")
    return f"{MIXED_PRECISION}{ALL_OF_COCO if is_coco else ''}."


@dataclass(frozen=True, slots=True)
class PublishedNumber:
    """One published number."""

    encoder: str
    """ARCH/TAG, as `searchengine.encoders.table` names it."""
    dataset: str
    """A name in `searchengine.evaluation.benchmarks.BENCHMARKS`."""
    metric: str
    """CLIP_benchmark's key, such as "image_retrieval_recall@1"."""
    value: float
    """In [0, 1]."""
    source: str
    """One of the values of `SOURCES`."""


def published_for(encoder: str, dataset: str) -> list[PublishedNumber]:
    """The published numbers of an encoder on a benchmark, empty where there are none.

    `encoder` is any name `load_encoder` takes; `dataset` is what `protocols.recognise` says. Two
    sources may give a metric each its own value; the fuller one, open_clip, comes first.
    """
    name = _name_in_table(encoder)
    return [row for row in published() if (row.encoder, row.dataset) == (name, dataset)]


@cache
def published() -> tuple[PublishedNumber, ...]:
    """Every number of the file, in its order."""
    with _FILE.open(encoding="utf-8", newline="") as file:
        return tuple(
            PublishedNumber(
                row["encoder"], row["dataset"], metric, float(value), SOURCES[row["source"]]
            )
            for row in csv.DictReader(file)
            for metric, value in row.items()
            if "recall@" in metric and value
        )


def _name_in_table(encoder: str) -> str:
    name = canonical_name(encoder)
    name = next((model.name for model in models() if name == f"{HUB_PREFIX}{model.hub_repo}"), name)
    arch, tag = split_name(name)
    return f"{arch.removesuffix('-quickgelu')}/{tag}" if tag == _OPENAI else name
