"""Albums and saved searches: in Python, on the command line and over HTTP."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from searchengine.errors import InputError, NothingListedError, NotListedError
from searchengine.types import Filter
from serving.access import Endpoint
from tests.conftest import Run, Workbench
from tests.support.serving import PORT, names, visit


def test_images_in_the_order_they_were_added(colours: Workbench) -> None:
    photos = colours.photos
    with colours.open() as library:
        albums = library.albums
        assert albums.add("Trip", [photos / "red.png", photos / "blue.png"]) == 2
        assert albums.add("Trip", [photos / "blue.png", photos / "green.png"]) == 1
        assert [each.path.name for each in albums.images("Trip")] == [
            "red.png",
            "blue.png",
            "green.png",
        ]
        assert albums.take("Trip", [photos / "red.png", photos / "white.png"]) == 1
        assert [(each.name, each.images, each.question) for each in albums] == [("Trip", 2, None)]
        assert albums.add("All", [photos]) == 6
        hits = library.search("red", where=Filter(album="Trip"))
        assert {hit.path.name for hit in hits} == {"blue.png", "green.png"}
        albums.remove("Trip")
        assert [each.name for each in albums] == ["All"]


NFC, NFD = (unicodedata.normalize(form, "Été") for form in ("NFC", "NFD"))


@pytest.mark.parametrize(("first", "second"), [(NFC, NFD), (NFD, NFC)])
def test_a_name_is_one_in_either_composition(colours: Workbench, first: str, second: str) -> None:
    photos = colours.photos
    with colours.open() as library:
        albums = library.albums
        albums.add(first, [photos / "red.png"])
        assert albums.add(second, [photos / "red.png", photos / "blue.png"]) == 1
        assert [(each.name, each.images) for each in albums] == [(NFC, 2)]
        for name in (first, second):
            assert len(library.search("red", where=Filter(album=name))) == 2
            assert len(albums.images(name)) == 2
        with pytest.raises(InputError, match="is an album of images"):
            albums.save(second, {"q": "a dog"})
        albums.remove(second)
        albums.save(first, {"q": "a dog"})
        albums.save(second, {"q": "a cat"})
        assert [each.question for each in albums] == [{"q": "a cat"}]


def test_both_albums_of_an_older_library_can_be_reached(colours: Workbench) -> None:
    with colours.open() as library:
        for number, name in enumerate((NFC, NFD), start=1):
            album = library.catalog.put_album(name, None)
            library.catalog.add_to_album(
                album, library.catalog.image_ids(str(colours.photos))[:number]
            )
        for number, name in enumerate((NFC, NFD), start=1):
            assert library.albums.get(name).images == number
            assert len(library.search("red", where=Filter(album=name))) == number
        library.albums.remove(NFC)
        assert [each.name for each in library.albums] == [NFD]
        assert library.albums.get(NFC).images == 2


def test_a_moved_picture_stays_and_a_removed_one_leaves(colours: Workbench) -> None:
    with colours.open() as library:
        library.albums.add("Trip", [colours.photos / "red.png", colours.photos / "blue.png"])
    (colours.photos / "red.png").rename(colours.photos / "crimson.png")
    (colours.photos / "blue.png").unlink()
    colours.index()
    with colours.open() as library:
        assert [each.path.name for each in library.albums.images("Trip")] == ["crimson.png"]
        assert library.catalog.faults() == []


@pytest.mark.parametrize("name", ["", "  ", "two\nlines", "x" * 201, "\x1b[2J"])
def test_names_that_are_none(colours: Workbench, name: str) -> None:
    with colours.open() as library, pytest.raises(InputError, match="the name of an album"):
        library.albums.add(name, [colours.photos])


@pytest.mark.parametrize("name", [".", " .. "])
def test_names_that_no_address_can_end_in(colours: Workbench, run: Run, name: str) -> None:
    with colours.open() as library:
        with pytest.raises(InputError, match="which no address can end in"):
            library.albums.add(name, [colours.photos])
        with pytest.raises(InputError, match="which no address can end in"):
            library.albums.save(name, {"q": "a dog"})
        library.catalog.put_album(name.strip(), None)  # as a version before this one did
    done = run("album", "add", name, colours.photos)
    assert (done.code, done.err.count("\n")) == (1, 1)
    assert run("album", "show", name).code == 0
    assert run("album", "remove", name).code == 0
    with colours.open() as library:
        assert list(library.albums) == []


def test_what_cannot_be_added(colours: Workbench) -> None:
    with colours.open() as library:
        with pytest.raises(NothingListedError):
            library.albums.add("Trip", [colours.photos / "nowhere.png"])
        with pytest.raises(NotListedError):
            library.albums.add("Trip", ids=[1, 99])
        assert list(library.albums) == [], "nothing is made of what failed"
        library.albums.save("Dogs", {"q": "a dog"})
        with pytest.raises(InputError, match="is a saved search"):
            library.albums.add("Dogs", [colours.photos])
        library.albums.add("Trip", [colours.photos])
        with pytest.raises(InputError, match="is an album of images"):
            library.albums.save("Trip", {"q": "a dog"})
        with pytest.raises(InputError, match="there is: Dogs, Trip"):
            library.albums.get("Tripp")


def test_on_the_command_line(colours: Workbench, run: Run) -> None:
    red, blue = colours.photos / "red.png", colours.photos / "blue.png"
    assert run("album", "add", "Rot & Blau", red, blue).err == "2 images added; 2 in Rot & Blau\n"
    assert run("album", "show", "Rot & Blau", "--paths").out.split() == [str(red), str(blue)]
    shown = [
        json.loads(line) for line in run("album", "show", "Rot & Blau", "--json").out.splitlines()
    ]
    assert [each["path"] for each in shown] == [str(red), str(blue)]
    found = run("search", "blue", "--album", "Rot & Blau", "--paths").out.split()
    assert found == [str(blue), str(red)]
    wrong = run("search", "blue", "--album", "Rot")
    assert wrong.code == 1
    assert "no album is called 'Rot'; there is: Rot & Blau" in wrong.err
    assert run("album", "remove", "Rot & Blau", red).err == "1 image taken out of Rot & Blau\n"
    [told] = [json.loads(line) for line in run("album", "list", "--json").out.splitlines()]
    assert told == {"name": "Rot & Blau", "images": 1, "question": None}
    assert "Rot & Blau" in run("album", "list").out
    run("album", "remove", "Rot & Blau")
    assert "there are no albums" in run("album", "list").err
    assert red.exists()


def test_a_search_that_is_saved_is_asked_again(colours: Workbench, run: Run) -> None:
    asked = ("blue", "-a", "white", "--under", colours.photos, "--sort", "path", "--all")
    first = run("search", *asked, "--save", "Sky", "--json")
    assert first.code == 0
    assert "saved; again with: clipseek album show Sky" in first.err
    assert run("album", "show", "Sky", "--json").out == first.out
    [told] = [json.loads(line) for line in run("album", "list", "--json").out.splitlines()]
    assert told["question"] == {
        "q": "blue + white",
        "under": str(colours.photos),
        "sort": "path",
        "all": "yes",
    }
    assert "blue + white" in run("album", "list").out
    run("search", "red", "--words-only", "--after", "2001", "--save", "Sky")
    assert run("album", "show", "Sky", "--paths").out.split() == [str(colours.photos / "red.png")]
    wrong = run("search", "red", "--album", "Sky")
    assert "'Sky' is a saved search; to ask it: clipseek album show 'Sky'" in wrong.err
    assert run("search", colours.photos / "red.png", "--save", "Red").code == 2


def ask(client: Any, method: str, name: str, status: int = 200, **sent: Any) -> Any:
    answer = client.request(method, f"/api/albums/{name}", **sent)
    assert answer.status_code == status, answer.text
    return answer.json()


def test_over_http(colours: Workbench) -> None:
    with visit(colours) as client:
        assert client.get("/api/albums").json() == {"albums": []}
        made = ask(client, "POST", "Trip%20%2F%201", data={"id": ["3", "1"]})
        assert (made["name"], made["images"], made["added"]) == ("Trip / 1", 2, 2)
        shown = ask(client, "GET", "Trip%20%2F%201")
        assert [each["id"] for each in shown["members"]] == [3, 1]
        assert client.get(made["address"]).json() == shown
        found = client.get("/api/search", params={"q": "red", "album": "Trip / 1"}).json()
        assert {hit["id"] for hit in found["hits"]} == {1, 3}
        assert found["images"] == 2
        assert ask(client, "DELETE", "Trip%20%2F%201", params={"id": 3})["taken"] == 1
        saved = ask(client, "POST", "Sky", data={"q": "blue", "under": str(colours.photos)})
        assert saved["question"] == {"q": "blue", "under": str(colours.photos)}
        again = client.get("/api/search", params=saved["question"]).json()
        assert names(again)[0] == "blue.png"
        assert [each["name"] for each in client.get("/api/albums").json()["albums"]] == [
            "Sky",
            "Trip / 1",
        ]
        assert ask(client, "DELETE", "Sky")["removed"] is True
        page = client.get("/", params={"q": "red", "album": "Trip / 1"})
        assert page.status_code == 200
        assert "Album Trip / 1" in page.text


def test_what_is_refused_over_http(colours: Workbench) -> None:
    with visit(colours) as client:
        assert "lists no image 99" in ask(client, "POST", "Trip", 404, data={"id": "99"})["detail"]
        assert "unknown parameter" in ask(client, "POST", "Trip", 400, data={"x": "1"})["detail"]
        assert "without pictures" in ask(client, "POST", "Trip", 400, data={"like": "1"})["detail"]
        both = ask(client, "POST", "Trip", 400, data={"id": "1", "q": "red"})
        assert "has images or is a search" in both["detail"]
        assert "no album is called" in ask(client, "GET", "Trip", 404)["detail"]
        assert "no album is called" in ask(client, "DELETE", "Trip", 404)["detail"]
        assert client.put("/api/albums/Trip").status_code == 405
        for method in ("POST", "DELETE"):
            foreign = client.request(
                method,
                "/api/albums/Trip",
                data={"id": "1"} if method == "POST" else None,
                headers={"origin": "http://evil.example"},
            )
            assert foreign.status_code == 403
            cross = client.request(
                method, "/api/albums/Trip", headers={"sec-fetch-site": "cross-site"}
            )
            assert cross.status_code == 403
        assert client.get("/api/albums").json() == {"albums": []}


def test_writing_takes_the_token_where_there_is_one(colours: Workbench) -> None:
    endpoint = Endpoint("0.0.0.0", "127.0.0.1", PORT, "a token of many letters")
    with visit(colours, endpoint) as client:
        assert ask(client, "POST", "Trip", 401, data={"id": "1"})
        shown = {"authorization": "Bearer a token of many letters"}
        assert ask(client, "POST", "Trip", data={"id": "1"}, headers=shown)["added"] == 1


def test_a_library_that_is_being_written_is_said(colours: Workbench) -> None:
    with visit(colours) as client, colours.open() as library, library.writing():
        answer = ask(client, "POST", "Trip", 503, data={"id": "1"})
        assert "is being written by process" in answer["detail"]


def test_a_saved_search_that_only_the_page_can_ask(colours: Workbench, run: Run) -> None:
    with colours.open() as library:
        library.albums.save("Tall", {"q": "red", "orientation": "portrait"})
    done = run("album", "show", "Tall")
    assert done.code == 1
    assert "asks for orientation=portrait, which only the page can" in done.err
    assert Path(colours.photos / "red.png").exists()
