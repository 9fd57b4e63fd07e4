"""The Tab key after `clipseek --install-completion`, in real shells."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.terminals import started

PROGRAM = Path(sys.executable).parent
PATIENCE = 60.0
BELL = "\a"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without settings, in which the shell finds the program."""
    if not (PROGRAM / "clipseek").exists():
        pytest.skip("clipseek is not installed beside this Python")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", f"{PROGRAM}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("TERM", "xterm")
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "ZDOTDIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _install(shell: str) -> str:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    # Not the last command, or the program takes the place of the shell that it is to find.
    done = subprocess.run(
        [shell, "-c", "clipseek --install-completion; true"],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.mark.parametrize(
    ("shell", "typed", "completed"),
    [
        ("bash", "clipseek index --dev", "clipseek index --device"),
        ("zsh", "clipseek fail", "clipseek failures"),
    ],
)
def test_tab_completes(home: Path, shell: str, typed: str, completed: str) -> None:
    assert f"{shell} completion installed in {home}" in _install(shell)
    # zsh only loads what typer writes for it at the first Tab of a session.
    shown = _typed([shell, "-i"], f"{typed}\t\t", completed)
    assert completed in shown, shown


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("clipseek fail", ["failures"]),
        ("clipseek index --dev", ["--device"]),
        ("clipseek index hol", ["holiday/"]),
    ],
)
def test_fish_completes(home: Path, typed: str, offered: list[str]) -> None:
    (home / "holiday").mkdir()
    assert f"fish completion installed in {home}" in _install("fish")
    done = subprocess.run(
        ["fish", "-c", f"complete -C '{typed}'"], capture_output=True, text=True, check=True
    )
    assert [line.partition("\t")[0] for line in done.stdout.splitlines()] == offered


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_shown_to_be_put_elsewhere(home: Path, shell: str) -> None:
    said = _install(shell).splitlines()[0]
    installed = Path(said.removeprefix(f"{shell} completion installed in "))
    done = subprocess.run(
        [shell, "-c", "clipseek --show-completion; true"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == installed.read_text().strip()


def _typed(command: list[str], keys: str, until: str) -> str:
    """What a terminal shows of a shell after these keys, once it has `until` or patience ends."""
    process, terminal = started(command)
    shown = ""
    try:
        os.set_blocking(terminal, False)
        shown = _read(terminal, "", seconds=PATIENCE)
        os.write(terminal, keys.encode())
        shown += _read(terminal, until, seconds=PATIENCE)
    finally:
        os.close(terminal)
        process.wait()
    return shown


def _read(terminal: int, until: str, seconds: float) -> str:
    """What the terminal shows, from its first words on until it has these."""
    shown, end = "", time.monotonic() + seconds
    while time.monotonic() < end and (not shown or until not in shown):
        try:
            shown += os.read(terminal, 65_536).decode(errors="replace").replace(BELL, "")
        except BlockingIOError:
            time.sleep(0.05)
    return shown
