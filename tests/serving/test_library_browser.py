"""A folder indexed from the page in a real browser, with JavaScript and without."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Workbench

pytest.importorskip("playwright", reason="NO PLAYWRIGHT, the page is not tested: make test")

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.serving.test_browser import WIDTHS, Visit, served

PATIENCE = 120_000
"""Milliseconds: a real encoder is loaded, and the machine may be busy."""


def check(page: Page, state: str) -> None:
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, state
    found = Axe().run(page)
    assert found.violations_count == 0, f"{state}: {found.generate_report()}"


@pytest.mark.parametrize(
    ("screen", "scheme"), [("phone", "light"), ("tablet", "dark"), ("desk", "light")]
)
def test_a_folder_is_indexed_from_the_page(
    bench: Workbench,
    browser: Browser,
    photos: Path,
    held: list[str],
    gate: Path,
    screen: str,
    scheme: str,
) -> None:
    width, height = WIDTHS[screen]
    with served(bench, index_command=held) as address:
        context = browser.new_context(
            color_scheme="dark" if scheme == "dark" else "light",
            viewport={"width": width, "height": height},
        )
        visit = Visit(context.new_page())
        page = visit.page
        page.goto(address)
        with page.expect_navigation():
            page.get_by_role("link", name="Index a folder").click()
        page.get_by_label("A folder of this machine").fill(str(photos))
        check(page, "before")
        with page.expect_navigation():
            page.get_by_role("button", name="Index", exact=True).click()
        run = page.locator("#run")
        expect(page.get_by_role("button", name="Stop")).to_be_visible()
        expect(page.get_by_role("progressbar")).to_be_visible()
        check(page, "under way")
        gate.touch()
        expect(run).to_contain_text(
            "4 pictures found, 3 indexed, 1 failed", timeout=PATIENCE
        )  # without a click: the page looks, and then loads the numbers
        expect(run).to_contain_text("broken.jpg")
        expect(page.locator("dl")).to_contain_text("Pictures")
        expect(page.locator(".rows")).to_have_count(2)
        expect(page.get_by_text("1 unreadable")).to_be_visible()
        page.get_by_text("Which files").click()
        check(page, "after")
        with page.expect_navigation():
            page.get_by_role("link", name=str(photos)).click()
        expect(page.locator("#hits .tile")).to_have_count(3)
        visit.check(address)
        context.close()


def test_without_javascript_it_goes_too(
    bench: Workbench, browser: Browser, photos: Path, held: list[str], gate: Path
) -> None:
    with served(bench, index_command=held) as address:
        page = browser.new_context(java_script_enabled=False).new_page()
        page.goto(f"{address}library")
        page.get_by_label("A folder of this machine").fill(f"{photos}/nowhere")
        page.get_by_role("button", name="Index", exact=True).click()
        expect(page.get_by_role("alert")).to_contain_text("check the spelling")
        page.get_by_label("A folder of this machine").fill(str(photos))
        page.get_by_role("button", name="Index", exact=True).click()
        expect(page.get_by_role("button", name="Stop")).to_be_visible()
        gate.touch()
        expect(page.locator("#run")).to_contain_text(
            "4 pictures found, 3 indexed", timeout=PATIENCE
        )  # the page loads itself again
        page.get_by_role("button", name="Index again").click()
        expect(page.locator("#run")).to_contain_text(
            "4 pictures found, 3 unchanged, 1 failed", timeout=PATIENCE
        )
        page.context.close()


def test_a_run_is_stopped_by_its_button(
    bench: Workbench, browser: Browser, photos: Path, held: list[str]
) -> None:
    with served(bench, index_command=held) as address:
        page = browser.new_page()
        page.goto(f"{address}library")
        page.get_by_label("A folder of this machine").fill(str(photos))
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Stop").click()
        expect(page.locator("#run")).to_contain_text("Stopped after", timeout=PATIENCE)
        expect(page.get_by_role("button", name="Index", exact=True)).to_be_enabled()
        page.close()
