"""What adding a hundredth costs an index that is rewritten for it: generated codes, no weights.

    python -m benchmarks.index_growth [--rows 10000000]

An IVF-PQ of the cells and codes that the program plans for so many rows, with random codes in it,
and a file of vectors of which only the last hundredth is written; the rest is a hole. Measures what
every index run does, which is to look at the index, and what a run does that adds: read the old one
and write the new one, find the cells of what is added, and look at its lengths. Needs 150 bytes of
disk and 100 of memory a row. Fails where reading and writing take over a tenth of the time that
this machine encodes the added images in, or looking over 0.3 s for a million rows.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import machine
from searchengine.files import checksum_of
from searchengine.index.cells import ON_CPU, TorchCells
from searchengine.index.facts import index_path, write_facts
from searchengine.index.faiss_build import empty_index, extend
from searchengine.index.faiss_index import inverted_file, load_faiss
from searchengine.index.plan import TAIL_SHARE, plan_index
from searchengine.index.types import IndexFacts, IndexPlan
from searchengine.spaces.indexed import KnownIndex
from searchengine.spaces.tied import TiedRows
from searchengine.types import Vectors
from searchengine.vectors.file import VectorFile
from searchengine.vectors.lengths import impossible_rows
from searchengine.vectors.scan import RowNumbers

DIM = 512
IMAGES_A_SECOND = 100
"""That two cores encode with the quickest encoder there is, `starter`."""
MOST_SHARE, MOST_LOOKED = 0.1, 0.3e-6
FOR_CELLS = 8_192
"""Rows whose cells are found, to reckon with."""


class Anywhere(TorchCells):
    """Puts rows into any cells at once: what finding them takes is measured by itself."""

    def assign(self, vectors: Vectors, centres: Vectors) -> RowNumbers:
        """The cell of each vector, shape (n,)."""
        return np.random.default_rng(len(vectors)).integers(0, len(centres), len(vectors))


def main() -> None:
    """Measure, print, and fail over the bound."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=10_000_000)
    rows: int = parser.parse_args().rows
    added = round(TAIL_SHARE * rows) + 1
    print(machine())
    with tempfile.TemporaryDirectory(prefix="clipseek-growth-") as name:
        directory = Path(name) / "spaces" / "made"
        directory.mkdir(parents=True)
        plan = plan_index(rows, DIM)
        assert plan is not None
        centres = _put_made(directory, plan)
        file = VectorFile(directory / "vectors.f16", DIM)
        fresh = _written_behind(file, rows, added)
        tied = TiedRows(file, lambda: rows, dict)
        known = KnownIndex(directory, file, tied, "space made", Path(name))
        found: list[str | None] = []
        looked = _timed("looked at, by every run", lambda: found.append(known.fault(rows)))
        assert found == [None]
        stored, nobody = file.read(rows + added), np.empty(0, dtype=np.int64)
        seconds = _timed(
            "read and written anew",
            lambda: extend(stored, directory, dead=nobody, finder=Anywhere("cpu")),
        )
        sample = fresh[:FOR_CELLS].astype(np.float32)
        times = added / len(sample)
        _timed("cells of what is added", lambda: ON_CPU.assign(sample, centres), times)
        _timed("lengths of what is added", lambda: impossible_rows(fresh))
        encoding = added / IMAGES_A_SECOND
        peak = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e9
        print(f"encoding the {added:,} takes {encoding:,.0f} s; peak {peak:.1f} GB")
    if seconds > MOST_SHARE * encoding:
        sys.exit(f"reading and writing take over {MOST_SHARE:.0%} of that")
    if looked > MOST_LOOKED * rows:
        sys.exit(f"looking at it takes over {MOST_LOOKED * rows:.1f} s")


def _put_made(directory: Path, plan: IndexPlan) -> Vectors:
    """An index of random codes in its place; returns its centres."""
    faiss, chance = load_faiss(), np.random.default_rng(1)
    index: Any = empty_index(plan)
    inner = inverted_file(index)
    centres: Vectors = chance.normal(size=(plan.cells, DIM)).astype(np.float32)
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    inner.quantizer.add(centres)
    codebooks = chance.normal(size=256 * DIM).astype(np.float32)
    faiss.copy_array_to_vector(codebooks, inner.pq.centroids)
    inner.is_trained = True
    of_cells = np.array_split(chance.permutation(plan.rows), plan.cells)
    for cell, ids in enumerate(of_cells):
        codes = chance.integers(0, 256, (len(ids), inner.code_size), dtype=np.uint8)
        inner.invlists.add_entries(cell, len(ids), faiss.swig_ptr(ids), faiss.swig_ptr(codes))
    inner.ntotal = plan.rows
    facts = IndexFacts(plan, plan.rows, plan.rows, 0, 0.0)
    path = index_path(directory, facts)
    faiss.write_index(index, str(path))
    size, crc = path.stat().st_size, checksum_of(path)
    write_facts(directory, IndexFacts(plan, plan.rows, plan.rows, size, 0.0, crc=crc))
    return centres


def _written_behind(file: VectorFile, rows: int, added: int) -> Vectors:
    """Random rows behind a hole of so many; returns them."""
    file.path.touch()
    file.lengthen(rows)
    fresh: Vectors = np.random.default_rng(2).normal(size=(added, DIM)).astype(np.float32)
    fresh /= np.linalg.norm(fresh, axis=1, keepdims=True)
    with file.path.open("r+b") as there:
        there.seek(0, 2)
        there.write(fresh.astype(np.float16).tobytes())
    return fresh.astype(np.float16)


def _timed(what: str, work: Callable[[], object], times: float = 1.0) -> float:
    """Seconds, of which `times` as many are reckoned; prints them."""
    started, busy = time.perf_counter(), time.process_time()
    work()
    seconds, processor = time.perf_counter() - started, time.process_time() - busy
    print(f"{what:<26} {times * seconds:8.1f} s, processor {times * processor:8.1f}", flush=True)
    return times * seconds


if __name__ == "__main__":
    main()
