"""The pages of the repository make a site, whose links lead somewhere, without the network."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from pathlib import Path

import pytest

from tests.support.documents import site
from tests.support.places import ROOT

needs_zensical = pytest.mark.skipif(
    importlib.util.find_spec("zensical") is None, reason="zensical (extra docs) is not installed"
)
LISTED = re.compile(r"(README|[\w/-]+)\.md")
FROM_ELSEWHERE = re.compile(r"""(?:src=|<link[^>]*href=)["']?https?://[^"' >]*""")


@needs_zensical
def test_the_site_is_built_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    pages = site.gather(tmp_path)
    done = site.build(tmp_path)
    assert done.returncode == 0, done.stdout
    assert site.missing(tmp_path) == []
    for page in pages:
        assert (tmp_path / "site" / _built(page.relative_to(tmp_path / "pages"))).is_file()
    for page in (tmp_path / "site").rglob("*.html"):
        assert FROM_ELSEWHERE.findall(page.read_text(encoding="utf-8")) == []


@needs_zensical
def test_links_that_lead_nowhere_are_told(tmp_path: Path) -> None:
    site.gather(tmp_path)
    page = tmp_path / "pages" / "docs" / "scale.md"
    links = "[a](nowhere.md) [b](guide.md#nowhere) [c](../setup.md) [d](gone.webp)"
    page.write_text(f"{page.read_text(encoding='utf-8')}\n{links}\n", encoding="utf-8")
    done = site.build(tmp_path)
    assert done.returncode == 1
    assert "3 issues found" in done.stdout
    assert "scale.html: gone.webp" in site.missing(tmp_path)


def test_every_page_of_docs_is_in_the_menu() -> None:
    settings = (ROOT / "docs" / "site.toml").read_text(encoding="utf-8")
    assert tomllib.loads(settings)["project"]["theme"]["font"] is False
    listed = {found[0] for found in LISTED.finditer(settings)}
    assert {f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")} <= listed
    assert all((ROOT / page).is_file() for page in listed)


def _built(page: Path) -> Path:
    if page.suffix != ".md":
        return page
    return page.with_name("index.html") if page.stem == "README" else page.with_suffix(".html")


def test_the_citation_is_of_this_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = (ROOT / "CITATION.cff").read_text(encoding="utf-8").splitlines()
    assert f"title: {project['name']}" in lines
    assert f"version: {project['version']}" in lines
    assert f"license: {project['license']}" in lines
