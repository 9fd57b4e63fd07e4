"""clipseek installed in an environment of its own, as a user has it.

What it stands on is borrowed from the environment of the tests, as to install that takes minutes
and gigabytes; `make wheel` and `python -m tests.support.first_hour` install all of it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

from tests.support.places import ROOT

PACKAGES = ("searchengine", "indexers", "serving", "cli", "clipseek")
KEPT_OUT = shutil.ignore_patterns(
    ".git", ".venv", "build", "dist", "__pycache__", "*.egg-info", ".*_cache", ".hypothesis"
)
"""What no clone has."""

PIP = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
OFFLINE = ("--no-deps", "--no-index", "--no-build-isolation")


def copied(directory: Path) -> Path:
    """The checkout as a clone would be in this directory, with what is not committed yet."""
    return Path(shutil.copytree(ROOT, directory, ignore=KEPT_OUT))


def environment(directory: Path) -> Path:
    """A virtual environment without clipseek, which borrows other packages; returns its Python."""
    venv.create(directory, with_pip=False)
    python = directory / "bin" / "python"
    asked = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    own = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    # Editable installations of the lender are not found through it: their .pth files are not read.
    (Path(own) / "borrowed.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    return python


def wheel(source: Path, directory: Path) -> Path:
    """The wheel of a checkout, built into this directory."""
    command = [*PIP, "wheel", *OFFLINE, "--wheel-dir", str(directory), str(source)]
    subprocess.run(command, check=True)
    (built,) = directory.glob("*.whl")
    return built


def install(python: Path, *what: str) -> None:
    """Install a wheel, or `--editable` a checkout, whatever is borrowed, and nothing else."""
    command = [*PIP, "--python", str(python), "install", "--ignore-installed", *OFFLINE, *what]
    subprocess.run(command, check=True)


def at_home(home: Path) -> dict[str, str]:
    """The environment of somebody who has just logged in, and has no network."""
    path = os.pathsep.join(["/usr/local/bin", "/usr/bin", "/bin"])
    return {"HOME": str(home), "PATH": path, "LANG": "C.UTF-8", "HF_HUB_OFFLINE": "1"}
