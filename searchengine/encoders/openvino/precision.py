"""The precision in which towers compute on this CPU: asked for, remembered or measured."""

from __future__ import annotations

import os
import time

import numpy as np

from searchengine.encoders.openclip.precision_cache import choice_key, remember, remembered
from searchengine.encoders.openclip.precision_choice import TRIAL_BATCH, TRIAL_SECONDS, choose
from searchengine.encoders.openvino import runtime
from searchengine.encoders.openvino.encoder import open_many_images
from searchengine.encoders.openvino.towers import Towers
from searchengine.encoders.preprocess import trial_pictures
from searchengine.types import Vectors


def precisions_of(towers: Towers) -> list[str]:
    """Those that towers compute in on this CPU."""
    return [
        precision
        for precision in runtime.PRECISIONS
        if runtime.computes_in(precision) and (precision != runtime.INT8 or towers.has_int8)
    ]


def precision_for_queries(towers: Towers) -> str:
    """For a few pictures: int8 where there is one, what was measured on this machine, or float32.

    One picture takes as long as reading the weights, which int8 makes a fourth of.
    """
    if towers.has_int8:
        return runtime.INT8
    precision = remembered(_key(towers))
    return precision if precision in runtime.PRECISIONS else "float32"


def measured_precision(towers: Towers) -> str:
    """What was measured on this machine, now if never before: two seconds, once."""
    precision = remembered(_key(towers))
    if precision not in runtime.PRECISIONS:
        precision = quickest_precision(towers)
        prefer(towers, precision)
    return precision


def prefer(towers: Towers, precision: str) -> None:
    """Take this precision on this machine from now on."""
    remember(_key(towers), precision)


def _key(towers: Towers) -> str:
    version = f"openvino {runtime.version()} {' '.join(precisions_of(towers))}"
    return choice_key(towers.facts.fingerprint, version, os.cpu_count() or 1)


def quickest_precision(towers: Towers) -> str:
    """Of those this CPU computes in, by measuring them: two seconds."""
    candidates = precisions_of(towers)
    if candidates == ["float32"]:
        return "float32"
    pictures = list(trial_pictures(towers.facts.preprocessing, TRIAL_BATCH))
    each = {}
    for precision in candidates:
        tower = open_many_images(towers, precision)
        if tower is None:
            return "float32"
        each[precision] = tower
    rows = {precision: tower(pictures) for precision, tower in each.items()}
    seconds = dict.fromkeys(candidates, float("inf"))
    until = time.perf_counter() + TRIAL_SECONDS
    while time.perf_counter() < until:
        for precision, tower in each.items():
            start = time.perf_counter()
            tower(pictures)
            seconds[precision] = min(seconds[precision], time.perf_counter() - start)
    return choose(seconds, {name: mean_cosine(rows["float32"], rows[name]) for name in candidates})


def mean_cosine(a: Vectors, b: Vectors) -> float:
    """Of the rows of two arrays of shape (n, d), of any length; -1 where one has no direction."""
    with np.errstate(divide="ignore", invalid="ignore"):
        cosines = (a * b).sum(axis=1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1))
    return float(np.nan_to_num(cosines, nan=-1.0).mean())
