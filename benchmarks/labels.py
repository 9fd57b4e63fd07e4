"""Names on photos that the starter was never trained on, and how long tagging takes.

    python -m benchmarks.labels ../shared/data/pack

Three tables: how many of ImageNet's 1,000 names are right, and as often as they say; what 20 names
are worth where nine of ten photos show something else; and seconds of `tag` on 100,000 images.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import machine
from searchengine import load_encoder, open_library
from searchengine.encoders.interface import Encoder
from searchengine.encoders.table import names_scale_of, template_of
from searchengine.images.decode import read_image
from searchengine.labels.background import beside
from searchengine.labels.decide import Grouping, probabilities, texts_of
from searchengine.labels.definition import LIKELY
from searchengine.labels.names import Name, shipped_names
from searchengine.labels.prompts import in_template
from searchengine.types import Vectors
from tests.support.libraries import imagined_files, list_files

ENCODER = "starter-256"
OFFERED, DRAWS, KEPT = 20, 200, 0.9
IMAGES, SECONDS = 100_000, 10.0
LEAST_RIGHT, MOST_ECE = 0.55, 0.10

Known: TypeAlias = dict[str, Vectors]
"""Vectors of texts that were encoded before."""


def vectors_of(paths: list[Path], encoder: Encoder) -> Vectors:
    """Unit rows of pictures, shape (n, d)."""
    parts = [
        encoder.encode_images([read_image(p.read_bytes())[0] for p in paths[start : start + 32]])
        for start in range(0, len(paths), 32)
    ]
    return np.concatenate(parts)


def labelled(pack: Path, names: tuple[Name, ...]) -> tuple[list[Path], NDArray[np.int64]]:
    """The photos of nips2017 whose label is a name, and the numbers of the names."""
    place = {each.name: number for number, each in enumerate(names)}
    entries = map(json.loads, (pack / "pack.jsonl").read_text("utf-8").splitlines())
    found = [
        (pack / entry["file"], place[entry["labels"][0]])
        for entry in entries
        if entry["source"] == "nips2017_imagenet" and entry["labels"][0] in place
    ]
    return [path for path, _ in found], np.array([number for _, number in found])


def asked_of(names: tuple[Name, ...], template: str) -> tuple[list[str], Grouping]:
    """The texts of names with the background beside them, and whose they are."""
    others = beside(names)
    words, grouping = texts_of(names, others)
    every = (*words, *(each.name for each in others))
    return [in_template(template, word) for word in every], grouping


def told(
    rows: Vectors, names: tuple[Name, ...], encoder: Encoder, template: str, known: Known
) -> NDArray[np.float32]:
    """How probable each name is, as `clipseek tag` has it, shape (n, names)."""
    asked, grouping = asked_of(names, template)
    unknown = [text for text in dict.fromkeys(asked) if text not in known]
    known.update(zip(unknown, encoder.encode_texts(unknown), strict=True))
    texts = np.stack([known[text] for text in asked])
    return probabilities(
        rows @ texts.T, names_scale_of(encoder.name, encoder.logit_scale), grouping
    )


def calibration_error(sure: NDArray[np.float32], right: NDArray[np.bool_]) -> float:
    """Expected calibration error over ten bins (Guo et al., 2017, equation 5), in [0, 1]."""
    bins = np.minimum((10 * sure).astype(int), 9)
    return float(
        sum(
            (bins == each).mean() * abs(sure[bins == each].mean() - right[bins == each].mean())
            for each in set(bins.tolist())
        )
    )


@dataclass(frozen=True, slots=True)
class Few:
    """What labels of 20 names are worth, over the draws."""

    precision: float
    """Mean of the draws, each at its threshold that keeps 90 % of the right ones."""
    deviation: float
    """Of one draw."""
    threshold: float
    """Mean of the draws."""
    likely: float
    """Share of right ones among all labels of all draws at the default threshold."""
    likely_kept: float
    """Share of the right ones that it keeps."""


def few(
    rows: Vectors, right: NDArray[np.int64], names: tuple[Name, ...], encoder: Encoder, known: Known
) -> Few:
    """A draw offers 20 names with all of their photos among nine times as many others."""
    random, template = np.random.default_rng(0), template_of(encoder.name)
    precisions, thresholds = [], []
    labels = right_labels = right_ones = 0
    for _ in range(DRAWS):
        offered = random.choice(np.unique(right), OFFERED, replace=False)
        shown = np.flatnonzero(np.isin(right, offered))
        rest = np.flatnonzero(~np.isin(right, offered))
        asked = np.r_[shown, random.choice(rest, min(9 * len(shown), len(rest)), replace=False)]
        said = told(rows[asked], tuple(names[each] for each in offered), encoder, template, known)
        sure, is_right = said.max(axis=1), offered[said.argmax(axis=1)] == right[asked]
        threshold = np.sort(sure[is_right])[int((1 - KEPT) * is_right.sum())]
        precisions.append(is_right[sure >= threshold].mean())
        thresholds.append(threshold)
        labels += (sure >= LIKELY).sum()
        right_labels += is_right[sure >= LIKELY].sum()
        right_ones += is_right.sum()
    return Few(
        float(np.mean(precisions)),
        float(np.std(precisions)),
        float(np.mean(thresholds)),
        float(right_labels / labels),
        float(right_labels / right_ones),
    )


def seconds_of_tagging(encoder: Encoder) -> tuple[float, float]:
    """Of the first run over 100,000 images with 1,000 names, and of one with nothing to do."""
    with tempfile.TemporaryDirectory() as place:
        list_files(Path(place, "library"), encoder, imagined_files(IMAGES))
        times = []
        for _ in range(2):
            with open_library(Path(place, "library"), load=lambda _: encoder) as library:
                start = time.perf_counter()
                library.label_sets.tag("imagenet", threshold=0.0)
                times.append(time.perf_counter() - start)
    return times[0], times[1]


def main() -> None:
    """Print the tables; exit with 1 where less is reached than is promised."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pack", type=Path, help="the folder with pack.jsonl")
    pack: Path = parser.parse_args().pack
    print(json.dumps(machine()))
    encoder, names = load_encoder(ENCODER, device="cpu"), shipped_names("imagenet")
    paths, right = labelled(pack, names)
    rows = vectors_of(paths, encoder)
    good, known = True, Known()
    for template in ("{}", template_of(ENCODER)):
        said = told(rows, names, encoder, template, known)
        is_right = said.argmax(axis=1) == right
        error = calibration_error(said.max(axis=1), is_right)
        print(f"{template!r}: {len(rows)} photos, right {is_right.mean():.1%}, ECE {error:.1%}")
        good = is_right.mean() >= LEAST_RIGHT and error <= MOST_ECE
    found = few(rows, right, names, encoder, known)
    print(
        f"{OFFERED} names, nine of ten photos show something else: precision {found.precision:.1%} "
        f"(sd of draws {found.deviation:.0%}) at {KEPT:.0%} of the right ones kept (threshold "
        f"{found.threshold:.2f}), {found.likely:.0%} at {LIKELY}, which keeps "
        f"{found.likely_kept:.0%}"
    )
    first, again = seconds_of_tagging(encoder)
    print(f"tagging {IMAGES:,} images by 1,000 names: {first:.1f} s, again {again:.1f} s")
    sys.exit(0 if good and first <= SECONDS else 1)


if __name__ == "__main__":
    main()
