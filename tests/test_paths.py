"""One place, one spelling."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from searchengine.paths import Places, at_home, composed, is_at_or_below, real
from tests.conftest import Run

NFC, NFD = (unicodedata.normalize(form, "Été à Orléans") for form in ("NFC", "NFD"))


def test_links_dots_slashes_and_the_working_directory_are_one_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = tmp_path / "real/in"
    inner.mkdir(parents=True)
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "second").symlink_to(tmp_path / "link")
    (tmp_path / "deep").symlink_to("real/in")
    monkeypatch.chdir(tmp_path / "link")
    spellings: list[str] = [
        str(inner), f"{inner}/", "in", "./in/.", "../link/in", f"{tmp_path}//second/in", "../deep",
        f"{tmp_path}/deep/../in",
    ]  # fmt: skip
    assert {real(spelled) for spelled in spellings} == {str(inner)}
    assert real(".") == str(tmp_path / "real")
    assert real("/") == "/"


def test_home_is_a_spelling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert real("~/Photos") == f"{tmp_path}/Photos"


def test_a_user_that_there_is_not_has_no_home_and_a_file_may_be_called_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("~no-such-user").mkdir()
    assert at_home("~no-such-user/a.jpg") == Path("~no-such-user/a.jpg")
    Path("~no-such-user").rmdir()
    for command in (
        ("index", "~no-such-user/a"), ("index", ".", "--library", "~no-such-user/b"),
        ("search", "dog", "--library", "~no-such-user/b"),
        ("captions", "add", "~no-such-user/c.csv"), ("evaluate", "~no-such-user/d.json"),
        ("import", "rclip", "~no-such-user/e.db"),
    ):  # fmt: skip
        done = run(*command)
        assert done.code == 1
        assert f"clipseek: {command[-1]}: there is no such user" in done.err
    assert not list(tmp_path.glob("~*"))


def test_what_is_not_there_stays_as_written_below_what_is(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "broken").symlink_to("away")
    assert real(tmp_path / "link/gone/x.jpg") == f"{tmp_path}/real/gone/x.jpg"
    assert real(tmp_path / "broken/x.jpg") == f"{tmp_path}/away/x.jpg"
    assert real("/no\0where") == "/no\0where"


@pytest.mark.parametrize(("on_disk", "typed"), [(NFC, NFD), (NFD, NFC)])
def test_either_composition_of_accents_finds_the_folder(
    tmp_path: Path, on_disk: str, typed: str
) -> None:
    (tmp_path / on_disk / NFC).mkdir(parents=True)
    assert real(tmp_path / typed / NFD) == f"{tmp_path}/{on_disk}/{NFC}"
    assert real(tmp_path / typed / "new") == f"{tmp_path}/{on_disk}/new"


def test_a_link_behind_another_composition_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / NFD).symlink_to("real")
    assert real(tmp_path / NFC / "a") == f"{tmp_path}/real/a"


def test_names_that_differ_by_composition_alone_stay_two(tmp_path: Path) -> None:
    for name in (NFC, NFD):
        (tmp_path / name).mkdir()
        assert real(tmp_path / name) == f"{tmp_path}/{name}"
    mixed = unicodedata.normalize("NFC", NFC[:3]) + unicodedata.normalize("NFD", NFC[3:])
    assert mixed not in (NFC, NFD)
    assert real(tmp_path / mixed) == f"{tmp_path}/{mixed}", "either could be meant"


def test_case_counts_where_the_file_system_keeps_it_apart(tmp_path: Path) -> None:
    (tmp_path / "Photos").mkdir()
    (tmp_path / "probe").mkdir()
    folds = (tmp_path / "PROBE").exists()
    assert real(tmp_path / "photos") == f"{tmp_path}/{'Photos' if folds else 'photos'}"


def test_case_is_that_of_the_disk_where_the_file_system_folds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "Photos").mkdir()
    (tmp_path / "photos").symlink_to("Photos")  # stands for a file system that takes both
    places = Places()
    monkeypatch.setattr("searchengine.paths.os.path.realpath", lambda path: str(path))
    listed = {str(tmp_path): ["Photos", "probe"], f"{tmp_path}/Photos": ["x"]}
    monkeypatch.setattr("searchengine.paths.os.listdir", lambda path: listed.get(path, []))
    monkeypatch.setattr("searchengine.paths._is_same", lambda one, other: True)
    assert places.real(tmp_path / "photos" / "x") == f"{tmp_path}/Photos/x"


def test_directories_resolved_one_by_one(tmp_path: Path) -> None:
    (tmp_path / "real/in").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real")
    places = Places()
    assert places.resolved_directory(f"{tmp_path}/link/in") == f"{tmp_path}/real/in"
    assert places.resolved_directory(f"{tmp_path}/real/in") == f"{tmp_path}/real/in"
    assert places.resolved_directory("/") == "/"


def test_at_or_below_is_about_whole_names() -> None:
    assert is_at_or_below("/a/b", "/a/b")
    assert is_at_or_below("/a/b/c", "/a/b")
    assert not is_at_or_below("/a/bc", "/a/b")
    assert is_at_or_below("/a", "/")


def test_composed() -> None:
    assert composed(NFD) == NFC == composed(NFC)
    assert composed("\udcff.jpg") == "\udcff.jpg"
