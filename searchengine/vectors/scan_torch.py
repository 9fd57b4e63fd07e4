"""Many vectors against many through torch: exact answers, and the cells of an index.

On a GPU, or on a CPU, where torch multiplies matrices up to twice as fast as numpy and FAISS as
they come in wheels (measured: the cells of a million rows in 86 s instead of 201).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from searchengine.types import Vectors
from searchengine.vectors.file import Rows
from searchengine.vectors.scan import RowNumbers, Scores, best_of, blocks

if TYPE_CHECKING:
    import torch

ROWS_AT_A_TIME = 32_768
"""Rows on the device at a time: 67 MB at 512 dimensions."""

SCORES_AT_A_TIME = 2**25
"""Scores on the device at a time: 134 MB."""

ROUNDS = 10
"""Of k-means: what FAISS takes for the cells of an inverted file."""

SPLIT = 1 / 1024
"""By how much the halves of a cell that is split differ, as in FAISS."""


def best_rows(
    rows: Rows | Vectors,
    queries: Vectors,
    k: int,
    *,
    among: RowNumbers | None = None,
    device: str = "cpu",
) -> tuple[Scores, RowNumbers]:
    """As `exact.scan`, for any number of queries in bounded memory, on the CPU or a GPU.

    Each block of rows is read once and compared with all queries in float32.
    """
    import torch

    k = min(k, len(rows) if among is None else len(among))
    step = max(1, SCORES_AT_A_TIME // ROWS_AT_A_TIME)
    scores = np.empty((len(queries), 0), dtype=np.float32)
    found = np.empty((len(queries), 0), dtype=np.int64)
    with torch.inference_mode():
        asked = tensor(queries, device)
        for numbers, block in blocks(rows, among, ROWS_AT_A_TIME) if k else ():
            columns, most = tensor(block, device).T, min(k, len(numbers))
            tops = [(part @ columns).topk(most) for part in torch.split(asked, step)]
            values = torch.cat([top.values for top in tops]).cpu().numpy()
            places = torch.cat([top.indices for top in tops]).cpu().numpy()
            scores, found = best_of(
                np.hstack([scores, values]), np.hstack([found, numbers[places]]), k
            )
    return scores, found


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


def tensor(rows: Rows | Vectors, device: str) -> torch.Tensor:
    """The rows in float32 on the device; halves travel as halves.

    Copied first where they cannot be written to, as in a memory map: torch warns of those.
    """
    import torch

    return torch.from_numpy(np.require(rows, requirements=("C", "W"))).to(device).float()
