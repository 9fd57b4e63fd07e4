"""What `clipseek align` keeps and refuses, with the starter on photos that it was not trained on.

    python -m benchmarks.align ../shared/data

On Flickr8k's dev split with a caption a photo, with five, and with 200 photos; on the named photos
of nips2017; and on captions that were dealt to other photos, with twenty seeds. Fails where less
than a fair judge is seen: see `main`.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.labels import labelled, vectors_of
from benchmarks.machine import machine
from searchengine import load_encoder
from searchengine.alignment.candidates import HUB, MAPS, USUAL
from searchengine.alignment.judge import Material, Verdict, judge
from searchengine.encoders.table import template_of
from searchengine.labels.names import shipped_names
from searchengine.labels.prompts import in_template
from searchengine.texts.everyday import everyday_texts
from searchengine.types import Vectors

ENCODER = "starter-256"
SEEDS, MOST_ACCEPTED = 20, 2
SECONDS = 60.0


def shown(title: str, verdict: Verdict) -> Verdict:
    """Print a table; returns the verdict."""
    print(f"\n{title}")
    for each in (verdict.base, *verdict.candidates):
        change, recalls = (
            each.reciprocal_rank,
            " ".join(
                f"{100 * value:.1f}" for value in (*each.text_to_image.at, *each.image_to_text.at)
            ),
        )
        print(
            f"{each.name:11} {'kept' if each.kept else '    '} R@1/5/10 both ways {recalls}, MRR "
            f"{change.mean:+.4f} ({change.low:+.4f} to {change.high:+.4f}), everyday answers "
            f"{each.everyday_kept:.2f}"
        )
    return verdict


def main() -> None:
    """Print the tables; exit with 1 where they are not as promised."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="the folder with flickr8k_dev and pack")
    data: Path = parser.parse_args().data
    print(json.dumps(machine()))
    encoder, every = load_encoder(ENCODER, device="cpu"), (HUB, *MAPS)
    everyday = encoder.encode_texts(everyday_texts())
    dev = json.loads((data / "flickr8k_dev" / "dataset_flickr8k.json").read_text("utf-8"))["images"]
    images = vectors_of(
        [data / "flickr8k_dev" / "images" / each["filename"] for each in dev], encoder
    )
    texts = [sentence["raw"] for each in dev for sentence in each["sentences"]]
    of = np.repeat(np.arange(len(dev)), [len(each["sentences"]) for each in dev])
    captions = encoder.encode_texts(texts)

    def told(of_images: NDArray[np.int64], step: int, rows: Vectors = images) -> Material:
        """The captions of some images, every `step`-th of theirs."""
        mine = np.flatnonzero(np.isin(of, of_images))[::step]
        place = np.searchsorted(of_images, of[mine])
        return Material(rows[of_images], captions[mine], place, np.arange(len(mine)), everyday)

    whole = np.arange(len(dev))
    one = shown("Flickr8k dev, a caption a photo", judge(told(whole, 5), every))
    start = time.perf_counter()
    shown("Flickr8k dev, five captions a photo", judge(told(whole, 1), USUAL))
    seconds = time.perf_counter() - start
    few = shown("200 photos of it", judge(told(whole[::5], 5), every))
    names = shipped_names("imagenet")
    paths, right = labelled(data / "pack", names)
    template = template_of(ENCODER)
    words = encoder.encode_texts([in_template(template, each.name) for each in names])
    photos = vectors_of(paths, encoder)
    named = Material(
        photos,
        words[right],
        np.arange(len(right)),
        np.unique(right, return_inverse=True)[1],
        everyday,
    )
    own = shown("977 photos and their names", judge(named, USUAL))
    accepted: Counter[str] = Counter()
    for seed in range(SEEDS):
        dealt = told(whole, 5)
        order = np.random.default_rng(seed).permutation(len(dev))
        shuffled = Material(images, dealt.captions[order], whole, whole, everyday)
        accepted.update(each.name for each in judge(shuffled, USUAL).candidates if each.kept)
    print(f"\nshuffled captions, {SEEDS} seeds, accepted: {dict(accepted)}")
    print(f"5,000 captions: {seconds:.1f} s after the vectors are there")
    good = (
        one.kept == (HUB,)
        and few.kept == ()
        and any(name.startswith("ridge") for name in own.kept)
        and max(accepted.values(), default=0) <= MOST_ACCEPTED
        and seconds <= SECONDS
    )
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
