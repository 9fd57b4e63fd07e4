"""What a GPU does for an index, on whatever device is here: cells, and exact answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from searchengine.devices import cuda_or_cpu
from searchengine.errors import DeviceUnavailableError
from searchengine.index import cells, faiss_build, faiss_index
from searchengine.index.cells import ON_CPU, CellFinder, FaissCells, TorchCells, cell_finder_on
from searchengine.index.kmeans import spherical_kmeans
from searchengine.index.plan import given_plan
from searchengine.types import Vectors
from searchengine.vectors import scan_torch as torch_scan
from searchengine.vectors.scan import scan
from searchengine.vectors.scan_torch import best_rows
from tests.conftest import Workbench
from tests.support.libraries import imagined_files, list_files

faiss = pytest.importorskip("faiss", reason="needs faiss: pip install 'clipseek[cpu]'")

N, DIM, CELLS = 4_000, 32, 64
DEVICES = [
    "cpu",
    pytest.param(
        "cuda",
        marks=pytest.mark.skipif(
            not torch.cuda.is_available(), reason="no GPU here: vectors not compared on it"
        ),
    ),
]
FACTORIES = [f"IVF{CELLS},PQ16np", f"OPQ4_16,IVF{CELLS},PQ4np", f"PCA16,IVF{CELLS},SQ8"]


def _unit(rows: np.ndarray) -> Vectors:
    unit: Vectors = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return unit


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    random = np.random.default_rng(2)
    centres = random.normal(size=(90, DIM))
    content = centres[random.integers(90, size=N)] + 0.6 * random.normal(size=(N, DIM))
    return _unit(content + 1).astype(np.float16)


@pytest.fixture(scope="module")
def queries() -> Vectors:
    return _unit(np.random.default_rng(3).normal(size=(50, DIM)))


def _flat_on_cpu() -> CellFinder:
    """A flat index where faiss-gpu would have one on the GPU: the calls are the same."""
    return FaissCells(faiss.IndexFlatIP)


COARSES = [lambda: TorchCells("cpu"), _flat_on_cpu]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("some", [False, True])
def test_exact_answers_are_those_of_the_scan(
    rows: np.ndarray,
    queries: Vectors,
    device: str,
    some: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch_scan, "ROWS_AT_A_TIME", 700)
    monkeypatch.setattr(torch_scan, "SCORES_AT_A_TIME", 700 * 16)
    among = np.arange(1, N, 3) if some else None
    scores, numbers = best_rows(rows, queries, 12, device=device, among=among)
    expected_scores, expected = scan(rows, queries, 12, among=among)
    np.testing.assert_allclose(scores, expected_scores, atol=2e-6)
    assert (numbers == expected).mean() > 0.99  # scores that float32 cannot tell apart may swap


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("n", "k", "asked"), [(0, 5, 2), (3, 5, 2), (3, 0, 2), (3, 2, 0)])
def test_small_numbers(
    rows: np.ndarray, queries: Vectors, device: str, n: int, k: int, asked: int
) -> None:
    scores, numbers = best_rows(rows[:n], queries[:asked], k, device=device)
    assert scores.shape == numbers.shape == (asked, min(n, k))


def _cohesion(sample: Vectors, centres: Vectors) -> float:
    """Mean cosine of the vectors to the nearest centre: what spherical k-means raises."""
    return float((sample @ centres.T).max(axis=1).mean())


@pytest.mark.parametrize("make", COARSES)
def test_centres_are_as_good_as_those_of_faiss(
    rows: np.ndarray, make: Callable[[], CellFinder]
) -> None:
    sample = rows.astype(np.float32)
    centres = make().centres(sample, CELLS)
    assert centres.shape == (CELLS, DIM)
    np.testing.assert_allclose(np.linalg.norm(centres, axis=1), 1, atol=1e-5)
    theirs = faiss.Kmeans(DIM, CELLS, niter=10, spherical=True, seed=1)
    theirs.train(sample)
    assert _cohesion(sample, centres) > _cohesion(sample, theirs.centroids) - 0.005
    drawn = sample[np.random.default_rng(0).choice(N, CELLS, replace=False)]
    assert _cohesion(sample, centres) > _cohesion(sample, drawn) + 0.05


@pytest.mark.parametrize("device", DEVICES)
def test_no_cell_stays_empty_while_others_can_be_split(device: str) -> None:
    few = _unit(np.random.default_rng(1).normal(size=(5, DIM)))
    sample = few[np.random.default_rng(2).integers(5, size=400)]
    centres = spherical_kmeans(sample, 16, device=device)
    assert np.isfinite(centres).all()
    assert _cohesion(sample, centres) == pytest.approx(1, abs=1e-4)


def _found(shortlists: np.ndarray, exact: np.ndarray) -> float:
    """Mean share of the exact answers that are in the shortlists."""
    return float(np.mean([np.isin(*line).mean() for line in zip(exact, shortlists, strict=True)]))


@pytest.mark.parametrize("make", COARSES)
@pytest.mark.parametrize("factory", FACTORIES)
def test_an_index_finds_what_one_that_faiss_makes_alone_finds(
    rows: np.ndarray, queries: Vectors, make: Callable[[], CellFinder], factory: str, tmp_path: Path
) -> None:
    dead = np.arange(0, N, 10)
    alive = np.setdiff1d(np.arange(N), dead)
    _, exact = scan(rows, queries, 10, among=alive)
    faiss_build.build(
        rows[:3_000],
        given_plan(factory, N, DIM),
        tmp_path,
        dead=dead[dead < 3_000],
        finder=make(),
    )
    assert faiss_build.extend(rows, tmp_path, dead=dead, finder=make()) is not None
    index = faiss_index.load(tmp_path, N)
    assert index is not None
    assert (index.covered, index.facts.listed) == (N, len(alive))
    every = index.look_up(queries, N, CELLS)
    assert sorted(every[0][every[0] >= 0]) == alive.tolist()

    theirs = faiss.index_factory(DIM, factory, faiss.METRIC_INNER_PRODUCT)
    theirs.train(rows[alive].astype(np.float32))
    theirs.add_with_ids(rows[alive].astype(np.float32), alive)
    faiss.extract_index_ivf(theirs).nprobe = 16
    assert _found(index.look_up(queries, 200, 16), exact) > max(
        0.5, _found(theirs.search(queries, 200)[1], exact) - 0.04
    )


@pytest.mark.parametrize("make", COARSES)
def test_vectors_lie_in_the_cell_they_are_most_like(
    rows: np.ndarray, make: Callable[[], CellFinder], tmp_path: Path
) -> None:
    faiss_build.build(rows, given_plan(FACTORIES[0], N, DIM), tmp_path, finder=make())
    inner = faiss.read_index(str(tmp_path / "index.faiss"))
    centres = inner.quantizer.reconstruct_n(0, CELLS)
    likeness = rows.astype(np.float32) @ centres.T
    for cell in range(CELLS):
        count = inner.invlists.list_size(cell)
        if count == 0:
            continue
        numbers = faiss.rev_swig_ptr(inner.invlists.get_ids(cell), count)
        best = likeness[numbers].max(axis=1)
        assert (best - likeness[numbers, cell] < 1e-5).all()


def test_codes_that_only_faiss_can_pack_are_left_to_it(
    rows: np.ndarray, queries: Vectors, tmp_path: Path
) -> None:
    class Untouched:
        def centres(self, *_: object) -> Vectors:
            raise AssertionError

        assign = centres

    plan = given_plan(f"IVF{CELLS},PQ16x4fs", N, DIM)
    index = faiss_build.build(rows, plan, tmp_path, finder=Untouched())  # type: ignore[arg-type]
    found = index.look_up(queries, 100, CELLS)
    assert _found(found, scan(rows, queries, 10)[1]) > 0.9


def test_the_gpu_is_taken_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert cell_finder_on("cpu") is ON_CPU
    monkeypatch.setattr(cells, "cuda_or_cpu", lambda _asked: "cuda")
    assert cell_finder_on("auto") is not ON_CPU
    monkeypatch.setattr(cells, "cuda_or_cpu", lambda _asked: "cpu")
    assert cell_finder_on("auto") is ON_CPU
    monkeypatch.setattr(faiss, "get_num_gpus", lambda: 1)
    monkeypatch.setattr(faiss, "index_cpu_to_all_gpus", lambda flat: flat, raising=False)
    assert isinstance(cell_finder_on("auto"), FaissCells)
    assert cell_finder_on("cpu") is ON_CPU


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU: its lack cannot be tried")
def test_a_gpu_that_is_not_there_is_said_so(bench: Workbench) -> None:
    assert cuda_or_cpu("auto") == "cpu"
    with pytest.raises(DeviceUnavailableError, match="no device 'cuda' here"):
        cell_finder_on("cuda")
    list_files(bench.library_path, bench.encoder, imagined_files(30))
    with bench.open() as library, pytest.raises(DeviceUnavailableError, match="no device 'cuda'"):
        library.tune(device="cuda")
