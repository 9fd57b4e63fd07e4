"""Who may import whom, and what a cheap import may not pull in."""

from __future__ import annotations

import ast
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.places import ROOT

ALLOWED_ROOMS = {
    "searchengine": {"searchengine"},
    "indexers": {"indexers", "searchengine"},
    "web": {"web", "searchengine"},
    "cli": {"cli", "web", "indexers", "searchengine"},
}
MODEL_ROOMS = {f"searchengine/{name}.py" for name in ("clip", "sources", "building", "placement")}
TENSOR_ROOMS = MODEL_ROOMS | {
    f"searchengine/{name}.py" for name in ("batches", "devices", "folding", "ranks", "torch_scan")
}
CATALOG_ROOMS = ("catalog", "conditions", "facets", "schema")
HOMES = {
    "faiss": {"searchengine/ann.py", "searchengine/faiss_extra.py"},
    "sqlalchemy": {f"searchengine/{name}.py" for name in CATALOG_ROOMS},
    "torch": TENSOR_ROOMS,
    "open_clip": MODEL_ROOMS,
    "typer": {"cli"},
    "tqdm": {"cli/progress.py"},
    "ftfy": {"searchengine/bpe.py"},
    "regex": {"searchengine/bpe.py"},
    "starlette": {"web"},
    "uvicorn": {"web/server.py"},
    "jinja2": {"web/rendering.py"},
    "click": set(),
}
HELP_CPU_SECONDS = 0.25


def _modules() -> list[Path]:
    return sorted(path for room in ALLOWED_ROOMS for path in (ROOT / room).rglob("*.py"))


def _imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute here"
            names.add((node.module or "").split(".")[0])
    return names


@pytest.mark.parametrize("path", _modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_one_way_and_heavy_libraries_have_one_home(path: Path) -> None:
    relative = path.relative_to(ROOT)
    imported = _imported(path)
    strangers = imported & ALLOWED_ROOMS.keys() - ALLOWED_ROOMS[relative.parts[0]]
    assert not strangers, f"{relative} must not import {strangers}"
    for library, homes in HOMES.items():
        if library in imported:
            assert {str(relative), relative.parts[0]} & homes, f"{library} is not at home here"


def test_the_layer_test_sees_imports(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text("def f():\n    import faiss\n    from cli.main import main\n")
    assert _imported(module) == {"faiss", "cli"}


def _loaded_by(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    return {name.split(".")[0] for name in done.stdout.split()}


def test_opening_a_library_loads_no_model_code() -> None:
    assert not _loaded_by("import searchengine") & {"torch", "open_clip", "faiss", "timm"}


def test_the_command_line_loads_nothing_heavy() -> None:
    heavy = {"torch", "open_clip", "faiss", "sqlalchemy", "numpy", "PIL", "tqdm", "starlette"}
    assert not _loaded_by("import cli.main") & heavy


def test_help_is_quick() -> None:
    """CPU time, not wall time, and the best of five: a busy machine does not fail it."""
    spent = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            [sys.executable, "-m", "cli", "--help"], check=True, capture_output=True, cwd=ROOT
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(spent) < HELP_CPU_SECONDS
