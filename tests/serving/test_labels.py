"""Labels on the page and in the API: a filter, counts to choose by, and what a picture has."""

from __future__ import annotations

from pathlib import Path

import pytest

from searchengine.labels import background
from tests.conftest import Workbench
from tests.labels.test_tagging import OTHERS
from tests.serving.test_api import get, id_of
from tests.serving.test_pages import link, page_of, said, tiles
from tests.support.serving import names, visit


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
