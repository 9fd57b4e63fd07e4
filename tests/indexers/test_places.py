"""One place, one spelling, in index runs: nothing comes twice, older libraries follow."""

from __future__ import annotations

import shutil
import sqlite3
import unicodedata
from pathlib import Path

import pytest

from searchengine.errors import NotListedError
from searchengine.types import Filter
from tests.conftest import Run, Workbench
from tests.support.libraries import check_library

NFC, NFD = (unicodedata.normalize(form, "Été") for form in ("NFC", "NFD"))


def listed(bench: Workbench) -> list[str]:
    with bench.open() as library:
        return sorted(str(hit.path) for hit in library.search("red", k=100))


def spell_as_before(bench: Workbench, old: Path, new: Path) -> None:
    """Make the library one of an older version, that listed what is in `old` as in `new`."""
    with sqlite3.connect(bench.library_path / "catalog.sqlite") as catalog:
        for table in ("images", "failures"):
            catalog.execute(
                f"UPDATE {table} SET path = ? || substr(path, ?) WHERE path LIKE ?",
                (str(new), len(str(old)) + 1, f"{old}/%"),
            )
        catalog.execute("DELETE FROM settings")
    catalog.close()


@pytest.mark.parametrize("spelling", ["link", "middle/photos", "photos/../link/", "dotted"])
def test_a_folder_under_another_spelling_brings_nothing_new(
    colours: Workbench, tmp_path: Path, spelling: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = listed(colours)
    (tmp_path / "link").symlink_to("photos")
    (tmp_path / "middle").symlink_to(tmp_path)
    monkeypatch.chdir(tmp_path)
    report = colours.index([Path("./photos/." if spelling == "dotted" else spelling)])
    assert (report.found, report.unchanged, report.moved) == (6, 6, 0)
    assert listed(colours) == before == sorted(str(p) for p in colours.photos.iterdir())


def test_a_folder_is_listed_under_its_real_path(bench: Workbench, tmp_path: Path) -> None:
    bench.paint("red.png", "red")
    (tmp_path / "link").symlink_to("photos")
    bench.index([tmp_path / "link"])
    assert listed(bench) == [str(bench.photos / "red.png")]
    assert bench.index().unchanged == 1


@pytest.mark.parametrize("first", ["link", "real"])
def test_a_link_below_a_root_and_the_place_it_leads_to(
    bench: Workbench, tmp_path: Path, first: str
) -> None:
    bench.paint("red.png", "red")
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "in").mkdir(parents=True)
    bench.paint("blue.png", "blue").rename(elsewhere / "in/blue.png")
    (bench.photos / "link").symlink_to(elsewhere)
    (bench.photos / "same.png").symlink_to(bench.photos / "red.png")
    order = [bench.photos, elsewhere]
    for root in order if first == "link" else order[::-1]:
        bench.index([root])
    expected = [str(elsewhere / "in/blue.png"), str(bench.photos / "red.png")]
    assert listed(bench) == sorted(expected)
    for root in [*order, *order]:
        report = bench.index([root])
        assert (report.indexed, report.moved, report.removed, report.unchanged) == (0, 0, 0, 1)
    assert listed(bench) == sorted(expected)


def test_a_link_to_a_picture_elsewhere_gives_way_to_the_picture(
    bench: Workbench, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    bench.paint("red.png", "red").rename(tmp_path / "other/red.png")
    for name in ("a.png", "b.png"):
        (bench.photos / name).symlink_to(tmp_path / "other/red.png")
    assert bench.index().indexed == 1
    assert listed(bench) == [str(bench.photos / "a.png")]
    bench.index([tmp_path / "other"])
    assert listed(bench) == [str(tmp_path / "other/red.png")]
    assert bench.index().found == 0


def test_a_run_brings_an_older_library_to_real_paths(colours: Workbench, tmp_path: Path) -> None:
    (tmp_path / "old").symlink_to("photos")
    (colours.photos / "bad.png").write_bytes(b"")
    colours.index()
    with colours.open() as library:
        library.add_captions([(str(colours.photos / "red.png"), "a red wall")])
        ids = sorted(hit.id for hit in library.search("red"))
    spell_as_before(colours, colours.photos, tmp_path / "old")
    assert len(colours.names("red")) == 6, "it is searched before any run"
    with colours.open() as library:
        assert len(library.search("red", where=Filter(under=tmp_path / "old"))) == 6
        assert len(library.search("red", where=Filter(under=colours.photos))) == 6
    report = colours.index([tmp_path / "old"])
    assert (report.unchanged, report.indexed, report.moved, report.failed) == (6, 0, 0, 1)
    with colours.open() as library:
        hits = library.search("red")
        assert {hit.path.parent for hit in hits} == {colours.photos}
        assert sorted(hit.id for hit in hits) == ids
        assert library.describe(colours.photos / "red.png")[0].text == "a red wall"
        assert [Path(f.path).parent for f in library.failures()] == [colours.photos]
    check_library(colours.library_path, colours.encoder)


def test_an_older_library_that_lists_both_spellings_keeps_one_with_all_captions(
    bench: Workbench, tmp_path: Path
) -> None:
    bench.paint("red.png", "red")
    shutil.copytree(bench.photos, tmp_path / "old")
    bench.index([bench.photos, tmp_path / "old"])
    with bench.open() as library:
        for place, text in ((bench.photos, "real"), (tmp_path / "old", "through the link")):
            library.add_captions([(str(place / "red.png"), text)])
    spell_as_before(bench, tmp_path / "old", tmp_path / "old")
    shutil.rmtree(tmp_path / "old")
    (tmp_path / "old").symlink_to("photos")
    assert len(listed(bench)) == 2
    bench.index()
    assert listed(bench) == [str(bench.photos / "red.png")]
    with bench.open() as library:
        texts = {hit.text for hit in library.describe(bench.photos / "red.png")}
    assert texts == {"real", "through the link"}
    check_library(bench.library_path, bench.encoder)


def test_a_link_that_leads_elsewhere_now_is_left_alone(bench: Workbench, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for place, colour in ((one, "red"), (two, "blue")):
        place.mkdir()
        bench.paint(f"{colour}.png", colour).rename(place / "x.png")
    link = bench.photos / "link"
    link.symlink_to(one)
    bench.index()
    link.unlink()
    link.symlink_to(two)
    bench.index([one])
    assert listed(bench) == [str(one / "x.png"), str(link / "x.png")]


@pytest.mark.parametrize(("on_disk", "typed"), [(NFC, NFD), (NFD, NFC)])
def test_accents_typed_the_other_way(
    bench: Workbench, run: Run, tmp_path: Path, on_disk: str, typed: str
) -> None:
    red = bench.paint(f"{on_disk}/{on_disk}.png", "red")
    bench.paint("blue.png", "blue")
    bench.index()
    other = bench.photos / typed
    assert bench.index([other]).unchanged == 1
    assert run("search", "red", "--under", other, "--paths").out == f"{red}\n"
    captions = tmp_path / "captions.csv"
    captions.write_text(f"image,caption\n{typed}/{typed}.png,red\n", encoding="utf-8")
    done = run("captions", "add", captions, "--images", bench.photos)
    assert "1 new" in done.err
    with bench.open() as library:
        assert len(library.vectors([other / f"{typed}.png"])) == 1
    (bench.photos / on_disk).rename(tmp_path / "away")
    assert run("search", "red", "--under", other, "--paths").out == f"{red}\n", "drive away"
    with bench.open() as library:
        assert len(library.vectors([other / f"{typed}.png"])) == 1
    assert "1 image removed" in run("remove", other).err


def test_two_folders_that_differ_by_accents_alone_stay_two(bench: Workbench, run: Run) -> None:
    red, blue = bench.paint(f"{NFC}/a.png", "red"), bench.paint(f"{NFD}/a.png", "blue")
    assert bench.index().indexed == 2
    assert run("search", "red", "--under", red.parent, "--paths").out == f"{red}\n"
    assert run("search", "red", "--under", blue.parent, "--paths").out == f"{blue}\n"


def test_a_library_is_opened_under_any_spelling(
    colours: Workbench, run: Run, tmp_path: Path
) -> None:
    named = colours.library_path.rename(tmp_path / NFD)
    (tmp_path / "lib").symlink_to(named)
    for spelled in (tmp_path / NFC, tmp_path / "lib", tmp_path / "photos/../lib"):
        assert len(run("search", "red", "--paths", "--library", spelled).out.splitlines()) == 6
    run("index", colours.photos, "--library", tmp_path / NFC)
    assert not (tmp_path / NFC).exists() or (tmp_path / NFC).samefile(named)


def test_captions_remove_and_vectors_find_an_image_through_a_link(
    colours: Workbench, run: Run, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to("photos")
    with colours.open() as library:
        assert library.add_captions([(str(tmp_path / "link/red.png"), "r")]) == (1, [])
        gone = str(tmp_path / "link/gone.png")
        assert library.add_captions([(gone, "r")]) == (0, [gone])
        link, real = (library.vectors([p / "red.png"]) for p in (tmp_path / "link", colours.photos))
        assert (link == real).all()
        with pytest.raises(NotListedError, match=r"link/gone\.png"):
            library.vectors([gone])
    assert "1 image removed" in run("remove", tmp_path / "link/red.png").err
    assert "5 images removed" in run("remove", tmp_path / "link/").err


def test_a_folder_without_images_is_told_of_with_folders_near(bench: Workbench, run: Run) -> None:
    bench.paint("Holidays 2019/a.png", "red")
    bench.paint("Holidays 2021/b.png", "blue")
    bench.paint("work/c.png", "green")
    bench.index()
    near = run("search", "red", "--under", bench.photos / "holidays 2020")
    assert (near.code, near.out, near.err.count("\n")) == (1, "", 1)
    assert "holidays 2020: the library lists no image there; it has: " in near.err
    assert {f"{bench.photos}/Holidays 20{year}" in near.err for year in (19, 21)} == {True}
    assert "work" not in near.err
    far = run("search", "red", "--under", "/no/such/dir")
    assert f"{bench.photos}/work" in far.err
    assert run("remove", bench.photos / "wrk").err.endswith(f"it has: {bench.photos}/work\n")


def test_a_folder_is_no_term(colours: Workbench, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(colours.photos.parent)
    (colours.photos / "in").mkdir()
    for term in ("photos/", "./photos", "photos/in", str(colours.photos)):
        done = run("search", term)
        assert (done.code, done.out) == (1, "")
        assert f"{term}: a folder is no term; did you mean --under {term}" in done.err
    word = run("search", "photos", "--paths")
    assert (word.code, len(word.out.splitlines())) == (0, 6)
    assert "--under photos" in word.err
    assert run("search", "photos", "of", "red", "--paths").err == ""
    assert run("search", "red/green", "--paths").code == 0
