"""Two evaluations of the same queries: what differs by more than chance, and on which queries."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from searchengine.datasets.text_files import read_text
from searchengine.errors import InputError
from searchengine.measures.resampling import Difference, paired_difference

DIRECTIONS = ("image_retrieval", "text_retrieval")


@dataclass(frozen=True, slots=True)
class AskedBoth:
    """One query, and the rank of its first right answer in both."""

    image: str
    """Of the caption that asks, or the image that asks itself: its file."""
    caption: str | None
    """None where the image asks."""
    first: int
    second: int


@dataclass(frozen=True, slots=True)
class ComparedDirection:
    """One direction of retrieval in both."""

    name: str
    queries: int
    recall: dict[int, tuple[float, float]]
    """By K: R@K of both, in [0, 1]."""
    differences: dict[int, Difference]
    """By K: R@K of the second minus that of the first."""
    won: Sequence[AskedBoth]
    """Better ranks in the second, the largest change of 1/rank first."""
    lost: Sequence[AskedBoth]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two evaluations, A and B."""

    names: tuple[str, str]
    """Their encoders."""
    directions: tuple[ComparedDirection, ...]


def compare(first: Path, second: Path) -> Comparison:
    """Compare what `clipseek evaluate --json` wrote, query by query.

    Raises InputError where a file is none of these, and as `compare_records`.
    """
    return compare_records(_read(first), _read(second), (str(first), str(second)))


def compare_records(
    one: dict[str, Any], other: dict[str, Any], places: tuple[str, str]
) -> Comparison:
    """Compare two evaluations as JSON has them, from `places`.

    Raises InputError where they asked other queries or had other images to choose from.
    """
    for key, what in (("sha256", "images and captions"), ("distractors", "distractors")):
        if one["protocol"][key] != other["protocol"][key]:
            raise InputError(
                f"{places[0]} and {places[1]} are of other {what}: compare evaluations of one "
                "caption file, with the same split, limit and library of distractors"
            )
    ks = sorted(_ks(one) & _ks(other))
    names = (str(one["protocol"]["encoder"]), str(other["protocol"]["encoder"]))
    return Comparison(names, tuple(_compare(name, one, other, ks) for name in DIRECTIONS))


def _read(path: Path) -> dict[str, Any]:
    try:
        value: dict[str, Any] = json.loads(read_text(path))
        _ks(value), value["protocol"]["sha256"], value["protocol"]["distractors"]
        for query in value["queries"]:
            query["direction"], query["image"], query["caption"], query["turn"] + query["rank"]
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path}: not an evaluation with its queries; write one with: clipseek evaluate "
            "CAPTIONS --json FILE"
        ) from error
    return value


def _ks(evaluation: dict[str, Any]) -> set[int]:
    start = "image_retrieval_recall@"
    return {int(name[len(start) :]) for name in evaluation["metrics"] if name.startswith(start)}


def _compare(
    direction: str, one: dict[str, Any], other: dict[str, Any], ks: Sequence[int]
) -> ComparedDirection:
    """By image and place of the caption there: the two may have them in another order."""
    asked = [
        {(q["key"], q["turn"]): q for q in each["queries"] if q["direction"] == direction}
        for each in (one, other)
    ]
    if asked[0].keys() != asked[1].keys() or not asked[0]:
        raise InputError("the two evaluations do not hold the same queries")
    both = [
        AskedBoth(query["image"], query["caption"], query["rank"], asked[1][key]["rank"])
        for key, query in asked[0].items()
    ]
    ranks = np.array([(query.first, query.second) for query in both])
    _, images = np.unique([key for key, _ in asked[0]], return_inverse=True)
    gain = 1 / ranks[:, 1] - 1 / ranks[:, 0]
    order = np.argsort(-np.abs(gain), kind="stable")
    return ComparedDirection(
        name=direction,
        queries=len(both),
        recall={k: _shares(ranks, k) for k in ks},
        differences={
            k: paired_difference(
                (ranks[:, 0] <= k).astype(float), (ranks[:, 1] <= k).astype(float), images
            )
            for k in ks
        },
        won=[both[place] for place in order if gain[place] > 0],
        lost=[both[place] for place in order if gain[place] < 0],
    )


def _shares(ranks: np.ndarray[Any, np.dtype[np.int64]], k: int) -> tuple[float, float]:
    first, second = (ranks <= k).mean(axis=0).tolist()
    return first, second
