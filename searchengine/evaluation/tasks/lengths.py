"""How many captions are longer than an encoder reads."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from searchengine.encoders.interface import TextEncoder

LONG, LONG_IN_OTHER_LETTERS = 60, 16
"""Characters below which no text reaches the end of a context of 32 tokens."""

SAMPLED = 1_000
"""Long captions that are looked at; of more, as many spread evenly over them."""

SAME = 1e-5
"""Vectors that differ by less are of the same tokens: one token more moves them by a hundredth."""


def cut_share(texts: Sequence[str], encoder: TextEncoder) -> float:
    """The share of texts, in [0, 1], whose last word the encoder does not read.

    Its tokenizer is not asked, as each cuts in its own way: a text is cut where its vector stays
    the same without the last word (without spaces: the last two letters).
    """
    long = [
        text for text in texts if len(text) >= (LONG if text.isascii() else LONG_IN_OTHER_LETTERS)
    ]
    if not long:
        return 0.0
    places = np.unique(np.linspace(0, len(long) - 1, min(SAMPLED, len(long))).astype(int))
    some = [long[place] for place in places]
    whole = encoder.encode_texts(some)
    shorter = encoder.encode_texts([_without_its_end(text) for text in some])
    is_cut = np.abs(whole - shorter).max(axis=1) < SAME
    return float(is_cut.mean()) * len(long) / len(texts)


def _without_its_end(text: str) -> str:
    head, space, _ = text.rstrip().rpartition(" ")
    return head if space else text[:-2]


def about_lengths(share: float, captions: int) -> str | None:
    """A sentence where captions are cut; None where none is."""
    if share <= 0:
        return None
    return (
        f"{share:.1%} of the {captions:,} captions are longer than the encoder reads: their ends "
        "do not count; take an encoder with a longer context for long captions"
    )
