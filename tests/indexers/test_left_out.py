"""What is left out: by itself, by marks and rules in folders, and by globs that a library keeps."""

from __future__ import annotations

import json
import os
import unicodedata
from pathlib import Path

import pytest

from indexers.left_out.names import why_left_out
from indexers.left_out.rules import WalkRules, merged_globs
from indexers.reading import IndexOptions
from indexers.walk import Walk
from tests.conftest import Run, Workbench


def touch(root: Path, *names: str, content: str = "x") -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content, encoding="utf-8")


def taken(root: Path, rules: WalkRules | None = None) -> list[str]:
    return sorted(Path(file.path).relative_to(root).as_posix() for file in Walk([root], rules))


@pytest.mark.parametrize(
    "folder",
    [
        "@eaDir", "#recycle", "#snapshot", "@Recycle", "@Recently-Snapshot", ".@__thumb",
        "$RECYCLE.BIN", "RECYCLER", "System Volume Information", "lost+found", "FOUND.000",
        "Network Trash Folder", "Temporary Items", "TheVolumeSettingsFolder", ".AppleDouble",
        ".Trash-1000", ".Trashes", ".dtrash", ".zfs", ".snapshots", ".thumbnails", "__MACOSX",
        ".picasaoriginals", "Lightroom Previews.lrdata", "My Catalog Previews.lrdata",
        "A.lrcat-data", "mipmaps-d1f2.d", "appdata_oc4x", "files_trashbin", "Backups.backupdb",
        "A.photoslibrary/resources", "A.photoslibrary/private", "B.photolibrary/Thumbnails",
        "C.aplibrary/Previews", "D.cocatalog/Cache", "CaptureOne/Cache", "node_modules",
    ],
)  # fmt: skip
def test_bins_snapshots_and_previews_are_left_out_wherever_they_are(
    tmp_path: Path, folder: str
) -> None:
    touch(tmp_path, "a.jpg", f"{folder}/b.jpg", f"in/{folder}/deep/c.jpg")
    walk = Walk([tmp_path], WalkRules(include_hidden=True))
    assert [Path(file.path).name for file in walk] == ["a.jpg"]
    assert walk.left_out.keys() == {str(tmp_path / folder), str(tmp_path / "in" / folder)}
    assert taken(tmp_path / folder) == ["b.jpg"], "what is named by hand is taken"


@pytest.mark.parametrize(
    "path",
    [
        "A.photoslibrary/originals/0/a.jpg", "B.photolibrary/Masters/2011/a.jpg",
        "D.cocatalog/Originals/a.jpg", "CaptureOne/a.jpg", "Cache/a.jpg", "resources/a.jpg",
        "recycle/a.jpg", "snapshots/a.jpg", "lost and found/a.jpg", "my@eaDir/a.jpg",
        "appdata_1.jpg", "previews.lrdata.jpg", "recycler.jpg",
    ],
)  # fmt: skip
def test_originals_and_folders_named_alike_are_taken(tmp_path: Path, path: str) -> None:
    touch(tmp_path, path)
    assert taken(tmp_path, WalkRules(exclude=("nothing",))) == [path]


def test_a_picture_beside_the_originals_is_left_out(tmp_path: Path) -> None:
    touch(tmp_path, "A.photoslibrary/cover.jpg", "A.photoslibrary/originals/a.jpg")
    walk = Walk([tmp_path])
    assert [Path(file.path).name for file in walk] == ["a.jpg"]
    assert walk.excluded == 1
    assert "its originals are taken" in walk.left_out[f"{tmp_path}/A.photoslibrary/cover.jpg"]


def test_each_is_said_to_be_what_it_is() -> None:
    assert (
        why_left_out("@EADIR", "", is_dir=True) == "@EADIR (thumbnails that another program made)"
    )
    assert why_left_out("._a.jpg", "", is_dir=False) == "._* (what macOS keeps beside a file)"
    assert why_left_out("recycler", "", is_dir=False) is None


@pytest.mark.parametrize("mark", [".nomedia", ".noimage", ".noimages", ".NoMedia"])
@pytest.mark.parametrize("content", ["", "*.png\n"])
def test_a_marked_folder_is_left_out_with_all_below(
    tmp_path: Path, mark: str, content: str
) -> None:
    touch(tmp_path, "a.jpg", "out/b.jpg", "out/deep/c.jpg")
    touch(tmp_path, f"out/{mark}", content=content)
    walk = Walk([tmp_path])
    assert [Path(file.path).name for file in walk] == ["a.jpg"]
    assert walk.left_out == {f"{tmp_path}/out": f"holds {mark}"}
    assert taken(tmp_path / "out") == ["b.jpg", "deep/c.jpg"], "named by hand"


def test_a_mark_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "in/.nomedia").mkdir(parents=True)
    touch(tmp_path, "in/a.jpg")
    assert taken(tmp_path) == ["in/a.jpg"]


@pytest.mark.parametrize("file", [".clipseekignore", ".ppignore"])
def test_rules_in_a_folder_are_those_of_gitignore(tmp_path: Path, file: str) -> None:
    touch(
        tmp_path, "a.jpg", "b.png", "keep.png", "drafts/c.jpg", "x/drafts/d.jpg", "top/e.jpg",
        "x/top/f.jpg", "x/b.png", "x/again.png", "x/only.jpg", "empty/g.jpg", "comment/h.jpg",
        "f.jpg", "x/f.png",
    )  # fmt: skip
    touch(tmp_path, file, content="# mine\n*.png\n!keep.png\ndrafts/\n/top\n\n")
    touch(tmp_path, f"x/{file}", content="!again.png\r\nonly.jpg\r\n")
    touch(tmp_path, f"empty/{file}", content="\n")
    touch(tmp_path, f"comment/{file}", content="# nothing yet\n")
    walk = Walk([tmp_path])
    found = sorted(Path(entry.path).relative_to(tmp_path).as_posix() for entry in walk)
    assert found == ["a.jpg", "comment/h.jpg", "f.jpg", "keep.png", "x/again.png", "x/top/f.jpg"]
    outer, inner = f"rules in {tmp_path}/{file}", f"rules in {tmp_path}/x/{file}"
    assert {Path(p).relative_to(tmp_path).as_posix(): why for p, why in walk.left_out.items()} == {
        "b.png": outer,
        "drafts": outer,
        "x/drafts": outer,
        "top": outer,
        "x/b.png": outer,
        "x/f.png": outer,
        "x/only.jpg": inner,
        "empty": f"holds {file}",
    }
    assert walk.excluded == 4


def test_rules_in_the_encoding_of_powershell(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "private.png")
    (tmp_path / ".clipseekignore").write_bytes("*.png\r\n".encode("utf-16"))
    assert taken(tmp_path) == ["a.jpg"]


def test_rules_that_cannot_be_read_hide_the_folder_and_lose_nothing(bench: Workbench) -> None:
    bench.paint("in/a.png", "red")
    bench.paint("b.png", "blue")
    bench.index()
    rules = bench.photos / "in/.clipseekignore"
    rules.write_text("*.raw\n!\n")
    report = bench.index()
    assert (report.unchanged, report.removed) == (1, 0)
    [(path, reason)] = bench.watcher.skipped_files.items()
    assert path == str(bench.photos / "in")
    assert reason == ".clipseekignore: line 2 is no pattern of .gitignore"
    os.truncate(rules, 50_000_000_000)
    assert bench.index().removed == 0
    assert bench.watcher.skipped_files[path] == ".clipseekignore: 50 GB, over the limit of 10 MB"
    rules.unlink()
    rules.symlink_to("nowhere")
    assert (bench.index().removed, bench.watcher.skipped_files[path]) == (
        0,
        ".clipseekignore: no such file or directory",
    )


def test_what_a_mark_or_a_rule_leaves_out_leaves_the_library(bench: Workbench) -> None:
    for name in ("a.png", "in/b.png", "in/c.png"):
        bench.paint(name, "red")
    bench.index()
    (bench.photos / "in/.nomedia").touch()
    assert bench.index().removed == 2
    (bench.photos / "in/.nomedia").unlink()
    (bench.photos / ".clipseekignore").write_text("*\n")
    report = bench.index()
    assert (report.removed, report.excluded) == (1, 1), "no drive is away: a rule says so"


def test_excludes_hold_on_later_runs_until_they_are_forgotten(
    colours: Workbench, run: Run, tmp_path: Path
) -> None:
    photos = colours.photos
    assert "4 unchanged + 0 moved + 0 copies + 0 failed + 2 excluded; 2 removed" in (
        run("index", photos, "--exclude", "b*.png").err
    )
    assert "4 unchanged + 0 moved + 0 copies + 0 failed + 2 excluded" in run("index", photos).err
    other = tmp_path / "other"
    touch(other, "black.png")
    assert "1 excluded" in run("index", other).err, "they are the library's, not the folder's"
    added = run("index", photos, "--exclude", "red.png").err
    assert "3 unchanged + 0 moved + 0 copies + 0 failed + 3 excluded" in added
    assert "excludes  b*.png, red.png" in run("info").out
    assert json.loads(run("info", "--json").out)["exclude"] == ["b*.png", "red.png"]
    only = run("index", photos, "--exclude", "", "--exclude", "yellow.png").err
    assert "1 excluded" in only
    assert json.loads(run("info", "--json").out)["exclude"] == ["yellow.png"]
    assert "0 excluded" in run("index", photos, "--exclude", "").err
    assert "excludes  " not in run("info").out


def test_a_run_that_does_not_start_keeps_no_excludes(colours: Workbench, run: Run) -> None:
    assert run("index", colours.photos / "typo", "--exclude", "*").code == 1
    assert json.loads(run("info", "--json").out)["exclude"] == []


def test_excludes_from_python_are_kept_too(colours: Workbench) -> None:
    colours.index(options=IndexOptions(rules=WalkRules(exclude=("b*.png",))))
    assert colours.index().excluded == 2
    with colours.open() as library:
        assert library.info().exclude == ["b*.png"]
        assert {Path(entry.path).name for entry in library.excluded()} == {"blue.png", "black.png"}


def test_globs_are_merged_and_paths_among_them_get_one_spelling(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    monkeypatch.setenv("HOME", str(tmp_path))
    link, real = tmp_path / "link", tmp_path / "real"
    given = [f"{link}/out", f"{link}/out/", f"{link}/*.png", "~/link", "a", f"{link}/x[1]/**", "a"]
    assert merged_globs(["a"], given) == (
        "a", f"{real}/out", f"{real}/out/", f"{real}/*.png", str(real), f"{real}/x[1]/**",
    )  # fmt: skip
    assert merged_globs(["a", "b"], ["", "c"]) == ("c",)
    assert merged_globs(["a"], ["c", " "]) == ()
    assert merged_globs(["a"], []) == ("a",)


def test_an_excluded_path_is_that_place_alone(tmp_path: Path) -> None:
    touch(tmp_path, "out/a.jpg", "in/out/b.jpg")
    assert taken(tmp_path, WalkRules((f"{tmp_path}/out",))) == ["in/out/b.jpg"]


def test_a_glob_matches_either_composition_of_accents(tmp_path: Path) -> None:
    nfc, nfd = (unicodedata.normalize(form, "Été") for form in ("NFC", "NFD"))
    touch(tmp_path, f"{nfd}/a.jpg", "b.jpg")
    assert taken(tmp_path, WalkRules((f"{nfc}/",))) == ["b.jpg"]


def test_what_is_passed_over_is_counted_by_suffix_and_reason(
    bench: Workbench, run: Run, tmp_path: Path
) -> None:
    bench.paint("a.png", "red")
    photos = bench.photos
    touch(
        photos, "1.psd", "2.PSD", "in/3.psd", "b.jxl", "c.jpg_huge", "noext", "README", ".hidden",
        "d.mp4", "e.txt", "f.txt", "@eaDir/g.psd", "odd.a b c", "h.exr",
    )  # fmt: skip
    os.mkfifo(photos / "pipe.psd")
    os.mkfifo(photos / "pipe.jpg")
    (photos / "endless.jpg").symlink_to("/dev/zero")
    done = run("index", photos)
    assert "1 found = 1 indexed" in done.err
    assert "passed over: 3 .psd, 1 " in done.err
    info = json.loads(run("info", "--json").out)
    counts = {(e["suffix"], e["reason"]): e["files"] for e in info["passed_over"]}
    assert counts == {
        (".psd", "not read"): 3,
        (".jxl", "not read"): 1,
        (".exr", "not read"): 1,
        (".jpg_huge", "not read"): 1,
        ("", "without a suffix"): 3,
        (".mp4", "no picture"): 1,
        (".txt", "no picture"): 2,
        (".jpg", "no ordinary file"): 2,
    }
    assert {e["root"] for e in info["passed_over"]} == {str(photos)}
    assert info["excluded"] == [["@eaDir (thumbnails that another program made)", 1]]
    shown = run("info").out
    assert "left out  1 picture or folder: 1 @eaDir (thumbnails" in shown
    assert "passed over: 3 .psd, 1 " in shown
    assert "passed over: 3 without a suffix\n" in shown
    run("index", photos / "in")
    assert json.loads(run("info", "--json").out)["passed_over"] == info["passed_over"]
    for path in photos.glob("*.psd"):
        path.unlink()
    run("index", photos)
    after = json.loads(run("info", "--json").out)["passed_over"]
    assert {e["suffix"]: e["files"] for e in after}[".psd"] == 2
    run("index", tmp_path / "photos" / "a.png")
    assert json.loads(run("info", "--json").out)["passed_over"] == after, "a file alone"
    run("remove", photos)
    emptied = json.loads(run("info", "--json").out)
    assert (emptied["passed_over"], emptied["excluded"]) == ([], [])


def test_a_folder_counted_alone_joins_the_one_above(bench: Workbench, run: Run) -> None:
    bench.paint("in/a.png", "red")
    touch(bench.photos, "in/1.psd", "2.psd")
    run("index", bench.photos / "in")
    run("index", bench.photos)
    info = json.loads(run("info", "--json").out)
    assert [(e["root"], e["files"]) for e in info["passed_over"]] == [(str(bench.photos), 2)]


def test_many_suffixes_are_cut_short(tmp_path: Path) -> None:
    touch(tmp_path, *(f"{number}.x{number}" for number in range(50)), "a.psd")
    walk = Walk([tmp_path])
    assert list(walk) == []
    counts = list(walk.passed_over.counts())
    assert sum(entry.files for entry in counts) == 51
    assert len(counts) == 32
    assert [entry.files for entry in counts if entry.suffix == "..."] == [20]


def test_what_was_left_out_can_be_listed(bench: Workbench, run: Run) -> None:
    bench.paint("a.png", "red")
    bench.paint("b.png", "blue")
    touch(bench.photos, "@eaDir/c.jpg", ".hidden/d.jpg", "cache/e.jpg", "cache/.nomedia")
    assert run("failures", "--excluded", "--library", bench.library_path).code == 1
    done = run("index", bench.photos, "--exclude", "b*")
    assert "1 excluded" in done.err
    assert "clipseek failures --excluded" in done.err
    expected = {
        f"{bench.photos}/.hidden": "hidden: the name begins with a dot",
        f"{bench.photos}/@eaDir": "@eaDir (thumbnails that another program made)",
        f"{bench.photos}/b.png": "--exclude b*",
        f"{bench.photos}/cache": "holds .nomedia",
    }
    listed = run("failures", "--excluded")
    assert listed.out.splitlines() == [f"{path}: {why}" for path, why in expected.items()]
    assert "4 in all" in listed.err
    assert run("failures", "--excluded", "--paths").out.splitlines() == list(expected)
    assert run("failures", "--excluded", "-0").out.split("\0") == [*expected, ""]
    assert json.loads(run("failures", "--excluded", "--json").out) == [
        {"path": path, "reason": why} for path, why in expected.items()
    ]
    assert run("failures", "--paths").out == ""
    run("index", bench.photos, "--exclude", "")
    assert f"{bench.photos}/b.png" not in run("failures", "--excluded", "--paths").out


def test_a_root_inside_another_that_is_left_out_there_is_taken(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "@eaDir/b.jpg", "marked/c.jpg", "marked/.nomedia")
    roots = [tmp_path, tmp_path / "@eaDir", tmp_path / "marked"]
    walk = Walk(roots)
    assert {Path(file.path).name for file in walk} == {"a.jpg", "b.jpg", "c.jpg"}
    assert walk.left_out == {}
