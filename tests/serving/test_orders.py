"""Pictures by date and by path: days, the timeline, and pages that fit together."""

from __future__ import annotations

import os
from datetime import datetime
from typing import Any

import pytest

from searchengine.catalog.catalog import Catalog
from serving import counts
from serving.counts import Remembered
from serving.pages import routes as pages
from serving.pages.timeline import HEIGHTS, MOST_MONTHS, timeline
from serving.question import Question
from tests.conftest import Workbench
from tests.serving.test_pages import link, page_of, tiles
from tests.support.serving import names, visit

DAYS = ("2024-03-05", "2025-12-31", "2024-03-05", "2020-07-01", "2024-02-29")


@pytest.fixture
def dated(bench: Workbench) -> Workbench:
    """Five pictures of four days, by the dates of their files."""
    for number, day in enumerate(DAYS):
        path = bench.paint(f"{number}.png", (50 * number, 90, 120))
        moment = datetime.fromisoformat(f"{day}T12:00:{number:02}").timestamp()
        os.utime(path, (moment, moment))
    bench.index()
    return bench


LATEST = ["1.png", "2.png", "0.png", "4.png", "3.png"]


def test_the_latest_come_first_under_their_days(dated: Workbench) -> None:
    with visit(dated) as client:
        page = page_of(client, "/?sort=date")
        assert tiles(page) == LATEST
        days = [each.text for each in page.by_id("hits").all("h2")]
        assert days == [
            "Wednesday, 31 December 2025", "Tuesday, 05 March 2024",
            "Thursday, 29 February 2024", "Wednesday, 01 July 2020",
        ]  # fmt: skip
        assert page.by_id("status").text == "5 pictures, latest first"
        bars = [a.attributes["title"] for a in page.by_id("timeline").all("a")]
        assert bars == [
            "December 2025, 1 picture", "March 2024, 2 pictures",
            "February 2024, 1 picture", "July 2020, 1 picture",
        ]  # fmt: skip
        later = page_of(client, link(page, "February 2024"))
        assert tiles(later) == LATEST[3:]
        assert tiles(page_of(client, link(later, "The pictures before these"))) == LATEST
        assert tiles(page_of(client, "/?sort=path")) == sorted(LATEST)
        narrowed = page_of(client, "/?sort=date&after=2024&before=2025")
        assert tiles(narrowed) == LATEST[1:4]


def test_pages_of_dates_fit_together(dated: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "PAGE", 2)
    with visit(dated) as client:
        for url in ("/?sort=date", "/?q=red&sort=date"):
            page = page_of(client, url)
            found, days = tiles(page), len(page.by_id("hits").all("h2"))
            while len(found) < 5:
                page = page_of(client, link(page, "More pictures"))
                found, days = found + tiles(page), days + len(page.by_id("hits").all("h2"))
            assert found == LATEST
            assert days == 4, "a day that goes on has one heading"


def test_an_order_is_made_once_for_all_of_its_pages(
    dated: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(pages, "PAGE", 2)
    for name in ("latest", "newest", "by_path"):
        read = getattr(Catalog, name)

        def noted(*given: Any, name: str = name, read: Any = read) -> Any:
            asked.append(name)
            return read(*given)

        monkeypatch.setattr(Catalog, name, noted)
    with visit(dated) as client:
        for sort in ("date", "path", "relevance"):
            for offset in (0, 2, 4):
                page_of(client, f"/?sort={sort}&offset={offset}")
        assert asked == ["latest", "by_path", "newest"]
        dated.paint("new.png", "red")
        dated.index()
        assert len(tiles(page_of(client, "/?sort=path&offset=4"))) == 2
        assert asked.count("by_path") == 2


def test_pictures_that_were_removed_leave_no_gap(
    dated: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counts, "GOOD_FOR", 10**9)  # as where putting in order takes long
    monkeypatch.setattr(pages, "PAGE", 2)
    with visit(dated) as client, dated.open() as library:
        assert tiles(page_of(client, "/?sort=date")) == LATEST[:2]
        library.remove([dated.photos / LATEST[1]])
        page = page_of(client, "/?sort=date")
        assert tiles(page) == [LATEST[0], LATEST[2]]
        assert tiles(page_of(client, link(page, "More pictures"))) == LATEST[3:]


def test_the_last_answers_are_remembered() -> None:
    found: list[int] = []

    def find(key: int) -> int:
        found.append(key)
        return -key

    state = [0]
    remembered = Remembered(find, lambda: (state[0],), kept=2)
    assert [remembered.get(key) for key in (1, 2, 1, 2, 3, 2, 3, 1)] == [
        -1, -2, -1, -2, -3, -2, -3, -1,
    ]  # fmt: skip
    assert found == [1, 2, 3, 1], "the oldest goes first"
    remembered.forget()
    assert remembered.known(1) is None
    assert remembered.get(1) == -1
    state[0] = 1
    assert remembered.known(1) is None, "of another state, and not good any more"


def test_a_program_gets_its_hits_in_an_order(dated: Workbench) -> None:
    with visit(dated) as client:
        assert names(client.get("/api/search?q=red&sort=date").json()) == LATEST
        assert names(client.get("/api/search?q=red&sort=path").json()) == sorted(LATEST)
        assert client.get("/api/search?q=red&sort=size").status_code == 400


def test_many_months_are_shown_by_years() -> None:
    months = [((2025 - n // 12, 12 - n % 12), n + 1) for n in range(MOST_MONTHS)]
    bars = timeline(Question(), months)
    assert len(bars) == MOST_MONTHS
    assert [bar.year for bar in bars if bar.year] == [str(year) for year in range(2025, 2015, -1)]
    assert (bars[0].height, bars[-1].height) == (1, HEIGHTS)
    assert bars[2].href == "/?offset=3"
    by_year = timeline(Question(), [*months, ((2015, 12), 7)])
    assert [bar.year for bar in by_year] == [str(year) for year in range(2025, 2014, -1)]
    assert by_year[1].href == f"/?offset={sum(range(1, 13))}"
    assert timeline(Question(), months[:1]) == []
