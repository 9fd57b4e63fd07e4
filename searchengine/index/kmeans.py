"""Spherical k-means through torch, on a GPU or on a CPU: the cells of an index."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from searchengine.types import Vectors
from searchengine.vectors.scan import RowNumbers
from searchengine.vectors.scan_torch import SCORES_AT_A_TIME, tensor

if TYPE_CHECKING:
    import torch

ROUNDS = 10
"""Of k-means: what FAISS takes for the cells of an inverted file."""


SPLIT = 1 / 1024
"""By how much the halves of a cell that is split differ, as in FAISS."""


def nearest_cells(vectors: Vectors, centres: Vectors, *, device: str) -> RowNumbers:
    """For each vector, shape (n, d), the number of the centre, (c, d), that it is most like: (n,).

    By inner product.
    """
    import torch

    with torch.inference_mode():
        found: RowNumbers = _nearest(tensor(vectors, device), tensor(centres, device)).cpu().numpy()
    return found


def spherical_kmeans(sample: Vectors, cells: int, *, device: str) -> Vectors:
    """Centres of length 1, shape (cells, d), for a sample of shape (n, d), n at least `cells`.

    Dhillon and Modha, "Concept decompositions for large sparse text data using clustering" (2001),
    from rows that are drawn; a cell that comes out empty takes half of one of the fullest. FAISS
    does the same; its `faiss.contrib.clustering` prints, and needs faiss-gpu for a GPU.
    """
    import torch

    with torch.inference_mode():
        rows = tensor(sample, device)
        drawn = np.random.default_rng(1).choice(len(sample), cells, replace=False)
        centres = _unit(rows[torch.from_numpy(drawn).to(device)])
        for _ in range(ROUNDS):
            owners = _nearest(rows, centres)
            sums = torch.zeros_like(centres).index_add_(0, owners, rows)
            counts = torch.bincount(owners, minlength=cells)
            centres = _unit(_split_the_fullest(sums, counts))
        found: Vectors = centres.cpu().numpy()
    return found


def _split_the_fullest(sums: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    import torch

    empty = torch.nonzero(counts == 0).ravel()
    fullest = counts.topk(len(empty)).indices
    sign = 1 - 2 * (torch.arange(sums.shape[1], device=sums.device) % 2)
    halved = sums[fullest]
    sums[empty] = halved * (1 + SPLIT * sign)
    sums[fullest] = halved * (1 - SPLIT * sign)
    return sums


def _nearest(rows: torch.Tensor, centres: torch.Tensor) -> torch.Tensor:
    import torch

    step = max(1, SCORES_AT_A_TIME // len(centres))
    return torch.cat([(part @ centres.T).argmax(dim=1) for part in torch.split(rows, step)])


def _unit(rows: torch.Tensor) -> torch.Tensor:
    import torch

    return torch.nn.functional.normalize(rows, dim=1)
