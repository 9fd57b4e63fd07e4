"""Ranks of the relevant answers among all, by counting, in blocks and bounded memory.

A rank is 1 + the wrong answers that score at least as high: ties count against the system. The
scores of a block come from one float32 matrix product, on the CPU or a GPU. Where float32 cannot
tell two scores apart both are computed again in float64, each pair by itself: the outcome then
depends on neither the block nor the processor, and equal vectors tie exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from searchengine.types import Vectors
from searchengine.vectors.file import Rows
from searchengine.vectors.pairs import UNSURE, pair_cosines
from searchengine.vectors.scan_torch import tensor

if TYPE_CHECKING:
    import torch

BLOCK = 2_048
"""Captions and images in a block: with its scores (16 MB) and what is made of them 90 MB in all.
Twice as many are a tenth faster and take twice the memory."""

NEVER = 9.0
"""Above every cosine."""

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PairRanks:
    """How every caption and its image find each other; all arrays have shape (c,)."""

    of_image: Numbers
    """The caption asks: rank of its image among all images, from 1."""
    of_caption: Numbers
    """The image asks: rank of this caption among all captions, from 1. Of an image's own captions
    the higher score goes first, then the earlier one."""
    image_ties: Numbers
    """Wrong images that score exactly as the caption's own."""
    caption_ties: Numbers
    """Captions of other images that score exactly as this one."""
    cosines: NDArray[np.float64]
    """Of the caption and its image."""


def pair_ranks(
    images: Vectors | Rows, captions: Vectors | Rows, owners: Numbers, *, device: str = "cpu"
) -> PairRanks:
    """Ranks of every caption with its image, both ways.

    images has shape (n, d), captions (c, d), rows of length 1; `owners`, shape (c,), are the image
    rows the captions belong to. Images without a caption are wrong answers to all (distractors).
    """
    cosines = pair_cosines(captions, images, np.arange(len(captions)), owners)
    texts, pictures = (_Tally(captions, images, cosines) for _ in range(2))
    for first in range(0, len(images), BLOCK):
        columns = slice(first, min(first + BLOCK, len(images)))
        rows_of_block = tensor(images[columns], device)
        own = _own_captions(owners, columns)
        least = np.where(own < 0, NEVER, cosines[own]).min(axis=0, initial=NEVER)
        for start in range(0, len(captions), BLOCK):
            rows = slice(start, min(start + BLOCK, len(captions)))
            scores = tensor(captions[rows], device) @ rows_of_block.T
            _hide_true_pairs(scores, owners, rows, columns)
            row, column, score = _at_least(scores, cosines[rows, np.newaxis] - UNSURE)
            texts.count(start + row, start + row, first + column, score)
            row, column, score = _at_least(scores, least - UNSURE)
            for turn in own:  # the first captions of the images of this block, then the second
                asked = turn[column]
                at = np.flatnonzero(asked >= 0)
                pictures.count(asked[at], start + row[at], first + column[at], score[at])
            del scores  # before the next: two at a time would take twice the memory
    return PairRanks(
        of_image=1 + texts.above,
        of_caption=_place(owners, cosines) + pictures.above,
        image_ties=texts.equal,
        caption_ties=pictures.equal,
        cosines=cosines,
    )


class _Tally:
    """Wrong answers found so far that score at least as a caption with its image."""

    def __init__(
        self,
        captions: Vectors | Rows,
        images: Vectors | Rows,
        cosines: NDArray[np.float64],
    ) -> None:
        self.above = np.zeros(len(captions), dtype=np.int64)
        self.equal = np.zeros(len(captions), dtype=np.int64)
        self._captions, self._images, self._cosines = captions, images, cosines

    def count(
        self, asked: Numbers, rows: Numbers, columns: Numbers, scores: NDArray[np.float32]
    ) -> None:
        """Compare wrong pairs with the cosine of the captions `asked`; all of shape (p,).

        `rows` and `columns` are the captions and images of the pairs, `scores` their cosines.
        """
        beyond = scores - self._cosines[asked]
        np.add.at(self.above, asked[beyond > UNSURE], 1)
        near = np.flatnonzero(np.abs(beyond) <= UNSURE)
        asked = asked[near]
        exact = pair_cosines(self._captions, self._images, rows[near], columns[near])
        np.add.at(self.above, asked[exact >= self._cosines[asked]], 1)
        np.add.at(self.equal, asked[exact == self._cosines[asked]], 1)


def _at_least(
    scores: torch.Tensor, limits: NDArray[np.float64]
) -> tuple[Numbers, Numbers, NDArray[np.float32]]:
    """Rows, columns and values of the scores that reach the limits, which broadcast to them."""
    import torch

    reached = scores >= torch.from_numpy(limits.astype(np.float32)).to(scores.device)
    if scores.device.type == "cpu":  # numpy lists them in a fraction of torch's time
        row, column = np.divmod(np.flatnonzero(reached.numpy()), scores.shape[1])
        return row, column, scores.numpy()[row, column]
    places = torch.nonzero(reached, as_tuple=True)
    return places[0].cpu().numpy(), places[1].cpu().numpy(), scores[places].cpu().numpy()


def _own_captions(owners: Numbers, columns: slice) -> Numbers:
    """The captions of the images in `columns`: a row of the first of each, one of the second...

    A row has -1 where an image has no more.
    """
    members = np.flatnonzero((owners >= columns.start) & (owners < columns.stop))
    members = members[np.argsort(owners[members], kind="stable")]
    image = owners[members] - columns.start
    turn = np.arange(len(members)) - np.searchsorted(image, image)
    table = np.full((int(turn.max(initial=-1)) + 1, columns.stop - columns.start), -1)
    table[turn, image] = members
    return table


def _hide_true_pairs(scores: torch.Tensor, owners: Numbers, rows: slice, columns: slice) -> None:
    import torch

    own = owners[rows]
    inside = np.flatnonzero((own >= columns.start) & (own < columns.stop))
    row, column = torch.from_numpy(inside), torch.from_numpy(own[inside] - columns.start)
    scores[row.to(scores.device), column.to(scores.device)] = -NEVER


def _place(owners: Numbers, cosines: NDArray[np.float64]) -> Numbers:
    """The place of each caption among those of its own image, from 1, shape (c,).

    Higher cosines go first, then earlier captions: no two captions of an image share a place. With
    the wrong captions above it that is `of_caption`, so the least of an image's captions is the
    rank of its first relevant answer, and wrong answers that tie with that stand before it.
    """
    order = np.lexsort((-cosines, owners))
    grouped = owners[order]
    place = np.empty(len(owners), dtype=np.int64)
    place[order] = np.arange(len(owners)) - np.searchsorted(grouped, grouped) + 1
    return place
