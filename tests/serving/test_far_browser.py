"""The page far down in a real browser: as small as at the top, and nothing is lost."""

from __future__ import annotations

import pytest

pytest.importorskip("playwright", reason="NO PLAYWRIGHT, the page is not tested: make test")

from playwright.sync_api import Browser, Page, expect

from tests.conftest import Workbench
from tests.serving.test_browser import Visit, served, soon

PICTURES = 1_200
"""Twenty lists of hits: at 1600 pixels they are ten times as high as what is kept."""

TILES = 600
"""The most that are kept: those on the screen and 5,000 pixels around it, in whole lists."""


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    """Looked at by both, changed by none."""
    bench = Workbench(tmp_path_factory.mktemp("crowd"))
    for number in range(PICTURES):
        bench.paint(f"{number:04}.png", (number % 256, 90, number // 8))
    bench.index()
    return bench


def to_the_end(page: Page) -> int:
    """Scrolls until the last hit came; the most tiles that were there at once."""
    most, last = 0, page.locator("#hits [alt='0000.png']")
    while not last.count():
        page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
        page.wait_for_timeout(50)
        most = max(most, page.locator("#hits .tile").count())
    last.scroll_into_view_if_needed()
    return most


def shown(page: Page) -> list[str]:
    """The names of the pictures on the screen, once they are there."""
    soon(
        page,
        "[...document.querySelectorAll('#hits .tile')].some(t => t.getBoundingClientRect().top > 0"
        " && t.getBoundingClientRect().bottom < innerHeight"
        " && t.querySelector('img').naturalWidth > 0)",
    )
    names: list[str] = page.locator("#hits .tile").evaluate_all(
        "all => all.filter(t => t.getBoundingClientRect().bottom > 0 &&"
        " t.getBoundingClientRect().top < innerHeight).map(t => t.querySelector('img').alt)"
    )
    return names


def test_the_page_stays_small_however_far_one_scrolls(browser: Browser, crowd: Workbench) -> None:
    with served(crowd) as address:
        visit = Visit(browser.new_page(viewport={"width": 1600, "height": 800}))
        page = visit.page
        page.goto(address)
        first = shown(page)
        elements = "document.querySelectorAll('#hits *').length"
        in_each = page.evaluate(elements) / page.locator("#hits .tile").count()
        assert in_each < 12
        assert to_the_end(page) < TILES
        few = f"document.querySelectorAll('#hits .tile').length < {TILES}"
        soon(page, few)
        height = page.evaluate("document.documentElement.scrollHeight")
        assert height > 10 * 5_000 / 2
        assert "0000.png" in shown(page)  # last added first
        page.evaluate("scrollTo(0, 0)")
        expect(page.locator("#hits img").first).to_have_attribute("alt", first[0])
        assert shown(page) == first
        soon(page, few)
        assert page.evaluate("document.documentElement.scrollHeight") == pytest.approx(
            height, rel=0.02
        )
        visit.check(address)
        page.close()


def test_what_is_out_of_sight_is_chosen_opened_and_gone_to(
    browser: Browser, crowd: Workbench
) -> None:
    with served(crowd) as address:
        visit = Visit(browser.new_page(viewport={"width": 1600, "height": 800}))
        page = visit.page
        page.goto(address)
        first = shown(page)[0]
        page.locator("#hits a.open").first.focus()
        page.keyboard.press("x")
        page.locator("#q").focus()
        page.locator("#q").blur()
        to_the_end(page)
        soon(page, f"!document.querySelector('[alt=\"{first}\"]')")
        page.locator("#hits a.open").last.focus()
        page.keyboard.press("Shift+X")  # all between, most of which are put by
        expect(page.locator("#selection")).to_contain_text(f"{PICTURES:,} selected")
        page.evaluate("document.activeElement.blur()")
        page.evaluate("scrollTo(0, 0)")
        expect(page.locator(f"#hits .tile:has([alt='{first}'])")).to_have_class("tile r13 selected")
        page.keyboard.press("Escape")
        expect(page.locator(".selected")).to_have_count(0)
        for _ in range(3):  # a slideshow on, beyond what is kept
            page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
            page.wait_for_timeout(100)
        page.keyboard.press("ArrowDown")  # without a focus to the first of all
        expect(page.locator(f"#hits a.open:has([alt='{first}'])")).to_be_focused()
        visit.check(address)
        page.close()


def test_what_a_mouse_would_show_is_not_laid_out_while_the_page_moves(
    browser: Browser, crowd: Workbench
) -> None:
    moves = """async () => {
      const marks = [...document.querySelectorAll("#hits .marks")].slice(0, 9);
      const laidOut = () => marks.map((one) => getComputedStyle(one).display !== "none");
      for (let pixel = 0; pixel < 100; pixel += 1) {
        scrollBy(0, 1);
        await new Promise(requestAnimationFrame);
        if (laidOut().includes(false)) return laidOut();
      }
    }"""
    with served(crowd) as address:
        visit = Visit(browser.new_page(viewport={"width": 1600, "height": 800}))
        page = visit.page
        page.goto(address)
        page.locator("#hits .tile").nth(1).get_by_role("button").focus()
        page.keyboard.press("Space")
        page.locator("#hits a.open").first.focus()
        assert page.evaluate(moves) == [True, True] + 7 * [False]  # focused, chosen
        soon(page, "!document.querySelector('.moving')")
        expect(page.locator("#hits .tile").nth(5).get_by_role("button")).to_have_count(1)
        visit.check(address)
        page.close()
