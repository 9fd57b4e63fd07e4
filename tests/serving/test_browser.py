"""The page in a real browser: typed into, dropped on, filtered, opened, and checked by axe-core."""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pytest

from tests.support.places import ROOT

pytest.importorskip("playwright", reason="NO PLAYWRIGHT, the page is not tested: make test")

import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route, ViewportSize, expect

from indexers import pipeline
from searchengine import load_encoder, open_library
from serving.access import NO_PROXY, Endpoint
from serving.app import make_app
from serving.connections.proxy import Proxy
from serving.server import listen
from tests.conftest import Watcher, Workbench

PHOTOS = ROOT / "sample_data" / "photos"
WIDTHS = {"phone": (390, 844), "tablet": (900, 900), "desk": (1600, 1000)}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[str]:
    """`clipseek serve` itself, over the sample photos with the starter encoder."""
    home = tmp_path_factory.mktemp("served")
    with open_library(home / "library", create=True) as library:
        pipeline.index(
            library,
            [PHOTOS],
            encoder="starter",
            load=lambda: load_encoder("starter", precision="float32"),
            observer=Watcher(),
        )
        captions = [(str(PHOTOS / "animals/orange-kitten.jpg"), "An orange kitten on a fence.")]
        library.add_captions(captions)
    command = [
        sys.executable,
        "-m",
        "cli",
        "serve",
        "--library",
        str(home / "library"),
        "--port",
        "0",
    ]
    environment = {**os.environ, "XDG_CACHE_HOME": str(home / "cache")}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
        server.terminate()
        assert server.wait(60) in (0, -15)


@contextmanager
def served(
    bench: Workbench, proxy: Proxy = NO_PROXY, index_command: Sequence[str] = ()
) -> Iterator[str]:
    """The application over a library with the fake encoder, on a thread."""
    with bench.open() as library, listen("127.0.0.1", 0) as listener:
        endpoint = Endpoint("127.0.0.1", "127.0.0.1", listener.getsockname()[1], None, proxy)
        cache = bench.library_path.parent / "thumbnails"
        app = make_app(library, endpoint, cache, index_command)
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{endpoint.port}/"
        finally:
            server.should_exit = True
            thread.join(60)


class Visit:
    """A page and everything it complained about."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.elsewhere: list[str] = []
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.elsewhere.append(request.url))

    def _said(self, message: object) -> None:
        if getattr(message, "type", "") in ("error", "warning"):
            self.complaints.append(getattr(message, "text", ""))

    def first(self) -> str | None:
        return self.page.locator("#hits img").first.get_attribute("alt")

    def check(self, address: str) -> None:
        """No console errors, and nothing was asked of another server."""
        assert self.complaints == []
        assert [url for url in self.elsewhere if not url.startswith(address)] == []


@pytest.fixture
def visit(browser: Browser, address: str) -> Iterator[Visit]:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    visit = Visit(context.new_page())
    visit.page.goto(address)
    yield visit
    visit.check(address)
    context.close()


MATCHING_OF_59 = re.compile(r"^\d+ of 59 pictures match(es)?, nearest first$")


def hits_begin_with(page: Page, name: str) -> None:
    expect(page.locator("#hits img").first).to_have_attribute("alt", name)


def test_typing_finds_the_right_photo_and_the_address_follows(visit: Visit) -> None:
    page = visit.page
    expect(page.locator("#status")).to_have_text("59 pictures, last added first")
    page.keyboard.press("/")
    page.keyboard.type("two dogs looking out of a window", delay=12)
    hits_begin_with(page, "two-dogs-at-window.jpg")
    expect(page.locator("#status")).to_have_text(MATCHING_OF_59)
    expect(page).to_have_url(re.compile(r"\?q=two\+dogs\+looking\+out\+of\+a\+window$"))
    expect(page).to_have_title(re.compile("two dogs looking"))
    page.locator("#q").blur()
    page.locator("#q").fill("a bridge at night")
    hits_begin_with(page, "suspension-bridge-night.jpg")
    page.go_back()
    hits_begin_with(page, "two-dogs-at-window.jpg")
    expect(page.locator("#q")).to_have_value("two dogs looking out of a window")
    page.reload()
    hits_begin_with(page, "two-dogs-at-window.jpg")


def test_what_was_asked_before_never_comes_after(visit: Visit) -> None:
    """A slow answer to an older question is cancelled."""
    page = visit.page

    def late(route: Route) -> None:
        time.sleep(0.7)
        route.continue_()

    page.route(re.compile(r"q=kitten$"), late)
    page.locator("#q").fill("kitten")
    page.wait_for_timeout(250)
    page.locator("#q").fill("a windmill")
    hits_begin_with(page, "windmill.jpg")
    page.wait_for_timeout(900)
    hits_begin_with(page, "windmill.jpg")


def test_a_click_while_hits_load_goes_on_from_what_was_asked_last(visit: Visit) -> None:
    page = visit.page
    held: list[Route] = []
    page.route(re.compile(r"q=water"), lambda route: held.append(route))
    page.get_by_text("Folder", exact=True).click()
    page.locator("#q").evaluate("q => { q.value = 'water'; q.dispatchEvent(new Event('input')); }")
    with page.expect_request(re.compile(r"q=water$")):
        pass
    page.locator(".menu a", has_text="animals").click()
    expect(page).to_have_url(re.compile(r"\?q=water&under=.*animals$"))
    page.unroute_all()  # what is held goes on
    expect(page.locator("#status")).to_contain_text("of 17 pictures")
    page.locator("#q").evaluate("q => { q.value = 'fire'; q.dispatchEvent(new Event('input')); }")
    page.get_by_role("link", name="Remove: animals").click()  # before the pause is over
    expect(page).to_have_url(re.compile(r"\?q=fire$"))
    expect(page.locator("#status")).to_contain_text("of 59 pictures")


FILE = """([data, name, type]) => {
  const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name, { type }));
  return transfer;
}"""


def test_a_dropped_picture_is_searched_by(visit: Visit) -> None:
    page = visit.page
    data = base64.b64encode((PHOTOS / "animals/goldfish.jpg").read_bytes()).decode()
    transfer = page.evaluate_handle(FILE, [data, "fish.jpg", "image/jpeg"])
    page.dispatch_event("body", "dragenter", {"dataTransfer": transfer})
    expect(page.locator(".drop")).to_be_visible()
    page.dispatch_event("body", "drop", {"dataTransfer": transfer})
    hits_begin_with(page, "goldfish.jpg")
    expect(page.locator(".drop")).to_be_hidden()
    expect(page.locator(".chip")).to_contain_text("Your picture")
    expect(page.locator("#hits .score").first).to_contain_text("1.00")
    page.locator("#q").fill("a red flower")  # words join the picture
    expect(page).to_have_url(re.compile(r"q=a\+red\+flower&picture=[0-9a-f]{32}$"))
    expect(page.locator(".chip")).to_have_attribute("href", re.compile(r"q=a\+red\+flower"))
    page.locator(".chip").click()
    expect(page).to_have_url(re.compile(r"\?q=a\+red\+flower$"))


def test_a_pasted_and_a_chosen_picture_are_searched_by(visit: Visit) -> None:
    page = visit.page
    data = base64.b64encode((PHOTOS / "places/igloo.jpg").read_bytes()).decode()
    transfer = page.evaluate_handle(FILE, [data, "igloo.jpg", "image/jpeg"])
    page.evaluate(
        "(t) => dispatchEvent(new ClipboardEvent('paste', { clipboardData: t }))", transfer
    )
    hits_begin_with(page, "igloo.jpg")
    page.set_input_files("#by-picture input", PHOTOS / "space/saturn.jpg")
    hits_begin_with(page, "saturn.jpg")


def test_what_is_no_picture_is_said_in_place(
    browser: Browser, address: str, tmp_path: Path
) -> None:
    page = browser.new_page()
    page.goto(address)
    (tmp_path / "notes.txt").write_text("no picture")
    page.set_input_files("#by-picture input", tmp_path / "notes.txt")
    expect(page.get_by_role("alert")).to_contain_text("notes.txt is no picture")
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff broken")
    page.set_input_files("#by-picture input", tmp_path / "broken.jpg")
    expect(page.get_by_role("alert")).to_contain_text("The upload cannot be used", ignore_case=True)
    page.locator("#q").fill("a horse")
    hits_begin_with(page, "brown-horse.jpg")
    page.close()


def test_filters_narrow_and_are_taken_back(visit: Visit) -> None:
    page = visit.page
    page.locator("#q").fill("water")
    expect(page.locator("#status")).to_have_text(MATCHING_OF_59)
    page.get_by_text("Folder", exact=True).click()
    choice = page.locator(".menu a", has_text="animals")
    expect(choice).to_contain_text("17")
    choice.click()
    expect(page.locator("#status")).to_contain_text("of 17 pictures")
    expect(page.locator("#hits .tile")).to_have_count(17)
    page.get_by_text("Shape", exact=True).click()
    page.locator(".menu a", has_text="Portrait").click()
    expect(page.locator(".chip")).to_have_count(2)
    page.go_back()
    expect(page.locator("#status")).to_contain_text("of 17 pictures")
    page.locator(".chip").click()
    expect(page.locator("#status")).to_have_text(MATCHING_OF_59)
    page.get_by_text("Date", exact=True).click()
    page.locator("input[name=before]").fill("2003-01-01")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator(".chip")).to_contain_text("Before 2003-01-01")


def test_a_picture_opens_over_the_grid_and_closes_with_back_or_escape(visit: Visit) -> None:
    page = visit.page
    page.locator("#q").fill("an orange kitten")
    hits_begin_with(page, "orange-kitten.jpg")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    detail = page.locator("dialog#detail")
    expect(detail.locator("h1")).to_have_text("orange-kitten.jpg")
    expect(page).to_have_url(re.compile(r"/images/\d+\?q=an\+orange\+kitten$"))
    expect(detail.locator(".captions li").first).to_contain_text("An orange kitten on a fence.")
    expect(detail.locator(".near li")).to_have_count(12)
    assert (
        detail.locator(".stage img").evaluate("i => i.decode().then(() => i.naturalWidth)") == 640
    )
    page.keyboard.press("ArrowRight")
    expect(detail.locator("h1")).not_to_have_text("orange-kitten.jpg")
    page.keyboard.press("ArrowLeft")
    expect(detail.locator("h1")).to_have_text("orange-kitten.jpg")
    page.keyboard.press("Escape")
    expect(detail).to_be_hidden()
    expect(page).to_have_url(re.compile(r"/\?q=an\+orange\+kitten$"))
    assert page.evaluate("document.activeElement.querySelector('img').alt") == "orange-kitten.jpg"
    page.locator("#hits a.open").nth(2).click()
    expect(detail).to_be_visible()
    detail.locator(".near a").first.click()
    page.wait_for_url(re.compile(r"/images/"))
    page.go_back()
    expect(detail).to_be_visible()
    page.go_back()
    expect(detail).to_be_hidden()
    page.go_forward()
    expect(detail).to_be_visible()
    detail.get_by_role("link", name="Back to the pictures").click()
    expect(detail).to_be_hidden()


def test_the_address_of_a_picture_is_a_page_of_its_own(visit: Visit) -> None:
    page = visit.page
    page.locator("#q").fill("a windmill")
    hits_begin_with(page, "windmill.jpg")
    page.locator("#hits a.open").first.click()
    page.wait_for_url(re.compile("/images/"))
    page.reload()
    expect(page.locator("h1")).to_have_text("windmill.jpg")
    page.get_by_role("link", name="Back to the pictures").click()
    hits_begin_with(page, "windmill.jpg")


def test_more_like_this_moves_the_query(visit: Visit) -> None:
    page = visit.page
    page.locator("#q").fill("an animal")
    expect(page.locator("#status")).to_contain_text("nearest first")
    tile = page.locator(".tile", has=page.get_by_alt_text("penguin.jpg"))
    tile.hover()
    tile.get_by_role("link", name="More like penguin.jpg", exact=True).click()
    hits_begin_with(page, "penguin.jpg")
    expect(page.locator(".chip")).to_contain_text("More like")
    page.locator(".tile").first.hover()
    page.get_by_role("link", name="Less like penguin.jpg", exact=True).click()
    expect(page.locator(".chip")).to_contain_text("Less like")
    expect(page.locator("#hits img").first).not_to_have_attribute("alt", "penguin.jpg")


def test_arrows_move_through_the_rows(visit: Visit) -> None:
    page = visit.page
    focused = "document.activeElement.querySelector('img')?.alt"
    tops = "[...document.querySelectorAll('.tile')].map(t => t.offsetTop)"
    names = page.locator("#hits img").evaluate_all("all => all.map(i => i.alt)")
    page.keyboard.press("ArrowRight")
    assert page.evaluate(focused) == names[0]
    page.keyboard.press("ArrowRight")
    assert page.evaluate(focused) == names[1]
    page.keyboard.press("ArrowDown")
    rows = page.evaluate(tops)
    second_row = [
        name for name, top in zip(names, rows, strict=True) if top == sorted(set(rows))[1]
    ]
    assert page.evaluate(focused) in second_row
    page.keyboard.press("ArrowUp")
    assert page.evaluate(focused) in names[: rows.count(rows[0])]
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement === document.body")
    page.locator("#q").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.type") == "file"
    page.keyboard.press("ArrowRight")
    assert page.evaluate(focused) == names[0]


def test_where_matches_end_is_seen_and_said(visit: Visit) -> None:
    page = visit.page
    status, end = page.locator("#status"), page.locator("#hits .end")
    page.locator("#q").fill("asdf qwer zxcv")
    expect(status).to_have_text("Nothing here matches well; the nearest of 59 pictures")
    expect(page.locator("#hits .tile")).to_have_count(59)
    expect(end).to_have_count(0)
    page.locator("#q").fill("an orange kitten")
    hits_begin_with(page, "orange-kitten.jpg")
    expect(status).to_have_text(MATCHING_OF_59)
    found = int(status.inner_text().split()[0])
    assert 0 < found < 20
    expect(end).to_contain_text("What matches ends here")
    before = "[...document.querySelectorAll('.tile:has(~ .end)')]"
    assert page.evaluate(f"{before}.length") == found
    tallest = page.evaluate(f"Math.max(...{before}.map(t => t.offsetHeight))")
    assert tallest < 300, "the last row before the line is as tall as the others"
    page.locator("#q").blur()
    for _ in range(found):
        page.keyboard.press("ArrowRight")
    last = page.evaluate("document.activeElement.querySelector('img').alt")
    page.keyboard.press("ArrowRight")  # over the line
    assert page.evaluate("document.activeElement.querySelector('img').alt") != last
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("document.activeElement.querySelector('img').alt") == last
    end.get_by_role("link").click()
    expect(page.locator("#hits .tile")).to_have_count(found)
    expect(page).to_have_url(re.compile("matching=normal"))
    page.get_by_role("link", name="Remove: Only matches").click()
    expect(page.locator("#hits .tile")).to_have_count(59)
    page.locator("#q").fill("")
    expect(status).to_have_text("59 pictures, last added first")


def test_pictures_by_date_are_reached_by_their_month(visit: Visit) -> None:
    page = visit.page
    page.get_by_text("Order", exact=True).click()
    page.get_by_role("link", name="Latest first").click()
    expect(page.locator("#status")).to_have_text("59 pictures, latest first")
    page.locator("#timeline a", has_text="April 2007").click()
    expect(page.locator("#hits .day").first).to_contain_text("April 2007")
    page.get_by_role("link", name="The pictures before these").click()
    expect(page.locator("#hits .tile")).to_have_count(59)
    page.locator("#q").fill("an animal")
    expect(page.locator("#status")).to_have_text(
        re.compile("^[0-9]+ of 59 .* match, latest first$")
    )
    expect(page.locator("#hits .day")).not_to_have_count(0)
    page.get_by_text("Latest first", exact=True).first.click()
    page.get_by_role("link", name="Nearest first").click()
    expect(page.locator("#status")).to_have_text(MATCHING_OF_59)


def is_within(width: int) -> str:
    """The condition that the menu which is open is whole in so many pixels: a script moves it."""
    box = "document.querySelector('.facet[open] .menu').getBoundingClientRect()"
    return f"{box}.left >= 0 && {box}.right <= {width}"


def soon(page: Page, condition: str) -> None:
    """Wait for a condition; Playwright's own way evaluates text, which the page forbids."""
    deadline = time.monotonic() + 60
    while not page.evaluate(condition):
        assert time.monotonic() < deadline, (condition, page.evaluate("[scrollY, location.href]"))
        page.wait_for_timeout(50)


def open_first(page: Page) -> None:
    page.locator("#hits a.open").first.click()
    expect(page.locator("dialog#detail h1")).to_be_visible()


def test_where_the_words_are_seen_is_laid_over_the_picture(visit: Visit) -> None:
    page = visit.page
    page.locator("#q").fill("an orange kitten")
    hits_begin_with(page, "orange-kitten.jpg")
    open_first(page)
    detail = page.locator("dialog#detail")
    detail.get_by_role("link", name="Where is it?").click()
    light = detail.locator(".map")
    expect(light).to_be_visible()
    assert light.evaluate("i => i.decode().then(() => i.naturalWidth / i.naturalHeight)") == (
        pytest.approx(640 / 360, abs=0.01)
    )
    picture = detail.locator(".frame img").first
    assert light.bounding_box() == picture.bounding_box()
    detail.get_by_role("link", name="Without the map").click()
    expect(light).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile(r"/\?q=an\+orange\+kitten$"))


def test_a_picture_is_looked_at_closely_and_over_the_whole_screen(visit: Visit) -> None:
    page = visit.page
    page.clock.install()
    open_first(page)
    detail = page.locator("dialog#detail")
    picture = detail.locator(".frame img").first
    width = "i => i.getBoundingClientRect().width"
    whole = picture.evaluate(width)
    assert whole > 500, "a small picture fills the stage"
    picture.click()
    assert picture.evaluate(width) == pytest.approx(2.5 * whole)
    expect(picture).to_have_attribute("src", re.compile("/file"))
    page.keyboard.press("0")
    assert picture.evaluate(width) == pytest.approx(whole)
    page.keyboard.press("+")
    assert picture.evaluate(width) == pytest.approx(1.5 * whole)
    first = detail.locator("h1").inner_text()
    detail.get_by_role("button", name="Full screen").click()
    expect(detail).to_have_class("big")
    expect(detail.locator("h1")).to_be_hidden()
    box = detail.locator(".stage").bounding_box()
    assert box
    assert box["width"] >= page.evaluate("innerWidth") - 20
    page.keyboard.press("s")
    page.clock.run_for(6_000)
    expect(detail.locator("h1")).not_to_have_text(first)
    expect(detail.get_by_role("button", name="Slideshow")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Escape")
    expect(detail).not_to_have_class("big")
    expect(detail).to_be_visible()


def test_a_swipe_goes_to_the_next_picture(browser: Browser, address: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    page = context.new_page()
    page.goto(address)
    open_first(page)
    first = page.locator("dialog h1").inner_text()
    finger = {"pointerType": "touch", "bubbles": True, "clientY": 300}
    for across, expected in ((-150, None), (150, first)):
        page.dispatch_event("dialog .frame img", "pointerdown", {**finger, "clientX": 200})
        page.dispatch_event("dialog .frame img", "pointerup", {**finger, "clientX": 200 + across})
        if expected:
            expect(page.locator("dialog h1")).to_have_text(expected)
        else:
            expect(page.locator("dialog h1")).not_to_have_text(first)
    context.close()


def test_pictures_are_selected_downloaded_and_their_paths_copied(visit: Visit) -> None:
    page = visit.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    bar, tiles = page.locator("#selection"), page.locator("#hits .tile")
    expect(bar).to_be_hidden()
    tiles.nth(1).hover()
    tiles.nth(1).get_by_role("button", name="Select").click()
    expect(bar).to_contain_text("1 selected")
    tiles.nth(3).locator("a.open").click(modifiers=["Shift"])
    expect(bar).to_contain_text("3 selected")
    page.keyboard.press("ArrowRight")  # from the last one that has the focus, or the first
    tiles.nth(5).locator("a.open").focus()
    page.keyboard.press("x")
    page.keyboard.press("Shift+ArrowRight")
    expect(bar).to_contain_text("5 selected")
    page.keyboard.press("x")
    expect(bar).to_contain_text("4 selected")
    expect(page.locator(".selected")).to_have_count(4)
    bar.get_by_role("button", name="Copy paths").click()
    expect(bar).to_contain_text("4 paths copied")
    paths = [tiles.nth(place).get_attribute("data-path") for place in (1, 2, 3, 5)]
    assert page.evaluate("navigator.clipboard.readText()") == "\n".join(map(str, paths))
    page.locator("#q").fill("an orange kitten")  # what was selected stays so over searches
    hits_begin_with(page, "orange-kitten.jpg")
    tiles.nth(0).hover()
    tiles.nth(0).get_by_role("button", name="Select").click()
    with page.expect_download() as download:
        bar.get_by_role("button", name="Download").click()
    with zipfile.ZipFile(download.value.path()) as packed:
        assert len(packed.namelist()) == 5
        kitten = (PHOTOS / "animals/orange-kitten.jpg").read_bytes()
        assert packed.read("orange-kitten.jpg") == kitten
    assert [v["id"] for v in Axe().run(page).response["violations"]] == []
    page.locator("#q").blur()
    page.keyboard.press("Escape")
    expect(bar).to_be_hidden()
    expect(page.locator(".selected")).to_have_count(0)


def test_a_question_mark_shows_the_keys(visit: Visit) -> None:
    page = visit.page
    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="Keys")).to_be_visible()
    assert [v["id"] for v in Axe().run(page).response["violations"]] == []
    page.keyboard.press("Escape")
    expect(page.get_by_role("heading", name="Keys")).to_be_hidden()
    page.get_by_role("button", name="Show the keys").click()
    page.get_by_role("button", name="Close").click()
    page.locator("#q").press("?")
    expect(page.locator("#q")).to_have_value("?")
    expect(page.get_by_role("heading", name="Keys")).to_be_hidden()


@pytest.mark.parametrize("width", [320, 390, 900, 1600])
def test_nothing_is_wider_than_the_screen(browser: Browser, address: str, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 800})
    for path in (
        "?q=a+mountain+lake",
        "images/3?q=x",
        "?q=x&camera=Leica",
        "?sort=date",
        f"?q={'long' * 60}",
    ):
        page.goto(address + path)
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, (path, wide)
    page.goto(address + "?q=a+mountain+lake")
    page.get_by_text("Date", exact=True).click()
    soon(page, is_within(width))
    tiles = page.locator(".tile").evaluate_all(
        "all => all.map(t => t.getBoundingClientRect()).map(r => [r.top, r.height])"
    )
    heights: dict[float, set[int]] = {}
    for top, height in tiles:
        heights.setdefault(round(top), set()).add(round(height))
    assert all(max(row) - min(row) <= 1 for row in heights.values()), "rows are justified"
    page.close()


def test_without_javascript_the_search_works(browser: Browser, address: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    page.locator("#q").fill("a coffee cup")
    page.get_by_role("button", name="Search", exact=True).click()
    hits_begin_with(page, "coffee-cup.jpg")
    page.set_input_files("#by-picture input", PHOTOS / "places/colosseum.jpg")
    page.get_by_role("button", name="Search by it").click()
    hits_begin_with(page, "colosseum.jpg")
    page.locator("#hits a.open").first.click()
    expect(page.locator("h1")).to_have_text("colosseum.jpg")
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", ["phone", "desk"])
def test_axe_finds_nothing(browser: Browser, address: str, scheme: str, screen: str) -> None:
    width, height = WIDTHS[screen]
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
        reduced_motion="reduce",
    )
    page = context.new_page()
    found: list[str] = []

    def check(state: str) -> None:
        page.wait_for_load_state("networkidle")
        for violation in Axe().run(page).response["violations"]:
            nodes = [node["target"] for node in violation["nodes"]][:3]
            found.append(f"{state}: {violation['impact']} {violation['id']} at {nodes}")

    page.goto(address)
    check("home")
    page.goto(address + "?q=a+bird&like=3&unlike=4&orientation=landscape&after=2001")
    check("search")
    page.get_by_text("Date", exact=True).click()
    check("menu")
    page.goto(address + "?q=a+bird")
    page.locator("#hits a.open").first.focus()
    check("a tile with the focus")
    page.keyboard.press("Enter")
    expect(page.locator("dialog h1")).to_be_visible()
    check("dialog")
    for state, path in (
        ("detail", "images/3?q=x"),
        ("no hits", "?q=x&camera=Leica"),
        ("by date", "?sort=date"),
        ("error", "?q=red+-+red"),
        ("not there", "images/99999"),
    ):
        page.goto(address + path)
        check(state)
    context.close()
    assert found == []


@pytest.fixture
def many(bench: Workbench) -> Workbench:
    for number in range(150):
        bench.paint(f"{number:03}.png", (number, 90, 200 - number))
    bench.index()
    return bench


def test_hits_come_as_one_scrolls(browser: Browser, many: Workbench) -> None:
    with served(many) as address:
        visit = Visit(browser.new_page(viewport={"width": 1600, "height": 800}))
        page = visit.page
        page.goto(address + "?q=blue")
        page.wait_for_timeout(300)
        assert page.locator(".tile").count() < 150
        while page.locator(".tile").count() < 150:
            page.mouse.wheel(0, 2500)
            page.wait_for_timeout(100)
        expect(page.locator("#next")).to_have_count(0)
        names = page.locator("#hits img").evaluate_all("all => all.map(i => i.alt)")
        assert len(set(names)) == 150
        last = "[...document.querySelectorAll('.grid')].at(-1)"
        gaps = page.evaluate(  # every row but the last of all is full
            "[...document.querySelectorAll('.grid')].map(g => innerWidth"
            " - Math.max(...[...g.children].slice(-1).map(t => t.getBoundingClientRect().right)))"
        )
        assert max(gaps[:-1]) < 60, gaps
        soon(page, f"{last}.querySelectorAll('img[src]').length > 0")
        visit.check(address)
        page.close()


def test_a_page_that_is_loaded_again_is_where_it_was(browser: Browser, many: Workbench) -> None:
    with served(many) as address:
        page = browser.new_page(viewport={"width": 900, "height": 700})
        page.goto(address + "?q=blue")
        for count in (120, 150):
            page.locator("#next").scroll_into_view_if_needed()
            expect(page.locator(".tile")).to_have_count(count)
        tile = page.locator(".tile").nth(110)
        tile.scroll_into_view_if_needed()
        top = "document.querySelectorAll('.tile')[110].getBoundingClientRect().top"
        before = page.evaluate(top)
        assert page.evaluate("scrollY") > 700
        page.reload()
        expect(page.locator(".tile")).to_have_count(150)
        soon(page, f"Math.abs({top} - {before}) < 5")
        tile.locator("a.open").click()
        page.wait_for_url(re.compile("/images/"))
        before = page.evaluate(top)  # the click may have scrolled
        page.reload()
        page.get_by_role("link", name="Back to the pictures").click()
        expect(page.locator(".tile")).to_have_count(150)
        soon(page, f"Math.abs({top} - {before}) < 5")
        page.goto(address + "?q=red")
        soon(page, "scrollY === 0")
        page.close()


def test_an_encoder_without_maps_is_not_offered_again(browser: Browser, bench: Workbench) -> None:
    bench.paint("red.png", "red")
    bench.index()
    with served(bench) as address:
        page = browser.new_page()
        page.goto(address + "images/1?q=red")
        page.get_by_role("link", name="Where is it?").click()
        expect(page.locator(".said")).to_contain_text("has no map of a picture")
        page.reload()
        expect(page.get_by_role("link", name="Where is it?")).to_have_count(0)
        page.close()


def test_the_page_works_under_the_path_of_a_proxy(browser: Browser, many: Workbench) -> None:
    with served(many, Proxy(base="/photos")) as address:
        visit = Visit(browser.new_page(viewport={"width": 1280, "height": 900}))
        page = visit.page
        page.goto(address + "photos/")
        page.locator("#q").fill("red")
        expect(page.locator("#status")).to_contain_text("of 150 pictures match, nearest first")
        expect(page).to_have_url(address + "photos/?q=red")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        expect(page.locator("dialog h1")).to_be_visible()
        assert "/photos/images/" in page.url
        page.keyboard.press("Escape")
        expect(page).to_have_url(address + "photos/?q=red")
        page.locator("#q").fill("")
        expect(page).to_have_url(address + "photos/")
        page.set_input_files("#by-picture input", many.photos / "090.png")
        expect(page.locator(".chip")).to_contain_text("Your picture")
        assert page.url.startswith(address + "photos/?picture=")
        visit.check(address + "photos/")
        page.close()


def test_a_page_without_a_grid_takes_a_picture_too(browser: Browser, many: Workbench) -> None:
    with served(many) as address:
        page = browser.new_page()
        for path in ("images/1", "nowhere"):
            page.goto(address + path)
            page.set_input_files("#by-picture input", many.photos / "090.png")
            expect(page.locator(".chip")).to_contain_text("Your picture")
        page.close()


@pytest.mark.parametrize("width", WIDTHS)
def test_without_javascript_the_file_field_is_whole(
    browser: Browser, many: Workbench, width: str
) -> None:
    size = ViewportSize(width=WIDTHS[width][0], height=WIDTHS[width][1])
    with served(many) as address:
        context = browser.new_context(java_script_enabled=False, viewport=size)
        page = context.new_page()
        page.goto(address)
        field = page.locator("#by-picture input").bounding_box()
        button = page.get_by_role("button", name="Search by it").bounding_box()
        assert field
        assert button
        assert field["width"] >= 180  # "Choose File  No file chosen"
        assert button["x"] >= field["x"] + field["width"]
        assert button["x"] + button["width"] <= size["width"]
        assert button["height"] < 45  # one line
        context.close()


def test_a_file_is_downloaded_under_its_name(browser: Browser, bench: Workbench) -> None:
    bench.paint("20091018 \u00fc.tif", "red")
    bench.index()
    with served(bench) as address:
        page = browser.new_page()
        page.goto(address + "images/1")
        with page.expect_download() as download:
            page.get_by_role("link", name="Open the original file").click()
        assert download.value.suggested_filename == "20091018 \u00fc.tif"
        page.close()


def test_an_empty_library_fills_as_one_looks(browser: Browser, bench: Workbench) -> None:
    with served(bench) as address:
        page = browser.new_page()
        page.goto(address)
        expect(page.get_by_role("heading", name="Nothing here yet")).to_be_visible()
        assert [v["id"] for v in Axe().run(page).response["violations"]] == []
        bench.paint("first.png", "red")
        bench.index()
        page.locator("#q").fill("red")
        hits_begin_with(page, "first.png")
        page.close()


@pytest.fixture
def copied(bench: Workbench) -> Workbench:
    """Two photos, and a copy of one of them."""
    bench.photos.mkdir(exist_ok=True)
    for name, source in (
        ("windmill.jpg", "places/windmill.jpg"),
        ("windmill (1).jpg", "places/windmill.jpg"),
        ("goldfish.jpg", "animals/goldfish.jpg"),
    ):
        shutil.copy(PHOTOS / source, bench.photos / name)
    bench.index()
    return bench


def test_copies_are_unfolded_by_a_link_that_typing_keeps(
    browser: Browser, copied: Workbench
) -> None:
    with served(copied) as address:
        visit = Visit(browser.new_page())
        page = visit.page
        page.goto(address)
        page.locator("#q").fill("red")
        expect(page.locator("#hits .tile")).to_have_count(2)
        page.get_by_role("link", name="Show every copy").click()
        expect(page.locator("#hits .tile")).to_have_count(3)
        page.get_by_role("link", name="Remove: Every copy").click()
        expect(page.locator("#hits .tile")).to_have_count(2)
        visit.check(address)
        page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_copies_stand_side_by_side(
    browser: Browser, copied: Workbench, scheme: Literal["light", "dark"]
) -> None:
    with served(copied) as address:
        visit = Visit(browser.new_page(color_scheme=scheme, viewport={"width": 390, "height": 800}))
        page = visit.page
        page.goto(address)
        page.get_by_text("More", exact=True).click()
        with page.expect_navigation():  # to the end: what is measured below has its style
            page.get_by_role("link", name="Copies, side by side").click()
        expect(page.locator(".said")).to_have_text(
            "1 group, the best first in each; nothing is deleted here."
        )
        group = page.locator(".group li")
        expect(group).to_have_count(2)
        expect(group.first).to_contain_text("The best")
        expect(group.last).to_contain_text("The same file")
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        assert [v["id"] for v in Axe().run(page).response["violations"]] == []
        page.get_by_role("link", name="The same moment").click()
        expect(page.locator(".said")).to_contain_text("no two pictures are of one moment")
        page.goto(address + "duplicates?level=alike")
        expect(page.get_by_role("alert")).to_contain_text("Level must be one of exact, near")
        page.close()
        assert [line for line in visit.complaints if "400" not in line] == []


def test_a_server_that_is_gone_is_said(browser: Browser, many: Workbench) -> None:
    page = browser.new_page()
    with served(many) as address:
        page.goto(address)
    page.locator("#q").fill("red")
    expect(page.get_by_role("alert")).to_contain_text("Is clipseek serve still running?")
    page.close()
