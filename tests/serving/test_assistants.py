"""`clipseek mcp`, asked by the client of the protocol's own package."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mcp", reason="mcp is not installed: the extra mcp")

import anyio
from mcp import Client, StdioServerParameters, stdio_client

from serving.assistants.tools import server_of
from tests.conftest import Run, Workbench
from tests.support.places import ROOT

Ask = Callable[[Client], Coroutine[Any, Any, Any]]


def asked(bench: Workbench, ask: Ask) -> Any:
    async def session() -> Any:
        with bench.open() as library:
            async with Client(server_of(library)) as client:
                return await ask(client)

    return anyio.run(session)


def called(bench: Workbench, tool: str, **arguments: object) -> Any:
    result = asked(bench, lambda client: client.call_tool(tool, arguments))
    assert not result.is_error, result
    [text] = result.content
    assert json.loads(text.text) == result.structured_content
    return result.structured_content


def refused(bench: Workbench, tool: str, **arguments: object) -> str:
    result = asked(bench, lambda client: client.call_tool(tool, arguments))
    assert result.is_error
    return str(result.content[0].text)


def test_the_tools_say_what_they_take_and_that_they_only_read(colours: Workbench) -> None:
    tools = {each.name: each for each in asked(colours, lambda client: client.list_tools()).tools}
    assert tools.keys() == {"search", "describe", "info"}
    for tool in tools.values():
        assert tool.description
        assert tool.annotations.read_only_hint is True
        assert tool.annotations.destructive_hint is False
    properties = tools["search"].input_schema["properties"]
    assert tools["search"].input_schema["required"] == ["query"]
    assert all(each["description"] for each in properties.values())
    assert tools["describe"].input_schema["required"] == ["path"]


def test_hits_are_those_of_the_command_line(colours: Workbench, run: Run) -> None:
    lines = run("search", "blue", "--json", "--top", 3).out.splitlines()
    answer = called(colours, "search", query="blue", k=3)
    assert answer["hits"] == [json.loads(line) for line in lines]


def test_filters_hold(colours: Workbench, run: Run) -> None:
    below = colours.paint("below/cyan.png", "cyan")
    colours.index()
    hits = called(colours, "search", query="red", under=str(below.parent))["hits"]
    assert [hit["path"] for hit in hits] == [str(below)]
    assert called(colours, "search", query="red", before="1999")["hits"] == []
    run("album", "add", "sea", below)
    assert len(called(colours, "search", query="red", album="sea")["hits"]) == 1
    assert "under must be the whole path" in refused(colours, "search", query="a", under="Photos")
    assert "after" in refused(colours, "search", query="red", after="soon")


def test_a_photo_is_described(colours: Workbench, run: Run, tmp_path: Path) -> None:
    red = colours.photos / "red.png"
    captions = tmp_path / "captions.csv"
    captions.write_text(f"image,caption\n{red},a red wall\n", encoding="utf-8")
    run("captions", "add", captions)
    said = called(colours, "describe", path=str(red))
    assert called(colours, "describe", path=str(red), texts=[]) == said
    assert (said["path"], said["width"], said["format"]) == (str(red), 40, "PNG")
    assert said["written"] == [{"text": "a red wall", "source": "file"}]
    assert [text["text"] for text in said["texts"]] == ["a red wall"]
    said = called(colours, "describe", path=str(red), texts=["blue", "red", "white"], k=2)
    assert said["texts"][0]["text"] == "red"
    assert len(said["texts"]) == 2


def test_numbers_of_the_library(colours: Workbench, run: Run) -> None:
    assert called(colours, "info") == json.loads(run("info", "--json").out)


def test_no_file_and_no_address_is_reached_but_those_listed(
    colours: Workbench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("something was read for a text")

    for name in ("read_file", "read_url"):
        monkeypatch.setattr(f"searchengine.retrieval.pictures.{name}", refuse)
    for text in (str(colours.photos / "red.png"), "https://localhost/a.png", "./red.png"):
        called(colours, "search", query=text)
    stranger = tmp_path / "secret.png"
    stranger.write_bytes((colours.photos / "red.png").read_bytes())
    assert "secret.png" in refused(colours, "describe", path=str(stranger))
    assert "nothing to search for" in refused(colours, "search", query=" ")
    assert refused(colours, "search", query="red", k=1_000_000)
    assert refused(colours, "remove", paths=["/"])


def test_nothing_is_written(colours: Workbench) -> None:
    before = {path: path.read_bytes() for path in colours.library_path.rglob("*.sqlite")}
    called(colours, "search", query="red")
    called(colours, "describe", path=str(colours.photos / "red.png"), texts=["red"])
    called(colours, "info")
    assert {path: path.read_bytes() for path in before} == before


def test_a_client_starts_the_program_and_asks_it(tmp_path: Path) -> None:
    environment = {**os.environ, "CLIPSEEK_LIBRARY": str(tmp_path), "PYTHONPATH": str(ROOT)}
    photos = ROOT / "sample_data" / "photos" / "food"
    program = [sys.executable, "-W", "error", "-m", "cli"]
    subprocess.run(
        [*program[:1], "-m", "cli", "index", str(photos), "--model", "starter"],
        env=environment,
        check=True,
        capture_output=True,
    )

    async def session() -> Any:
        parameters = StdioServerParameters(
            command=program[0], args=[*program[1:], "mcp"], env=environment
        )
        with anyio.fail_after(120):
            async with Client(stdio_client(parameters)) as client:
                assert client.server_info is not None
                assert client.server_info.name == "clipseek"
                return await client.call_tool("search", {"query": "a cup of coffee", "k": 1})

    result = anyio.run(session)
    [hit] = result.structured_content["hits"]
    assert hit["path"] == str(photos / "coffee-cup.jpg")
