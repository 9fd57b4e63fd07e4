"""A snapshot answers as of one moment, whatever others write meanwhile."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from searchengine.catalog.catalog import Catalog, CatalogReads
from searchengine.catalog.records import Batch
from searchengine.catalog.sqlite import connection
from searchengine.types import Filter
from tests.support.catalogs import ASKED, GONE, ONE, RED, change_everything, make_catalog, plain


@pytest.fixture
def path(tmp_path: Path) -> Path:
    make_catalog(tmp_path / "catalog.sqlite").close()
    return tmp_path / "catalog.sqlite"


@pytest.fixture
def catalog(path: Path) -> Iterator[Catalog]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connection, "BUSY_SECONDS", 0.2)  # no test here may wait for a lock
        opened = Catalog(path)
    yield opened
    opened.close()


def test_every_question_is_asked_here() -> None:
    questions = {name for name in dir(CatalogReads) if not name.startswith("_")}
    assert ASKED.keys() == questions


@pytest.mark.parametrize("question", ASKED)
def test_what_is_written_meanwhile_is_not_seen(catalog: Catalog, path: Path, question: str) -> None:
    ask = ASKED[question]
    before = plain(ask(catalog))
    other = Catalog(path)
    with catalog.snapshot() as now:
        change_everything(other)
        assert plain(ask(now)) == before
        assert plain(ask(catalog)) == plain(ask(other)) != before
        assert plain(ask(now)) == before
    with catalog.snapshot() as now:
        assert plain(ask(now)) == plain(ask(other))
    other.close()


def test_another_programs_writes_between_two_questions_are_not_seen(
    catalog: Catalog, path: Path
) -> None:
    with catalog.snapshot() as now:
        count, dead = now.rows_and_dead(ONE)
        with sqlite3.connect(path) as other:
            other.execute("INSERT INTO embeddings VALUES (1, 5, 5)")
            other.execute("UPDATE embeddings SET owner_id = NULL WHERE space_id = 1 AND row = 0")
            other.execute("DELETE FROM captions")
        other.close()
        assert now.images_of_rows(ONE, [0, 5]).keys() == {0}
        assert now.rows_matching(ONE, Filter()).tolist() == [0, 2, 4]
        assert now.caption_texts(ONE)[1] == ["grass", "a red car"]
    assert (count, dead.tolist()) == (5, [1, 3])
    assert catalog.images_of_rows(ONE, [0, 5]).keys() == {5}


def test_the_moment_is_that_of_entering(catalog: Catalog, path: Path) -> None:
    with catalog.snapshot() as now:
        with sqlite3.connect(path) as other:
            other.execute("DELETE FROM failures")
        other.close()
        assert now.counts()["failures"] == 2
    assert catalog.counts()["failures"] == 0


def test_one_question_of_two_statements_sees_one_moment(catalog: Catalog, path: Path) -> None:
    """Between the two another process adds an image and removes it: a dead row past the count."""
    other = Catalog(path)

    def write(*_: object) -> None:
        other.record(ONE, Batch(added=[GONE]))
        other.record(ONE, Batch(removed=other.image_ids(GONE.file.path)))

    sa.event.listen(catalog._database.engine, "after_cursor_execute", write, once=True)
    count, dead = catalog.rows_and_dead(ONE)
    assert (count, dead.tolist()) == (5, [1, 3])
    count, dead = catalog.rows_and_dead(ONE)
    assert (count, dead.tolist()) == (6, [1, 3, 5])
    other.close()


def test_writers_do_not_wait_for_a_snapshot_and_it_leaves_nothing_open(
    catalog: Catalog, path: Path
) -> None:
    with catalog.snapshot() as now:
        catalog.record(None, Batch(removed=[1]))
        assert now.images([1])[1].path == Path(RED.file.path)
    assert catalog.images([1]) == {}
    with pytest.raises(ZeroDivisionError), catalog.snapshot() as now:
        raise ZeroDivisionError
    with sqlite3.connect(path) as other:
        busy, *_ = other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    other.close()
    assert busy == 0, "a reader is still in the file beside the catalog"


def test_many_threads_hold_snapshots_of_their_own(catalog: Catalog) -> None:
    threads = 24  # more than SQLAlchemy's pool gives unless it is told to
    together = threading.Barrier(threads, timeout=60)

    def ask(_: int) -> int:
        with catalog.snapshot() as now:
            together.wait()
            return now.counts()["images"]

    with ThreadPoolExecutor(threads) as pool:
        assert list(pool.map(ask, range(threads))) == [4] * threads


def test_a_write_that_reads_first_waits_for_the_writer_before_it(path: Path) -> None:
    """Begun as a read, it could not become a write once another one had written."""
    holder = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    holder.execute("BEGIN IMMEDIATE")
    holder.execute("INSERT INTO captions (image_id, text, source) VALUES (1, 'first', 'file')")
    commit = threading.Timer(0.3, lambda: holder.execute("COMMIT"))
    commit.start()
    catalog = Catalog(path)
    assert catalog.add_captions([(RED.file.path, "first"), (RED.file.path, "second")]) == (1, [])
    commit.join()
    holder.close()
    catalog.close()
