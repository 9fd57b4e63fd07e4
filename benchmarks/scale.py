"""The scale at which an encoder's probabilities of names are likeliest, on photos it did not learn.

    python -m benchmarks.scale ../shared/data/pack

Temperature scaling (Guo et al., 2017, section 4.2) on the pack's `dev` split, asked as `tag` asks:
the classes of a photo's own set as names, the background beside them, the encoder's template. It
chose `names_scale` of `searchengine/encoders/models.csv`; `benchmarks/labels.py` judges that on
nips2017, which is left out here, as are sets whose photos show several of the names, drawings, and
sets of one name.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.labels import asked_of, vectors_of
from benchmarks.machine import machine
from searchengine import load_encoder
from searchengine.encoders.interface import Encoder
from searchengine.encoders.table import template_of
from searchengine.labels.decide import probabilities
from searchengine.labels.names import Name

ENCODERS = ("starter", "starter-256")
LEFT_OUT = ("nips2017_imagenet", "coco_train_small", "tuxpaint_stamps")
SCALES = np.arange(150, 401) / 10
SAMPLES = 2_000


@dataclass(frozen=True, slots=True)
class Labelled:
    """The dev photos of one set."""

    names: tuple[Name, ...]
    paths: list[Path]
    right: NDArray[np.int64]
    """The number of each photo's name."""


def labelled(pack: Path) -> list[Labelled]:
    """The sets; a photo's first label is its class, others are broader."""
    entries = map(json.loads, (pack / "pack.jsonl").read_text("utf-8").splitlines())
    classes: dict[str, dict[str, str]] = defaultdict(dict)
    photos: dict[str, list[tuple[Path, str]]] = defaultdict(list)
    for entry in entries:
        source = entry["source"]
        if source in LEFT_OUT or not entry["labels"]:
            continue
        label = entry["labels"][0]
        classes[source].setdefault(label.casefold(), label)
        if entry["split"] == "dev":
            photos[source].append((pack / entry["file"], label.casefold()))
    found = []
    for source, known in classes.items():
        if len(known) > 1 and photos[source]:
            place = {word: number for number, word in enumerate(known)}
            right = np.array([place[word] for _, word in photos[source]])
            names = tuple(map(Name, known.values()))
            found.append(Labelled(names, [path for path, _ in photos[source]], right))
    return found


def likelihoods(some: Labelled, encoder: Encoder) -> NDArray[np.float64]:
    """Log of the right name's probability at each of `SCALES`, shape (photos, scales)."""
    texts, grouping = asked_of(some.names, template_of(encoder.name))
    cosines = vectors_of(some.paths, encoder) @ encoder.encode_texts(texts).T
    photos = np.arange(len(some.paths))
    return np.stack(
        [
            np.log(probabilities(cosines.copy(), scale, grouping)[photos, some.right])
            for scale in SCALES
        ],
        axis=1,
    )


def likeliest(found: NDArray[np.float64]) -> NDArray[np.float64]:
    """The likeliest scale, and that of bootstrap samples of the photos, shape (1 + samples,)."""
    n = len(found)
    drawn = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), size=SAMPLES)
    best: NDArray[np.float64] = SCALES[(np.vstack([np.ones(n), drawn]) @ found).argmax(axis=1)]
    return best


def shown(values: NDArray[np.float64]) -> str:
    """The first of them, and the 95 % interval of the others."""
    low, high = np.percentile(values[1:], [2.5, 97.5])
    return f"{values[0]:.1f} [{low:.1f}, {high:.1f}]"


def main() -> None:
    """Print the likeliest scale of each encoder, and how much higher the last one's is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pack", type=Path, help="the folder with pack.jsonl")
    sets = labelled(parser.parse_args().pack)
    print(json.dumps(machine()))
    found = []
    for name in ENCODERS:
        encoder = load_encoder(name, device="cpu", precision="float32")
        found.append(likeliest(np.concatenate([likelihoods(each, encoder) for each in sets])))
        photos = sum(len(each.paths) for each in sets)
        print(
            f"{name}: {photos} photos of {len(sets)} sets, likeliest scale {shown(found[-1])}; "
            f"the checkpoint's own {encoder.logit_scale:.1f}"
        )
    print(f"{ENCODERS[-1]} above {ENCODERS[0]}: {shown(found[-1] - found[0])}")


if __name__ == "__main__":
    main()
