"""An index that is filled part by part and merged, beside one that is built at once, in one run.

    python -m benchmarks.merged_index [--rows 120000] [--parts 20]

On vectors of `clouds.py`, from one training: shortlists, and agreement@10 once they are scored
again exactly, for texts and several numbers of cells. Fails where agreement differs by over 0.002.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.clouds import Clouds, Rows
from benchmarks.machine import machine
from searchengine.index.cells import ON_CPU
from searchengine.index.faiss_build import add_rows
from searchengine.index.faiss_index import load_faiss, read_index
from searchengine.index.merged import HEAD, fill_part, merge, train_empty
from searchengine.index.plan import force_plan
from searchengine.measures.agreement import Numbers, agreement
from searchengine.types import Vectors
from searchengine.vectors.scan import NO_ROW, scan

DIM, K, QUERIES, SHORTLIST = 512, 10, 1_000, 200
CELLS = (1, 4, 16, 64)
MOST_APART = 0.002


def main() -> None:
    """Measure, print, and fail over what is promised."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=120_000)
    parser.add_argument("--parts", type=int, default=20)
    asked = parser.parse_args()
    print(machine())
    world = Clouds(DIM)
    rows, queries = world.images(asked.rows), world.texts(QUERIES)
    _, exact = scan(rows, queries, K)
    with tempfile.TemporaryDirectory(prefix="clipseek-") as directory:
        indexes = list(_indexes(rows, asked.parts, Path(directory)))
        print("| cells visited | the same shortlists | merged: agreement@10 | at once |")
        for cells in CELLS:
            parameters = load_faiss().SearchParametersIVF(nprobe=cells)
            lists = [index.search(queries, SHORTLIST, params=parameters)[1] for index in indexes]
            same = int((lists[0] == lists[1]).all(axis=1).sum())
            shares = [agreement(scored_again(found, rows, queries, K), exact, K) for found in lists]
            print(f"| {cells} | {same} of {QUERIES} | {shares[0]:.4f} | {shares[1]:.4f} |")
            if abs(shares[0] - shares[1]) > MOST_APART:
                raise SystemExit("the merged index finds other rows than one built at once")


def _indexes(rows: Rows, parts: int, directory: Path) -> Iterator[Any]:
    """The merged one, and the one whose rows are added at once."""
    plan = force_plan(*rows.shape)
    assert plan is not None, "there is a library to index"
    chosen = np.random.default_rng(1).choice(len(rows), plan.training_rows, replace=False)
    trained = directory / "trained.faiss"
    train_empty(plan, rows[np.sort(chosen)].astype(np.float32), trained)
    filled, first = [], 0
    for number, part in enumerate(np.array_split(rows, parts)):
        filled.append(directory / f"{number}.faiss")
        fill_part(trained, part, first, filled[-1])
        first += len(part)
    merge(trained, filled, directory)
    yield read_index(directory / HEAD, mapped=True)
    at_once = load_faiss().read_index(str(trained))
    add_rows(at_once, rows, np.arange(len(rows)), ON_CPU)
    yield at_once


def scored_again(found: Numbers, rows: Rows | Vectors, queries: Vectors, k: int) -> Numbers:
    """The k best rows of each shortlist, best first; `NO_ROW` behind those of shorter ones."""
    best = np.full((len(found), k), NO_ROW, dtype=np.int64)
    for line, numbers, query in zip(best, found, queries, strict=True):
        among = np.sort(numbers[numbers != NO_ROW])
        [nearest] = scan(rows, query[np.newaxis], k, among=among)[1]
        line[: len(nearest)] = nearest
    return best


if __name__ == "__main__":
    main()
