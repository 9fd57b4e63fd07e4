"""Looking labels through in a real browser, with the keyboard alone."""

from __future__ import annotations

import pytest

from tests.conftest import Workbench

pytest.importorskip("playwright", reason="NO PLAYWRIGHT, the page is not tested: make test")

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from searchengine.labels import background
from tests.labels.test_tagging import OTHERS
from tests.serving.test_browser import Visit, served


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_labels_are_looked_through_with_keys(
    colours: Workbench, browser: Browser, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    monkeypatch.setattr(background, "background", lambda: OTHERS)
    with colours.open() as library:
        library.label_sets.tag(["red", "green", "blue"], name="my colours")
    with served(colours) as address:
        context = browser.new_context(color_scheme="dark" if scheme == "dark" else "light")
        visit = Visit(context.new_page())
        page = visit.page
        page.goto(f"{address}labels/my%20colours/review")
        expect(page.locator("h1")).to_have_text("Is this right: green?")
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        with page.expect_navigation():  # to the end: the keys are a script's
            page.keyboard.press("n")
        expect(page.get_by_text("1 left for later")).to_be_visible()
        with page.expect_navigation():
            page.keyboard.press("r")
        expect(page.get_by_text("1 label of my colours not looked at yet")).to_have_count(0)
        expect(page.get_by_text("2 labels of my colours not looked at yet")).to_be_visible()
        with page.expect_navigation():
            page.keyboard.press("a")
        expect(page.locator("h1")).to_have_text("That was the last")
        with page.expect_navigation():
            page.get_by_role("link", name="From the first again").click()
        expect(page.locator("h1")).to_have_text("Is this right: green?")
        with page.expect_navigation():
            page.keyboard.press("A")
        expect(page.locator("h1")).to_have_text("Every label was looked at")
        expect(page.locator("code")).to_have_text("clipseek label teach 'my colours'")
        visit.check(address)
        context.close()
    with colours.open() as library:
        assert sum(bool(each.labels) for each in library.label_sets.labels("my colours")) == 2
        [stored] = library.catalog.label_sets()
        said = [each.is_right for each in library.catalog.label_examples(stored.id)]
        assert sorted(said) == [False, True, True]
