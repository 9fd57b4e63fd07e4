"""A newcomer reaches the page with photos of their own by what README says, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import bare, first_hour

pytest.importorskip("playwright", reason="NO PLAYWRIGHT, the page is not tested: make test")

from playwright.sync_api import expect

from tests.support.chromium import chromium


def test_readme_leads_to_ones_own_photos_on_the_page(tmp_path: Path) -> None:
    home = first_hour.home_of_somebody(tmp_path)
    clone = bare.copied(home / "clipseek")
    python = bare.environment(clone / ".venv")
    bare.install(python, "--editable", str(clone))
    for stamp in ("python", "demo"):  # of the Makefile, which installs no more
        (clone / ".venv" / stamp).touch()
    with (
        chromium() as browser,
        first_hour.page_of(clone, home, bare.at_home(home)) as address,
    ):
        page = browser.new_page()
        page.goto(address)
        expect(page.locator("#hits img")).to_have_count(len(first_hour.OWN))
        page.locator("#q").fill("a cup of coffee")
        expect(page.locator("#hits img").first).to_have_attribute("alt", "IMG_0001.jpg")
