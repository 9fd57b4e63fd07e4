"""Every command of the program, with names and on outputs that are against it."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from searchengine.catalog.records import Found
from searchengine.types import PLACE
from serving import server
from tests.cli.test_output import clean
from tests.conftest import Run, Workbench
from tests.support.commands import leaf_commands
from tests.support.vision import Vision, reply, vision

NAME = "写真 \x1b[2Jé\n\u202e.png"

ONLY_NOTES = {
    "album add",
    "album remove",
    "align",
    "captions add",
    "captions remove",
    "export",
    "forget",
    "import",
    "label remove",
    "label teach",
    "mcp",
    "remove",
    "snapshots gc",
    "use",
}
"""Commands that print nothing on stdout."""

REFUSED = {"forget", "label teach"}
"""Those that have nothing to do here: the error names what was asked for."""

Asked = dict[str, list[object]]


@pytest.fixture
def shown() -> Iterator[Vision]:
    with vision() as made:
        made.answer = lambda _: (200, reply("\x1b[2J写真\u202e"))
        yield made


@pytest.fixture
def asked(
    bench: Workbench, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shown: Vision
) -> Asked:
    """Arguments for each command, over pictures and captions with such names."""
    first, second = bench.paint(NAME, "red"), bench.paint(f"2 {NAME}", "blue")
    (bench.photos / f"3 {NAME}").write_bytes(first.read_bytes())
    (bench.photos / f"bad {NAME}.jpg").write_bytes(b"no picture")
    bench.index()
    captions = tmp_path / "captions.jsonl"
    captions.write_text(json.dumps({"image": str(first), "caption": "\x1b[31m"}), encoding="utf-8")
    texts = tmp_path / "texts.txt"
    texts.write_text("a red \x1b]0;pwn\x07 wall\n写真\n", encoding="utf-8")
    evaluated = tmp_path / "evaluated.csv"
    evaluated.write_text(f'image,caption\n"{first}",red\n"{second}",blue 写真\n', encoding="utf-8")
    pairs = tmp_path / "pairs.json"
    entry = {"image": str(first), "captions": ["red", "\x1b[31m"], "kind": "\x1b[2J写真"}
    pairs.write_text(json.dumps([entry]), encoding="utf-8")
    judged = tmp_path / "judged.json"
    judged.write_text(json.dumps({"judged": {"写真": {str(first): True}}}), encoding="utf-8")
    labels = tmp_path / "labels.csv"
    labels.write_text(f'image,class\n"{first}",\x1b[2J写真\n"{second}",blue\n', encoding="utf-8")
    parts = f"memory://{tmp_path.name}"
    run("index", first, second, "--library", parts)
    with bench.open() as library:
        library.catalog.record_found(PLACE, "", [Found(1, ("\x1b[31m写真",))])
    report = tmp_path / "report.json"
    run("evaluate", evaluated, "--model", "fake", "--json", report)

    def serve(*_: object, listening: Callable[[str], None], **__: object) -> None:
        listening("http://写真/")

    monkeypatch.setattr(server, "serve", serve)
    monkeypatch.setattr("mcp.server.MCPServer.run", lambda *_: None)
    return {
        "index": [bench.photos, "--retry-failed", "--json"],
        "search": ["red"],
        "album add": ["写真", first],
        "album list": [],
        "album show": ["写真"],
        "album remove": ["写真"],
        "places": [],
        "duplicates": ["--level", "exact"],
        "serve": [],
        "mcp": [],
        "describe": [first, "--texts", texts],
        "captions add": [captions],
        "captions list": ["--source", "file"],
        "evaluate-searches": [],
        "captions remove": ["--source", "file"],
        "read": ["--limit", 1],
        "caption": ["--server", shown.url, "--model", "\x1b[2J写真"],
        "ask": [first, "\x1b[2J写真?", "--server", shown.url, "--model", "m"],
        "evaluate": [evaluated, "--model", "fake"],
        "evaluate-classes": [labels, "--model", "fake"],
        "evaluate-pairs": [pairs, "--model", "fake"],
        "compare": [report, report],
        "judge": [texts, "--judged", judged],
        "align": ["--remove"],
        "tag": ["--set", "documents", "--threshold", 0, "--json"],
        "label teach": [NAME, "--yes", first, "--no", second],
        "label list": [],
        "label remove": ["documents"],
        "tune": ["-k", 1],
        "info": [],
        "failures": [],
        "check": ["--json"],
        "export": [bench.library_path, f"{parts}-exported"],
        "import": [parts, tmp_path / "imported"],
        "snapshots list": ["--library", parts],
        "snapshots gc": ["--library", parts],
        "models": [],
        "use": ["fake"],
        "forget": [NAME],
        "remove": [bench.photos / "nowhere" / ".." / second.name],
    }


def test_each_is_asked(asked: Asked) -> None:
    assert sorted(asked) == sorted(leaf_commands())


def test_none_lets_a_name_command_the_terminal(run: Run, asked: Asked) -> None:
    for command, arguments in asked.items():
        done = run(*command.split(), *arguments)
        assert done.code == (command in REFUSED), (command, done)
        assert clean(done.out), command
        assert clean(done.err.replace("\r", "\n")), command
        assert (done.out == "") == (command in ONLY_NOTES)


def _without_a_reader() -> io.TextIOWrapper:
    reader, writer = os.pipe()
    os.close(reader)
    return open(writer, "w", encoding="utf-8")


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "cp1252", "no reader", "full disk"])
def test_none_ends_in_a_traceback_whatever_its_output_is(
    run: Run, asked: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    is_full = encoding == "full disk"
    if is_full and not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    for command, arguments in asked.items():
        if encoding == "no reader":
            stream = _without_a_reader()
        elif is_full:
            stream = open("/dev/full", "w", encoding="utf-8")  # noqa: SIM115
        else:
            stream = open(tmp_path / "out", "w", encoding=encoding)  # noqa: SIM115
        with stream, monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", stream)
            done = run(*command.split(), *arguments)
        if is_full and command not in ONLY_NOTES:
            assert done.code == 1, command
            assert done.err.endswith("clipseek: write error: No space left on device\n"), command
        else:
            assert done.code == (command in REFUSED), (command, done.err)
        assert "Traceback" not in done.err
        assert "bug in clipseek" not in done.err
