"""Captions of another program: with the vectors that it has of them, where those are ours too."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from indexers.elsewhere.listing import LEAST_COSINE, SAMPLE, Listing
from searchengine.types import Vectors

log = logging.getLogger("clipseek")

Encode = Callable[[Sequence[str]], Vectors]


def with_stored(listing: Listing, ids: Mapping[str, int], encode: Encode, dim: int) -> Encode:
    """`encode`, but for texts that are listed with a vector of `dim` numbers by the id in `ids`.

    A sample of them is encoded first. Where one has another vector than is listed, that is said,
    and all are encoded.
    """
    texts = list(ids)
    some = [texts[place] for place in np.random.default_rng(0).permutation(len(texts))[:SAMPLE]]
    rows, usable = listing.text_vectors([ids[text] for text in some], dim)
    if not any(usable):
        return encode
    worst = float((encode(some) * rows).sum(axis=1)[usable].min())
    if worst < LEAST_COSINE:
        log.warning(
            "captions are encoded here: of %d one has a cosine of %.3f with the vector that %s has "
            "of it, under %s",
            sum(usable),
            worst,
            listing.program,
            LEAST_COSINE,
        )
        return encode

    def look_up(asked: Sequence[str]) -> Vectors:
        places = [place for place, text in enumerate(asked) if text in ids]
        out = np.zeros((len(asked), dim), dtype=np.float32)
        out[places], _ = listing.text_vectors([ids[asked[place]] for place in places], dim)
        lacking = np.flatnonzero(~out.any(axis=1)).tolist()
        if lacking:
            out[lacking] = encode([asked[place] for place in lacking])
        return out

    return look_up
