"""What several of the page's tests stand on: a browser, and an index run as the page begins one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cli.staying.telling import index_command
from serving import counts
from tests.conftest import Workbench
from tests.support.places import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(autouse=True)
def _what_is_counted_is_good_as_long_as_it_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """By default it stays good for ten times as long as counting took, whatever has changed."""
    monkeypatch.setattr(counts, "GOOD_FOR", 0)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from tests.support.chromium import chromium

    with chromium() as running:
        yield running


@pytest.fixture
def command(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Index runs as `clipseek serve` begins them, with the starter encoder."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return [*index_command(str(bench.library_path)), "--model", "starter"]


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """A file that lets `held` go on, once it is made."""
    return tmp_path / "gate"


@pytest.fixture
def held(command: list[str], gate: Path) -> list[str]:
    """Such index runs that are under way for as long as a test likes."""
    python, dash_m, _, *arguments = command
    return [python, dash_m, "tests.support.held", str(gate), *arguments]


@pytest.fixture
def photos(bench: Workbench) -> Path:
    """Some that can be indexed, and one that cannot."""
    shutil.copytree(ROOT / "sample_data" / "photos" / "food", bench.photos / "food")
    (bench.photos / "broken.jpg").write_bytes(b"\xff\xd8\xff no more")
    return bench.photos
