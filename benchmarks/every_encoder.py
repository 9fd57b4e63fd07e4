"""Every encoder of the table, with random weights, through both runtimes.

    python -m benchmarks.every_encoder [NAME...] [--json FILE]

Each is made (`random_encoder`), encodes photos and texts on torch, is exported for the CPU and
encodes the same again, all in processes of their own. A row fails where it is not exported or the
two differ. The largest takes some minutes, 15 GB of memory and 15 GB of the disk; without names all
go through, the smallest first.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.random_encoder import make_encoder
from searchengine.encoders.names import STARTER_SIZES, split_name
from searchengine.encoders.table import find_model, models

LEAST_COSINE = 0.9999
TEXTS = ("two dogs on the beach", "", "ein Café in Zürich, 東京の夜景", "a very long text " * 40)


@dataclass(frozen=True, slots=True)
class Row:
    """One encoder."""

    name: str
    runtime: str
    """Of pictures on a CPU, once it is exported."""
    cold_texts: str
    """What a cold search by words computes them in."""
    export_seconds: float
    """Loading on torch, and exporting."""
    image_cosine: float
    text_cosine: float
    """The least with torch's float32."""
    peak_gb: float
    """Of the larger of the processes, 10^9 bytes, with what they map of the checkpoint."""

    @property
    def is_right(self) -> bool:
        """Whether it was exported and says the same as torch."""
        same = min(self.image_cosine, self.text_cosine) >= LEAST_COSINE
        return same and self.runtime == "TowerEncoder"


def main() -> None:
    """Measure the encoders that the command line names, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--part", choices=sorted(PARTS), help=argparse.SUPPRESS)
    parser.add_argument("--home", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.part:
        print(json.dumps(PARTS[asked.part](asked.names[0], asked.home)))
        return
    table = sorted(models(), key=lambda model: model.parameters)
    rows, failed = [], []
    for name in asked.names or [model.name for model in table]:
        try:
            row = through_both(name)
        except subprocess.CalledProcessError as error:
            print(f"{name}: failed: {(error.stderr or '').strip().splitlines()[-1:]}", flush=True)
            failed.append(name)
            continue
        rows.append(row)
        print(line(row), flush=True)
        if not row.is_right:
            failed.append(name)
    if asked.json:
        asked.json.write_text(json.dumps([asdict(row) for row in rows], indent=1), encoding="utf-8")
    if failed:
        sys.exit(f"not right: {', '.join(failed)}")


def through_both(name: str) -> Row:
    """An encoder of the table made, exported and compared."""
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        loaded = name
        if name not in STARTER_SIZES:
            assert find_model(name), f"{name} is not in the table"
            with _cached_in(home):
                loaded = make_encoder(split_name(name)[0], home / "model")
        torch, towers = (_apart(part, loaded, home) for part in ("torch", "towers"))
    peak = max(torch.pop("peak_gb"), towers.pop("peak_gb"))
    return Row(name=name, peak_gb=peak, **towers)


def _apart(part: str, name: str, home: Path) -> dict[str, Any]:
    """What a part says, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.every_encoder", name, "--part", part]
    with _cached_in(home):
        done = subprocess.run(
            [*command, "--home", str(home)], check=True, capture_output=True, text=True
        )
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


@contextmanager
def _cached_in(home: Path) -> Iterator[None]:
    """Processes that are started in the block have their caches in `home`, and no network."""
    before = dict(os.environ)
    os.environ |= {
        "XDG_CACHE_HOME": str(home / "cache"),
        "HF_HUB_CACHE": str(home / "hub"),
        "HF_HUB_OFFLINE": "1",
    }
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _on_torch(name: str, home: Path) -> dict[str, Any]:
    """Keeps in `home` what torch says in float32."""
    from searchengine.encoders.openclip.encoder import load_encoder

    encoder = load_encoder(name, device="cpu", precision="float32")
    np.save(home / "pictures.npy", encoder.encode_images(_photos()))
    np.save(home / "texts.npy", encoder.encode_texts(TEXTS))
    return {"peak_gb": _peak_gb()}


def _on_towers(name: str, home: Path) -> dict[str, Any]:
    """Exports, and compares with what torch said."""
    from searchengine import load_encoder
    from searchengine.encoders.text.encoder import load_for_texts
    from searchengine.encoders.text.export import keep_text_tower
    from searchengine.types import SpaceInfo

    pictures, texts = (np.load(home / f"{each}.npy") for each in ("pictures", "texts"))
    start = time.perf_counter()
    ours = load_encoder(name, device="cpu", precision="float32")
    seconds = time.perf_counter() - start
    space = SpaceInfo(1, "space", ours.name, ours.dim, "float32", ours.fingerprint)
    keep_text_tower(ours, space, home)
    light = load_for_texts(space, home)
    cosines = [
        (pictures * ours.encode_images(_photos())).sum(axis=1).min(),
        (texts * ours.encode_texts(TEXTS)).sum(axis=1).min(),
        *([] if light is None else [(texts * light.encode_texts(TEXTS)).sum(axis=1).min()]),
    ]
    return {
        "runtime": type(ours).__name__,
        "cold_texts": "OpenVINO" if light is None else "numpy",
        "export_seconds": seconds,
        "image_cosine": float(cosines[0]),
        "text_cosine": float(min(cosines[1:])),
        "peak_gb": _peak_gb(),
    }


PARTS = {"torch": _on_torch, "towers": _on_towers}


def _photos() -> list[Image.Image]:
    return [Image.open(path) for path in sorted(Path("sample_data/photos").rglob("*.jpg"))[:3]]


def _peak_gb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def line(row: Row) -> str:
    """One line of the table."""
    return (
        f"{row.name:50} {row.runtime:13} {row.cold_texts:9} {row.export_seconds:6.1f} s  "
        f"{row.image_cosine:.6f}  {row.text_cosine:.6f}  {row.peak_gb:5.1f} GB"
    )


if __name__ == "__main__":
    main()
