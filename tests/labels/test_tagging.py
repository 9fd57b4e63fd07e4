"""Labels of a library: what is asked, what is kept, and what a later run still has to do."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from pathlib import Path

import pytest

from searchengine.catalog.labels.examples import Example
from searchengine.errors import InputError, LibraryDamagedError
from searchengine.labels import background, tagging
from searchengine.library.library import Library
from searchengine.types import Filter
from tests.conftest import Run, Workbench
from tests.support.damage import flip, set_row
from tests.support.fake import FakeEncoder

OTHERS = (("grey desk", ("furniture",)), ("black cat", ("animal",)), ("white sheet", ("bedding",)))


@pytest.fixture(autouse=True)
def _few_other_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fake encoder knows colours alone, and ImageNet has red wines and red foxes."""
    monkeypatch.setattr(background, "background", lambda: OTHERS)


NAMES = ["red = scarlet", "green", "blue < cold"]


def labels(library: Library, name: str = "names") -> dict[str, list[str]]:
    return {
        image.path.stem: sorted(label.name for label in image.labels)
        for image in library.label_sets.labels(name)
    }


ANSWERS = {
    "black": [], "blue": ["blue", "cold"], "green": ["green"], "red": ["red"], "white": [],
    "yellow": [],
}  # fmt: skip


def test_each_image_has_the_name_it_shows_or_none(colours: Workbench) -> None:
    with colours.open() as library:
        tagged = library.label_sets.tag(NAMES)
        assert (tagged.name, tagged.asked, tagged.labelled) == ("names", 6, 3)
        assert labels(library) == ANSWERS
        [told] = library.label_sets
        assert (told.name, told.labelled, told.threshold) == ("names", 3, 0.5)
        for image in library.label_sets.labels("names"):
            assert all(0.5 <= label.probability <= 1 for label in image.labels)


def test_a_set_and_a_label_are_found_in_either_composition(colours: Workbench) -> None:
    nfc, nfd = (unicodedata.normalize(form, "Été") for form in ("NFC", "NFD"))
    with colours.open() as library:
        library.label_sets.tag([f"{nfd} = red", "green"], name=nfd)
        for name in (nfc, nfd):
            assert labels(library, name)["red"] == [nfc]
            hits = library.search("red", where=Filter(label=name))
            assert [hit.path.name for hit in hits] == ["red.png"]
        library.label_sets.remove(nfd)


def test_probabilities_are_at_the_scale_for_names(
    colours: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flat(name: str, learned: float) -> float:
        assert (name, learned) == ("fake", FakeEncoder.logit_scale)
        return 0.0

    monkeypatch.setattr(tagging, "names_scale_of", flat)
    with colours.open() as library:
        library.label_sets.tag(NAMES, threshold=0.0)
        for image in library.label_sets.labels("names"):  # four names, of which one is two, and
            told = {label.name: label.probability for label in image.labels}  # three others
            assert told == {"cold": pytest.approx(2 / 7), "blue": pytest.approx(1 / 7)}


def test_a_second_run_asks_nothing_and_loads_no_encoder(colours: Workbench) -> None:
    with colours.open() as library:
        library.label_sets.tag(NAMES)
    loads = colours.loads
    with colours.open() as library:
        assert library.label_sets.tag(NAMES).asked == 0
        assert labels(library) == ANSWERS
    assert colours.loads == loads


def test_index_runs_ask_new_and_changed_images(colours: Workbench) -> None:
    with colours.open() as library:
        library.label_sets.tag(NAMES)
    colours.paint("second-red.png", "red")
    colours.paint("green.png", "blue", size=(50, 50))
    (colours.photos / "red.png").unlink()
    colours.index()
    with colours.open() as library:
        assert labels(library) == {
            "black": [], "blue": ["blue", "cold"], "green": ["blue", "cold"],
            "second-red": ["red"], "white": [], "yellow": [],
        }  # fmt: skip
        assert library.label_sets.tag(NAMES).asked == 0


def test_a_run_that_is_stopped_goes_on_where_it_was(
    colours: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tagging, "ROWS_A_TRANSACTION", 2)
    monkeypatch.setattr(tagging, "ROWS_AT_A_TIME", 1)
    with colours.open() as library:
        record = library.catalog.record_labels
        times: list[int] = []

        def stopped(set_id: int, space: object, rows: int, asked: object, found: object) -> None:
            if len(times) == 2:
                raise KeyboardInterrupt
            times.append(rows)
            record(set_id, space, rows, asked, found)  # type: ignore[arg-type]

        monkeypatch.setattr(library.catalog, "record_labels", stopped)
        with pytest.raises(KeyboardInterrupt):
            library.label_sets.tag(NAMES)
    assert times == [2, 4]
    with colours.open() as library:
        assert library.label_sets.tag(NAMES).asked == 2
        assert labels(library) == ANSWERS


def test_other_names_or_another_threshold_ask_anew(colours: Workbench) -> None:
    with colours.open() as library:
        library.label_sets.tag(NAMES)
        assert library.label_sets.tag(["yellow"]).asked == 6
        assert labels(library)["yellow"] == ["yellow"]
        assert labels(library)["red"] == []
        assert library.label_sets.tag(["yellow"], threshold=0.0).labelled == 6
        assert library.label_sets.tag(NAMES, name="other", several=True).asked == 6
        assert [each.name for each in library.label_sets] == ["names", "other"]


def test_another_space_is_asked_anew(colours: Workbench) -> None:
    class Other(FakeEncoder):
        name = "other"
        fingerprint = "other"

    with colours.open() as library:
        library.label_sets.tag(NAMES)
    colours.encoder = Other()
    colours.index()
    with colours.open() as library:
        assert library.label_sets.tag(NAMES).asked == 0, "the space that answers is the same"
        library.catalog.set_setting("default_space", "other")
    with colours.open() as library:
        assert library.label_sets.tag(NAMES).asked == 6
        assert labels(library) == ANSWERS


def test_what_a_person_said_holds(colours: Workbench) -> None:
    with colours.open() as library:
        library.label_sets.tag(NAMES)
        [stored] = library.catalog.label_sets()
        ids = {path.stem: number for number, path in _ids(library)}
        said = [
            Example(ids["red"], "red", is_right=False),
            Example(ids["white"], "red", is_right=True),
        ]
        library.catalog.put_examples(stored.id, said)
        library.catalog.begin_labels(stored.id, library.space().info)
        library.label_sets.tag(NAMES)
        assert labels(library) == ANSWERS | {"red": [], "white": ["red"]}


def _ids(library: Library) -> list[tuple[int, Path]]:
    _, ids = library.catalog.rows_from(library.space().info, 0)
    return [(each.id, each.path) for each in library.catalog.images(ids.tolist()).values()]


def test_a_damaged_row_has_no_names(colours: Workbench) -> None:
    with colours.open() as library:
        rows, ids = library.catalog.rows_from(library.space().info, 0)
        paths = library.catalog.images(ids.tolist())
        [red] = [r for r, i in zip(rows, ids, strict=True) if paths[int(i)].path.stem == "red"]
        file = library.space().images.path
    set_row(file, int(red), 7.0, FakeEncoder.dim)
    with colours.open() as library:
        library.label_sets.tag(NAMES, threshold=0)
        assert labels(library)["red"] == []
        assert labels(library)["green"] == ["green"]


def test_vectors_of_names_are_kept_and_made_anew_where_they_are_wrong(colours: Workbench) -> None:
    with colours.open() as library:
        library.label_sets.tag(NAMES)
        kept = sorted(library.space().directory.glob("names-*.f16"))
        assert len(kept) == 2
        sound = [path.read_bytes() for path in kept]
        for path in kept:
            flip(path, 3, bit=1)  # still of length 1
        [stored] = library.catalog.label_sets()
        library.catalog.begin_labels(stored.id, library.space().info)
        library.label_sets.tag(NAMES)
        assert labels(library) == ANSWERS
        assert [path.read_bytes() for path in kept] == sound
        library.label_sets.remove("names")
        assert list(library.space().directory.glob("names-*.f16")) == []
        assert list(library.label_sets) == []
        with pytest.raises(InputError, match="no label set 'names'; there is: none"):
            library.label_sets.remove("names")


@pytest.mark.parametrize("definition", ["", "[]", "{}", '{"names": [["a", [], "a"]]}'])
def test_a_set_that_cannot_be_read_is_said(colours: Workbench, definition: str) -> None:
    with colours.open() as library:
        library.catalog.put_label_set("broken", definition)
        with pytest.raises(LibraryDamagedError, match="label set 'broken' cannot be read"):
            list(library.label_sets)


def test_the_command_in_its_forms(run: Run, colours: Workbench, tmp_path: Path) -> None:
    file = tmp_path / "colours.txt"
    file.write_text("\n".join(NAMES))
    done = run("tag", "--names", file)
    assert done.code == 0
    assert done.out.splitlines() == [
        "label  images", "blue        1", "cold        1", "green       1", "red         1",
    ]  # fmt: skip
    assert "6 images asked; of 6 in all 3 have a label of colours, 3 none of these" in done.err
    told = [json.loads(line) for line in run("tag", "--names", file, "--json").out.splitlines()]
    assert [sorted(each) for each in told] == [["labels", "path"]] * 6
    by_name = {Path(each["path"]).stem: each["labels"] for each in told}
    assert by_name["white"] == []
    assert sorted(label["name"] for label in by_name["blue"]) == ["blue", "cold"]
    assert sorted(by_name["red"][0]) == ["name", "probability"]
    rows = list(csv.DictReader(io.StringIO(run("tag", "--names", file, "--write", "csv").out)))
    assert sorted((Path(row["path"]).stem, row["label"]) for row in rows) == [
        ("blue", "blue"), ("blue", "cold"), ("green", "green"), ("red", "red"),
    ]  # fmt: skip


def test_sidecars_are_written_and_pictures_are_not(
    run: Run, colours: Workbench, tmp_path: Path
) -> None:
    file = tmp_path / "colours.txt"
    file.write_text("\n".join(NAMES))
    before = {path: path.read_bytes() for path in colours.photos.iterdir()}
    (colours.photos / "red.png.xmp").write_text("no xmp")
    done = run("tag", "--names", file, "--write", "xmp")
    assert "skipping " in done.err
    assert "red.png.xmp: it is no XML" in done.err
    assert "2 XMP files written beside pictures, 1 could not be" in done.err
    assert done.code == 1
    packet = (colours.photos / "blue.png.xmp").read_text("utf-8")
    assert "<rdf:li>blue</rdf:li>" in packet
    assert "<rdf:li>cold</rdf:li>" in packet
    assert "<rdf:li>cold/blue</rdf:li>" in packet
    assert all(path.read_bytes() == data for path, data in before.items())
    assert "0 XMP files written" in run("tag", "--names", file, "--write", "xmp").err


def test_labels_are_filters(run: Run, colours: Workbench, tmp_path: Path) -> None:
    file = tmp_path / "colours.txt"
    file.write_text("\n".join(NAMES))
    run("tag", "--names", file)
    for label in ("cold", "Cold", "blue"):
        done = run("search", "red", "--label", label, "--paths")
        assert [Path(path).name for path in done.out.splitlines()] == ["blue.png"], label
    done = run("search", "red", "--label", "grey")
    assert "no image has the label 'grey'; there is: blue, cold, green, red" in done.err
