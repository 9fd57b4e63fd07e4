"""The precision in which towers compute on this CPU: asked for, remembered or measured."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

import numpy as np

from searchengine.encoders.openclip.precision_cache import choice_key, remember, remembered
from searchengine.encoders.openvino import runtime
from searchengine.encoders.openvino.towers import IMAGE, Towers
from searchengine.encoders.preprocess import trial_pictures
from searchengine.types import Vectors

LEAST_COSINE = 0.999
"""Mean cosine with float32 below which a precision is not chosen: rankings stay the same."""

LEAST_GAIN = 1.1
"""How many times faster than float32 another must be: less is not worth rounding vectors."""

TRIAL_BATCH = 8
"""Pictures at a time in the measurement."""

TRIAL_SECONDS = 2.0
"""How long it measures. It is done once: the choice is remembered."""


def remembered_precision(towers: Towers) -> str:
    """What was measured on this machine, else float32, which is right everywhere."""
    precision = remembered(_key(towers))
    return precision if precision in runtime.PRECISIONS else "float32"


def measured_precision(towers: Towers) -> str:
    """What was measured on this machine, now if never before: two seconds, once."""
    key = _key(towers)
    precision = remembered(key)
    if precision not in runtime.PRECISIONS:
        precision = _measure(towers)
        remember(key, precision)
    return precision


def _key(towers: Towers) -> str:
    version = f"openvino {runtime.version()}"
    return choice_key(towers.facts.fingerprint, version, os.cpu_count() or 1)


def _measure(towers: Towers) -> str:
    candidates = [precision for precision in runtime.PRECISIONS if runtime.computes_in(precision)]
    if candidates == ["float32"]:
        return "float32"
    pictures = trial_pictures(towers.facts.preprocessing, TRIAL_BATCH)
    graph, weights = towers.graph(IMAGE), towers.weights(IMAGE)
    each = {
        precision: runtime.image_tower(graph, weights, towers.facts.preprocessing, precision)
        for precision in candidates
    }
    rows = {precision: tower(pictures) for precision, tower in each.items()}
    seconds = dict.fromkeys(candidates, float("inf"))
    until = time.perf_counter() + TRIAL_SECONDS
    while time.perf_counter() < until:
        for precision, tower in each.items():
            start = time.perf_counter()
            tower(pictures)
            seconds[precision] = min(seconds[precision], time.perf_counter() - start)
    return choose(seconds, {name: mean_cosine(rows["float32"], rows[name]) for name in candidates})


def choose(seconds: Mapping[str, float], cosines: Mapping[str, float]) -> str:
    """The quickest precision that is worth it: `LEAST_GAIN` and `LEAST_COSINE` at least.

    Both are by precision: seconds of the same pictures, mean cosines with float32.
    """
    worth_it = [
        precision
        for precision, taken in seconds.items()
        if cosines[precision] >= LEAST_COSINE and LEAST_GAIN * taken <= seconds["float32"]
    ]
    return min(worth_it, key=lambda precision: seconds[precision], default="float32")


def mean_cosine(a: Vectors, b: Vectors) -> float:
    """Of the rows of two arrays of shape (n, d), of any length; -1 where one has no direction."""
    with np.errstate(divide="ignore", invalid="ignore"):
        cosines = (a * b).sum(axis=1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1))
    return float(np.nan_to_num(cosines, nan=-1.0).mean())
