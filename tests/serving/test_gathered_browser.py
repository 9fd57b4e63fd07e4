"""Albums, saved searches, places and label sets in a real browser."""

from __future__ import annotations

import re

import pytest

from tests.conftest import Workbench

pytest.importorskip("playwright", reason="NO PLAYWRIGHT, the page is not tested: make test")

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize, expect

from searchengine.labels import background
from tests.labels.test_tagging import OTHERS
from tests.serving.test_browser import WIDTHS, Visit, is_within, served, soon
from tests.serving.test_gathered import located

SCROLL_BAR = 15
"""Pixels that Chromium leaves for one."""

SCREENS = [("phone", "light"), ("tablet", "dark"), ("desk", "light")]


def check(page: Page, state: str) -> None:
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, state
    found = Axe().run(page)
    assert found.violations_count == 0, f"{state}: {found.generate_report()}"


def visit(browser: Browser, screen: str, scheme: str) -> Visit:
    width, height = WIDTHS[screen]
    context = browser.new_context(
        color_scheme="dark" if scheme == "dark" else "light",
        viewport=ViewportSize(width=width, height=height),
        reduced_motion="reduce",
    )
    return Visit(context.new_page())


def select(page: Page, *places: int) -> None:
    for place in places:
        tile = page.locator("#hits .tile").nth(place)
        tile.hover()
        tile.get_by_role("button", name="Select").click()


@pytest.mark.parametrize(("screen", "scheme"), SCREENS)
def test_what_is_selected_goes_into_an_album_and_out_of_it(
    colours: Workbench, browser: Browser, screen: str, scheme: str
) -> None:
    with served(colours) as address:
        visitor = visit(browser, screen, scheme)
        page, bar = visitor.page, visitor.page.locator("#selection")
        page.goto(address)
        select(page, 0, 1, 2)
        check(page, "selection")
        bar.get_by_role("button", name="Add to album").click()
        page.get_by_label("A new album").fill("  Summer / 2019 ")
        check(page, "dialog")
        page.keyboard.press("Enter")
        expect(bar).to_contain_text("3 pictures added to Summer / 2019")
        select(page, 3)
        bar.get_by_role("button", name="Add to album").click()
        page.get_by_role("button", name="Summer / 2019").click()
        expect(bar).to_contain_text("1 picture added to Summer / 2019; 3 in it before")
        bar.get_by_role("button", name="Clear").click()
        page.reload()
        page.get_by_text("Album", exact=True).click()
        check(page, "menu")
        page.get_by_role("link", name="Summer / 2019").click()
        expect(page.locator("#hits .tile")).to_have_count(4)
        expect(page.get_by_role("link", name="Remove: Album Summer / 2019")).to_be_visible()
        select(page, 0)
        bar.get_by_role("button", name="Take out of album").click()
        expect(page.locator("#hits .tile")).to_have_count(3)
        expect(bar).to_be_hidden()
        page.get_by_text("Album", exact=True).click()
        with page.expect_navigation():
            page.get_by_role("link", name="All albums and saved searches").click()
        expect(page.locator(".card")).to_contain_text("3 pictures")
        check(page, "albums")
        page.get_by_text("Remove", exact=False).first.click()
        with page.expect_navigation():
            page.get_by_role("button", name="Remove it; its pictures stay").click()
        expect(page.locator(".card")).to_have_count(0)
        visitor.check(address)
        page.context.close()
    with colours.open() as library:
        assert len(library) == 6
        assert list(library.albums) == []


def test_a_name_that_is_taken_is_said_in_the_dialog(colours: Workbench, browser: Browser) -> None:
    with colours.open() as library:
        library.albums.save("Reds", {"q": "red"})
    with served(colours) as address:
        page = browser.new_page()
        page.goto(address)
        select(page, 0)
        page.get_by_role("button", name="Add to album").click()
        expect(page.locator("#album .names button")).to_have_count(0)  # of images there is none
        page.get_by_label("A new album").fill(" .. ")
        page.get_by_label("A new album").press("Enter")
        expect(page.locator("#album .wrong")).to_have_text("An album cannot be called “..”.")
        page.get_by_label("A new album").fill("Reds")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("'Reds' is a saved search")
        page.get_by_role("button", name="Cancel").click()
        expect(page.get_by_role("dialog")).to_be_hidden()
        expect(page.locator("#selection")).to_contain_text("1 selected")
        page.close()


@pytest.mark.parametrize("scripts", [True, False])
def test_a_search_is_saved_and_asked_again(
    colours: Workbench, browser: Browser, scripts: bool
) -> None:
    with served(colours) as address:
        context = browser.new_context(java_script_enabled=scripts)
        page = context.new_page()
        page.goto(f"{address}?q=red&orientation=landscape")
        page.get_by_text("Album", exact=True).click()
        page.get_by_label("Save this search as").fill("Reds")
        page.get_by_role("button", name="Save").click()
        if scripts:
            expect(page.locator(".save [role=status]")).to_have_text("Saved as “Reds”")
            page.goto(f"{address}albums")
        expect(page).to_have_url(f"{address}albums")
        expect(page.locator(".rows li")).to_contain_text("“red”, Landscape")
        page.get_by_role("link", name="Reds").click()
        expect(page).to_have_url(re.compile(r"\?q=red&orientation=landscape$"))
        page.get_by_text("Album", exact=True).click()
        saved = page.locator(".menu").get_by_role("link", name="Reds")
        expect(saved).to_have_attribute("aria-current", "true")
        context.close()


@pytest.mark.parametrize(("screen", "scheme"), SCREENS)
@pytest.mark.usefixtures("gazetteer")
def test_places_are_chosen_named_and_listed(
    bench: Workbench, browser: Browser, screen: str, scheme: str
) -> None:
    located(bench)
    with served(bench) as address:
        visitor = visit(browser, screen, scheme)
        page = visitor.page
        page.goto(address)
        page.get_by_text("Place", exact=True).click()
        check(page, "menu")
        page.get_by_role("link", name="Lisbon, Portugal").click()
        expect(page.locator("#hits .tile")).to_have_count(2)
        page.get_by_role("link", name="Remove: Lisbon, Portugal").click()
        expect(page.locator("#hits .tile")).to_have_count(4)
        page.get_by_text("Place", exact=True).click()
        page.get_by_label("Near").fill("Lisbon, 400km")
        page.get_by_label("Near").press("Enter")
        expect(page.locator("#hits .tile")).to_have_count(3)
        expect(page.locator(".notes")).to_contain_text("Lisbon")
        page.get_by_text("Place", exact=True).click()
        expect(page.get_by_label("Near")).to_have_value("Lisbon, 400km")
        with page.expect_navigation():
            page.get_by_role("link", name="All places").click()
        check(page, "places")
        expect(page.locator(".card")).to_have_count(2)
        loaded = "i => i.decode().then(() => i.naturalWidth)"
        assert page.locator(".card img").first.evaluate(loaded) > 0
        page.get_by_role("link", name="Portugal").first.click()
        expect(page.locator("#hits .tile")).to_have_count(3)
        visitor.check(address)
        page.context.close()


def test_label_sets_are_reached_from_the_menu_of_labels(
    colours: Workbench, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "background", lambda: OTHERS)
    with colours.open() as library:
        library.label_sets.tag(["red", "green", "blue"], name="my colours")
    with served(colours) as address:
        page = browser.new_page()
        page.goto(address)
        page.get_by_text("Label", exact=True).click()
        check(page, "menu")
        page.locator(".menu").get_by_role("link", name="green").click()
        expect(page.locator("#hits .tile")).to_have_count(1)
        page.get_by_text("Label", exact=True).click()
        with page.expect_navigation():
            page.get_by_role("link", name="Look through: my colours").click()
        expect(page.locator("h1")).to_have_text("Is this right: green?")
        page.close()


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize("width", [320, 700, 900, 1050])
def test_every_menu_is_whole(
    colours: Workbench, browser: Browser, width: int, scripts: bool
) -> None:
    with colours.open() as library:
        library.albums.add("Summer", [colours.photos])
    with served(colours) as address:
        context = browser.new_context(
            viewport={"width": width, "height": 800}, java_script_enabled=scripts
        )
        page = context.new_page()
        page.goto(f"{address}?q=red")
        for menu in page.locator(".facet summary").all():
            menu.click()
            soon(page, is_within(width - SCROLL_BAR if scripts else width))
            box = page.locator(".facet[open] .menu").bounding_box()
            own = menu.bounding_box()
            assert box
            assert own
            assert box["y"] >= own["y"] + own["height"], "below what opened it"
            menu.click()
        context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_strip_is_left_beside_what_covers_the_page(
    colours: Workbench, browser: Browser, scheme: str
) -> None:
    """The place of the scroll bar is the page's: no dialog covers it."""
    with served(colours) as address:
        page = visit(browser, "desk", scheme).page
        page.goto(address)
        page.locator("#hits a.open").first.click()
        page.evaluate("document.documentElement.requestFullscreen = undefined")
        page.get_by_role("button", name="Full screen").click()
        width = "document.body.clientWidth"
        soon(page, f"{width} === {WIDTHS['desk'][0]}")
        page.keyboard.press("Escape")
        soon(page, f"{width} === {WIDTHS['desk'][0] - SCROLL_BAR}")
        page.keyboard.press("Escape")
        expect(page.locator("dialog#detail")).to_be_hidden()
        page.keyboard.press("?")
        soon(page, f"{width} === {WIDTHS['desk'][0]}")  # six pictures: there is no scroll bar
        page.context.close()
