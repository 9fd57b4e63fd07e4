"""The pages of the repository as a site, by Zensical, and whether its links lead somewhere."""

from __future__ import annotations

import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tests.support.places import ROOT

PAGES = (
    "*.md", "LICENSE", "NOTICE", "docs/*.md", "docs/*.webp", "benchmarks/*.md", "sample_data/*.md",
    "searchengine/encoders/starter/*.md", "tests/**/*.md", "training/*.md",
)  # fmt: skip
"""What the site has, each where it lies in the repository, so that links are the same."""


def gather(directory: Path) -> list[Path]:
    """Copies of the pages, and of the settings, in `directory`; returns the pages."""
    found = sorted({path for pattern in PAGES for path in ROOT.glob(pattern)})
    pages = [directory / "pages" / path.relative_to(ROOT) for path in found]
    for path, page in zip(found, pages, strict=True):
        page.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, page)
    shutil.copy(ROOT / "docs" / "site.toml", directory / "zensical.toml")
    return pages


def build(directory: Path) -> subprocess.CompletedProcess[str]:
    """Build what was gathered there into its folder `site`.

    Exits with 1 where a page or an anchor is linked that is not there; other files it does not look
    for, see `missing`.
    """
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean"]
    return subprocess.run(
        command,
        cwd=directory,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def missing(directory: Path) -> list[str]:
    """Files of the built site that its pages link or show, and that are not there."""
    return sorted(
        f"{page.name}: {address}"
        for page in (directory / "site").rglob("*.html")
        if page.name != "404.html"  # which is shown at any address
        for address in _addresses(page)
        if not _leads_somewhere(page, address)
    )


def _leads_somewhere(page: Path, address: str) -> bool:
    parts = urlsplit(address)
    return bool(parts.scheme or parts.netloc) or (page.parent / unquote(parts.path)).exists()


def _addresses(page: Path) -> set[str]:
    found = _Addresses()
    found.feed(page.read_text(encoding="utf-8"))
    return found.addresses


class _Addresses(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.addresses: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses |= {value for name, value in attrs if name in ("href", "src") and value}
