"""Making the index: trained on a sample, filled, and put in its place."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from searchengine.errors import InputError, LibraryUnusableError, reason_of
from searchengine.files import checksum_of, replacing
from searchengine.index.cells import ON_CPU, CellFinder
from searchengine.index.facts import (
    NAMES,
    index_path,
    read_any_facts,
    read_facts,
    remove_index,
    write_facts,
)
from searchengine.index.faiss_index import AnnIndex, inverted_file, load_faiss, read_index
from searchengine.index.types import IndexFacts, IndexPlan
from searchengine.types import Vectors
from searchengine.vectors.file import Rows
from searchengine.vectors.scan import BLOCK_ROWS, RowNumbers, blocks


def build(
    rows: Rows,
    plan: IndexPlan,
    directory: Path,
    *,
    dead: RowNumbers | None = None,
    finder: CellFinder = ON_CPU,
    made_of: str | None = None,
) -> AnnIndex:
    """Train and fill the index for `rows`, shape (n, d), and put it in `directory`.

    Rows in `dead` are left out. `finder` finds the cells, and `made_of` is kept with the facts.
    Written beside, then named: a crash leaves the old index.
    Raises MissingExtraError without faiss, InputError for a factory that FAISS does not make, and
    LibraryUnusableError where the file cannot be written.
    """
    started = time.perf_counter()
    index = empty_index(plan)
    alive = np.setdiff1d(np.arange(len(rows)), [] if dead is None else dead, assume_unique=True)
    sample = np.random.default_rng(1).choice(alive, min(plan.training_rows, len(alive)), False)
    train(index, rows[np.sort(sample)].astype(np.float32), finder)
    add_rows(index, rows, alive, finder)
    seconds = time.perf_counter() - started
    facts = IndexFacts(plan, len(rows), index.ntotal, 0, seconds, made_of=made_of)
    return _put(index, directory, facts)


def extend(
    rows: Rows,
    directory: Path,
    *,
    dead: RowNumbers,
    finder: CellFinder = ON_CPU,
    made_of: str | None = None,
) -> AnnIndex | None:
    """Add the rows behind those that the index in `directory` covers, without training it anew.

    `rows` has shape (n, d). Tuned settings stay. None, and nothing done, where there is no index
    that can be read. `finder` and `made_of` are as in `build`.
    """
    facts = read_facts(directory)
    index = None if facts is None else read_index(index_path(directory, facts), mapped=False)
    if facts is None or index is None or index.ntotal != facts.listed:
        return None
    fresh = np.setdiff1d(np.arange(facts.covered, len(rows)), dead, assume_unique=True)
    add_rows(index, rows, fresh, finder)
    grown = replace(facts, covered=len(rows), listed=index.ntotal, made_of=made_of)
    return _put(index, directory, grown)


def empty_index(plan: IndexPlan) -> Any:  # noqa: ANN401 - faiss is untyped
    """The index of a plan, not trained. Raises InputError where FAISS does not make it."""
    faiss = load_faiss()
    try:
        index = faiss.index_factory(plan.dim, plan.factory, faiss.METRIC_INNER_PRODUCT)
        cells = inverted_file(index)
    except RuntimeError as error:
        why = str(error).rsplit(": ", 1)[-1]
        raise InputError(f"FAISS makes no {plan.factory} of width {plan.dim}: {why}") from error
    cells.cp.seed = 1
    cells.cp.min_points_per_centroid = 1  # else it prints
    if hasattr(cells, "pq"):
        cells.pq.cp.min_points_per_centroid = 1
    return index


def train(index: Any, sample: Vectors, finder: CellFinder) -> None:  # noqa: ANN401
    """Train on a sample of shape (n, d); FAISS finds no cells where a quantizer has them all."""
    inner = inverted_file(index)
    if _takes_cells(inner):
        vectors = _transformed(index, sample, train=True)
        inner.quantizer.add(finder.centres(vectors, inner.nlist))
    index.train(sample)


def add_rows(
    index: Any,  # noqa: ANN401
    rows: Rows,
    numbers: RowNumbers,
    finder: CellFinder,
    *,
    shift: int = 0,
) -> None:
    """Add the rows of these numbers, under these numbers plus `shift`."""
    from faiss.contrib.ivf_tools import add_preassigned

    inner = inverted_file(index)
    centres = inner.quantizer.reconstruct_n(0, inner.nlist) if _takes_cells(inner) else None
    for some, block in blocks(rows, numbers, BLOCK_ROWS):
        vectors = block.astype(np.float32)
        ids = (
            some + shift
        )  # kept until they are copied: add_preassigned lets go of what it is given
        if centres is None:
            index.add_with_ids(vectors, ids)
            continue
        vectors = _transformed(index, vectors)
        add_preassigned(  # type: ignore[no-untyped-call]
            inner, vectors, finder.assign(vectors, centres), ids
        )
    index.ntotal = inner.ntotal


def _takes_cells(inner: Any) -> bool:  # noqa: ANN401
    """Whether vectors can be added to cells that somebody else chose.

    Fast-scan codes are packed by an adding of their own, and only a flat list of centres has them
    as they were given.
    """
    faiss = load_faiss()
    plain = isinstance(inner, (faiss.IndexIVFPQ, faiss.IndexIVFFlat, faiss.IndexIVFScalarQuantizer))
    return plain and isinstance(faiss.downcast_index(inner.quantizer), faiss.IndexFlat)


def _transformed(index: Any, vectors: Vectors, *, train: bool = False) -> Vectors:  # noqa: ANN401
    """The vectors as the inverted file gets them: behind OPQ or PCA, where there is any."""
    faiss = load_faiss()
    for number in range(index.chain.size() if hasattr(index, "chain") else 0):
        transform = faiss.downcast_VectorTransform(index.chain.at(number))
        if train:
            transform.train(vectors)
        vectors = transform.apply(vectors)
    return vectors


def _put(index: Any, directory: Path, facts: IndexFacts) -> AnnIndex:  # noqa: ANN401
    """Write the index beside the one that is there, then the facts, which name it.

    Until the facts are replaced those of before are in force, with the index that they name, and
    with all that was asked for and tuned; whatever interrupts it.
    """
    faiss = load_faiss()
    before = read_any_facts(directory)
    name = next(name for name in NAMES if before is None or before.file != name)
    try:
        with replacing(directory / name) as beside:
            faiss.write_index(index, str(beside))
            size, crc = beside.stat().st_size, checksum_of(beside)
        facts = replace(facts, file=name, bytes=size, crc=crc)
        if before is not None and before.crc == crc:  # the very index that was damaged
            facts = replace(facts, text=before.text, image=before.image)
        write_facts(directory, facts)
    except (RuntimeError, OSError) as error:
        why = reason_of(error) if isinstance(error, OSError) else error
        raise LibraryUnusableError(directory, f"the index cannot be written ({why})") from error
    remove_index(directory, but=facts)
    return AnnIndex(index, facts)
