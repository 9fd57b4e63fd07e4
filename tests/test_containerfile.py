"""What can be said of the Containerfile where there is nothing that builds it."""

from __future__ import annotations

import fnmatch
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import typer
from typer.main import get_command

from cli.main import app
from tests.conftest import Workbench
from tests.support.bare import PACKAGES
from tests.support.places import ROOT
from tests.support.served import served

FILE = (ROOT / "Containerfile").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PORT = "8765"


def told(instruction: str) -> list[str]:
    """What stands behind an instruction, each time it is given, on one line."""
    joined = FILE.replace("\\\n", " ")
    return re.findall(rf"^{instruction} (.+)$", joined, flags=re.MULTILINE)


def test_the_command_is_one_of_clipseek() -> None:
    (program,), (command,) = told("ENTRYPOINT"), told("CMD")
    assert json.loads(program) == [PROJECT["name"]]
    name, *flags = json.loads(command)
    serve = get_command(app).commands[name]  # type: ignore[attr-defined]
    context = typer.Context(serve)
    assert serve.parse_args(context, flags) == []
    assert context.params["host"] == "0.0.0.0"
    assert str(context.params["port"]) == PORT == told("EXPOSE")[0]


def test_what_is_installed_is_there() -> None:
    (install,) = (line for line in told("RUN") if line.startswith("pip install"))
    extras = re.findall(r"\[([\w,]+)\]", install)
    assert set(extras[0].split(",")) <= PROJECT["optional-dependencies"].keys()
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    copied = [line.split()[0] for line in told("COPY") if "--from" not in line]
    built_of = [*PACKAGES, "pyproject.toml", "README.md", *PROJECT["license-files"]]
    for path in [*copied, *built_of]:
        assert (ROOT / path).exists(), path
        assert not any(fnmatch.fnmatch(path, pattern) for pattern in ignored), path


def test_it_is_no_root_and_keeps_what_it_makes_in_volumes() -> None:
    user, volumes = told("USER")[-1], json.loads(told("VOLUME")[0])
    assert f"useradd --create-home --uid 1000 {user}" in FILE
    places = dict(part.split("=") for part in told("ENV")[0].split())
    assert places.keys() == {"CLIPSEEK_LIBRARY", "XDG_CACHE_HOME", "HF_HOME"}
    for place in places.values():
        assert any(Path(place).is_relative_to(volume) for volume in volumes)


def test_the_look_at_its_health_tells_a_server_from_none(bench: Workbench) -> None:
    bench.paint("a.png", "red")
    bench.index()
    command = json.loads(told("HEALTHCHECK")[0].partition("CMD ")[2])

    def healthy(port: int) -> bool:
        program = command[2].replace(PORT, str(port))
        return subprocess.run([sys.executable, "-c", program], check=False).returncode == 0

    with served(bench.library_path) as server:
        assert healthy(server.port)
    assert not healthy(server.port)
