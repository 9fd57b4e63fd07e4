"""Who may import whom, and what a cheap import may not pull in.

The rule is a contract in pyproject.toml, which `make lint` checks; here it is broken on purpose.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.support.places import ROOT

PACKAGES: list[str] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"][
    "importlinter"
]["root_packages"]
MOST_MODULES, MOST_LINES = 13, 315
"""Of a package and of a module: "about a dozen" and "about 300"."""


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The product's Python files and its contracts."""
    copy = tmp_path_factory.mktemp("copy")
    shutil.copy(ROOT / "pyproject.toml", copy)
    for package in PACKAGES:
        for file in (ROOT / package).rglob("*.py"):
            target = copy / file.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target)
    return copy


def lint(directory: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=directory,
        env={"PYTHONPATH": str(directory), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("module", "line", "broken"),
    [
        ("searchengine/paths.py", "import searchengine.images.formats", "Rooms stand on each"),
        ("searchengine/evaluation/guard.py", "import searchengine.library.status", "Rooms stand"),
        ("searchengine/catalog/images.py", "import searchengine.spaces.names", "Rooms stand on"),
        ("searchengine/library/status.py", "import serving.problems", "Packages stand on each"),
        ("searchengine/retrieval/rank.py", "import faiss", "faiss has one home"),
        ("serving/counts.py", "def f():\n    import sqlalchemy", "SQLAlchemy has one home"),
        ("searchengine/newroom/__init__.py", "", "every room has its place"),
    ],
)
def test_breaking_the_rule_of_imports_fails(
    copied: Path, module: str, line: str, broken: str
) -> None:
    file = copied / module
    before = file.read_text("utf-8") if file.exists() else None
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"{before or ''}\n{line}\n", "utf-8")
    try:
        done = lint(copied)
    finally:
        file.unlink()
        if before is not None:
            file.write_text(before, "utf-8")
    assert done.returncode == 1, done.stdout + done.stderr
    [said] = [said for said in done.stdout.splitlines() if " BROKEN" in said]
    assert broken in said


def test_rooms_and_modules_are_small_and_say_what_they_are_for() -> None:
    files = [file for package in PACKAGES for file in (ROOT / package).rglob("*.py")]
    rooms = {file.parent for file in files}
    for room in rooms:
        modules = [file for file in files if file.parent == room and file.name != "__init__.py"]
        assert len(modules) <= MOST_MODULES, f"{room.relative_to(ROOT)} has {len(modules)} modules"
        purpose = (room / "__init__.py").read_text("utf-8").splitlines()[0]
        assert purpose.startswith('"""'), f"{room.relative_to(ROOT)} does not say what it is for"
    for file in files:
        lines = len(file.read_text("utf-8").splitlines())
        assert lines <= MOST_LINES, f"{file.relative_to(ROOT)} has {lines} lines"


def test_the_architecture_page_lists_every_module_in_its_room() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `([\w/]+)/` \| (.*)$", page, re.MULTILINE))
    listed, there = {}, {}
    for package in PACKAGES:
        for purpose in (ROOT / package).rglob("__init__.py"):
            folder = purpose.parent
            room = str(folder.relative_to(ROOT)).removeprefix("searchengine/")
            if room != "searchengine":
                there[room] = {file.stem for file in folder.glob("*.py")} - {"__init__", "__main__"}
                listed[room] = set(re.findall(r"\b[a-z_]+\b", rows[room].rpartition(" | ")[2]))
    for room, modules in there.items():
        assert modules <= listed[room], room
    assert rows.keys() == there.keys()


def _loaded_by(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    return {name.split(".")[0] for name in done.stdout.split()}


@pytest.mark.parametrize("package", ["searchengine", "clipseek"])
def test_importing_the_package_loads_no_model_code(package: str) -> None:
    loaded = _loaded_by(f"import {package}; dir({package})")
    assert not loaded & {"torch", "open_clip", "faiss", "timm", "numpy", "sqlalchemy", "PIL"}
    assert not loaded & {"fsspec", "pyarrow", "ray"}


def test_the_command_line_loads_nothing_heavy() -> None:
    heavy = {"torch", "open_clip", "faiss", "sqlalchemy", "numpy", "PIL", "tqdm", "starlette"}
    heavy |= {"fsspec", "pyarrow", "ray"}
    assert not _loaded_by("import cli.main") & heavy
