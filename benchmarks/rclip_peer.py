"""clipseek beside rclip: the same photos, the same weights, both as a person runs them.

    python3.11 -m venv peer && peer/bin/pip install rclip
    .venv/bin/pip install onnx onnxscript
    .venv/bin/python -m benchmarks.rclip_peer --rclip peer/bin/rclip

rclip runs a ViT-B-32-256 on ONNX Runtime. Here both have one with the same random weights, which
takes as long as a trained one: rclip as the two ONNX files that it loads, in float32, clipseek as
the weights that they were exported from. Times are of whole commands, with their start.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from benchmarks.photos import SIZES, empty_files, generated
from benchmarks.processes import Spent, spent_by

ARCHITECTURE = "ViT-B-32-256"
QUERY = "two dogs on the beach"
TIMES = 3
"""Of a command that changes nothing; the least is what it takes."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rclip", type=Path, required=True, help="the command, in its environment")
    parser.add_argument("--photos", type=int, default=200, help="in each folder that is indexed")
    parser.add_argument("--listed", type=int, nargs="*", default=[10_000, 100_000])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        scratch = Path(place)
        models = scratch / "models"
        with ProcessPoolExecutor(1, get_context("spawn")) as apart:
            weights = apart.submit(export, models).result()
        race = _Race(options.rclip.absolute(), models, f"{ARCHITECTURE}/{weights}")
        print(f"{'':38} {'':10} {'seconds':>8} {'processor':>9} {'peak GB':>8}")
        one = generated(scratch / "one", next(iter(SIZES.values())), 1)
        race.prepare(one, scratch / "libraries" / "one")
        for name, size in SIZES.items():
            folder = generated(scratch / name.replace(" ", "-"), size, options.photos)
            race.index(f"{options.photos} of {name}", folder, scratch / "libraries" / name)
        for count in options.listed:
            race.listed(count, scratch / str(count))


class _Race:
    def __init__(self, rclip: Path, models: Path, encoder: str) -> None:
        self._rclip, self._models, self._encoder = rclip, models, encoder

    def prepare(self, folder: Path, home: Path) -> None:
        """What clipseek makes of weights once on a machine; rclip's are published so."""
        first = self._run_clipseek(home, "index", str(folder), "--model", self._encoder)
        _print("the first use of these weights", "clipseek", first)

    def index(self, name: str, folder: Path, home: Path) -> None:
        """From nothing. rclip always searches after it; clipseek's own search is added."""
        theirs = self._home(home)
        _print(f"{name}: index, search", "rclip", self._run_rclip(theirs, folder))
        index = self._run_clipseek(home, "index", str(folder), "--model", self._encoder)
        search = self._run_clipseek(home, "search", QUERY)
        both = Spent(
            index.seconds + search.seconds,
            index.processor + search.processor,
            max(index.peak, search.peak),
        )
        _print(f"{name}: index, search", "clipseek", both)

    def listed(self, count: int, place: Path) -> None:
        """A run with nothing to do, and a search, where both list `count` files already."""
        folder, theirs = place / "files", self._home(place)
        empty_files(folder, count)
        python = self._rclip.with_name("python")
        subprocess.run([python, "-c", LIST_IN_RCLIP, theirs / "db.sqlite3", folder], check=True)
        ours = ("-c", LIST_IN_CLIPSEEK, place / "library", self._encoder, folder)
        subprocess.run([sys.executable, *ours], check=True)
        _print(
            f"{count:,} files: search",
            "rclip",
            _least(lambda: self._run_rclip(theirs, folder, "--no-indexing")),
        )
        _print(
            f"{count:,} files: search",
            "clipseek",
            _least(lambda: self._run_clipseek(place, "search", QUERY)),
        )
        _print(
            f"{count:,} files: re-run, search",
            "rclip",
            _least(lambda: self._run_rclip(theirs, folder)),
        )
        _print(
            f"{count:,} files: re-run alone",
            "clipseek",
            _least(lambda: self._run_clipseek(place, "index", str(folder))),
        )
        shutil.rmtree(place)

    def _home(self, place: Path) -> Path:
        """A data directory of rclip's own, with the model in it."""
        home = place / "rclip"
        home.mkdir(parents=True)
        for part in self._models.iterdir():
            (home / part.name).symlink_to(part)
        return home

    def _run_rclip(self, home: Path, folder: Path, *words: str) -> Spent:
        return spent_by([str(self._rclip), *words, QUERY], {"RCLIP_DATADIR": str(home)}, folder)

    def _run_clipseek(self, home: Path, *words: str) -> Spent:
        library = str((home / "library").absolute())
        return spent_by([sys.executable, "-m", "cli", *words], {"CLIPSEEK_LIBRARY": library})


LIST_IN_RCLIP = """
import sys
from pathlib import Path
import numpy as np
from rclip.db import DB

random = np.random.default_rng(0)
db = DB(sys.argv[1])
for number, path in enumerate(sorted(Path(sys.argv[2]).rglob("*.jpg"))):
    row = random.normal(size=512).astype(np.float32)
    row /= np.linalg.norm(row)
    seen = path.stat()
    db.upsert_image(
        dict(filepath=str(path), modified_at=seen.st_mtime, size=seen.st_size,
             vector=row.tobytes(), hash=str(number)),
        commit=False,
    )
db.close()
"""

LIST_IN_CLIPSEEK = """
import sys
from pathlib import Path
from indexers.walk import Walk
from searchengine import load_encoder, open_library
from tests.support.libraries import list_files

library, name, folder = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
encoder = load_encoder(name, device="cpu", precision="float32")
list_files(library, encoder, list(Walk([folder])))
with open_library(library, load=lambda _: encoder) as opened:
    opened.search("anything")
    with opened.writing():
        opened.space().refresh_index()
"""


def export(models: Path, seed: int = 0) -> Path:
    """What rclip loads, in `models`; the path of the weights for clipseek."""
    import open_clip
    import torch

    class Tower(torch.nn.Module):
        def __init__(self, encode: str) -> None:
            super().__init__()
            self.model, self._encode = model, encode

        def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002 - rclip's name
            rows: torch.Tensor = getattr(self.model, self._encode)(input)
            return rows

    place = models / "ViT-B-32-256-datacomp_s34b_b86k"
    place.mkdir(parents=True)
    torch.manual_seed(seed)
    torch.backends.mha.set_fastpath_enabled(False)  # it has no form in ONNX
    model = open_clip.create_model(ARCHITECTURE).eval()
    weights = models.parent / "weights.pt"
    torch.save(model.state_dict(), weights)
    towers = {
        "visual.onnx": ("encode_image", torch.zeros(2, 3, 256, 256)),
        "textual.onnx": ("encode_text", torch.zeros(2, 77, dtype=torch.long)),
    }
    for name, (encode, example) in towers.items():
        with torch.no_grad():
            torch.onnx.export(
                Tower(encode).eval(),
                (example,),
                str(place / name),
                input_names=["input"],
                output_names=["output"],
                dynamic_axes={"input": {0: "n"}, "output": {0: "n"}},
                dynamo=False,
            )
    vocabulary = Path(open_clip.__file__).with_name("bpe_simple_vocab_16e6.txt.gz")
    (models / "tokenizer").mkdir()
    shutil.copy(vocabulary, models / "tokenizer")
    return weights


def _least(run: Callable[[], Spent]) -> Spent:
    return min((run() for _ in range(TIMES)), key=lambda spent: spent.processor)


def _print(what: str, who: str, spent: Spent) -> None:
    figures = f"{spent.seconds:8.2f} {spent.processor:9.2f} {spent.peak / 1e9:8.2f}"
    print(f"{what:38} {who:10} {figures}", flush=True)


if __name__ == "__main__":
    main()
