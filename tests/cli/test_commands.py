"""The commands as a person or a script meets them: output, exit codes, one line an error."""

from __future__ import annotations

import csv
import io
import json
import os
import random
import shutil
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from PIL import Image

from cli.commands.first_run import none_left_empty
from cli.options import MAX_FILE_SIZE, parse_size
from searchengine import files
from searchengine.encoders import loading
from searchengine.errors import ClipseekError, LibraryError, StorageFullError, UnknownEncoderError
from tests.conftest import Run, Workbench
from tests.support.commands import all_commands, leaf_commands


@pytest.fixture
def photos(bench: Workbench) -> Path:
    for name in ("red", "green", "blue"):
        bench.paint(f"{name}.png", name)
    return bench.photos


def test_index_prints_the_ledger_and_the_choice_of_encoder(run: Run, photos: Path) -> None:
    done = run("index", photos)
    assert done.code == 0
    assert done.out == ""
    assert "clipseek: fake encoder: for tests" in done.err
    zeros = "0 unchanged + 0 moved + 0 copies + 0 failed + 0 excluded"
    assert f"3 found = 3 indexed + {zeros}" in done.err
    assert "limited by" in done.err
    again = run("index", photos)
    assert "fake encoder" not in again.err, "the choice is made once"
    assert "0 indexed + 3 unchanged" in again.err


def test_index_json_is_one_object(run: Run, photos: Path) -> None:
    (photos / "bad.jpg").write_text("bad")
    done = run("index", photos, "--json")
    report = json.loads(done.out)
    assert set(report) >= {
        "found", "indexed", "unchanged", "moved", "copies", "removed", "failed", "excluded",
        "seconds", "images_per_second", "bottleneck", "space", "device", "precision",
    }  # fmt: skip
    assert (report["found"], report["indexed"], report["failed"]) == (4, 3, 1)
    assert report["reasons"] == [
        {"kind": "unreadable", "files": 1, "what": "unreadable", "way_out": None}
    ]
    assert f"skipping {photos / 'bad.jpg'}: " in done.err


def test_search_forms(run: Run, photos: Path) -> None:
    run("index", photos)
    table = run("search", "red", "-k", 2).out.splitlines()
    assert table[0].split() == ["rank", "score", "path", "size", "date", "matched"]
    assert table[1].split()[2:4] == [str(photos / "red.png"), "40x30"]
    assert len(table) == 3
    lines = [json.loads(line) for line in run("search", "red", "--json").out.splitlines()]
    fields = ["rank", "score", "id", "path", "width", "height", "taken_at", "modified_at"]
    assert list(lines[0]) == [*fields, "matched", "text"]
    assert list(lines[1]) == fields
    assert lines[0]["taken_at"] is None
    assert table[1].split()[4] == f"~{lines[0]['modified_at'][:10]}", "the date of the file"
    assert [line["rank"] for line in lines] == [1, 2, 3]
    assert lines[0]["path"] == str(photos / "red.png")
    rows = list(csv.DictReader(io.StringIO(run("search", "red", "--csv").out)))
    assert [row["path"] for row in rows] == [line["path"] for line in lines]
    paths = run("search", "red", "--paths").out
    assert paths.splitlines() == [line["path"] for line in lines]
    assert run("search", "red", "-0").out == paths.replace("\n", "\0")
    assert run("search", "red", "-f").out == paths
    assert run("search", "red", "-f", "-t", 2).out == "".join(paths.splitlines(True)[:2])


def test_dates_that_cameras_wrote_are_not_marked(run: Run, bench: Workbench) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = "2020:06:01 12:00:00"
    Image.new("RGB", (9, 9), "red").save(bench.photos / "taken.jpg", exif=exif)
    run("index", bench.photos)
    assert run("search", "red").out.splitlines()[1].split()[4] == "2020-06-01"


def test_search_words_images_and_operators(run: Run, photos: Path) -> None:
    run("index", photos)
    assert run("search", "a", "blue", "thing", "--paths", "-k1").out == f"{photos / 'blue.png'}\n"
    assert run("search", photos / "green.png", "--paths").out.count("\n") == 2, "not itself"
    mixed = run("search", "red", "+", "3:green", "-", "blue", "--paths", "-k1")
    assert mixed.out == f"{photos / 'green.png'}\n"
    flags = run("search", "red", "--add", "3:green", "--sub", "blue", "--paths", "-k1")
    assert flags.out == mixed.out
    assert run("search", "red", "-a", "3:green", "--subtract", "blue", "-fk1").out == mixed.out
    assert run("search", "red + 3:green - blue", "--paths", "-k1").out == mixed.out


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["red -blue"], "to subtract it, put a space: - blue"),
        (["no", "red"], "A - red"),
        (["photos"], "to search in the folder: --under photos"),
    ],
)
def test_words_that_likely_mean_something_else(
    run: Run, photos: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], hint: str
) -> None:
    run("index", photos)
    monkeypatch.chdir(photos.parent)
    done = run("search", *arguments, "--paths")
    assert (done.code, done.out.count("\n")) == (0, 3)
    assert hint in done.err
    assert done.err.count("\n") == 1


def test_hits_whose_files_are_gone(run: Run, photos: Path) -> None:
    run("index", photos)
    (photos / "red.png").unlink()
    done = run("search", "red", "-fk1")
    assert done.out in (f"{photos / 'green.png'}\n", f"{photos / 'blue.png'}\n")
    assert "1 hit is left out as the files are gone" in done.err
    assert run("search", "red", "--json", "-k1").out.startswith('{"rank": 1')
    (photos / "blue.png").unlink()
    assert "2 hits are left out" in run("search", "red").err


def test_search_filters_and_pages(run: Run, photos: Path) -> None:
    run("index", photos)
    assert run("search", "red", "--after", "2999").out == ""
    assert "no hits" in run("search", "red", "--after", "2999").err
    assert len(run("search", "red", "--before", "2999-01-31", "--paths").out.splitlines()) == 3
    assert len(run("search", "red", "--under", photos, "--paths").out.splitlines()) == 3
    elsewhere = run("search", "red", "--under", photos / "elsewhere", "--paths")
    assert (elsewhere.code, elsewhere.out) == (1, "")
    assert (
        f"{photos / 'elsewhere'}: the library lists no image there; it has: {photos}"
        in elsewhere.err
    )
    roundabout = photos / "elsewhere" / ".."
    assert len(run("search", "red", "--under", roundabout, "--paths").out.splitlines()) == 3
    assert run("search", "red", "--offset", 2, "--json").out.startswith('{"rank": 3')
    assert len(run("search", "red", "--min-score", 0.9, "--paths").out.splitlines()) == 1


def test_search_writes_a_gallery(run: Run, photos: Path, tmp_path: Path) -> None:
    run("index", photos)
    done = run("search", "red", "--html", tmp_path / "hits.html")
    assert f"gallery: {tmp_path / 'hits.html'}" in done.err
    assert (tmp_path / "hits.html").read_text(encoding="utf-8").count("data:image/") == 3


def test_describe_and_captions(run: Run, photos: Path, tmp_path: Path) -> None:
    run("index", photos)
    texts = tmp_path / "texts.txt"
    texts.write_text("red\nblue\n\nred\n", encoding="utf-8")
    answer = json.loads(run("describe", photos / "blue.png", "--texts", texts, "--json").out)
    assert [hit["text"] for hit in answer["texts"]] == ["blue", "red"]
    captions = tmp_path / "captions.csv"
    captions.write_text("image,caption\nred.png,a red wall\ngone.png,nothing\n", encoding="utf-8")
    added = json.loads(run("captions", "add", captions, "--images", photos, "--json").out)
    assert added == {"read": 2, "added": 1, "unknown_images": [str(photos / "gone.png")]}
    assert "a red wall" in run("describe", photos / "red.png").out
    lines = tmp_path / "captions.jsonl"
    lines.write_text('{"image": "blue.png", "caption": "a blue sky"}\n', encoding="utf-8")
    assert "1 caption read, 1 new" in run("captions", "add", lines, "--images", photos).err


def test_info_failures_remove(run: Run, photos: Path) -> None:
    (photos / "bad.jpg").write_bytes(b"")
    run("index", photos)
    info = json.loads(run("info", "--json").out)
    assert set(info) >= {"images", "failures", "captions", "spaces", "default_space", "bytes"}
    assert (info["images"], info["failures"], info["default_space"]) == (3, 1, "fake")
    assert "fake (default): 3 images" in run("info").out
    [failure] = json.loads(run("failures", "--json").out)
    assert (failure["path"], failure["reason"]) == (str(photos / "bad.jpg"), "empty file")
    assert failure["kind"] == "unreadable"
    assert f"{photos / 'bad.jpg'}: empty file" in run("failures").out
    assert json.loads(run("remove", photos / "red.png", "--json").out) == {"removed": 1}
    assert "1 image removed from the library" in run("remove", photos / "blue.png").err
    assert "fake (default): 1 image, 0 captions" in run("info").out
    run("index", photos)
    assert "3 images removed" in run("remove", photos).err


def test_a_second_encoder_is_announced(run: Run, bench: Workbench, photos: Path) -> None:
    run("index", photos)
    bench.encoder.name = "second"
    assert "becomes a second space" in run("index", photos, "--model", "second").err
    assert run("search", "red", "-k1", "--paths", "--space", "second").code == 0


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UnknownEncoderError("foo", "no such architecture"), 1),
        (OSError("the disk went"), 1),
        (MemoryError(), 1),
        (KeyboardInterrupt(), 130),
    ],
)
def test_a_first_run_that_ends_before_anything_came_leaves_no_library(
    run: Run,
    bench: Workbench,
    photos: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    code: int,
) -> None:
    def ends(_: str, **__: object) -> None:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(loading, "load_encoder", ends)
        assert run("index", photos, "--model", "foo").code == code
    assert not bench.library_path.exists()
    assert run("index", photos).code == 0
    monkeypatch.setattr(loading, "load_encoder", ends)
    assert run("index", photos, "--model", "foo").code == code
    assert bench.names("red", k=1) == ["red.png"]


def test_a_first_run_that_fails_beside_another_takes_nothing_away(bench: Workbench) -> None:
    """Whoever's run ends well has its picture; the other is told, and can go on afterwards."""
    bench.paint("red.png", "red")
    chance = random.Random(3)
    went_well = 0

    def fail(pause: float) -> None:
        with suppress(ClipseekError), none_left_empty(str(bench.library_path)), bench.open():
            time.sleep(pause)
            raise UnknownEncoderError("foo", "no such architecture")

    for _ in range(15):
        failing = threading.Thread(target=fail, args=(chance.uniform(0, 0.1),))
        failing.start()
        time.sleep(chance.uniform(0, 0.1))
        try:
            was_told = bench.index().indexed != 1
        except (LibraryError, StorageFullError):
            was_told = True
        failing.join()
        went_well += not was_told
        if not was_told:
            assert bench.names("red") == ["red.png"]
        shutil.rmtree(bench.library_path, ignore_errors=True)
    assert went_well


def test_a_wrong_encoder_is_no_second_space(
    run: Run, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("index", photos)

    def unknown(name: str, **_: object) -> None:
        raise UnknownEncoderError(name, "no such architecture")

    monkeypatch.setattr(loading, "load_encoder", unknown)
    done = run("index", photos, "--model", "foo")
    assert (done.code, done.err.count("\n")) == (1, 1)
    assert done.err.startswith("clipseek: unknown encoder 'foo'")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["describe", "gone.jpg"], "gone.jpg: no such file"),
        (["describe", "gone.jpg", "--texts", "texts.txt"], "gone.jpg: no such file"),
        (["describe", "photos/red.png"], "the library holds no captions to describe with"),
        (["search", "./gone.jpg"], "no such image file"),
        (["search", "none.jpg"], "none.jpg: not an image"),
        (["describe", "none.jpg", "--texts", "texts.txt"], "none.jpg: not an image"),
        (["search", "file:///home/red.png"], "only http and https addresses"),
        (["search", "s3://photos/red"], "only http and https addresses"),
        (["search", "http://127.0.0.1:9/x.jpg"], "cannot fetch"),
        (["evaluate", "empty.csv"], "empty.csv: the file is empty"),
        (["evaluate", "gone.csv"], "gone.csv: no such file"),
        (["evaluate", "images-gone.csv"], "none of the 1 images"),
    ],
)
def test_nothing_is_loaded_before_there_is_something_to_do(
    run: Run,
    bench: Workbench,
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    says: str,
) -> None:
    run("index", photos)
    (tmp_path / "empty.csv").write_bytes(b"")
    (tmp_path / "texts.txt").write_text("red", encoding="utf-8")
    (tmp_path / "none.jpg").write_text("this is no picture", encoding="utf-8")
    (tmp_path / "images-gone.csv").write_text("image,caption\nx.jpg,red\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    loads = bench.loads
    done = run(*arguments)
    assert (done.code, done.out) == (1, "")
    assert says in done.err
    assert bench.loads == loads


def test_the_version_and_completion(run: Run) -> None:
    from importlib.metadata import version

    assert run("--version").out == f"clipseek {version('clipseek')}\n"
    assert "--install-completion" in run("--help").out


ERRORS = [
    (["index", "nowhere"], 1, "nowhere: no such file or directory"),
    (["search", "red", "--library", "nowhere"], 1, "no library at"),
    (["search"], 1, "nothing to search for"),
    (["search", "--label", "dog"], 1, "no image has the label 'dog'; there is: none; "),
    (["search", "--label", "dog", "--matching"], 2, "only what is searched for has scores, "),
    (["search", "--after", "2024", "--min-score", "0.1"], 2, "only what is searched for has "),
    (["search", "dog", "+"], 1, "operator without a term"),
    (["search", "./gone.jp2"], 1, "./gone.jp2: no such image file"),
    (["search", "./photos"], 1, "a folder is no term; did you mean --under ./photos"),
    (["search", "-dog"], 2, "'-dog' is no option; to subtract it, put a space: - dog"),
    (["search", "dog", "-snow"], 2, "to subtract it, put a space: - snow"),
    (["search", "red", "--min-score", "2"], 2, "a cosine, from -1 to 1, not 2"),
    (["search", "red", "--min-score", "nan"], 2, "from -1 to 1, not nan"),
    (["search", "red", "--after", "2023", "--before", "2023"], 2, "no image is taken at or after"),
    (
        ["search", "red", "--under", "nowhere"],
        1,
        "nowhere: the library lists no image there; it has: ",
    ),
    (["search", "red", "--label", "dog"], 1, "no image has the label 'dog'; there is: none; "),
    (["search", "red", "--camera", "Nokia"], 1, "no image has a camera named like 'Nokia'"),
    (["search", "red", "--under", "/a/\udcff"], 1, "no Unicode text"),
    (["search", "red", "--camera", "\udcff"], 1, "no Unicode text"),
    (["search", "./\udcff.jpg"], 1, r"./\xff.jpg: no such image file"),
    (["remove", "/a/\udcff"], 1, "no Unicode text"),
    (["search", "http://[::1/x.jpg"], 1, "cannot fetch http://[::1/x.jpg: it is no address"),
    (["search", "http://127.0.0.1:abc/a b.jpg"], 1, "it is no address"),
    (["search", "gone.jpg"], 1, "no such image file"),
    (["search", "red", "--space", "other"], 1, "no space 'other' in this library; it has: fake"),
    (["search", "http://127.0.0.1:9/x.jpg"], 1, "cannot fetch http://127.0.0.1:9/x.jpg"),
    (["describe", "gone.jpg"], 1, "gone.jpg"),
    (["describe", "gone.jpg", "--texts", "gone.txt"], 1, "gone.txt: no such file"),
    (["captions", "add", "gone.csv"], 1, "gone.csv: no such file"),
    (["remove", "nowhere"], 1, "the library lists no image there"),
    (["search", "red", "--json", "--csv"], 2, "--json and --csv: choose one"),
    (["search", "red", "--after", "yesterday"], 2, "'yesterday' is no date"),
    (["search", "red", "-k", "0"], 2, "greater than or equal to 1"),
    (["search", "red", "--colour"], 2, "--colour"),
    (["tag"], 2, "give --names FILE or --set NAME, one of them"),
    (["tag", "--set", "scenes", "--threshold", "2"], 2, "a probability, from 0 to 1, not 2"),
    (["tag", "--set", "pets"], 1, "no label set 'pets' ships; there is: documents, "),
    (["tag", "--names", "gone.txt"], 1, "gone.txt: no such file"),
    (["tag", "--set", "scenes", "--write", "csv", "--json"], 2, "choose one"),
    (["label", "teach", "dog", "--threshold", "2"], 2, "a probability, from 0 to 1, not 2"),
    (["label", "teach", "dog"], 1, "0 examples that show 'dog' and 0 that do not"),
    (["label", "remove", "dog"], 1, "no label set 'dog'; there is: none"),
    (["tune", "--target", "2"], 1, "the target is in (0, 1]"),
    (["tune", "--memory", "much"], 2, "'much' is no size"),
    (["index", ".", "--factory", "HNSW32"], 1, "not an inverted file in FAISS's notation"),
    (["find"], 2, "find"),
    (["index"], 2, "PATH"),
]


@pytest.mark.parametrize(("arguments", "code", "message"), ERRORS, ids=lambda v: str(v)[:40])
def test_errors_are_one_line_on_stderr(
    run: Run,
    photos: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    run("index", photos)
    monkeypatch.chdir(tmp_path)
    done = run(*arguments)
    assert (done.code, done.out) == (code, "")
    assert message in done.err
    if code == 1:
        assert done.err.startswith("clipseek: ")
        assert done.err.count("\n") == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b\n1,2\n", "neither CSV with the header image,caption"),
        ('{"image": "a.jpg"}\n', "line 1: needs an image and a caption"),
        ('{"image": "a.jpg", "caption": "x"}\n{broken\n', "line 2: not JSON"),
        ('{"image": "a.jpg", "caption": "\\ud800 x"}\n', r"line 1: half a character, \ud800"),
        ('{"image": "\\udfff.jpg", "caption": "x"}\n', r"line 1: half a character, \udfff"),
        ("image,caption\na.jpg\n", "line 2: needs an image and a caption"),
        (b"\xff\xfe\x00", "not UTF-8"),
    ],
)
def test_caption_files_that_are_wrong(
    run: Run, photos: Path, tmp_path: Path, content: str | bytes, message: str
) -> None:
    run("index", photos)
    file = tmp_path / "captions"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    done = run("captions", "add", file)
    assert done.code == 1
    assert message in done.err


COMMANDS = all_commands()


def test_commands_are_found_below_groups() -> None:
    assert {"", "index", "serve", "captions", "captions add"} <= COMMANDS.keys()
    assert {"index", "serve", "captions add"} <= set(leaf_commands())
    assert not {"", "captions"} & set(leaf_commands())


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_argument_and_flag_has_help(run: Run, words: str) -> None:
    command = COMMANDS[words]
    assert command.help
    assert [param.name for param in command.params if not param.help] == []
    done = run(*words.split(), "--help")
    assert (done.code, done.err) == (0, "")
    flags = [flag for param in command.params for flag in param.opts if flag.startswith("-")]
    assert [flag for flag in flags if flag not in done.out] == []


def test_models_lists_licences_and_what_is_here(run: Run) -> None:
    listed = json.loads(run("models", "--json").out)
    names = [entry["name"] for entry in listed]
    assert names[0] == "starter-256"
    assert {"name", "parameters", "input_size", "dim", "licence", "cached"} <= set(listed[0])
    table = run("models").out.splitlines()
    assert table[0].startswith("name")
    assert [line.split()[0] for line in table[1 : len(names) + 1]] == names
    assert table[len(names) + 2].split() == ["take", "for", "because"]
    taken = {line.split()[0] for line in table[len(names) + 3 :]}
    assert taken == {entry["name"] for entry in listed if entry["take_for"]}


def test_tune_prints_a_table_or_json(run: Run, bench: Workbench) -> None:
    for number in range(300):
        bench.paint(f"{number:03}.png", (number % 256, (7 * number) % 256, (31 * number) % 256))
    run("index", bench.photos)
    small = run("tune", "-k", 5)
    assert small.code == 0
    assert small.out.splitlines()[0].split()[:3] == ["for", "way", "agreement@5"]
    assert "300 images are few enough to compare every one: nothing to tune" in small.err
    done = run("tune", "--factory", "IVF4,Flat", "--target", 0.9)
    assert done.code == 0, done.err
    assert [line.split()[0] for line in done.out.splitlines()] == [
        "for", "text", "text", "text", "image", "image", "image",
    ]  # fmt: skip
    assert "building the index IVF4,Flat over 300 vectors" in done.err
    assert "IVF4,Flat over 300 images, built in" in done.err
    report = json.loads(run("tune", "--json").out)
    assert (report["factory"], report["k"], report["target"]) == ("IVF4,Flat", 10, 0.95)
    assert set(report["rows"][2]) >= {
        "modality", "way", "agreement", "p50_ms", "p99_ms", "bytes_per_image", "nprobe",
        "shortlist", "queries", "source",
    }  # fmt: skip
    shown = run("info").out
    assert "index IVF4,Flat: " in shown
    assert "for texts: nprobe " in shown
    assert "agreement@10 " in shown
    [space] = json.loads(run("info", "--json").out)["spaces"]
    assert space["index"]["index"]["plan"]["factory"] == "IVF4,Flat"
    assert space["indexed_rows"] == 300


def test_index_takes_a_factory_and_a_memory_limit(run: Run, bench: Workbench) -> None:
    for number in range(260):
        bench.paint(f"{number:03}.png", (number % 256, (7 * number) % 256, (31 * number) % 256))
    done = run("index", bench.photos, "--factory", "IVF4,PQ2np")
    assert done.code == 0, done.err
    assert "building the index IVF4,PQ2np over 260 vectors" in done.err
    assert "not tuned: clipseek tune" in run("info").out
    assert "building" not in run("index", bench.photos, "--factory", "IVF4,PQ2np").err
    assert "building the index" in run("index", bench.photos, "--memory", "4G").err


@pytest.mark.parametrize(
    ("text", "size"),
    [("4G", 4 * 10**9), ("500M", 500 * 10**6), ("1.5 GB", 15 * 10**8), ("72000000", 72 * 10**6)],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["tax.pdf"], "not an image this program knows"),
        (["photo.jpg"], "not an image this program knows"),
        (["empty.png"], "empty file"),
        (["disk.raw"], "3 GB, over the limit of 2 GB; raise it with --max-file-size 3G"),
        (["large.png"], "4 megapixels, over the limit of 3; raise it with --max-megapixels 5"),
        (["tax.pdf", "empty.png", "photo.jpg"], "knows; nor can the 2 other files be used"),
    ],
)
def test_a_file_named_by_hand_that_is_no_picture(
    run: Run, bench: Workbench, names: list[str], reason: str
) -> None:
    """One line, exit 1, and no library is left behind."""
    (bench.photos / "tax.pdf").write_bytes(b"%PDF-1.7 a letter")
    (bench.photos / "photo.jpg").write_bytes(b"GIF no more")
    (bench.photos / "empty.png").write_bytes(b"")
    bench.paint("large.png", "red", size=(2000, 2000))
    with (bench.photos / "disk.raw").open("wb") as file:
        file.truncate(3 * 10**9)
    done = run("index", *(bench.photos / name for name in names), "--max-megapixels", 3)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"clipseek: {bench.photos / names[0]}: ")
    assert done.err.endswith(f"{reason}\n")
    assert done.err.count("\n") == 1
    assert not bench.library_path.exists()


def test_a_picture_named_by_hand_among_others_is_indexed(run: Run, bench: Workbench) -> None:
    bench.paint("red.png", "red").rename(bench.photos / "red.dat")
    (bench.photos / "tax.pdf").write_bytes(b"%PDF-1.7 a letter")
    done = run("index", bench.photos / "tax.pdf", bench.photos / "red.dat")
    assert done.code == 0
    assert "2 found = 1 indexed + 0 unchanged + 0 moved + 0 copies + 1 failed" in done.err


def test_what_failed_is_told_with_the_way_out(run: Run, bench: Workbench) -> None:
    for number in range(3):
        bench.paint(f"pano{number}.png", "red", size=(2000 + number, 1000))
        (bench.photos / f"{number}.jpg").write_bytes(b"text")
    (bench.photos / "3.jpg").write_bytes(b"")
    bench.paint("red.png", "red")
    done = run("index", bench.photos, "--max-megapixels", 1)
    assert done.code == 0
    closing = done.err.splitlines()[-3:]
    assert closing == [
        "4 unreadable",
        "3 over 1 megapixels: --max-megapixels 3",
        "What failed and why: clipseek failures",
    ]
    listed = run("failures")
    names = [Path(line.split(": ")[0]).name for line in listed.out.splitlines()]
    assert names == ["0.jpg", "1.jpg", "2.jpg", "3.jpg", "pano0.png", "pano1.png", "pano2.png"]
    assert listed.err.splitlines() == [
        *closing[:2],
        "7 in all; the next run tries 7 of them again, the others when they change, "
        "or with: clipseek index PATH --retry-failed",
    ], "a plain run has another limit"
    kinds = [failure["kind"] for failure in json.loads(run("failures", "--json").out)]
    assert kinds == ["unreadable"] * 4 + ["too many pixels"] * 3
    again = run("index", bench.photos)
    assert "8 found = 3 indexed + 1 unchanged + 0 moved + 0 copies + 4 failed" in again.err
    assert run("failures").err.splitlines()[-1].startswith("4 in all; tried again when they change")


def test_speed_is_told_only_where_something_was_encoded(run: Run, photos: Path) -> None:
    assert "images/s" in run("index", photos).err
    (photos / "bad.png").write_bytes(b"text")
    (photos / "copy.png").write_bytes((photos / "red.png").read_bytes())
    done = run("index", photos)
    assert "5 found = 0 indexed + 3 unchanged + 0 moved + 1 copies + 1 failed" in done.err
    assert "images/s" not in done.err
    assert "limited by" not in done.err


@pytest.mark.parametrize(
    "command",
    [
        ["describe", "{}"],
        ["describe", "red.png", "--texts", "{}"],
        ["captions", "add", "{}"],
        ["tune", "--queries", "{}"],
        ["evaluate", "{}"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("kind", ["/dev/zero", "/dev/urandom", "pipe", "huge"])
def test_files_without_an_end_are_refused_at_once(
    run: Run, photos: Path, tmp_path: Path, command: list[str], kind: str
) -> None:
    run("index", photos)
    path = Path(kind) if kind.startswith("/") else tmp_path / kind
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "huge":
        with path.open("wb") as file:
            file.truncate(10**12)
    done = run(*(part.format(path) for part in command))
    assert done.code == 1
    assert done.err.startswith("clipseek: ")
    assert done.err.count("\n") == 1
    assert str(path) in done.err


@pytest.mark.parametrize("command", ["index", "evaluate"])
def test_the_limit_of_bytes_is_a_size(run: Run, photos: Path, command: str) -> None:
    done = run(command, photos, "--max-file-size", "many")
    assert done.code == 2
    assert "'many' is no size" in done.err


def test_the_default_limit_of_bytes_is_that_of_the_ground() -> None:
    assert parse_size(MAX_FILE_SIZE) == files.MAX_FILE_SIZE


def test_an_empty_argument_is_no_folder_and_no_filter(
    run: Run, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("index", photos)
    monkeypatch.chdir(photos)
    cases: list[tuple[list[object], str]] = [
        (["remove", "--forever", ""], "--forever"),
        (["index", ""], "index"),
        (["index", photos, "--model="], "--model"),
        (["search", "red", "--after", ""], "--after"),
        (["search", "red", "--save="], "--save"),
        (["search", "red", "--copy-to", ""], "--copy-to"),
        (["captions", "add", ""], "add"),
    ]
    for arguments, before in cases:
        done = run(*arguments)
        assert (done.code, done.out) == (2, ""), arguments
        assert f"an empty argument after {before}" in done.err
    assert run("search", "x=", "--paths").code == 0
    assert len(run("search", "red", "--paths").out.splitlines()) == 3
