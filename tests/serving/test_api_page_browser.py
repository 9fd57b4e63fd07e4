"""The page to try the API on, in a real browser, with JavaScript and without."""

from __future__ import annotations

import pytest

from tests.conftest import Workbench

pytest.importorskip("playwright", reason="NO PLAYWRIGHT, the page is not tested: make test")

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from tests.serving.test_browser import WIDTHS, Visit, served


@pytest.mark.parametrize(
    ("screen", "scheme"), [("phone", "light"), ("tablet", "dark"), ("desk", "light")]
)
def test_an_operation_is_tried(
    colours: Workbench, browser: Browser, screen: str, scheme: str
) -> None:
    width, height = WIDTHS[screen]
    with served(colours) as address:
        context = browser.new_context(
            color_scheme="dark" if scheme == "dark" else "light",
            viewport={"width": width, "height": height},
        )
        visit = Visit(context.new_page())
        page = visit.page
        page.goto(f"{address}api")
        many = page.locator("details", has=page.locator("code", has_text="/api/searches")).first
        many.locator("summary").click()
        many.locator("textarea[name=q]").fill("red\nblue")
        many.locator("input[name=k]").fill("1")
        many.get_by_role("button").click()
        expect(many.locator(".answer")).to_contain_text("GET /api/searches?q=red&q=blue&k=1 200")
        expect(many.locator("pre")).to_contain_text('"path"')
        image = page.locator('form[action="/api/images/{id}"]')
        image.locator("..").locator("summary").click()
        image.locator("[name=id]").fill("999")
        image.get_by_role("button").click()
        expect(image.locator("..").locator(".answer")).to_contain_text("GET /api/images/999 404")
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        context.close()


def test_without_javascript_answers_open_as_pages(colours: Workbench, browser: Browser) -> None:
    with served(colours) as address:
        context = browser.new_context(java_script_enabled=False)
        page = context.new_page()
        page.goto(f"{address}api")
        form = page.locator('form[action="/api/search"][method=get]')
        form.locator("..").locator("summary").click()
        form.locator("[name=q]").fill("red")
        form.get_by_role("button").click()
        expect(page.locator("body")).to_contain_text('"hits"')
        context.close()
