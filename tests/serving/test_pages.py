"""The pages without JavaScript: forms and links that a server renders, parsed strictly."""

from __future__ import annotations

import os
import re
import shlex
from datetime import datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from PIL import Image
from starlette.testclient import TestClient

from indexers import pipeline
from searchengine.library.moving import use_space
from serving.pages import routes as pages
from tests.conftest import Watcher, Workbench
from tests.support.fake import FakeEncoder
from tests.support.pages import Element, parse_text
from tests.support.serving import png, visit


def page_of(client: TestClient, url: str, status: int = 200) -> Element:
    answer = client.get(url, headers={"accept": "text/html"})
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return parse_text(answer.text)


def tiles(page: Element) -> list[str]:
    return [image.attributes["alt"] for image in page.by_id("hits").all("img")]


def said(page: Element) -> str:
    return " ".join(page.one("main").text.split())


def link(page: Element, label: str) -> str:
    """The address of the one link that says this, or is called this."""
    (found,) = {
        a.attributes["href"]
        for a in page.all("a")
        if label in a.attributes.get("aria-label", " ".join(a.text.split()))
    }
    return found


def test_the_form_and_its_hits(colours: Workbench) -> None:
    with visit(colours) as client:
        page = page_of(client, "/?q=blue")
    assert tiles(page)[0] == "blue.png"
    assert page.one("title").text == "blue – clipseek"  # noqa: RUF001
    assert page.by_id("q").attributes["value"] == "blue"
    form = page.by_id("search")
    assert (form.attributes["action"], form.attributes["method"]) == ("/", "get")
    assert page.by_id("status").text == "6 pictures, nearest first"
    assert page.one("html").attributes["lang"] == "en"


def test_without_a_question_the_last_images_come_first(colours: Workbench) -> None:
    colours.paint("later.png", "magenta")
    colours.index()
    with visit(colours) as client:
        page = page_of(client, "/")
    assert tiles(page)[0] == "later.png"
    assert page.by_id("status").text == "7 pictures, last added first"


@pytest.mark.parametrize("asked", ["", "&q=red"])
def test_a_folder_that_is_not_listed_is_told_with_and_without_words(
    colours: Workbench, asked: str
) -> None:
    with visit(colours) as client:
        answer = client.get(f"/?under=/nowhere{asked}", headers={"accept": "text/html"})
    assert answer.status_code == 400
    assert "the library lists no image there" in answer.text


def test_all_hits_are_reached_by_links(colours: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "PAGE", 4)
    with visit(colours) as client:
        for url in ("/?q=red", "/"):
            first = page_of(client, url)
            second = page_of(client, link(first, "More pictures"))
            assert len(set(tiles(first) + tiles(second))) == 6
            assert not [a for a in second.all("a") if a.attributes.get("rel") == "next"]


def test_more_and_less_like_this_are_links_and_can_be_taken_back(colours: Workbench) -> None:
    with visit(colours) as client:
        page = page_of(client, "/?q=red")
        liked = page_of(client, link(page, "More like blue.png"))
        assert liked.by_id("search").hidden().keys() == {"like"}
        assert tiles(liked).index("blue.png") < tiles(page).index("blue.png")
        back = link(liked, "Remove: More like")
        assert back == link(liked, "Not more like blue.png") == "/?q=red"
        instead = link(liked, "Less like blue.png")
        assert parse_qs(urlsplit(instead).query).keys() == {"q", "unlike"}


def test_filters_are_links_with_counts(bench: Workbench) -> None:
    for name in ("one/a.png", "one/b.png", "two/c.png"):
        bench.paint(name, "red")
    bench.paint("two/tall.png", "red", (20, 60))
    bench.index()
    with visit(bench) as client:
        page = page_of(client, "/?q=red")
        summaries = [" ".join(summary.text.split()) for summary in page.all("summary")]
        assert summaries == ["Folder", "Date", "Shape", "Album", "Order", "More"]  # no camera
        assert "2 pictures" in next(li.text for li in page.all("li") if "one" in li.text)
        inside = page_of(client, link(page, "two 2 pictures"))
        assert sorted(tiles(inside)) == ["c.png", "tall.png"]
        both = page_of(client, link(inside, "Portrait 1 pictures"))
        assert tiles(both) == ["tall.png"]
        assert page_of(client, link(both, "Remove: two")).by_id("status").text.startswith("1 pic")


def test_folders_are_a_tree_with_a_way_up(bench: Workbench) -> None:
    for name in ("a/b/1.png", "a/b/c/2.png", "a/b/c/3.png", "a/4.png", "d/5.png"):
        bench.paint(name, "red")
    bench.index()

    def tree(page: Element) -> list[str]:
        lines = page.all("details")[0].all("li")
        return [
            f"{line.attributes.get('class', 'level0')[-1]} {' '.join(line.text.split())}"
            for line in lines
        ]

    with visit(bench) as client:
        page = page_of(client, "/")
        assert tree(page) == ["0 a 4 pictures", "0 d 1 pictures"]
        inside = page_of(client, link(page, "a 4 pictures"))
        inside = page_of(client, link(inside, "b 3 pictures"))
        top = f"0 {bench.photos.name} 5 pictures"
        assert tree(inside) == [top, "1 a 4 pictures", "2 b 3 pictures", "3 c 2 pictures"]
        assert len(tiles(page_of(client, link(inside, "a 4 pictures")))) == 4
        assert len(tiles(page_of(client, link(inside, f"{bench.photos.name} 5 pictures")))) == 5


def test_dates_are_a_form_that_keeps_the_question(colours: Workbench) -> None:
    with visit(colours) as client:
        page = page_of(client, "/?q=red&orientation=landscape&after=2020-05-01")
        (form,) = [
            form
            for form in page.all("form")
            if "after" in [i.attributes.get("name") for i in form.all("input")]
            and form.attributes.get("class") == "typed"
        ]
        assert form.hidden() == {"q": "red", "orientation": "landscape"}
        assert [
            i.attributes.get("value")
            for i in form.all("input")
            if i.attributes.get("type") == "date"
        ] == ["2020-05-01", ""]


def test_pictures_that_no_camera_dated_can_be_chosen(bench: Workbench) -> None:
    """A restore from a backup gives them all the date of that day."""
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = "2025:06:01 12:00:00"
    Image.new("RGB", (9, 9), "red").save(bench.photos / "taken.jpg", exif=exif)
    os.utime(bench.paint("undated.png", "red"), (datetime(2025, 5, 5).timestamp(),) * 2)
    bench.index()
    with visit(bench) as client:
        page = page_of(client, "/?q=red")
        assert len(tiles(page_of(client, link(page, "2025 2 pictures")))) == 2
        undated = page_of(client, link(page, "No date of its own 1 pictures"))
        assert tiles(undated) == ["undated.png"]
        assert link(undated, "Remove: No date of its own") == "/?q=red"
        taken = page_of(client, "/?q=red&dated=yes&after=2025")
        assert tiles(taken) == ["taken.jpg"]
        assert link(taken, "Remove: Dated by a camera") == "/?q=red&after=2025-01-01"
        detail = page_of(client, undated.by_id("hits").all("a")[0].attributes["href"])
        assert "File from" in said(detail)


def test_a_folder_that_is_not_listed_is_told(colours: Workbench) -> None:
    with visit(colours) as client:
        for asked in ("q=red&", ""):
            page = page_of(client, f"/?{asked}under=/nowhere", 400)
            assert "/nowhere: the library lists no image there; it has: " in said(page)


def test_a_picture_is_searched_by_without_javascript(colours: Workbench) -> None:
    with visit(colours) as client:
        page = page_of(client, "/")
        form = page.by_id("by-picture")
        assert form.attributes["enctype"] == "multipart/form-data"
        answer = client.post(form.attributes["action"], files={"image": png("green")})
        assert answer.status_code == 303
        found = page_of(client, answer.headers["location"])
        assert tiles(found)[0] == "green.png"
        assert link(found, "Remove: Your picture") == "/"
        none = client.post("/pictures", files={}, headers={"accept": "text/html"})
        assert none.status_code == 400
        assert "choose a picture first" in none.text.lower()


def test_one_image_in_detail(colours: Workbench) -> None:
    with colours.open() as library:
        library.add_captions([(str(colours.photos / "blue.png"), "a blue wall")])
    with visit(colours) as client:
        grid = page_of(client, "/?q=blue&orientation=landscape")
        page = page_of(client, grid.by_id("hits").all("a")[0].attributes["href"])
        assert page.one("h1").text == "blue.png"
        assert link(page, "Back to the pictures") == "/?q=blue&orientation=landscape"
        text = said(page)
        assert "40 × 30" in text  # noqa: RUF001
        assert str(colours.photos) in text
        assert "a blue wall" in text
        near = [image.attributes["alt"] for image in page.one("article").all("img")]
        assert near[0] == "a blue wall"  # the picture itself
        assert "blue.png" not in near
        assert len(near) == 6
        assert client.get(link(page, "Open the original file")).status_code == 200


def test_an_empty_library_says_how_to_fill_it(bench: Workbench) -> None:
    with visit(bench) as client:
        for url in ("/", "/?q=red"):
            assert "clipseek index" in said(page_of(client, url))


def test_an_empty_library_names_itself(tmp_path: Path) -> None:
    (tmp_path / "it's here").mkdir()
    bench = Workbench(tmp_path / "it's here")
    with visit(bench) as client:
        command = page_of(client, "/").one("code").text
    assert shlex.split(command) == [
        "clipseek", "index", "~/Photos", "--library", str(bench.library_path)
    ]  # fmt: skip


def test_the_count_is_of_what_reaches_the_score(
    colours: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    with visit(colours) as client:

        def status(query: str) -> str:
            return page_of(client, f"/?{query}").by_id("status").text

        scores = [hit["score"] for hit in client.get("/api/search?q=red&k=6").json()["hits"]]
        third = (scores[2] + scores[3]) / 2
        assert scores[2] > third > scores[3]
        assert len(tiles(page_of(client, f"/?q=red&min_score={third}"))) == 3
        assert status(f"q=red&min_score={third}") == "3 of 6 pictures, nearest first"
        assert status("q=red&min_score=-1") == "6 pictures, nearest first"
        monkeypatch.setattr(pages, "PAGE", 2)
        url = f"q=red&min_score={third}"
        assert status(url) == "2 or more of 6 pictures, nearest first"
        assert status(f"{url}&offset=2") == "3 of 6 pictures, nearest first"


def test_a_score_without_a_question_is_no_filter(colours: Workbench) -> None:
    """Where nothing is asked nothing has a score: all are shown, counted, and no chip says else."""
    with visit(colours) as client:
        page = page_of(client, "/?min_score=0.9")
        assert page.by_id("status").text == "6 pictures, last added first"
        assert not [a for a in page.all("a") if a.attributes.get("class") == "chip"]


def test_errors_keep_what_can_be_kept(colours: Workbench) -> None:
    """One parameter that makes no sense takes no other with it."""
    with visit(colours) as client:
        for broken in ("after=never", "orientation=round", "min_score=x", "like=x", "offset=x"):
            page = page_of(client, f"/?q=red&camera=Leica&{broken}", 400)
            assert page.by_id("q").attributes["value"] == "red"
            assert page.by_id("search").hidden()["camera"] == "Leica"
            assert link(page, "Remove: Leica") == "/?q=red"
            menus = [group.text.split()[0] for group in page.all("summary")]
            assert menus == ["Camera", "Album", "More"]
        for url, status in (("/nowhere", 404), ("/images/99", 404), ("/images/99/x", 404)):
            page = page_of(client, f"{url}?q=red&camera=Leica", status)
            assert page.by_id("q").attributes["value"] == "red"
            assert page.by_id("search").hidden() == {"camera": "Leica"}
            assert link(page, "Remove: Leica") == "/?q=red"


def test_no_hits_offer_a_way_back(colours: Workbench) -> None:
    with visit(colours) as client:
        page = page_of(client, "/?q=red&camera=Leica")
        assert "The filters leave none" in said(page)
        assert "No image has a camera named like 'Leica'; there is: none." in said(page)
        assert "No image has a camera named" in said(page_of(client, "/?camera=Leica"))
        assert tiles(page_of(client, link(page, "Remove: Leica")))[0] == "red.png"
        assert "no more than these" in said(page_of(client, "/?q=red&offset=500"))


def test_errors_leave_the_form_in_place(colours: Workbench) -> None:
    with visit(colours) as client:
        page = page_of(client, "/?q=red+-+red", 400)
        assert "The terms cancel each other out" in said(page)
        assert page.by_id("q").attributes["value"] == "red - red"
        assert "is no date" in said(page_of(client, "/?q=red&after=never", 400))
        assert "upload it again" in said(page_of(client, f"/?picture={'0' * 32}", 410))
        assert "lists no image 99" in said(page_of(client, "/images/99", 404))
        assert "Not Found" in said(page_of(client, "/nowhere", 404))


def test_every_address_of_a_page_is_answered(colours: Workbench) -> None:
    """What the page links to, shows and loads is there."""
    with visit(colours) as client:
        text = client.get("/?q=red").text
        seen = {url.replace("&amp;", "&") for url in re.findall(r'(?:href|src)="(/[^"]*)"', text)}
        assert len(seen) > 20
        for url in seen:
            assert client.get(url).status_code == 200, url


def test_a_hit_shows_the_text_that_found_it_with_the_words_asked_for(colours: Workbench) -> None:
    with colours.open() as library:
        evil = "<script>alert(1)</script> & Fulgencio at home"
        library.add_captions([(str(colours.photos / "red.png"), evil)])
    with visit(colours) as client:
        page = client.get("/?q=blue+fulgencio").text
        assert "<mark>Fulgencio</mark>" in page
        assert "&lt;script&gt;" in page
        assert "<script>alert" not in page
        assert "<mark>red</mark>" in client.get("/?q=red").text, "of a name its last parts"
        hits = client.get("/api/search?q=fulgencio").json()["hits"]
        assert (hits[0]["matched"], hits[0]["text"]) == ("caption", evil)
        assert "matched" not in hits[1]
        plain = client.get("/api/search?q=fulgencio&by=pictures").json()["hits"]
        assert not any("matched" in hit for hit in plain)
        assert len(client.get("/api/search?q=fulgencio&by=words").json()["hits"]) == 1
        assert client.get("/api/search?q=x&by=sound").status_code == 400
        assert "In texts" in client.get("/?q=fulgencio&by=words").text


def test_the_page_says_which_of_several_spaces_answers(colours: Workbench) -> None:
    with visit(colours) as client:
        assert "Answered by" not in said(page_of(client, "/?q=red"))
        kept = client.post("/api/pictures", files={"image": png("red")}).json()["picture"]
        assert client.get(f"/api/search?picture={kept}").status_code == 200
        other = FakeEncoder()
        other.name = "another/encoder"
        with colours.open() as library:
            pipeline.index(
                library,
                [colours.photos],
                encoder=other.name,
                load=lambda: other,
                observer=Watcher(),
            )
            assert "Answered by fake" in said(page_of(client, "/?q=red"))
            colours.encoder = other
            use_space(library, other.name)
        page = page_of(client, "/?q=red")
        assert "Answered by another/encoder" in said(page)
        assert tiles(page)[0] == "red.png"
        assert client.get(f"/api/search?picture={kept}").status_code == 410


def test_a_misspelt_word_is_said_and_can_be_undone(colours: Workbench) -> None:
    with visit(colours) as client:
        page = page_of(client, "/?q=a+bycicle")
        assert "Searched for: bicycle (typed: bycicle)." in said(page)
        typed = page_of(client, link(page, "Search for what you typed"))
        assert "earched for" not in said(typed)
        assert (
            page_of(client, link(typed, "As typed")).by_id("q").attributes["value"] == "a bycicle"
        )
        answer = client.get("/api/search?q=a+bycicle").json()
        assert answer["corrections"] == [{"typed": "bycicle", "used": "bicycle"}]
        assert client.get("/api/search?q=a+bycicle&as_typed=yes").json()["corrections"] == []


def test_what_is_marked_is_what_was_searched_for(colours: Workbench) -> None:
    with colours.open() as library:
        library.add_captions([(str(colours.photos / "red.png"), "Fulgencio's bicycle")])
    with visit(colours) as client:
        page = client.get("/?q=bycicle").text
        assert "Searched for: bicycle" in page
        assert "<mark>bicycle</mark>" in page
        assert "<mark>" not in client.get("/?q=bycicle&as_typed=yes").text
