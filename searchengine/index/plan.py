"""What index to build, when, and how to search it: decisions from numbers alone."""

from __future__ import annotations

import re

import numpy as np

from searchengine.errors import InputError
from searchengine.index.types import DEAD_SHARE, IndexFacts, IndexPlan, Step

EXACT_BELOW = 100_000
"""Rows below which an exact scan answers in some tens of milliseconds, and no index is built."""

LEAST_ROWS = 256
"""Rows below which there is no index at all: codes of one byte have 256 values to train."""

TAIL_SHARE = 0.01
"""Share of rows outside the index from which they are added to it; until then they are scanned, at
a million rows in some milliseconds."""

GROWTH = 2
"""Times the rows it was trained among from which an index is trained anew: its cells are then twice
as full as planned."""

TRAIN_PER_CELL = 40
"""Training vectors per IVF cell: FAISS warns below 39."""

TRAIN_FOR_CODES = 39 * 256
"""Training vectors for codes of one byte: again FAISS warns below."""

DIMENSIONS_PER_BYTE = 8
"""That one byte of a code stands for: 64 bytes at 512, and scoring the shortlist exactly wins back
what they lose."""


ROW_ID_BYTES = 8
"""FAISS keeps the number of each row in 64 bits."""


def plan_index(n: int, d: int, memory: int | None = None) -> IndexPlan | None:
    """The index for n rows of width d, or None where the exact scan is better.

    `memory` is the most bytes it may take. Raises InputError where none takes so little.
    """
    return None if n < EXACT_BELOW else force_plan(n, d, memory)


def force_plan(n: int, d: int, memory: int | None = None) -> IndexPlan | None:
    """An index for n rows of width d even where the exact scan is better; None below `LEAST_ROWS`.

    Cells are the power of two nearest to four square roots of n, the least that FAISS's guidelines
    advise ("Guidelines to choose an index", FAISS wiki), as long as each has rows to train on. With
    half as many, clouds of images share a cell, and some texts find theirs in none of the first.
    Codes take one byte for `DIMENSIONS_PER_BYTE`, less where `memory` asks for it. "np" leaves out
    polysemous training, which costs much and buys nothing here.
    """
    if n < LEAST_ROWS:
        return None
    most = int(np.log2(n / TRAIN_PER_CELL))
    cells = 2 ** min(most, round(np.log2(4 * np.sqrt(n))))
    wide = min(m for m in range(1, d + 1) if d % m == 0 and m * DIMENSIONS_PER_BYTE >= d)
    sizes = {m: index_bytes(n, d, cells, m) for m in range(wide, 0, -1) if d % m == 0}
    codes = next((m for m, size in sizes.items() if memory is None or size <= memory), None)
    if codes is None:
        raise InputError(
            f"an index over {n:,} vectors takes {sizes[1] / 1e6:,.1f} MB at least, more than the "
            f"{(memory or 0) / 1e6:,.1f} MB of --memory"
        )
    return IndexPlan(
        factory=f"IVF{cells},PQ{codes}np",
        cells=cells,
        training_rows=_training_rows(n, cells),
        rows=n,
        dim=d,
        bytes=sizes[codes],
        memory=memory,
        forced=False,
    )


def given_plan(factory: str, n: int, d: int) -> IndexPlan:
    """The plan for n rows of width d with a factory that somebody else chose.

    Raises InputError unless it is FAISS's notation of an inverted file, and where the rows are too
    few to train it.
    """
    cells = cells_of(factory)
    if n < max(cells, LEAST_ROWS):
        raise InputError(
            f"--factory {factory} takes {max(cells, LEAST_ROWS):,} vectors to train on, and there "
            f"are {n:,}; choose fewer cells, or index more images"
        )
    training = _training_rows(n, cells)
    return IndexPlan(factory, cells, training, n, d, bytes=None, memory=None, forced=True)


def cells_of(factory: str) -> int:
    """The cells that a factory asks for. Raises InputError unless it names an inverted file."""
    found = re.search(r"(?:^|,)IVF([1-9]\d*)", factory)
    if found is None:
        raise InputError(
            f"--factory {factory}: not an inverted file in FAISS's notation; "
            "write for example IVF4096,PQ64np"
        )
    return int(found[1])


def _training_rows(n: int, cells: int) -> int:
    return min(n, max(TRAIN_PER_CELL * cells, TRAIN_FOR_CODES))


def index_bytes(n: int, d: int, cells: int, codes: int) -> int:
    """What an IVF-PQ index over n rows of width d takes, with codes of so many bytes."""
    return n * (codes + ROW_ID_BYTES) + (cells + 256) * d * np.dtype(np.float32).itemsize


def next_step(
    rows: int,
    dead: int,
    d: int,
    index: IndexFacts | None,
    *,
    memory: int | None = None,
    factory: str | None = None,
    damaged: bool = False,
) -> tuple[Step, IndexPlan | None]:
    """What the index of a space wants done, and the plan where it is to be built.

    The space has so many rows of width d, and so many of them are dead. An index that was asked
    for below `EXACT_BELOW` is looked after like any other. Raises InputError as the plans do.
    """
    alive = rows - dead
    if factory is not None and (index is None or index.plan.factory != factory):
        return Step.BUILD, given_plan(factory, alive, d)
    if index is None:
        plan = plan_index(alive, d, memory)
        return (Step.NOTHING, None) if plan is None else (Step.BUILD, plan)
    other_limit = memory is not None and memory != index.plan.memory
    few = alive < max(LEAST_ROWS, index.plan.cells)
    at_once = other_limit or (damaged and not few)
    step = Step.BUILD if at_once else _step_of(rows, dead, index)
    if step is not Step.BUILD:
        return step, None
    if index.plan.forced and not other_limit:
        return step, given_plan(index.plan.factory, alive, d)
    return step, force_plan(alive, d, memory or index.plan.memory)


def _step_of(rows: int, dead: int, index: IndexFacts) -> Step:
    """What an index wants that stays of its kind."""
    alive = rows - dead
    if alive < max(LEAST_ROWS, index.plan.cells):
        return Step.NOTHING
    dead_inside = dead - (index.covered - index.listed)
    if alive >= GROWTH * index.plan.rows or dead_inside > DEAD_SHARE * index.listed:
        return Step.BUILD
    if rows - index.covered <= TAIL_SHARE * rows:
        return Step.NOTHING
    limit = index.plan.memory
    fits = limit is None or index.bytes / index.listed * alive <= limit
    return Step.ADD if fits else Step.BUILD
