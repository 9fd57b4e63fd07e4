"""An index made part by part: trained once, filled for each part by itself, merged on the disk.

The merged one has every list that one built at once would have, in two files: a head, and the
lists, of which a search reads the cells it visits. FAISS's `contrib.ondisk` does the merging.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from searchengine.index.cells import ON_CPU, CellFinder
from searchengine.index.faiss_build import add_rows, empty_index, train
from searchengine.index.faiss_index import load_faiss
from searchengine.index.types import IndexPlan
from searchengine.types import Vectors
from searchengine.vectors.file import Rows
from searchengine.vectors.lengths import impossible_rows

HEAD, LISTS = "merged.faiss", "merged.ivfdata"
"""The names of the two files, which lie side by side."""


def train_empty(
    plan: IndexPlan, sample: Vectors, target: Path, finder: CellFinder = ON_CPU
) -> None:
    """Write the trained, empty index of a plan; `sample` has shape (n, d).

    Raises MissingExtraError, and InputError for a factory that FAISS does not make.
    """
    index = empty_index(plan)
    train(index, sample, finder)
    load_faiss().write_index(index, str(target))


def fill_part(
    trained: Path, rows: Rows, first_row: int, target: Path, finder: CellFinder = ON_CPU
) -> None:
    """Write the index of one part: its rows, shape (n, d), are numbered from `first_row`.

    Rows that are damaged are left out.
    """
    faiss = load_faiss()
    index = faiss.read_index(str(trained))
    sound = np.setdiff1d(np.arange(len(rows)), impossible_rows(rows), assume_unique=True)
    add_rows(index, rows, sound, finder, shift=first_row)
    faiss.write_index(index, str(target))


def merge(trained: Path, parts: Sequence[Path], directory: Path) -> int:
    """Write `HEAD` and `LISTS` of the parts together to `directory`; returns how many rows.

    Memory holds the head alone.
    """
    faiss = load_faiss()
    from faiss.contrib.ondisk import merge_ondisk

    index = faiss.read_index(str(trained))
    with _stdout_to_stderr():
        merge_ondisk(index, [str(part) for part in parts], str(directory / LISTS))
    faiss.write_index(index, str(directory / HEAD))
    return int(index.ntotal)


@contextmanager
def _stdout_to_stderr() -> Iterator[None]:
    """What FAISS prints by itself is no answer."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
