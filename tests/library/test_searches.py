"""What each part of a search is worth, measured on a library's own captions."""

from __future__ import annotations

import json

import pytest

from indexers.reading import IndexOptions
from searchengine.errors import InputError
from searchengine.library.judging.searches import SearchesReport, measure_searches
from searchengine.types import MODEL
from tests.conftest import Run, Workbench


def store(bench: Workbench, *pairs: tuple[str, str]) -> None:
    with bench.open() as library:
        library.add_captions([(str(bench.photos / f"{name}.png"), text) for name, text in pairs])


def measured(bench: Workbench) -> SearchesReport:
    with bench.open() as library:
        return measure_searches(library)


def first(report: SearchesReport) -> dict[str, float]:
    return {way.what: way.recall[1] for way in report.ways}


def test_a_caption_does_not_find_its_own_image_by_being_stored(colours: Workbench) -> None:
    store(colours, ("red", "Fulgencio in blue"), ("red", "fulgencio, in BLUE!"), ("green", "green"))
    report = measured(colours)
    assert (report.images, report.captioned, report.queries) == (6, 2, 3)
    assert first(report) == {"pictures": 1 / 3, "+ captions": 1 / 3, "+ words": 1 / 3}
    with colours.open() as library:
        assert library.search("Fulgencio in blue", k=1)[0].path.stem == "red", "stored it does"


def test_another_caption_of_the_image_counts(colours: Workbench) -> None:
    store(colours, ("red", "Fulgencio in blue"), ("red", "blue once more"))
    assert first(measured(colours))["+ captions"] == 0, "in colours both are the blue one"
    store(colours, ("red", "Fulgencio at home"))
    report = measured(colours)
    assert report.queries == 3
    assert first(report)["pictures"] == 0
    assert first(report)["+ words"] == 2 / 3, "both that have the name"
    [pictures, captions, words] = report.ways
    assert pictures.difference is None
    assert words.difference is not None
    assert words.difference.mean == pytest.approx(words.recall[1] - captions.recall[1])


def test_the_index_is_a_way_of_its_own(bench: Workbench) -> None:
    for number in range(260):
        bench.paint(f"{number:03}.png", (number % 256, 7 * number % 256, 31 * number % 256))
    bench.index(options=IndexOptions(factory="IVF4,Flat"))
    store(bench, *((f"{number:03}", f"photo {number} in red") for number in range(0, 260, 20)))
    report = measured(bench)
    assert [way.what for way in report.ways] == ["pictures", "+ captions", "+ words", "+ index"]
    with bench.open() as library:
        assert measure_searches(library, limit=4).queries == 4


def test_captions_of_models_ask_nothing(colours: Workbench, run: Run) -> None:
    store(colours, ("red", "a red wall"))
    with colours.open() as library, library.writing() as writer:
        blue = str(colours.photos / "blue.png")
        writer.add_captions(library.space(), [(blue, "a green wall")], MODEL + "m")
    assert measured(colours).queries == 1
    done = run("evaluate", "--json", "-")
    assert json.loads(done.out)["protocol"]["captions"] == 1


def test_without_captions_it_says_what_to_do(colours: Workbench) -> None:
    with pytest.raises(InputError, match="clipseek captions add FILE"):
        measured(colours)


def test_the_command(colours: Workbench, run: Run) -> None:
    store(colours, ("red", "a red wall"), ("blue", "a blue wall"))
    done = run("evaluate-searches")
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert [line.split("  ")[0] for line in lines[1:-1] if not line.startswith("-")] == [
        "pictures", "+ captions", "+ words",
    ]  # fmt: skip
    assert lines[-1] == (
        "2 captions of 2 images asked among 6, each as if it were not stored; fake"
    )
    found = json.loads(run("evaluate-searches", "--json", "--limit", 1).out)
    assert (found["queries"], found["ways"][0]["recall"]["1"]) == (1, 1.0)
