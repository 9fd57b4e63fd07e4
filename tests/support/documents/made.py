"""The three pages: what a person wrote, then what is made."""

from __future__ import annotations

from pathlib import Path

from tests.support.documents.commands import commands_page
from tests.support.documents.endpoints import endpoints_page
from tests.support.documents.names import names_page
from tests.support.places import ROOT

DOCS = ROOT / "docs"
MADE = "<!-- What follows is made from the program: make docs -->"
PAGES = {
    DOCS / "cli.md": commands_page,
    DOCS / "python.md": names_page,
    DOCS / "http.md": endpoints_page,
}


def fresh(page: Path) -> str:
    """The page as it should be."""
    written, mark, _ = page.read_text(encoding="utf-8").partition(MADE)
    assert mark, f"{page.name} has no line {MADE}"
    return f"{written}{MADE}\n\n{PAGES[page]()}\n"


def write() -> None:
    """Bring every page up to date."""
    for page in PAGES:
        page.write_text(fresh(page), encoding="utf-8")
