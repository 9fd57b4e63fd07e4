"""Labels on the page and in the API: a filter, counts to choose by, and what a picture has."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from searchengine.labels import background
from tests.conftest import Workbench
from tests.labels.test_tagging import OTHERS
from tests.serving.test_api import get, id_of
from tests.serving.test_pages import link, page_of, said, tiles
from tests.support.pages import Element
from tests.support.serving import HERE, names, visit


@pytest.fixture
def labelled(colours: Workbench, monkeypatch: pytest.MonkeyPatch) -> Workbench:
    """Red, green and blue have labels, blue two, and red one of two sets, in other letters."""
    monkeypatch.setattr(background, "background", lambda: OTHERS)
    with colours.open() as library:
        library.label_sets.tag(["red", "green", "blue < cold"])
        library.label_sets.tag(["Red"], name="another")
    return colours


def test_a_label_is_a_filter_and_a_facet(labelled: Workbench) -> None:
    with visit(labelled) as client:
        facets = get(client, "/api/facets")
        assert [(each["label"].lower(), each["images"]) for each in facets["labels"]] == [
            ("blue", 1), ("cold", 1), ("green", 1), ("red", 1),
        ]  # fmt: skip
        for each in facets["labels"]:
            answer = get(client, "/api/search", q="grey", label=each["label"])
            assert len(answer["hits"]) == answer["images"] == each["images"], each
        assert get(client, "/api/facets", label="cold")["images"] == 1
        assert get(client, "/api/facets", label="cold")["labels"] == facets["labels"]
        assert get(client, "/api/facets", under=str(labelled.photos), label="RED")["images"] == 1
        assert names(get(client, "/api/search", q="grey", label="COLD")) == ["blue.png"]
        [note] = get(client, "/api/search", q="x", label="cat")["notes"]
        assert note.startswith("no image has the label 'cat'; there is: ")


def test_the_api_says_the_labels_of_an_image(labelled: Workbench) -> None:
    with visit(labelled) as client:
        told = get(client, f"/api/images/{id_of(client, 'blue.png')}")["labels"]
        assert sorted(each["name"] for each in told) == ["blue", "cold"]
        assert all(0.5 <= each["probability"] <= 1 for each in told)
        assert get(client, f"/api/images/{id_of(client, 'white.png')}")["labels"] == []


def test_labels_are_chosen_and_shown_on_the_page(labelled: Workbench) -> None:
    with visit(labelled) as client:
        page = page_of(client, "/?q=grey")
        assert "Label" in [" ".join(summary.text.split()) for summary in page.all("summary")]
        chosen = page_of(client, link(page, "cold 1 pictures"))
        assert tiles(chosen) == ["blue.png"]
        assert link(chosen, "Remove: cold") == "/?q=grey"
        detail = page_of(client, chosen.by_id("hits").all("a")[0].attributes["href"])
        assert "Labels" in said(detail)
        assert tiles(page_of(client, link(detail, "cold"))) == ["blue.png"]


def test_without_labels_nothing_speaks_of_them(colours: Workbench) -> None:
    with visit(colours) as client:
        page = page_of(client, "/?q=grey")
        assert "Label" not in [" ".join(summary.text.split()) for summary in page.all("summary")]
        assert get(client, "/api/facets")["labels"] == []
        detail = page_of(client, page.by_id("hits").all("a")[0].attributes["href"])
        assert "Labels" not in said(detail)
        assert Path(get(client, "/api/images/1")["path"]).exists()


def answer(client: TestClient, page: Element, said: str) -> str:
    """Press a button of the form; where it leads."""
    form = page.by_id("review")
    told = client.post(form.attributes["action"], data={**form.hidden(), "answer": said})
    assert told.status_code == 303, told.text
    return told.headers["location"]


def test_labels_are_looked_through_without_javascript(labelled: Workbench) -> None:
    where = "/labels/names/review"
    with visit(labelled) as client:
        page = page_of(client, where)
        assert "4 labels of names not looked at yet" in said(page)
        first = page.by_id("review").hidden()
        there = answer(client, page, "next")
        assert there == f"{where}?skip=1"
        later = page_of(client, there)
        assert "1 left for later" in said(later)
        assert later.by_id("review").hidden() != first
        there = answer(client, later, "refuse")
        assert there == f"{where}?skip=1"
        there = answer(client, page_of(client, there), "accept")
        there = answer(client, page_of(client, there), "refuse")
        last = page_of(client, there)
        assert "That was the last" in said(last)
        page = page_of(client, link(last, "From the first again"))
        assert page.by_id("review").hidden() == first
        assert "Every label was looked at" in said(page_of(client, answer(client, page, "accept")))
        assert page_of(client, "/labels/pets/review", 404)
        for wrong in ({"answer": "maybe"}, {"answer": "accept", "image": "1", "label": "cat"}):
            assert client.post(where, data=wrong).status_code == 400
    with labelled.open() as library:
        [stored] = [each for each in library.catalog.label_sets() if each.name == "names"]
        examples = library.catalog.label_examples(stored.id)
        assert sorted(each.is_right for each in examples) == [False, False, True, True]
        kept = [label for each in library.label_sets.labels("names") for label in each.labels]
        assert [label.probability for label in kept] == [1.0, 1.0]


def test_another_page_cannot_say_anything_of_labels(labelled: Workbench) -> None:
    with visit(labelled) as client:
        form = page_of(client, "/labels/names/review").by_id("review").hidden()
        for headers in ({"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}):
            told = client.post(
                "/labels/names/review", data={**form, "answer": "refuse"}, headers=headers
            )
            assert told.status_code == 403
        assert page_of(client, "/labels/names/review").by_id("review").hidden() == form
    shared = replace(HERE, token="secret")
    with visit(labelled, shared) as client:
        told = client.post("/labels/names/review", data={**form, "answer": "refuse"})
        assert told.status_code == 401


def test_where_somebody_writes_it_is_said_and_nothing_lost(labelled: Workbench) -> None:
    with visit(labelled) as client, labelled.open() as other:
        page = page_of(client, "/labels/names/review")
        form = page.by_id("review").hidden()
        with other.writing():
            told = client.post("/labels/names/review", data={**form, "answer": "accept"})
        assert told.status_code == 503
        assert answer(client, page, "accept") == "/labels/names/review"
