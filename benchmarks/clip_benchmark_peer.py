"""Whether `clipseek evaluate` and CLIP_benchmark say the same of the same weights.

    .venv/bin/python -m pip install --no-deps --target peer clip-benchmark
    .venv/bin/python -m benchmarks.clip_benchmark_peer --peer peer CAPTIONS [--images DIR]

CLIP_benchmark's own `zeroshot_retrieval.evaluate` is given the torch model, the tokenizer and the
preprocessed pictures of an encoder, in float32, and its R@K is set beside ours. Exits with 1 where
they differ by more than one query in a thousand: a float32 product may break a tie otherwise.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from clipseek.indexing import Silent
from searchengine.encoders.openclip.encoder import ClipEncoder, load_encoder
from searchengine.encoders.openclip.precision import normalised
from searchengine.evaluation.evaluate import Answered, answer
from searchengine.evaluation.evaluation_set import EvaluationOptions, read_evaluation_set
from searchengine.files import read_whole
from searchengine.images.decode import read_image

KS = (1, 5, 10)

BATCH = 64

ALLOWED = 1e-3
"""Share of the queries."""


def main() -> None:
    """Measure both and print them side by side."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("captions", type=Path)
    parser.add_argument("--images", type=Path)
    parser.add_argument("--split")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--model", default="starter")
    parser.add_argument("--peer", type=Path, required=True, help="where clip-benchmark is")
    arguments = parser.parse_args()
    sys.path.append(str(arguments.peer))
    theirs = importlib.import_module("clip_benchmark.metrics.zeroshot_retrieval")
    encoder = load_encoder(arguments.model, device="cpu", precision="float32")
    options = EvaluationOptions(
        images=arguments.images, split=arguments.split, limit=arguments.limit, ks=KS
    )
    ours = answer(read_evaluation_set(arguments.captions, options), encoder, Silent())
    said = theirs.evaluate(
        encoder.model, _batches(ours, encoder), encoder.tokenizer, "cpu", False, list(KS)
    )
    worst = 0.0
    for direction in (ours.evaluation.image_retrieval, ours.evaluation.text_retrieval):
        for k, share in direction.recall.items():
            peer = said[f"{direction.name}_recall@{k}"]
            worst = max(worst, abs(share - peer))
            print(f"{direction.name}_recall@{k}  clipseek {share:.6f}  CLIP_benchmark {peer:.6f}")
    print(f"largest difference {worst:.2e}")
    if worst > ALLOWED:
        sys.exit(1)


def _batches(ours: Answered, encoder: ClipEncoder) -> Iterator[tuple[Any, list[list[str]]]]:
    """Pictures as the model takes them, with their captions."""
    import torch

    pairs = list(zip(ours.data.paths, ours.images, strict=True))
    for first in range(0, len(pairs), BATCH):
        part = pairs[first : first + BATCH]
        pixels = [
            encoder.preprocess(
                read_image(read_whole(path), name=path.name, input_size=encoder.input_size)[0]
            )
            for path, _ in part
        ]
        pictures = normalised(torch.from_numpy(np.stack(pixels)), encoder.preprocessing)
        yield pictures, [list(image.captions) for _, image in part]


if __name__ == "__main__":
    main()
