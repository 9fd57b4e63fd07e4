"""The approximate index of a snapshot: trained on a sample, filled part by part, merged, fetched.

    index/<8 digits>/trained.faiss     empty; of the snapshot it was trained on
    index/<8 digits>/<shard>.faiss     a part's, beside the trained one it was filled from
    index/<8 digits>/merged.faiss, merged.ivfdata, index.json    of all parts of that snapshot
    index/<8 digits>/trained           the number of the folder with the trained one

A snapshot never changes, and the trained index is created once: whoever makes the index of a
snapshot makes the same, and one that was stopped goes on with the parts that are there.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import accumulate
from pathlib import Path

import numpy as np

from searchengine.files import checksum_of
from searchengine.index.cells import cell_finder_on
from searchengine.index.facts import NO_FACTS, facts_of, remove_index, to_json, write_facts
from searchengine.index.merged import HEAD, LISTS, fill_part, merge, train_empty
from searchengine.index.plan import next_step
from searchengine.index.types import IndexFacts, IndexPlan, Step
from searchengine.shards.layout import INDEXES, Receipt
from searchengine.shards.parts import read_vectors
from searchengine.shards.snapshots import Snapshot, newest, publish
from searchengine.shards.storage import Storage
from searchengine.types import Vectors

SAMPLED_PARTS = 100
"""Parts that training rows are taken from, at most: each is read whole, and they are chosen by
chance."""


def facts_in(storage: Storage, number: int | None) -> IndexFacts | None:
    """What `index.json` of a snapshot's index says; None where there is none that can be read."""
    data = None if number is None else storage.find(_name(number, "index.json"))
    try:
        return None if data is None else facts_of(data)
    except NO_FACTS:
        return None


def trained_of(storage: Storage, number: int) -> int:
    """The number of the folder with the trained index that the index of a snapshot is made of."""
    data = storage.find(_name(number, "trained"))
    return int(data) if data is not None and data.isdigit() else number


def index_snapshot(
    storage: Storage,
    snapshot: Snapshot,
    dim: int,
    *,
    memory: int | None = None,
    factory: str | None = None,
    device: str = "auto",
) -> Snapshot:
    """Make the index that a snapshot wants, and publish the next one with it; returns that.

    It is the snapshot itself where it is small enough to be compared row by row, or where the index
    there is serves. What is asked for is as in `Space.refresh_index`. Raises InputError,
    MissingExtraError without faiss, and StorageError.
    """
    known = facts_in(storage, snapshot.index)
    step, plan = next_step(snapshot.rows, 0, dim, known, memory=memory, factory=factory)
    if step is Step.NOTHING or not snapshot.parts:
        return snapshot
    started = time.perf_counter()
    finder = cell_finder_on(device)
    with tempfile.TemporaryDirectory(prefix="clipseek-") as directory:
        here = Path(directory)
        if step is Step.ADD and known is not None and snapshot.index is not None:
            folder, plan = trained_of(storage, snapshot.index), known.plan
        else:
            assert plan is not None, "an index is built by a plan"
            folder = snapshot.number
            if not storage.exists(_name(folder, "trained.faiss")):
                train_empty(plan, _sample(storage, snapshot, plan), here / "new.faiss", finder)
                data = (here / "new.faiss").read_bytes()
                storage.create(_name(folder, "trained.faiss"), data)
        storage.fetch(_name(folder, "trained.faiss"), here / "trained.faiss")
        filled = []
        for part, first in _with_first_rows(snapshot):
            name, file = _name(folder, f"{part.shard}.faiss"), here / f"{part.shard}.faiss"
            if storage.exists(name):
                storage.fetch(name, file)
            else:
                rows = read_vectors(storage, part, dim)
                fill_part(here / "trained.faiss", rows, first, file, finder)
                storage.upload(file, name)
            filled.append(file)
        listed = merge(here / "trained.faiss", filled, here)
        head = here / HEAD
        facts = IndexFacts(
            plan=plan,
            covered=snapshot.rows,
            listed=listed,
            bytes=head.stat().st_size,
            build_seconds=time.perf_counter() - started,
            file=f"{_folder(snapshot.number)}/{HEAD}",
            crc=checksum_of(head),
        )
        for file in (here / LISTS, head):
            storage.upload(file, _name(snapshot.number, file.name))
    storage.write(_name(snapshot.number, "trained"), str(folder).encode())
    storage.write(_name(snapshot.number, "index.json"), to_json(facts))
    return _publish_with_index_of(storage, snapshot)


def fetch_index(storage: Storage, number: int, directory: Path) -> None:
    """Put the index of a snapshot in the directory of a space, in place of the one there.

    A search that has the old one open keeps it.
    """
    facts = facts_in(storage, number)
    target = directory / _folder(number)
    if facts is None:
        return
    if not target.is_dir():
        beside = Path(tempfile.mkdtemp(prefix=".fetching-", dir=directory))
        try:
            for name in (LISTS, HEAD):
                storage.fetch(_name(number, name), beside / name)
            beside.rename(target)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    write_facts(directory, facts)
    remove_index(directory, but=facts)


def _publish_with_index_of(storage: Storage, snapshot: Snapshot) -> Snapshot:
    while True:
        last = newest(storage)
        is_older = last.index is None or last.index < snapshot.number
        if not is_older or last.parts[: len(snapshot.parts)] != snapshot.parts:
            return last
        after = replace(last, number=last.number + 1, index=snapshot.number)
        if publish(storage, after):
            return after


def _sample(storage: Storage, snapshot: Snapshot, plan: IndexPlan) -> Vectors:
    """Training rows of the parts, shape (n, d): the same whoever takes them."""
    chance = np.random.default_rng(1)
    filled = [part for part in snapshot.parts if part.rows]
    chosen = sorted(chance.choice(len(filled), min(SAMPLED_PARTS, len(filled)), replace=False))
    rows = sum(filled[place].rows for place in chosen)
    share = min(1.0, plan.training_rows / rows)
    samples = []
    for place in chosen:
        part = filled[place]
        some = np.sort(chance.choice(part.rows, int(np.ceil(share * part.rows)), replace=False))
        samples.append(read_vectors(storage, part, plan.dim)[some].astype(np.float32))
    return np.concatenate(samples)


def _with_first_rows(snapshot: Snapshot) -> Iterator[tuple[Receipt, int]]:
    starts = accumulate((part.rows for part in snapshot.parts), initial=0)
    return zip(snapshot.parts, starts, strict=False)


def _name(number: int, file: str) -> str:
    return f"{INDEXES}/{number:08}/{file}"


def _folder(number: int) -> str:
    """In the directory of a space."""
    return f"index-{number:08}"
