"""`clipseek import clip-retrieval` beside clip-retrieval itself: the sample photos, taken over.

    python3.11 -m venv peer && peer/bin/pip install clip-retrieval
    peer/bin/pip uninstall -y dataclasses && peer/bin/pip install 'setuptools<70'
    .venv/bin/pip install pyarrow
    .venv/bin/python -m benchmarks.clip_retrieval_import --clip-retrieval peer/bin/clip-retrieval

(clip-retrieval 2.45 brings a package `dataclasses` that Python 3.11 cannot use, and needs a module
that setuptools had.) Both have the same random weights of OpenAI's ViT-B/32, which clip-retrieval's
own loader reads as a file. Other random weights must be refused, and so must a folder that is made
from a tar. Fails where a vector is lost, encoded again, or taken from other weights.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.machine import machine
from benchmarks.rclip_import import clipseek
from tests.support.places import ROOT

ARCHITECTURE = "ViT-B-32-quickgelu"


def main() -> None:
    """Encode with clip-retrieval, take over, and look at what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clip-retrieval", type=Path, required=True, help="in its environment")
    program = parser.parse_args().clip_retrieval.absolute()
    print(machine())
    with tempfile.TemporaryDirectory() as place:
        home = Path(place)
        photos = Path(shutil.copytree(ROOT / "sample_data" / "photos", home / "photos"))
        with ProcessPoolExecutor(1, get_context("spawn")) as apart:
            weights, others = (
                apart.submit(random_weights, home / f"{seed}.pt", seed).result() for seed in (0, 1)
            )
        began = time.monotonic()
        inference(program, home, weights, "photos", "embeddings", "--write_batch_size", "30")
        print(f"clip-retrieval: {time.monotonic() - began:.1f} s to encode")
        began = time.monotonic()
        done = taken_over(home, "embeddings", weights)
        if done.returncode:
            sys.exit(done.stderr)
        report: dict[str, Any] = json.loads(done.stdout)
        print(f"clipseek: {time.monotonic() - began:.1f} s to take over: {report}")
        after = json.loads(clipseek(home / "library", "index", str(photos), "--json").stdout)
        print(f"the next index run: {after['indexed']} encoded, {after['unchanged']} known")
        refused = taken_over(home, "embeddings", others)
        print(f"other weights: {refused.stderr.splitlines()[-1]}")
        with tarfile.open(home / "0.tar", "w") as tar:
            for number, photo in enumerate(sorted(photos.rglob("*.jpg"))[:4]):
                tar.add(photo, f"{number:09}.jpg")
        inference(program, home, weights, "0.tar", "tars", "--input_format", "webdataset")
        of_tars = taken_over(home, "tars", weights)
        print(f"from a tar: {of_tars.stderr.splitlines()[-1]}")
    if report["taken"] == 0 or report["taken"] != after["unchanged"]:
        sys.exit("vectors were lost or encoded again")
    if not refused.returncode or "made from tars" not in of_tars.stderr:
        sys.exit("something was taken from other weights or from a tar")


def random_weights(path: Path, seed: int) -> Path:
    """Weights of the architecture, as OpenAI's loader reads them."""
    import open_clip
    import torch

    torch.manual_seed(seed)
    torch.save(open_clip.create_model(ARCHITECTURE).state_dict(), path)
    return path


def inference(program: Path, home: Path, weights: Path, source: str, to: str, *more: str) -> None:
    """`clip-retrieval inference`, run in `home`."""
    words = [*more, "--enable_text", "False", "--batch_size", "8", "--num_prepro_workers", "1"]
    named = ["--input_dataset", source, "--output_folder", to, "--clip_model", str(weights)]
    subprocess.run(
        [program, "inference", *named, *words],
        cwd=home,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
        check=True,
        capture_output=True,
    )


def taken_over(home: Path, folder: str, weights: Path) -> subprocess.CompletedProcess[str]:
    """`clipseek import clip-retrieval` with these weights, into a library of their own.

    Paths are relative to where clip-retrieval ran, so it runs there too.
    """
    library = home / ("library" if weights.stem == "0" else "other library")
    model = f"{ARCHITECTURE}/{weights}"
    words = ["import", "clip-retrieval", str(home / folder), "--model", model, "--json"]
    return clipseek(library, *words, cwd=home)


if __name__ == "__main__":
    main()
