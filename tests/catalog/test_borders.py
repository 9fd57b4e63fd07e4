"""What no other test would miss: the border of a range of paths, and what a power cut may take."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from searchengine.catalog.catalog import Catalog
from searchengine.catalog.records import Batch
from searchengine.catalog.sqlite.opening import open_to_write
from searchengine.types import FileState, Filter, ImageEntry, ImageFacts
from tests.support.catalogs import ONE, make_catalog

NAMES = ("p", "p.jpg", "p/\x01", "p/z", "p/\U0010ffff", "p0", "p0/a", "p/a/b", "P/a", "p-/a", "q")
BELOW = {"p", "p/\x01", "p/z", "p/\U0010ffff", "p/a/b"}


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return make_catalog(tmp_path / "catalog.sqlite")


def test_a_folder_ends_where_its_name_does(catalog: Catalog) -> None:
    entries = [
        ImageEntry(FileState(f"/at/{name}", 1, 1), name.encode(), ImageFacts(1, 1, "PNG"))
        for name in NAMES
    ]
    catalog.record(ONE, Batch(added=entries))
    found = catalog.images(catalog.newest(ONE, Filter(under=Path("/at/p"))))
    assert {record.file.path.removeprefix("/at/") for record in found.values()} == BELOW


def test_what_is_committed_is_on_the_disk_in_order(catalog: Catalog) -> None:
    catalog.close()
    with closing(open_to_write(catalog.path, create=False, wait=1)) as opened:
        normal = 1  # with WAL a power cut takes the last commits at most, and breaks nothing
        assert opened.execute("PRAGMA synchronous").fetchone() == (normal,)
        assert opened.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert opened.execute("PRAGMA foreign_keys").fetchone() == (1,)
