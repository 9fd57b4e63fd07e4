"""The cells of an inverted file: finding them and filling them is most of a build.

With faiss-gpu FAISS does both on the GPU; else torch does, on a GPU with CUDA or on the CPU.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Protocol

import numpy as np

from searchengine.devices import cuda_or_cpu
from searchengine.index.faiss_index import load_faiss
from searchengine.index.kmeans import ROUNDS, nearest_cells, spherical_kmeans
from searchengine.types import Vectors
from searchengine.vectors.scan import RowNumbers


class CellFinder(Protocol):
    """What finds cells, and the cell of a vector."""

    def centres(self, sample: Vectors, cells: int) -> Vectors:
        """Centres of length 1, shape (cells, d), for a sample of shape (n, d)."""
        ...

    def assign(self, vectors: Vectors, centres: Vectors) -> RowNumbers:
        """The cell of each vector, shape (n,)."""
        ...


class TorchCells:
    """Cells through torch."""

    def __init__(self, device: str) -> None:
        self._device = device

    def centres(self, sample: Vectors, cells: int) -> Vectors:
        """See `CellFinder`."""
        return spherical_kmeans(sample, cells, device=self._device)

    def assign(self, vectors: Vectors, centres: Vectors) -> RowNumbers:
        """See `CellFinder`."""
        return nearest_cells(vectors, centres, device=self._device)


class FaissCells:
    """Cells through a flat index of FAISS, which `make` makes for a width where it wants it."""

    def __init__(self, make: Callable[[int], Any]) -> None:
        self._flat_of = cache(make)

    def centres(self, sample: Vectors, cells: int) -> Vectors:
        """See `CellFinder`."""
        faiss = load_faiss()
        how = faiss.ClusteringParameters()
        how.niter, how.seed, how.spherical, how.min_points_per_centroid = ROUNDS, 1, True, 1
        clustering = faiss.Clustering(sample.shape[1], cells, how)
        flat = self._flat_of(sample.shape[1])
        flat.reset()
        clustering.train(sample, flat)
        found: Vectors = faiss.vector_to_array(clustering.centroids).reshape(cells, -1)
        return found

    def assign(self, vectors: Vectors, centres: Vectors) -> RowNumbers:
        """See `CellFinder`."""
        flat = self._flat_of(centres.shape[1])
        flat.reset()
        flat.add(np.ascontiguousarray(centres))
        found: RowNumbers = flat.search(vectors, 1)[1][:, 0]
        return found


ON_CPU = TorchCells("cpu")


def cell_finder_on(device: str) -> CellFinder:
    """What finds cells on `device`: "auto", "cuda", "mps" or "cpu"; on the CPU without CUDA.

    Raises DeviceUnavailableError for a device that is asked for by name and not there, and
    MissingExtraError without faiss.
    """
    faiss = load_faiss()
    if device == "cpu":
        return ON_CPU
    if device in ("auto", "cuda") and faiss.get_num_gpus() > 0:
        return FaissCells(lambda d: faiss.index_cpu_to_all_gpus(faiss.IndexFlatIP(d)))
    chosen = cuda_or_cpu(device)
    return ON_CPU if chosen == "cpu" else TorchCells(chosen)
