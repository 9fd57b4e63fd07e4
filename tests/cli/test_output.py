"""What reaches a terminal and a pipe: nothing that commands them, and no name that stops a run."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli import output
from cli.terminal import padded, shortened, visible, width
from tests.conftest import Run, Workbench
from tests.support.places import ROOT

NASTY = {
    "rm\x1b[2J.png": r"rm\x1b[2J.png",
    "new\nline.png": r"new\nline.png",
    "bell\x07.png": r"bell\x07.png",
    "c1\x9b31m.png": r"c1\x9b31m.png",
    "bidi\u202egnp.png": r"bidi\u202egnp.png",
    "line\u2028end.png": r"line\u2028end.png",
}
"""Names, and how they are shown."""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        *NASTY.items(),
        ("plain \\ text é 写真 👩‍🚀", "plain \\ text é 写真 👩‍🚀"),
        ("\x00\x7f\t\r", r"\x00\x7f\t\r"),
        (os.fsdecode(b"\xff.jpg"), r"\xff.jpg"),
        ("\ud800 half", r"\ud800 half"),
        ("\u2066a\u2069\u200f", r"\u2066a\u2069\u200f"),
    ],
)
def test_what_a_terminal_would_obey_is_written_out(text: str, shown: str) -> None:
    assert visible(text) == shown
    assert visible(shown) == shown


@pytest.mark.parametrize(
    ("text", "columns"),
    [("abc", 3), ("写真", 4), ("가족", 4), ("e\u0301", 1), ("é", 1), ("", 0), ("\uff57", 2)],
)
def test_columns_of_a_text(text: str, columns: int) -> None:
    assert width(text) == columns
    assert padded(text, 6, left=True) == text + " " * (6 - columns)
    assert padded(text, 6, left=False) == " " * (6 - columns) + text


def test_tables_line_up(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_table(("n", "path"), [("写真", "x"), ("e\u0301", "y"), ("a\x1b", "z")], left={1})
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["    n  path", " 写真  x", "    e\u0301  y", "a\\x1b  z"]
    assert len({width(line[: line.rindex("  ")]) for line in lines}) == 1


@pytest.mark.parametrize(
    ("text", "columns", "shown"),
    [
        ("/photos/a.jpg", 13, "/photos/a.jpg"),
        ("/photos/a.jpg", 12, "/pho...a.jpg"),
        ("/写真/家族旅行/a.jpg", 14, "/写真.../a.jpg"),
        ("/写真/家族旅行/a.jpg", 13, "/写真...a.jpg"),
        ("/e\u0301e\u0301e\u0301e\u0301/a.jpg", 9, "/e\u0301e\u0301...jpg"),
        ("写真写真", 4, "..."),
    ],
)
def test_the_middle_of_a_long_path_is_left_out(text: str, columns: int, shown: str) -> None:
    assert shortened(text, columns) == shown
    assert width(shown) <= columns


LONG = "/photos/" + "写真/" * 30 + "a.jpg"


def test_a_table_keeps_to_the_width_of_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def table() -> list[str]:
        output.print_table(("rank", "path", "date"), [("1", LONG, "2020")], left={1}, long=1)
        return capsys.readouterr().out.splitlines()

    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert LONG in table()[1], "whole in a pipe"
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    header, row = table()
    assert (header[:4], header[-4:]) == ("\x1b[2m", "\x1b[0m")
    assert 56 <= width(row) <= 60
    assert row.endswith("真/a.jpg  2020")
    monkeypatch.setenv("NO_COLOR", "1")
    assert table()[0].split() == ["rank", "path", "date"]
    monkeypatch.setenv("COLUMNS", "5")
    assert width(table()[1]) == 4 + 2 + output.NARROWEST + 2 + 4


@pytest.fixture
def nasty(bench: Workbench) -> Workbench:
    for number, name in enumerate(NASTY):
        bench.paint(name, (40 * number, 0, 0))
    (bench.photos / "bad\x1b[31m.jpg").write_bytes(b"no picture")
    bench.index()
    return bench


def clean(text: str) -> bool:
    return all(line.isprintable() for line in text.split("\n"))


def test_names_in_tables_notes_and_errors(run: Run, nasty: Workbench, tmp_path: Path) -> None:
    table = run("search", "red").out
    assert clean(table)
    assert len(table.splitlines()) == 1 + len(NASTY)
    assert all(shown in table for shown in NASTY.values())
    assert "bad\\x1b[31m.jpg: " in run("failures").out
    indexed = run("index", nasty.photos, "--retry-failed")
    assert "skipping " in indexed.err
    assert clean(indexed.err)
    texts = tmp_path / "texts.txt"
    texts.write_text("a red \x1b]0;pwn\x07 wall\n", encoding="utf-8")
    described = run("describe", nasty.photos / "rm\x1b[2J.png", "--texts", texts)
    assert r"a red \x1b]0;pwn\x07 wall" in described.out
    assert clean(described.out)
    for wrong in (["remove", "no\x1b[2Jthing"], ["index", "no\nthing"], ["search", "\x1b.jpg"]):
        done = run(*wrong)
        assert (done.code, done.out) == (1, "")
        assert clean(done.err)
        assert done.err.count("\n") == 1


def test_programs_get_names_as_they_are(run: Run, nasty: Workbench) -> None:
    expected = {str(nasty.photos / name) for name in NASTY}
    assert set(run("search", "red", "-0").out.rstrip("\0").split("\0")) == expected
    rows = csv.DictReader(io.StringIO(run("search", "red", "--csv").out, newline=""))
    assert {row["path"] for row in rows} == expected
    lines = run("search", "red", "--json").out.splitlines()
    assert {json.loads(line)["path"] for line in lines} == expected
    assert run("search", "red", "--paths").out.count("\n") == len(NASTY) + 1, "raw"


@pytest.mark.parametrize("form", ["--csv", "--paths"])
def test_a_terminal_gets_no_raw_name_in_any_form(
    run: Run, nasty: Workbench, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    shown = run("search", "red", form).out
    assert clean(shown.replace("\r\n", "\n"))
    assert all(name in shown for name in NASTY.values())


PRINTS = """
import json, sys
from cli import main, output
from searchengine.retrieval.hits import Hits, SearchHit
from searchengine.types import FileState, ImageFacts, ImageRecord
file = FileState(json.loads(sys.argv[1]), 9, 0)
hit = SearchHit(1, 0.5, ImageRecord(7, file, b"", ImageFacts(4, 3, "PNG")))
form, count = output.Form(sys.argv[2]), int(sys.argv[3])
main._program_for = lambda _: lambda **_: output.print_hits(Hits([hit] * count), form)
main.main()
"""


def prints(name: str, form: output.Form, count: int = 1, **how: object) -> tuple[int, bytes, str]:
    """Hits of this name, printed by a process of its own; `how` sets its stdout or environment."""
    environment = how.pop("env", {})
    assert isinstance(environment, dict)
    done = subprocess.run(
        [sys.executable, "-c", PRINTS, json.dumps(name), form.value, str(count)],
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "cwd": ROOT, "check": False} | how,
        env={**os.environ, **environment},
    )  # type: ignore[call-overload]
    return done.returncode, done.stdout or b"", (done.stderr or b"").decode()


NARROW = [
    {"PYTHONIOENCODING": "cp1252"},
    {"PYTHONIOENCODING": "latin-1"},
    {"PYTHONIOENCODING": "ascii"},
    {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
]


@pytest.mark.parametrize("env", NARROW, ids=lambda env: "-".join(env.values()))
def test_names_that_the_encoding_lacks(env: dict[str, str]) -> None:
    name = "/写真/café.png"
    for form in (output.Form.TABLE, output.Form.CSV):
        code, out, err = prints(name, form, env=env)
        assert (code, err) == (0, "")
        assert b"\\u5199\\u771f/caf" in out
    assert json.loads(prints(name, output.Form.JSON, env=env)[1])["path"] == name
    assert prints(name, output.Form.PATHS, env=env)[1] == name.encode() + b"\n"
    assert prints(name, output.Form.NUL, env=env)[1] == name.encode() + b"\0"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("form", output.Form)
@pytest.mark.parametrize("count", [1, 5_000])
def test_a_full_disk_is_one_line(form: output.Form, count: int) -> None:
    with open("/dev/full", "wb") as full:
        code, _, err = prints("/a.png", form, count, stdout=full)
    assert (code, err) == (1, "clipseek: write error: No space left on device\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("words", [["--help"], ["search", "--help"], ["models"]])
def test_help_on_a_full_disk(words: list[str]) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "cli", *words],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            cwd=ROOT,
        )
    assert done.returncode == 1
    assert "clipseek: write error: No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("form", output.Form)
def test_a_closed_pipe_is_silent(form: output.Form) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "wb") as pipe:
        code, _, err = prints("/a.png", form, 5_000, stdout=pipe)
    assert (code, err) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_notes_that_nobody_can_read_stop_nothing() -> None:
    with open("/dev/full", "wb") as full:
        assert prints("/a.png", output.Form.PATHS, stderr=full)[:2] == (0, b"/a.png\n")
