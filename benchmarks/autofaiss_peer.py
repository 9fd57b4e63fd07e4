"""What autofaiss's index finds for text queries, on the vectors of `benchmarks.ann`.

    python3.11 -m venv peer
    peer/bin/pip install autofaiss 'faiss-cpu<1.9' 'numpy<2' 'pyarrow<20'
    peer/bin/python -m benchmarks.autofaiss_peer --n 1000000 --dim 512 --keep DIR

Needs nothing of clipseek but the generator, and runs in an environment of its own. `--keep` names
the directory that `benchmarks.ann --keep` wrote its vectors to. autofaiss chooses the index within
`--megabytes`, and its own setting for `--milliseconds` a query; a ladder of other settings follows.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import faiss
import numpy as np
from autofaiss import build_index

from benchmarks.clouds import Clouds

K = 10
BLOCK = 50_000
PROBES = (8, 16, 32, 64, 128, 256, 512, 1024, 2048)
TIMED = 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=1_000_000)
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--queries", type=int, default=1_000)
    parser.add_argument("--keep", type=Path, required=True)
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--milliseconds", type=float, default=10.0)
    options = parser.parse_args()
    rows = np.load(options.keep / f"clouds-{options.n}-{options.dim}.npy", mmap_mode="r")
    texts = Clouds(options.dim).texts(2 * options.queries)[1::2]
    exact = exact_answers(rows, texts)
    with tempfile.TemporaryDirectory() as place:
        np.save(Path(place) / "part.npy", rows.astype(np.float32))
        started = time.perf_counter()
        index, _ = build_index(
            embeddings=place,
            save_on_disk=False,
            max_index_memory_usage=f"{options.megabytes}MB",
            current_memory_available="12GB",
            max_index_query_time_ms=options.milliseconds,
            metric_type="ip",
            verbose=30,
        )
        print(f"built and tuned in {time.perf_counter() - started:.0f} s")
        faiss.write_index(index, str(Path(place) / "out.faiss"))
        size = (Path(place) / "out.faiss").stat().st_size
        print(f"{size / options.n:.1f} bytes an image")
    print(f"{'nprobe':>12} {'agreement@10':>12} {'p50 ms':>8}")
    report("its choice", index, texts, exact)
    for nprobe in PROBES:
        faiss.ParameterSpace().set_index_parameter(index, "nprobe", nprobe)
        report(str(nprobe), index, texts, exact)


def exact_answers(rows: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """The K best rows of each query, shape (q, K)."""
    scores = np.empty((len(queries), 0), dtype=np.float32)
    numbers = np.empty((len(queries), 0), dtype=np.int64)
    for start in range(0, len(rows), BLOCK):
        block = queries @ rows[start : start + BLOCK].astype(np.float32).T
        best = np.argpartition(-block, K, axis=1)[:, :K]
        scores = np.hstack([scores, np.take_along_axis(block, best, axis=1)])
        numbers = np.hstack([numbers, best + start])
    order = np.argsort(-scores, axis=1, kind="stable")[:, :K]
    return np.take_along_axis(numbers, order, axis=1)


def report(name: str, index: faiss.Index, queries: np.ndarray, exact: np.ndarray) -> None:
    found = index.search(queries, K)[1]
    shared = [len(np.intersect1d(*pair)) for pair in zip(found, exact, strict=True)]
    spent = []
    for query in queries[:TIMED]:
        started = time.perf_counter()
        index.search(query[np.newaxis], K)
        spent.append(1e3 * (time.perf_counter() - started))
    print(f"{name:>12} {np.mean(shared) / K:12.4f} {np.median(spent):8.2f}", flush=True)


if __name__ == "__main__":
    main()
