"""What several of the page's tests stand on: a browser, and an index run as the page begins one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cli.staying.telling import index_command
from tests.conftest import Workbench
from tests.support.places import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser


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
def photos(bench: Workbench) -> Path:
    """Some that can be indexed, and one that cannot."""
    shutil.copytree(ROOT / "sample_data" / "photos" / "food", bench.photos / "food")
    (bench.photos / "broken.jpg").write_bytes(b"\xff\xd8\xff no more")
    return bench.photos
