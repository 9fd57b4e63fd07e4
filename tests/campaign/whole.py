"""A library with a file of every kind that there is, and what is asked of it.

Its encoder is a small open_clip model of random weights, as only such a one leaves a text tower.
"""

from __future__ import annotations

import random
import shutil
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from cli import main as cli_main
from searchengine import open_library
from searchengine.alignment.candidates import Learned, hub_bias
from searchengine.alignment.kept import keep_alignment
from searchengine.catalog.sqlite import connection
from searchengine.encoders.openvino import precision
from searchengine.float16 import widened
from searchengine.index import plan, settings
from searchengine.library.learned.derived import note_derived
from searchengine.library.readings import read_images
from searchengine.retrieval import rank
from searchengine.spaces import following
from searchengine.spaces.space import Space
from searchengine.texts import ranking
from searchengine.types import Vectors
from tests.campaign.forked import Done, Fork, warm_up
from tests.support.models import make_model

PICTURES = 300
"""256 train an index."""
FACTORY = "IVF4,PQ4np"
DIM = 24
COLOURS = ("red", "green", "blue", "yellow", "cyan", "magenta")


class Whole:
    """The library in `directory`, made once, and commands as forks of this process."""

    def __init__(self, directory: Path) -> None:
        self.photos, self.library = directory / "photos", directory / "whole"
        self._outputs = directory / "outputs"
        self._modules = directory / "modules"
        self._outputs.mkdir(parents=True)
        chance = random.Random(1)
        for number in range(PICTURES):
            _paint(self.photos / f"{number // 50}" / f"{number:04}.jpg", chance)
        for number in range(10):  # copies, and the same in another form
            first = self.photos / "0" / f"{number:04}.jpg"
            shutil.copy(first, self.photos / "1" / f"copy-{number}.jpg")
            with Image.open(first) as image:
                image.save(self.photos / "1" / f"saved-{number}.png")
        (self.photos / "broken.jpg").write_bytes(b"no picture")
        names = directory / "names.txt"
        names.write_text("\n".join(COLOURS), encoding="utf-8")
        captions = directory / "captions.csv"
        paths = sorted(self.photos.rglob("0*.jpg"))
        lines = [f"{path},a {chance.choice(COLOURS)} thing {path.stem}" for path in paths]
        captions.write_text("\n".join(["image,caption", *lines]), encoding="utf-8")
        self._must(partial(make_model, directory / "model", {}))
        model = f"local-dir:{directory / 'model'}"
        self._run("index", str(self.photos), "--model", model, "--crops", "4")
        self._run("captions", "add", str(captions))
        self._run("tag", "--names", str(names), "--threshold", "0", "--several")
        self._run("tune", "--factory", FACTORY, "-k", "50", "--target", "1")
        self._must(partial(_read_and_align, self.library))
        self._run("search", "red")
        self._run("check")
        self.asked: Sequence[tuple[str, ...]] = (
            ("search", "a red thing", "--json"),
            ("search", "blue", "--json", "--after", "2011", "--before", "2015"),
            ("search", "thing 0012", "--words-only", "--json"),
            ("search", str(paths[7]), "--json", "--camera", "maker 3"),
            ("search", "green", "--label", "red", "--json"),
            ("describe", str(paths[3]), "--json"),
            ("duplicates", "--json"),
            ("captions", "list"),
            ("failures",),
        )

    def start(self, library: Path, *arguments: str, number: int = 0) -> Fork:
        """A command under way."""
        work = partial(_clipseek, *arguments, "--library", str(library))
        return Fork(work, self._outputs / str(number))

    def run(self, library: Path, *arguments: str) -> Done:
        """A command to its end."""
        return self.start(library, *arguments).wait()

    def _run(self, *arguments: str) -> None:
        self._must(partial(_clipseek, *arguments, "--library", str(self.library)))

    def _must(self, work: Any) -> None:
        done = Fork(partial(_and_list_modules, self._modules, work), self._outputs / "made").wait()
        assert done.code == 0, done.err
        warm_up(self._modules.read_text("utf-8").split())


def _and_list_modules(modules: Path, work: Any) -> None:
    try:
        work()
    finally:
        modules.write_text("\n".join(sys.modules), encoding="utf-8")


def _clipseek(*arguments: str) -> None:
    """`clipseek` with these arguments, and what large libraries do in a small one."""
    catalog: Any = connection
    catalog.BUSY_SECONDS = 1
    chosen: Any = precision  # one for all, so that scores differ by damage alone
    chosen.quickest_precision = chosen.precision_for_queries = lambda _: "float32"
    for module, name in (
        (rank, "FEW_ROWS"),
        (ranking, "FEW_TEXTS"),
        (following, "LEAST_ROWS"),
        (plan, "EXACT_BELOW"),
    ):
        setattr(module, name, 20)
    untuned: Any = settings
    untuned.PROBED_SHARE = 1  # every cell: what an index answers is exact, and differs by damage
    sys.argv = ["clipseek", *arguments]
    cli_main.main()


class _Reader:
    source, state, side = "ocr", "1", 64

    def read(self, picture: Image.Image) -> Sequence[str]:
        return [f"sign {picture.getpixel((0, 0))}"]


class _Silent:
    def planned(self, total: int) -> None: ...

    def started(self) -> None: ...

    def advanced(self) -> None: ...

    def skipped(self, path: str, reason: str) -> None: ...


def _read_and_align(library: Path) -> None:
    """What a reader of texts and `clipseek align` leave; random weights would be refused."""
    with open_library(library) as opened:
        read_images(opened, [], _Reader, "ocr", "1", _Silent())
        space = opened.space()
        chance = np.random.default_rng(2)
        chance_map = chance.normal(0, 0.05, (DIM, DIM)).astype(np.float32)
        learned = Learned(_biases(space), chance_map)
        note = space.tied.note(opened.catalog.rows(space.info))
        keep_alignment(space.info, space.directory, learned, ["hub", "map"], "0", note)
        note_derived(space)


def _biases(space: Space) -> Vectors:
    """Those that index runs give to images that a repair encoded again."""
    with space.catalog.snapshot() as now:
        rows, owners = now.caption_owners(space.info)
        images, captions = now.rows(space.info), now.caption_rows(space.info)
    return hub_bias(
        widened(space.images.read(images)),
        np.arange(images),
        widened(space.captions.read(captions)[rows]),
        owners,
    )


def _paint(path: Path, chance: random.Random) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    small = np.frombuffer(chance.randbytes(48), dtype=np.uint8).reshape(4, 4, 3)
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Maker", f"{chance.randrange(5)}"
    exif.get_ifd(0x8769)[0x9003] = (
        f"{chance.randrange(2008, 2020)}:0{chance.randrange(1, 10)}:11 10:11:12"
    )
    Image.fromarray(small).resize((96, 64)).save(path, exif=exif)
