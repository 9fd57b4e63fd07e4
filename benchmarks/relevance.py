"""Where matches end: fits the constants of `searchengine/relevance/bar.py`, and judges them.

    python -m benchmarks.relevance ../shared/data
    python -m benchmarks.relevance ../shared/data --model NAME --json figures.json

Fitted on one half of the photos of nips2017 (names of ImageNet) and of Flickr8k's dev split (its
captions, and single nouns), each also in a library twice as large, so that what others add to one
counts little. Judged on the other halves and on the sample photos. Kept is the share of right
photos among the first ten of their queries that are matches; empty the share of queries for what
no photo shows that have no match; refused the share of other photos among the first ten that are no
matches. Means are over sets, with bootstrap 95 % intervals over queries. Fails where less is kept
or empty than was promised, with the constants as shipped.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from benchmarks.captions import encoded
from searchengine.datasets.dataset import read_dataset
from searchengine.encoders.interface import Encoder
from searchengine.encoders.loading import load_for_queries
from searchengine.images.decode import read_image
from searchengine.relevance import bar as constants
from searchengine.relevance.bar import LEAST, Strictness
from searchengine.relevance.measuring import measured_statistics
from searchengine.relevance.nouns import encoded_nouns
from searchengine.types import Vectors

K = 10
WRONG = 0.5
"""What wrong photos among the hits of present queries weigh beside the best hits of absent ones.
Without them nearly all hits of a query that finds anything match; with more, absent ones do."""
KEPT = {Strictness.LOOSE: 0.95, Strictness.NORMAL: 0.88, Strictness.STRICT: 0.75}
"""The mean share of right photos of the fitting sets that each strictness keeps."""
PROMISED, PROMISED_ON_SAMPLES = (88.0, 60.0), (84.0, 58.0)
"""Kept and empty in %."""
DOUBLING = 3.0
"""Points that kept may move, in the mean, when a library is twice as large by unrelated photos."""
DRAWS = 2_000
ANIMALS, DOGS = range(398), range(151, 269)
"""Of ImageNet's classes. Captions say "dog" and not which, so that no breed is surely absent."""
WORDS = re.compile("[a-z]+")

_OUTDOORS = """
airplane baby ball baseball basketball beach bench bicycle bike bird boat bridge bus camel
camera car cat child climber cowboy crowd dog field fire flag football fountain guitar hat
helmet horse jacket lake motorcycle mountain ocean park pool river road rock rope sand
skateboard skier snow snowboarder street surfer swing tent train tree truck umbrella water wave
"""
NOUNS = _OUTDOORS.split()
"""What photos of people outdoors show: right are those of which two captions say it."""

_INDOORS = """
zebra zebras giraffe giraffes toilet toilets pizza broccoli laptop sink refrigerator oven donut
donuts sandwich banana bananas microwave bathroom kitchen elephant elephants teddy keyboard cake
bed stove
"""
STRANGE = set(_INDOORS.split())
"""A caption of COCO with one of these is of nothing here where no caption here has the word."""


Array: TypeAlias = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class Judge:
    """A library with queries for what its photos show, and for what none does."""

    name: str
    rows: Vectors
    present: Vectors
    right: Sequence[set[int]]
    """The rows that each of `present` is right for."""
    absent: Vectors
    is_complete: bool = True
    """Whether a photo that is not in `right` is wrong: captions are of one photo, and fit more."""


@dataclass(frozen=True, eq=False)
class Measured:
    """What the first hits of a judge's queries measure: nearness, middle and width; the cosine."""

    right: Array
    """Shape (r, 4), of the right photos among the first K."""
    query: NDArray[np.int64]
    """Shape (r,), whose they are."""
    absent: Array
    """Shape (a, 4), of the best hit of each query for what is not there."""
    wrong: Array
    """Shape (w, 4), of the other photos among the first K; empty where none is surely wrong."""


def main() -> None:
    """Fit, judge, print, and fail where it is less than was promised."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("data", type=Path, help="where pack/ and flickr8k_dev/ are")
    parser.add_argument("--samples", type=Path, default=Path("sample_data"))
    parser.add_argument("--model", default="starter")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    encoder = load_for_queries(asked.model)
    nouns = encoded_nouns(encoder.encode_texts)
    fitting, judging, unrelated = sets(encoder, asked.data, asked.samples)
    to_fit, to_judge = (unrelated[part] for part in halves(len(unrelated)))
    larger = [among(each, to_fit) for each in fitting]
    fitted = [measured(each, nouns) for each in [*fitting, *larger]]
    judged = [measured(each, nouns) for each in judging]

    print(f"{asked.model}; fitted on {', '.join(each.name for each in fitting)}")
    weights, least = fit(fitted)
    named = zip(("NEARNESS", "MIDDLE", "WIDTH", "BASE"), weights, strict=True)
    print("fitted here: " + ", ".join(f"{name} {weight:.3f}" for name, weight in named))
    print(f"fitted here: loose from {least[0]:.2f}, strict from {least[1]:.2f}")
    figures: dict[str, Any] = {}
    print("\n| border | " + " | ".join(each.name for each in judging) + " | mean | refused |")
    print("|---|" + "--:|" * (len(judging) + 2))
    for strictness in Strictness:
        figures[strictness.value] = line(
            strictness.value,
            judged,
            relevance,
            LEAST[strictness],
        )
    border = border_that_keeps(KEPT[Strictness.NORMAL], [cosine(each.right) for each in fitted])
    figures["cosine"] = line("one cosine", judged, cosine, border)
    moved = [
        kept(measured(among(judge, to_judge), nouns), relevance, 0) - kept(before, relevance, 0)
        for judge, before in zip(judging, judged, strict=True)
    ]
    each = ", ".join(f"{move:+.1f}" for move in moved)
    print(f"\ntwice as large: kept moves by {each}, in the mean by {np.mean(moved):+.1f}")
    print(f"a query costs {1e3 * cost(512):.2f} ms at 512 dimensions")
    if asked.json:
        asked.json.write_text(json.dumps({"figures": figures, "moved": moved}))
    raise SystemExit(faults(figures["normal"], judging, moved))


def relevance(features: Array) -> Array:
    """Of hits, shape (n, 4), with the constants as shipped."""
    found: Array = (
        constants.BASE
        + constants.NEARNESS * features[:, 0]
        + constants.MIDDLE * features[:, 1]
        + constants.WIDTH * features[:, 2]
    )
    return found


def cosine(features: Array) -> Array:
    """Of hits, shape (n, 4)."""
    return features[:, 3]


def faults(normal: dict[str, Any], judging: Sequence[Judge], moved: Sequence[float]) -> str | int:
    """What falls short of what was promised; 0 where nothing does."""
    samples = normal["sets"][[each.name for each in judging].index("samples")]
    short = [
        f"{found:.1f} where {least:g} was promised"
        for found, least in zip(
            [*normal["mean"], *samples], [*PROMISED, *PROMISED_ON_SAMPLES], strict=True
        )
        if found < least
    ]
    if abs(np.mean(moved)) > DOUBLING:
        short.append(f"kept moves by {np.mean(moved):+.1f}")
    return "; ".join(short) or 0


# the sets


def sets(encoder: Encoder, data: Path, samples: Path) -> tuple[list[Judge], list[Judge], Vectors]:
    """Those to fit on, those to judge on, and vectors of photos of neither."""
    names = lines(data / "pack/text/imagenet_classnames.txt")
    of_names = dict(zip(names, encoded(encoder, names), strict=True))
    strange = [t for t in lines(data / "pack/text/coco_captions.txt") if STRANGE & words(t)]
    of_strange = dict(zip(strange, encoded(encoder, strange), strict=True))
    animals = [names[number] for number in ANIMALS if number not in DOGS]

    def absent_animals(captions: Iterable[str]) -> Vectors:
        there = set[str]().union(*map(words, captions))
        return np.stack([of_names[name] for name in animals if not words(name) & there])

    packed = [json.loads(line) for line in lines(data / "pack/pack.jsonl")]
    nips = [each for each in packed if each["source"] == "nips2017_imagenet"]
    nips_rows = pictures(encoder, [data / "pack" / each["file"] for each in nips])

    def of_nips(part: NDArray[np.int64], name: str) -> Judge:
        labels = [nips[number]["labels"][0] for number in part]
        there = sorted(set(labels) & of_names.keys())
        right = [{row for row, label in enumerate(labels) if label == each} for each in there]
        absent = [of_names[each] for each in names if each not in set(labels)]
        present = np.stack([of_names[each] for each in there])
        return Judge(name, nips_rows[part], present, right, np.stack(absent))

    dev = read_dataset(data / "flickr8k_dev/dataset_flickr8k.json").images
    folder = data / "flickr8k_dev/images"
    dev_rows = pictures(encoder, [folder / Path(each.file).name for each in dev])
    captions = [each.captions[:5] for each in dev]
    of_captions = encoded(encoder, [text for five in captions for text in five])
    of_nouns = dict(zip(NOUNS, encoded(encoder, list(NOUNS)), strict=True))

    def of_dev(part: NDArray[np.int64], name: str) -> list[Judge]:
        here = [captions[number] for number in part]
        there = set[str]().union(*(words(text) for five in here for text in five))
        absent = np.stack([v for text, v in of_strange.items() if words(text) & STRANGE - there])
        present = of_captions.reshape(len(dev), 5, -1)[part].reshape(5 * len(part), -1)
        by_caption = [{row} for row in range(len(part)) for _ in range(5)]
        shown = {
            noun: {
                row
                for row, five in enumerate(here)
                if sum(bool({noun, noun + "s"} & words(text)) for text in five) > 1
            }
            for noun in NOUNS
        }
        shown = {noun: rows for noun, rows in shown.items() if rows}
        return [
            Judge(f"{name}, captions", dev_rows[part], present, by_caption, absent, False),
            Judge(
                f"{name}, nouns",
                dev_rows[part],
                np.stack([of_nouns[noun] for noun in shown]),
                list(shown.values()),
                absent_animals([text for five in here for text in five]),
            ),
        ]

    with (samples / "captions.csv").open(encoding="utf-8", newline="") as file:
        said = [(line["image"], line["caption"]) for line in csv.DictReader(file)]
    files = sorted({name for name, _ in said})
    sample = Judge(
        "samples",
        pictures(encoder, [samples / "photos" / name for name in files]),
        encoded(encoder, [text for _, text in said]),
        [{files.index(name)} for name, _ in said],
        absent_animals([text for pair in said for text in pair]),
    )
    nips_halves, dev_halves = halves(len(nips)), halves(len(dev))
    unrelated = [each for each in packed if each["source"] == "caltech101"]
    return (
        [of_nips(nips_halves[0], "names"), *of_dev(dev_halves[0], "Flickr8k")],
        [of_nips(nips_halves[1], "names"), *of_dev(dev_halves[1], "Flickr8k"), sample],
        pictures(encoder, [data / "pack" / each["file"] for each in unrelated]),
    )


def halves(count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The numbers below `count` in two halves, drawn once and for all."""
    drawn = np.random.default_rng(0).permutation(count)
    return np.sort(drawn[: count // 2]), np.sort(drawn[count // 2 :])


def pictures(encoder: Encoder, files: Sequence[Path]) -> Vectors:
    """Unit rows, shape (n, d), as they are stored: in float16."""
    parts = []
    for start in range(0, len(files), 16):
        decoded = [
            read_image(file.read_bytes(), input_size=encoder.input_size)[0]
            for file in files[start : start + 16]
        ]
        parts.append(encoder.encode_images(decoded))
    return np.concatenate(parts).astype(np.float16).astype(np.float32)


def lines(file: Path) -> list[str]:
    """Those of a text file."""
    return file.read_text("utf-8").splitlines()


def words(text: str) -> set[str]:
    """In small letters."""
    return set(WORDS.findall(text.lower()))


# measuring and fitting


def among(judge: Judge, others: Vectors) -> Judge:
    """A judge in a library that holds others too, as many where there are so many."""
    return replace(judge, rows=np.concatenate([judge.rows, others[: len(judge.rows)]]))


def measured(judge: Judge, nouns: Vectors) -> Measured:
    """The measures of a judge's hits in its own library."""
    rows = judge.rows.astype(np.float16)
    statistics = measured_statistics(rows, np.arange(len(rows)), nouns)
    assert statistics is not None

    def of(queries: Vectors, first: int) -> tuple[NDArray[np.int64], Array]:
        cosines = queries @ judge.rows.T
        best = np.argsort(-cosines, axis=1)[:, :first]
        found = np.take_along_axis(cosines, best, 1)
        nearness = (found - statistics.best.mean) / statistics.best.deviation
        standing = np.array([statistics.standing(query) for query in queries])
        wide = np.repeat(standing[:, np.newaxis], best.shape[1], axis=1)
        return best, np.concatenate([nearness[..., None], wide, found[..., None]], axis=2)

    best, features = of(judge.present, K)
    is_right = np.array(
        [[row in right for row in rows] for rows, right in zip(best, judge.right, strict=True)]
    )
    wrong = features[~is_right] if judge.is_complete else features[:0, 0]
    absent = of(judge.absent, 1)[1][:, 0]
    return Measured(features[is_right], np.nonzero(is_right)[0], absent, wrong)


def fit(found: Sequence[Measured]) -> tuple[Array, tuple[float, float]]:
    """The weights, with 0 where the normal strictness begins, and where the others do."""
    parts = [
        (part[:, :3], is_right, weight)
        for each in found
        for part, is_right, weight in (
            (each.right, 1.0, 1.0),
            (each.absent, 0.0, 1.0),
            (each.wrong, 0.0, WRONG),
        )
        if len(part)
    ]
    xs = np.concatenate([part for part, _, _ in parts])
    ys = np.concatenate([np.full(len(part), is_right) for part, is_right, _ in parts])
    shares = np.concatenate([np.full(len(part), weight / len(part)) for part, _, weight in parts])
    weights = logistic(xs, ys, shares / shares.sum())
    scores = [each.right[:, :3] @ weights[:3] + weights[3] for each in found]
    loose, normal, strict = (border_that_keeps(share, scores) for share in KEPT.values())
    weights[3] -= normal
    return weights, (loose - normal, strict - normal)


def logistic(xs: Array, ys: Array, shares: Array) -> Array:
    """The weights, the constant last, of a weighted logistic regression, by Newton's method."""
    wide = np.column_stack([xs, np.ones(len(xs))])
    weights = np.zeros(wide.shape[1])
    for _ in range(30):
        chances = 1 / (1 + np.exp(-wide @ weights))
        slope = wide.T @ (shares * (ys - chances))
        curvature = (wide * (shares * chances * (1 - chances))[:, np.newaxis]).T @ wide
        weights += np.linalg.solve(curvature, slope)
    return weights


def border_that_keeps(share: float, scores: Sequence[Array]) -> float:
    """The highest border that so large a mean share of each set's scores reaches."""
    every = np.unique(np.concatenate(scores))[::-1]
    means = np.mean([1 - np.searchsorted(np.sort(s), every) / len(s) for s in scores], axis=0)
    return float(every[np.argmax(means >= share)])


# judging


def line(
    name: str, judged: Sequence[Measured], score: Callable[[Array], Array], border: float
) -> dict[str, Any]:
    """Print and return kept and empty in %, of each set and their means with intervals."""
    pairs = [(kept(each, score, border), empty(each, score, border)) for each in judged]
    random = np.random.default_rng(1)
    drawn = np.array(
        [[resampled(each, score, border, random) for each in judged] for _ in range(DRAWS)]
    ).mean(axis=1)
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    mean = np.mean(pairs, axis=0)
    refused = [
        float(100 * (score(each.wrong) < border).mean()) for each in judged if len(each.wrong)
    ]
    cells = [f"{a:.0f} / {b:.0f}" for a, b in pairs]
    both = " / ".join(
        f"{m:.1f} [{lo:.1f}, {hi:.1f}]" for m, lo, hi in zip(mean, low, high, strict=True)
    )
    print(f"| {name} | " + " | ".join(cells) + f" | {both} | {np.mean(refused):.0f} |")
    return {
        "refused": refused,
        "sets": pairs,
        "mean": mean.tolist(),
        "low": low.tolist(),
        "high": high.tolist(),
    }


def kept(found: Measured, score: Callable[[Array], Array], border: float) -> float:
    """Right photos that are matches, in % of those among the first K."""
    return float(100 * (score(found.right) >= border).mean())


def empty(found: Measured, score: Callable[[Array], Array], border: float) -> float:
    """Queries for what is not there that have no match, in %."""
    return float(100 * (score(found.absent) < border).mean())


def resampled(
    found: Measured,
    score: Callable[[Array], Array],
    border: float,
    random: np.random.Generator,
) -> tuple[float, float]:
    """Kept and empty of queries drawn with replacement."""
    queries, place = np.unique(found.query, return_inverse=True)
    times = np.bincount(random.integers(len(queries), size=len(queries)), minlength=len(queries))
    passes = score(found.right) >= border
    absent = score(found.absent)[random.integers(len(found.absent), size=len(found.absent))]
    return (
        100 * float(np.average(passes, weights=times[place])),
        100 * float((absent < border).mean()),
    )


def cost(dim: int, queries: int = 200) -> float:
    """Seconds of the bar of one query in so many dimensions, as a median."""
    random = np.random.default_rng(0)

    def units(count: int) -> Vectors:
        drawn: Vectors = random.normal(size=(count, dim)).astype(np.float32)
        drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
        return drawn

    rows = units(1_000).astype(np.float16)
    statistics = measured_statistics(rows, np.arange(1_000), units(1_000))
    assert statistics is not None
    asked = units(queries)
    took = []
    for query in asked:
        began = time.perf_counter()
        statistics.bar(query)
        took.append(time.perf_counter() - began)
    return float(np.median(took))


if __name__ == "__main__":
    main()
