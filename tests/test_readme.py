"""README.md and the guide show what the program prints, and every command; the Python runs."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from indexers import pipeline
from searchengine import load_encoder, open_library
from tests.conftest import Watcher
from tests.support.commands import leaf_commands
from tests.support.places import ROOT
from tests.support.readme import BLOCK, PAGES, README, masked, run_blocks

SHOWN_ALONE = {"serve", "mcp", "read", "caption", "ask"}
"""Commands that go on until they are stopped, or need what is not here: an extra, a server. The
pages show how they are called, no output."""

PYTHON = ((README, "coffee-cup.jpg"), (ROOT / "docs" / "python.md", "a cup"))
"""Pages with programs, and what they print of one of the photos. Signatures import nothing."""

RUN = re.compile(r"```python\n(.*?)```", re.DOTALL)
CODE = re.compile(r"^```\w*\n(.*?)^```", re.DOTALL | re.MULTILINE)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_console_blocks_show_real_output(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert masked(run_blocks(text)) == masked(text), "make readme writes it anew"


@pytest.mark.parametrize(("page", "printed"), PYTHON, ids=lambda part: getattr(part, "name", ""))
def test_python_blocks_run(
    page: Path,
    printed: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with open_library(tmp_path / "library", create=True) as library:
        pipeline.index(
            library,
            [ROOT / "sample_data" / "photos" / "food"],
            encoder="starter",
            load=lambda: load_encoder("starter", precision="float32"),
            observer=Watcher(),
        )
    shutil.copytree(ROOT / "sample_data" / "photos" / "food", tmp_path / "Photos")
    monkeypatch.chdir(tmp_path)
    blocks = [found for found in RUN.findall(page.read_text(encoding="utf-8")) if "import" in found]
    assert blocks
    for block in blocks:
        exec(compile(block, page.name, "exec"), {})
    assert printed in capsys.readouterr().out


@pytest.mark.parametrize("command", leaf_commands())
def test_every_command_is_shown(command: str) -> None:
    """A line of a console block, which is run, or of any block of code where it does not end."""
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    if command in SHOWN_ALONE:
        lines = [line for block in CODE.findall(text) for line in block.splitlines()]
    else:
        run = [line for _, block, _ in BLOCK.findall(text) for line in block.splitlines()]
        lines = [line.removeprefix("$ ") for line in run if line.startswith("$ ")]
    words = ["clipseek", *command.split()]
    assert any(line.split()[: len(words)] == words for line in lines), f"not shown: {command}"


def test_the_tests_that_the_readme_of_tests_names_are_there() -> None:
    tests = ROOT / "tests"
    named = re.findall(r"`((?:\w+/)*test_\w+\.py)`", (tests / "README.md").read_text("utf-8"))
    assert len(named) > 30
    assert [name for name in named if not (tests / name).is_file()] == []
