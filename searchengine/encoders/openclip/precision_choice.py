"""Which precision is worth taking, by what was measured: on torch and on OpenVINO alike."""

from __future__ import annotations

from collections.abc import Mapping

LEAST_COSINE = 0.999
"""Mean cosine with float32 below which a precision is not chosen: rankings stay the same."""

LEAST_GAIN = 1.1
"""How many times faster than float32 another must be: less is not worth rounding vectors."""

TRIAL_BATCH = 8
"""Pictures at a time in the measurement."""

TRIAL_SECONDS = 2.0
"""How long it measures, the first pass of each precision not counted. It is done once: the choice
is remembered."""


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
