"""What a name that examples teach is worth, and whether it says so before anything is labelled.

    python -m benchmarks.taught ../shared/data

Words of Flickr8k's dev split: a photo shows one where two of its captions have it. Ten photos that
do and thirty that do not teach it, three draws a word; all others judge. `PULL` was chosen on
these.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.labels import ENCODER, vectors_of
from benchmarks.machine import machine
from searchengine import load_encoder
from searchengine.encoders.table import template_of
from searchengine.labels.definition import LIKELY
from searchengine.labels.prompts import in_template
from searchengine.labels.taught import learn, tried

WORDS = (
    "dog", "man", "woman", "girl", "boy", "ball", "water", "snow", "beach", "grass", "bike",
    "mountain", "street", "people", "rock", "car", "hat", "field", "tree",
)  # fmt: skip
YES, NO, DRAWS, FEWEST = 10, 30, 3, 30


def average_precision(scores: NDArray[np.floating], right: NDArray[np.bool_]) -> float:
    """Of a ranking by scores, in [0, 1]."""
    ranked = right[np.argsort(-scores, kind="stable")]
    return float((np.cumsum(ranked) / np.arange(1, len(ranked) + 1))[ranked].mean())


def main() -> None:
    """Print the means over words and draws."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="the folder with flickr8k_dev")
    data: Path = parser.parse_args().data / "flickr8k_dev"
    print(json.dumps(machine()))
    encoder = load_encoder(ENCODER, device="cpu")
    dev = json.loads((data / "dataset_flickr8k.json").read_text("utf-8"))["images"]
    images = vectors_of([data / "images" / each["filename"] for each in dev], encoder)
    vectors = encoder.encode_texts([in_template(template_of(ENCODER), word) for word in WORDS])
    rows = []
    for word, vector in zip(WORDS, vectors, strict=True):
        named = re.compile(rf"\b{word}s?\b", re.IGNORECASE)
        right = np.array(
            [sum(bool(named.search(s["raw"])) for s in each["sentences"]) >= 2 for each in dev]
        )
        for seed in range(DRAWS if right.sum() >= FEWEST else 0):
            random = np.random.default_rng(seed)
            parts = [
                random.choice(np.flatnonzero(kind), count, replace=False)
                for kind, count in ((right, YES), (~right, NO))
            ]
            given = np.concatenate(parts)
            others = np.setdiff1d(np.arange(len(dev)), given)
            scale, shows = encoder.logit_scale, right[others]
            found = learn(vector, scale, images[given], right[given]).probabilities(images[others])
            trial = tried(vector, scale, images[given], right[given], LIKELY)
            labelled = found >= LIKELY
            wrong = int((labelled & ~shows).sum())
            rows.append(
                (
                    average_precision(images[others] @ vector, shows),
                    average_precision(found, shows),
                    (labelled & shows).sum() / shows.sum(),
                    trial.recall,
                    wrong,
                    trial.mistakes(int(labelled.sum()), len(others)),
                )
            )
    word, taught, recall, said, wrong, expected = np.mean(rows, axis=0)
    print(
        f"{len(rows)} lessons: average precision {taught:.3f}, of the word alone {word:.3f}; "
        f"recall {recall:.2f}, said {said:.2f}; wrong labels {wrong:.0f}, said {expected:.0f}"
    )


if __name__ == "__main__":
    main()
