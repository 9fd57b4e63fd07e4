"""The index of a library in parts: the lists of one that is built at once, merged from parts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.merged_index import scored_again
from searchengine.index.cells import ON_CPU
from searchengine.index.faiss_build import add_rows
from searchengine.index.faiss_index import inverted_file, load_faiss, read_index
from searchengine.index.merged import fill_part, merge
from searchengine.library.cached.opening import CopiedLibrary, open_copy
from searchengine.measures.agreement import agreement
from searchengine.retrieval.query import Kind, Query, Source
from searchengine.shards import indexes
from searchengine.shards.indexes import facts_in, index_snapshot, trained_of
from searchengine.shards.layout import LIBRARY, MadeBy, Receipt, receipt_name, to_json
from searchengine.shards.parts import commit, read_entries, read_vectors
from searchengine.shards.snapshots import Snapshot, followed_by, newest, publish
from searchengine.shards.status import collect
from searchengine.shards.storage import Storage
from searchengine.types import FileState, ImageEntry, ImageFacts, Vectors
from tests.support.shards import url_of

pytest.importorskip("pyarrow", reason="pyarrow is not installed: the extra shards")
pytest.importorskip("fsspec", reason="fsspec is not installed: the extra shards")

DIM, ROWS = 32, 500
FACTORY = "IVF16,PQ8np"


class Wide:
    """Texts are rows by chance; no picture is asked for."""

    name, dim, fingerprint = "wide", DIM, "wide"

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        return clouds(len(texts), len(texts))


def clouds(seed: int, n: int) -> Vectors:
    """Unit rows around twenty centres, shape (n, DIM)."""
    chance = np.random.default_rng(seed)
    centres = np.random.default_rng(5).normal(size=(20, DIM))
    rows = centres[chance.integers(20, size=n)] + 0.3 * chance.normal(size=(n, DIM))
    unit: Vectors = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return unit


def add_parts(storage: Storage, seeds: range) -> Snapshot:
    storage.create(LIBRARY, to_json(MadeBy("wide", "wide", DIM, "float32")))
    parts = []
    for seed in seeds:
        entries = [
            ImageEntry(
                FileState(f"/photos/{seed}/{number}.jpg", 1, 1),
                (seed * ROWS + number).to_bytes(16, "big"),
                ImageFacts(64, 48, "JPEG"),
            )
            for number in range(ROWS)
        ]
        parts.append(commit(storage, f"{seed:020}", entries, clouds(seed, ROWS), [], "wide", "me"))
    return published(storage, parts)


def published(storage: Storage, parts: Sequence[Receipt]) -> Snapshot:
    snapshot = followed_by(newest(storage), parts)
    assert publish(storage, snapshot)
    return snapshot


def made_anew(storage: Storage, part: Receipt, seed: int) -> Receipt:
    """The part with fewer and other rows."""
    storage.remove([receipt_name(part.shard)])
    entries = read_entries(storage, part)[1:]
    return commit(storage, part.shard, entries, clouds(seed, ROWS)[1:], [], "wide", "me")


def lists_of(index: Any) -> list[tuple[list[int], bytes]]:
    """The ids and codes of each list, by id."""
    faiss = load_faiss()
    lists = faiss.downcast_InvertedLists(inverted_file(index).invlists)
    found: list[tuple[list[int], bytes]] = []
    for cell in range(lists.nlist):
        size = lists.list_size(cell)
        if not size:
            found.append(([], b""))
            continue
        ids = faiss.rev_swig_ptr(lists.get_ids(cell), size).copy()
        codes = faiss.rev_swig_ptr(lists.get_codes(cell), size * lists.code_size).copy()
        order = np.argsort(ids)
        found.append((ids[order].tolist(), codes.reshape(size, -1)[order].tobytes()))
    return found


def test_it_has_the_lists_of_one_that_is_built_at_once(tmp_path: Path) -> None:
    storage = Storage(url_of(tmp_path / "parts"))
    snapshot = add_parts(storage, range(4))
    after = index_snapshot(storage, snapshot, DIM, factory=FACTORY)
    assert (after.number, after.index, after.parts) == (2, 1, snapshot.parts)
    assert newest(storage) == after
    assert index_snapshot(storage, after, DIM, factory=FACTORY) == after
    faiss = load_faiss()
    folder = tmp_path / "parts" / "index" / "00000001"
    at_once = faiss.read_index(str(folder / "trained.faiss"))
    rows = np.concatenate([read_vectors(storage, part, DIM) for part in snapshot.parts])
    add_rows(at_once, rows, np.arange(len(rows)), ON_CPU)
    merged = read_index(folder / "merged.faiss", mapped=True)
    assert merged is not None
    assert merged.ntotal == len(rows) == 4 * ROWS
    assert lists_of(merged) == lists_of(at_once)
    assert sorted(row for ids, _ in lists_of(merged) for row in ids) == list(range(len(rows)))
    queries = clouds(99, 200)
    exact = np.argsort(-(queries @ rows.T), axis=1)[:, :10]
    for cells in (1, 2, 4):
        parameters = faiss.SearchParametersIVF(nprobe=cells)
        shares = []
        for index in (merged, at_once):
            _, found = index.search(queries, 20, params=parameters)
            shares.append(agreement(scored_again(found, rows, queries, 10), exact, 10))
        assert abs(shares[0] - shares[1]) <= 0.002
        assert 0.5 < shares[0] < 0.999  # so approximate that it could differ


def test_a_part_that_was_made_anew_takes_the_index_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its rows are others, and those behind it have other numbers."""
    storage = Storage(url_of(tmp_path / "parts"))
    indexed = index_snapshot(storage, add_parts(storage, range(4)), DIM, factory=FACTORY)
    after = published(storage, [made_anew(storage, indexed.parts[1], 77)])
    assert (after.rows, after.index) == (4 * ROWS - 1, None)
    again = index_snapshot(storage, after, DIM, factory=FACTORY)
    assert again.index == after.number
    merged = read_index(tmp_path / "parts" / "index" / "00000003" / "merged.faiss", mapped=True)
    assert merged is not None
    assert merged.ntotal == after.rows
    assert after.rows - 1 in merged.search(clouds(3, ROWS)[-1:], 50)[1]
    anew: list[Snapshot] = []

    def late(*arguments: Any) -> int:
        anew.append(published(storage, [made_anew(storage, after.parts[2], 78)]))
        return merge(*arguments)

    monkeypatch.setattr(indexes, "merge", late)
    more = add_parts(storage, range(4, 9))
    assert index_snapshot(storage, more, DIM) == anew[0] == newest(storage)
    assert newest(storage).index is None


def test_it_goes_on_with_the_parts_that_are_there_and_takes_in_new_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = Storage(url_of(tmp_path / "parts"))
    filled: list[int] = []

    def noting(*arguments: Any) -> None:
        filled.append(arguments[2])
        fill_part(*arguments)

    def cut(*arguments: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(indexes, "fill_part", noting)
    monkeypatch.setattr(indexes, "merge", cut)
    with pytest.raises(KeyboardInterrupt):
        index_snapshot(storage, add_parts(storage, range(4)), DIM, factory=FACTORY)
    assert newest(storage).index is None
    assert filled == [0, 500, 1000, 1500]
    assert collect(storage, keep=1).files == 0  # somebody may be about to make it
    monkeypatch.setattr(indexes, "merge", merge)
    indexed = index_snapshot(storage, newest(storage), DIM, factory=FACTORY)
    assert filled == [0, 500, 1000, 1500]
    more = add_parts(storage, range(4, 5))
    assert (more.number, more.index) == (3, indexed.index)
    grown = index_snapshot(storage, more, DIM)
    assert filled == [0, 500, 1000, 1500, 2000]
    assert (grown.number, grown.index) == (4, 3)
    assert trained_of(storage, 3) == 1
    facts = facts_in(storage, 3)
    assert facts is not None
    assert facts.covered == facts.listed == 5 * ROWS
    assert collect(storage, keep=1).snapshots == [1, 2, 3]
    assert storage.exists("index/00000001/trained.faiss")
    twice = add_parts(storage, range(5, 9))
    doubled = index_snapshot(storage, twice, DIM)
    assert trained_of(storage, doubled.index or 0) == twice.number  # trained anew
    collect(storage, keep=1)
    assert not storage.exists("index/00000001/trained.faiss")


def test_a_copy_searches_through_it(tmp_path: Path) -> None:
    storage = Storage(url_of(tmp_path / "parts"))
    index_snapshot(storage, add_parts(storage, range(4)), DIM, factory=FACTORY)
    with open_copy(storage.url, cache=tmp_path / "cache", load=lambda _: Wide()) as library:  # type: ignore[arg-type,return-value]
        info = library.index_info()
        assert info.index is not None
        assert (info.index.covered, info.uncovered) == (4 * ROWS, 0)
        found = 0
        for vector in clouds(98, 20):
            query = Query((Source(Kind.VECTOR, vector),))
            hits = [hit.path for hit in library.search(query, k=10)]
            exact = [hit.path for hit in library.search(query, k=10, exact=True)]
            found += len(set(hits) & set(exact))
        assert found >= 0.9 * 200
        assert library.check().is_sound
        index_snapshot(storage, add_parts(storage, range(4, 6)), DIM)
        assert isinstance(library, CopiedLibrary)
        assert library.update() == 4
        assert library.index_info().uncovered == 0
        query = Query((Source(Kind.VECTOR, clouds(5, ROWS)[0]),))
        assert library.search(query, k=1)[0].path == Path("/photos/5/0.jpg")
        space = library.space()
        assert len(list(space.directory.glob("index-*"))) == 1
