"""`clipseek import rclip` beside rclip itself: the sample photos, encoded by rclip, taken over.

    python3.11 -m venv peer && peer/bin/pip install rclip
    .venv/bin/pip install onnx onnxscript
    .venv/bin/python -m benchmarks.rclip_import --rclip peer/bin/rclip

Both have the same random weights of ViT-B-32-256, rclip as the ONNX files that it loads. A second
clipseek has other random weights, which must be refused. Fails where a vector is lost, encoded
again, or taken from other weights.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.machine import machine
from benchmarks.rclip_peer import ARCHITECTURE, QUERY, export
from tests.support.places import ROOT


def main() -> None:
    """Index with rclip, take over, and look at what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rclip", type=Path, required=True, help="the command, in its environment")
    options = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as place:
        home = Path(place)
        photos = Path(shutil.copytree(ROOT / "sample_data" / "photos", home / "photos"))
        with ProcessPoolExecutor(1, get_context("spawn")) as apart:
            weights = apart.submit(export, home / "rclip").result()
            others = apart.submit(export, home / "others" / "rclip", 1).result()
        began = time.monotonic()
        subprocess.run(
            [options.rclip.absolute(), QUERY],
            cwd=photos,
            env={**os.environ, "RCLIP_DATADIR": str(home / "rclip")},
            check=True,
            capture_output=True,
        )
        print(f"rclip: {time.monotonic() - began:.1f} s to index and search")
        database = home / "rclip" / "db.sqlite3"
        began = time.monotonic()
        done = taken_over(home / "library", database, weights)
        if done.returncode:
            sys.exit(done.stderr)
        report: dict[str, Any] = json.loads(done.stdout)
        print(f"clipseek: {time.monotonic() - began:.1f} s to take over: {report}")
        again = clipseek(home / "library", "index", str(photos), "--json")
        after = json.loads(again.stdout)
        print(f"the next index run: {after['indexed']} encoded, {after['unchanged']} known")
        refused = taken_over(home / "other library", database, others)
        print(f"other weights: {refused.stderr.splitlines()[-1]}")
    if report["taken"] == 0 or report["taken"] != after["unchanged"] or refused.returncode == 0:
        sys.exit("vectors were lost, encoded again, or taken from other weights")


def taken_over(library: Path, database: Path, weights: Path) -> subprocess.CompletedProcess[str]:
    """`clipseek import rclip` with these weights."""
    model = f"{ARCHITECTURE}/{weights}"
    return clipseek(library, "import", "rclip", str(database), "--model", model, "--json")


def clipseek(library: Path, *words: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """The command, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "cli", *words],
        env={**os.environ, "CLIPSEEK_LIBRARY": str(library), "PYTHONPATH": str(ROOT)},
        cwd=cwd,
        text=True,
        capture_output=True,
        check=False,
    )


if __name__ == "__main__":
    main()
