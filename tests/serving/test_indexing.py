"""Folders that are indexed from the page: who may, what is said, and how a run is stopped."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from cli.staying.telling import index_command
from serving.access import Endpoint, may_index
from serving.connections.proxy import read_proxy
from serving.indexing.run import TELLS, Run, Stage, after_end, after_line
from serving.indexing.said import said_of
from tests.conftest import Workbench
from tests.serving.test_api import get, problem
from tests.serving.test_pages import page_of
from tests.support.places import ROOT
from tests.support.serving import HERE, visit

PHOTOS = ROOT / "sample_data" / "photos"
PATIENCE = 120.0
"""Seconds: a real encoder is loaded, and the machine may be busy."""


def run_of(client: TestClient) -> dict[str, Any]:
    run = get(client, "/api/index")["run"]
    assert isinstance(run, dict)
    return run


def ended(client: TestClient) -> dict[str, Any]:
    end = time.monotonic() + PATIENCE
    while (run := run_of(client))["stage"] not in ("done", "stopped", "failed"):
        assert time.monotonic() < end, run
        time.sleep(0.1)
    return run


def test_a_folder_is_indexed_and_the_numbers_are_there(
    bench: Workbench, photos: Path, held: list[str], gate: Path
) -> None:
    with visit(bench, index_command=held) as client:
        assert get(client, "/api/index") == {"run": None}
        began = client.post("/api/index", data={"folder": str(photos)})
        assert began.status_code == 202, began.text
        problem(client.post("/api/index", data={"folder": str(photos)}), 409, "is being indexed")
        gate.touch()
        run = ended(client)
        assert (run["stage"], run["done"], run["total"], run["failed"]) == ("done", 4, 4, 1)
        [skipped] = run["skipped"]
        assert skipped["path"] == str(photos / "broken.jpg")
        assert run["report"]["indexed"] == 3
        info = get(client, "/api/info")
        assert info["images"] == 3
        assert info["roots"] == [[str(photos), 3]]
        assert get(client, "/api/search", q="coffee")["images"] == 3
        page = page_of(client, "/library")
        text = " ".join(page.one("main").text.split())
        assert "4 pictures found, 3 indexed, 1 failed" in text
        assert "1 unreadable" in text
        assert str(photos / "broken.jpg") in text.replace(" ", "")
        (photos / "broken.jpg").unlink()
        shutil.copy(PHOTOS / "animals" / "goldfish.jpg", photos)
        client.post("/library", data={"folder": str(photos)})
        assert ended(client)["report"]["indexed"] == 1


def test_a_run_is_stopped_and_goes_with_the_server(
    bench: Workbench, photos: Path, held: list[str]
) -> None:
    with visit(bench, index_command=held) as client:
        client.post("/api/index", data={"folder": str(photos)})
        assert client.delete("/api/index").status_code == 202
        assert ended(client)["stage"] == "stopped"
        answer = client.post("/library", data={"folder": str(photos)})
        assert (answer.status_code, answer.headers["location"]) == (303, "/library")
        assert run_of(client)["stage"] not in ("done", "stopped", "failed")
        runs = client.app.state.index_runs  # type: ignore[attr-defined]
    assert runs.last.stage is Stage.STOPPED


def test_a_run_ends_with_who_listened_to_it(photos: Path, held: list[str], gate: Path) -> None:
    with subprocess.Popen(
        [*held, "--", str(photos)],
        env={"PATH": "", "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", TELLS: "yes"},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert b'"stage"' in process.stdout.readline()
        process.stdout.close()
        gate.touch()
        assert process.stderr is not None
        assert b"stopped; what was done is saved" in process.stderr.read()


def test_another_writer_is_said_in_one_line(
    bench: Workbench, photos: Path, command: list[str]
) -> None:
    with visit(bench, index_command=command) as client, bench.open() as library:
        with library.writing():
            client.post("/api/index", data={"folder": str(photos)})
            run = ended(client)
        assert run["stage"] == "failed"
        assert "is being written by process" in str(run["error"])
        assert "\n" not in str(run["error"])
        assert "It failed: library" in page_of(client, "/library").by_id("run").text


@pytest.mark.parametrize(
    ("typed", "status", "said"),
    [
        ("", 400, "type its whole path"),
        ("photos", 400, "may be anywhere"),
        ("~nobody-of-this-name/x", 400, "has a home"),
        ("/nowhere/at/all", 400, "no such file or directory"),
        ("/a\0b", 400, "cannot be a path"),
        ("{photos}/red.png", 400, "is a file"),
        ("{library}", 400, "is the library itself"),
        ("{library}/spaces", 400, "is the library itself"),
    ],
)
def test_what_is_no_folder_to_index_is_said_where_it_was_typed(
    colours: Workbench, command: list[str], typed: str, status: int, said: str
) -> None:
    folder = typed.format(photos=colours.photos, library=colours.library_path)
    with visit(colours, index_command=command) as client:
        problem(client.post("/api/index", data={"folder": folder}), status, said)
        answer = client.post("/library", data={"folder": folder}, headers={"accept": "text/html"})
        assert answer.status_code == status
        assert said in answer.text
        assert 'id="folder"' in answer.text
        assert get(client, "/api/index") == {"run": None}


def test_a_request_takes_one_folder_and_nothing_else(
    colours: Workbench, command: list[str]
) -> None:
    with visit(colours, index_command=command) as client:
        for form in ({}, {"path": "/"}, {"folder": ["/", "/tmp"]}, {"folder": "/", "model": "x"}):
            problem(client.post("/api/index", data=form), 400, "takes one folder")


OTHERS = {
    "without a command": (HERE, (), {}),
    "said to come through a proxy": (HERE, ("x",), {"x-forwarded-for": "203.0.113.9"}),
    "through the proxy that was named": (
        replace(HERE, proxy=read_proxy(["photos.example"], "", [])),
        ("x",),
        {"host": "photos.example"},
    ),
    "through a proxy that names us": (
        replace(HERE, proxy=read_proxy(["photos.example"], "", [])),
        ("x",),
        {},
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_who_may_not_index_sees_the_numbers_alone(colours: Workbench, name: str) -> None:
    endpoint, command, headers = OTHERS[name]
    with visit(colours, endpoint, command) as client:
        client.headers.update(headers)
        for method, path in (
            ("POST", "/api/index"), ("DELETE", "/api/index"), ("POST", "/library/stop"),
        ):  # fmt: skip
            answer = client.request(method, path, data={"folder": str(colours.photos)})
            assert answer.status_code == 403, (method, path)
        answer = client.post("/library", data={"folder": str(colours.photos)})
        assert answer.status_code == 403
        page = page_of(client, "/library")
        assert "Index again" not in page.text
        assert "folder" not in [i.attributes.get("name") for i in page.all("input")]
        assert "6" in page.one("dl").text


@pytest.mark.parametrize(
    "headers", [{"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}]
)
def test_another_page_begins_and_stops_nothing(
    colours: Workbench, command: list[str], headers: dict[str, str]
) -> None:
    with visit(colours, index_command=command) as client:
        for path in ("/library", "/library/stop", "/api/index"):
            answer = client.post(path, data={"folder": "/"}, headers=headers)
            assert answer.status_code == 403
        assert client.delete("/api/index", headers=headers).status_code == 403
        assert get(client, "/api/index") == {"run": None}


def test_with_the_token_it_is_let_in_from_everywhere() -> None:
    proxy = read_proxy(["photos.example"], "", [])
    out = Endpoint("0.0.0.0", "desk", 80, "a-token-of-some-length", proxy)
    assert may_index(out, {"x-forwarded-for": "203.0.113.9"})
    assert may_index(HERE, {})
    assert not may_index(replace(HERE, proxy=proxy), {})


def test_lines_of_a_run_are_folded() -> None:
    run = Run("/photos")
    for line in (
        '{"stage": "reading", "done": 0, "total": 9}\n',
        '{"skipped": "/photos/a.jpg", "reason": "broken"}\n',
        "clipseek: something of note\n",
        "UserWarning: of a library of others\n",
        "[1, 2]\n",
        '{"stage": "encoding", "done": 8, "total": 9}\n',
    ):
        run = after_line(run, line)
    assert (run.stage, run.done, run.total, run.failed) == (Stage.ENCODING, 8, 9, 1)
    assert run.notes == ("something of note",)
    assert said_of(run, 10) == "8 of 9 pictures"
    failed = after_end(run, 1, stopped=False)
    assert (failed.error, failed.notes) == ("something of note", ())
    assert after_end(run, -signal.SIGTERM, stopped=True).stage is Stage.STOPPED
    assert after_end(replace(run, notes=()), -signal.SIGKILL, stopped=False).error == (
        "the index run ended with code -9"
    )


def test_how_long_it_takes_is_said_once_it_can_be_told() -> None:
    run = Run("/photos", Stage.ENCODING, done=100, total=1_100)
    assert said_of(run, 10) == "100 of 1,100 pictures, 2 minutes left"
    assert said_of(replace(run, done=1_000), 10) == "1,000 of 1,100 pictures, 1 seconds left"
    assert said_of(replace(run, done=10), 10) == "10 of 1,100 pictures"
    assert said_of(replace(run, done=1_100), 10) == "1,100 pictures read; finishing"


def test_the_command_is_this_programs_own() -> None:
    assert index_command("/x") == [
        sys.executable, "-m", "cli", "index", "--json", "--library", "/x",
    ]  # fmt: skip
    assert index_command(None)[-1] == "--json"
    assert index_command("s3://bucket/library") == []


def test_no_run_begins_where_the_library_is_gone(
    colours: Workbench, photos: Path, command: list[str]
) -> None:
    with visit(colours, index_command=command) as client:
        colours.library_path.rename(colours.library_path.with_name("away"))
        problem(client.post("/api/index", data={"folder": str(photos)}), 503, "cannot be read")
        page = client.post("/library", data={"folder": str(photos)})
        assert page.status_code == 503
        assert get(client, "/api/index") == {"run": None}
        assert not colours.library_path.exists()
