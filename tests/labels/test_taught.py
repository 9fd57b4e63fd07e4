"""A name learned from examples: what it finds, what it says of itself, and what it keeps."""

from __future__ import annotations

import json

import numpy as np
import pytest

from searchengine.errors import InputError, NothingListedError
from searchengine.labels.taught import Taught, Trial, learn, tried
from searchengine.library.library import Library
from tests.alignment.test_candidates import unit
from tests.conftest import Run, Workbench

REDS = ["#ff0000", "#f01010", "#e00000", "#ff2020", "#d01818", "#ff1030"]
BLUES = ["#0000ff", "#1010f0", "#0000e0", "#2020ff", "#1818d0", "#3010ff"]


@pytest.fixture
def shades(bench: Workbench) -> Workbench:
    """Six reds and six blues in folders, and two of each beside them."""
    for folder, colours in (("reds", REDS), ("blues", BLUES)):
        for number, colour in enumerate(colours):
            bench.paint(f"{folder}/{number}.png", colour)
    for name, colour in (
        ("r1", "#fa0808"),
        ("r2", "#e81010"),
        ("b1", "#0808fa"),
        ("b2", "#1010e8"),
    ):
        bench.paint(f"{name}.png", colour)
    bench.index()
    return bench


def labelled(library: Library, name: str) -> set[str]:
    return {each.path.stem for each in library.label_sets.labels(name) if each.labels}


def test_what_is_learned_is_the_least_of_the_loss() -> None:
    random = np.random.default_rng(0)
    rows, word = unit(random.normal(size=(40, 6))), unit(random.normal(size=(1, 6)))[0]
    right = rows[:, 0] + 0.3 * random.normal(size=40) > 0
    found = learn(word, 5.0, rows, right)

    def loss(direction: np.ndarray, offset: float) -> float:
        p = Taught(direction, offset).probabilities(rows)
        pulled = 0.1 / 2 * np.square(direction - 5.0 * word).sum()
        return float(-np.log(np.where(right, p, 1 - p)).sum() + pulled)

    best = loss(found.direction, found.offset)
    for axis in np.eye(7):
        for step in (0.01, -0.01):
            assert loss(found.direction + step * axis[:6], found.offset + step * axis[6]) > best


def test_of_examples_that_say_nothing_the_word_is_left() -> None:
    word = unit(np.ones((1, 4)))[0]
    rows = np.repeat(unit(np.ones((1, 4))), 2, axis=0)
    found = learn(word, 20.0, rows, np.array([True, False]))
    assert found.direction == pytest.approx(20 * word, abs=1e-3)


def test_each_example_is_asked_for_without_itself() -> None:
    """Of labels that are dealt at random nothing is found beyond chance."""
    random = np.random.default_rng(1)
    rows = unit(random.normal(size=(200, 300)))  # enough directions to know each by heart
    trial = tried(np.zeros(300, np.float32), 20.0, rows, random.random(200) < 0.5, 0.5)
    assert trial.precision is not None
    assert 0.35 < trial.precision < 0.65


def test_mistakes_are_those_that_the_shares_tell() -> None:
    """1,000 images, of which 100 show it; 80 % of these and 10 % of the others are labelled."""
    trial = Trial(yes=998, no=998, found=799, wrong=99)
    assert trial.mistakes(80 + 90, 1000) == pytest.approx(90, abs=1)
    assert (trial.recall, trial.precision) == (799 / 998, 799 / 898)
    assert Trial(5, 5, 1, 5).mistakes(30, 100) == 30, "it finds the wrong ones rather"
    assert Trial(5, 5, 0, 0).precision is None
    assert Trial(5, 5, 5, 0).mistakes(0, 100) == 0


def test_what_is_taught_is_found_and_examples_hold(shades: Workbench) -> None:
    photos = shades.photos
    with shades.open() as library:
        sets = library.label_sets
        told = sets.prospect("red", [photos / "reds"], [photos / "blues"])
        assert list(sets) == [], "nothing is labelled before it is asked"
        assert (told.trial, told.images, told.labelled) == (Trial(6, 6, 6, 0), 16, 8)
        assert 0 <= told.mistakes <= 4
        tagged = sets.teach("red", [photos / "reds"], [photos / "blues", photos / "r2.png"])
        assert (tagged.asked, tagged.labelled) == (16, 7)
        assert labelled(library, "red") == {"0", "1", "2", "3", "4", "5", "r1"}
        [each] = sets
        assert (each.taught, each.examples, each.labelled) == (True, 13, 7)
        assert sets.teach("red").asked == 0, "the same examples teach the same"


def test_index_runs_ask_new_images_by_what_was_taught(shades: Workbench) -> None:
    photos = shades.photos
    with shades.open() as library:
        library.label_sets.teach("red", [photos / "reds"], [photos / "blues"])
    shades.paint("new.png", "#f80404")
    shades.paint("newer.png", "#0404f8")
    (photos / "reds" / "0.png").unlink()
    shades.index()
    with shades.open() as library:
        assert labelled(library, "red") == {"1", "2", "3", "4", "5", "r1", "r2", "new"}


def test_what_is_said_of_a_label_is_an_example(shades: Workbench) -> None:
    photos = shades.photos
    with shades.open() as library:
        sets = library.label_sets
        sets.teach("red", [photos / "reds"], [photos / "blues"])
        first = sets.to_review("red")
        assert first is not None
        assert (first.left, first.label) == (2, "red")
        second = sets.to_review("red", skip=1)
        assert second is not None
        assert first.probability <= second.probability
        assert sets.to_review("red", skip=2) is None
        sets.say("red", first.image.id, "red", is_right=False)
        sets.say("red", second.image.id, "red", is_right=True)
        assert sets.to_review("red") is None
        of_both = library.catalog.labels_of([first.image.id, second.image.id])
        assert {key: [label.probability for label in each] for key, each in of_both.items()} == {
            second.image.id: [1.0]
        }
        assert sets.teach("red").asked == 16, "they teach too"
        assert first.image.path.stem not in labelled(library, "red")
        with pytest.raises(InputError, match="'blue' is no name of the label set 'red'"):
            sets.say("red", first.image.id, "blue", is_right=True)
        with pytest.raises(InputError, match="the library lists no image 999"):
            sets.say("red", 999, "red", is_right=True)


def test_what_cannot_be_taught_is_said(shades: Workbench) -> None:
    photos = shades.photos
    with shades.open() as library:
        sets = library.label_sets
        with pytest.raises(
            InputError, match=r"1 examples .* and 6 that do not; .* takes 5 of each"
        ):
            sets.teach("red", [photos / "r1.png"], [photos / "blues"])
        with pytest.raises(InputError, match=r"0\.png is given with --yes and with --no"):
            sets.teach("red", [photos / "reds"], [photos / "reds" / "0.png"])
        with pytest.raises(NothingListedError):
            sets.teach("red", [photos / "greens"], [photos / "blues"])
        with pytest.raises(InputError, match="a threshold is a probability"):
            sets.teach("red", [photos / "reds"], [photos / "blues"], threshold=2)
        assert list(sets) == []
        sets.tag(["red"], name="red")
        with pytest.raises(InputError, match="is a list of names; teach under another name"):
            sets.teach("red", [photos / "reds"], [photos / "blues"])


def test_the_commands(shades: Workbench, run: Run) -> None:
    photos = shades.photos
    given = ("--yes", photos / "reds", "--no", photos / "blues")
    told = run("label", "teach", "red", *given)
    assert told.out.splitlines() == [
        "on your own 6 + 6 examples, each by the others: precision 100%, recall 100% "
        "(6 of 6 found, and 0 of 6 wrongly)",
        "of 16 images 8 would be labelled, some 1 of them wrongly if your examples are like them",
    ]
    assert "8 images of 16 labelled red; look them through" in told.err
    record = json.loads(run("label", "teach", "red", "--json").out)
    assert (record["precision"], record["recall"], record["labelled"]) == (1.0, 1.0, 8)
    assert record["examples"] == {"yes": 6, "no": 6}
    listed = json.loads(run("label", "list", "--json").out)
    assert (listed["name"], listed["taught"], listed["examples"]) == ("red", True, 12)
    assert "red" in run("label", "list").out
    assert len(run("search", "grey", "--label", "red", "--all", "--paths").out.splitlines()) == 8
    assert "label set red: removed" in run("label", "remove", "red").err
    assert "labelled" in run("label", "teach", "a  red", *given).err, "it is kept as 'a red'"
    run("label", "remove", "a red")
    assert run("label", "list").out == ""
