"""What the campaigns work on: a folder of pictures, and libraries over it at some moment."""

from __future__ import annotations

import random
import shutil
import sqlite3
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.campaign import commands
from tests.campaign.forked import Done, Fork, warm_up
from tests.support.fake import FakeEncoder
from tests.support.libraries import check_library
from tests.support.pictures import paint, save_again

FACTORY = "IVF4,PQ4np"
LISTED, COPIES, NEW = 300, 10, 40
"""Pictures in the library before a command, copies of some, and those that come: 256 train an
index."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command that writes, and the library it begins with."""

    name: str
    arguments: tuple[str, ...]
    begins_with: str
    """The name of a library of `Scene`."""
    beside: tuple[str, ...]
    """What somebody else does meanwhile: a part of the same work, which has the same end."""
    code: int = 0
    """With which it ends."""


class Scene:
    """Pictures and template libraries in a directory; templates are copied, never changed."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.photos = directory / "photos"
        self.queries = directory / "queries.txt"
        self.names = directory / "names.txt"
        self._outputs = directory / "outputs"
        self._outputs.mkdir(parents=True)
        self._started = 0
        chance = random.Random(1)
        for number in range(LISTED):
            paint(self.photos / f"{number // 50}" / f"{number:04}.png", chance)
        for path in sorted((self.photos / "4").iterdir())[:COPIES]:
            save_again(path)
        self._write_texts()
        library = self.template("listed")
        self.must(library, "index", str(self.photos), "--model", "fake")
        shutil.copytree(library, self.template("indexed"))
        self.must(self.template("indexed"), "tune", "--queries", str(self.queries), *_FACTORY)
        shutil.copytree(library, self.template("rotten"))
        _rot(self.template("rotten") / "spaces" / "fake" / "vectors.f16")
        for number in range(LISTED, LISTED + NEW):
            paint(self.photos / "new" / f"{number:04}.png", chance)
        for path in sorted((self.photos / "0").iterdir())[:10]:
            path.rename(self.photos / "new" / f"moved-{path.name}")
        for path in sorted((self.photos / "1").iterdir())[:10]:
            paint(path, chance)
        for path in sorted((self.photos / "2").iterdir())[:10]:
            path.unlink()

    def commands(self) -> list[Command]:
        """Every kind of write."""
        photos, new = str(self.photos), str(self.photos / "new")
        index, captions = ("index", photos), ("captions", "add")
        some = str(self._written("some.csv", self._captions[:0:-2]))
        first = str(self.photos / "3" / "0150.png")
        tag = ("tag", "--names", str(self.names), "--threshold", "0.1")
        tune = ("tune", "--queries", str(self.queries), *_FACTORY)
        repair = ("check", "--repair")
        fake = ("--model", "fake")
        return [
            Command("index, a new library", (*index, *fake), "none", ("index", new, *fake)),
            Command("index, what changed", index, "listed", ("index", new)),
            Command("captions add", (*captions, str(self.captions)), "listed", (*captions, some)),
            Command("remove", ("remove", str(self.photos / "3")), "listed", ("remove", first)),
            Command("index --factory", (*index, *_FACTORY), "listed", ("index", new)),
            Command("index, with an index", index, "indexed", ("index", new)),
            Command("tune", tune, "listed", tune),
            Command("tag", tag, "listed", tag),
            Command("check --repair", repair, "rotten", repair, code=1),
        ]

    def template(self, name: str) -> Path:
        """The library of this name, as it is before a command."""
        return self.directory / "templates" / name

    def copy(self, name: str, target: Path) -> Path:
        """A copy of a template to work on; nothing for the library that is not there yet."""
        shutil.rmtree(target, ignore_errors=True)
        if self.template(name).exists():
            shutil.copytree(self.template(name), target)
        return target

    def start(self, library: Path, *arguments: str, faults: dict[str, str] | None = None) -> Fork:
        """A command under way."""
        self._started += 1
        work = partial(commands.run, *arguments, "--library", str(library))
        return Fork(work, self._outputs / str(self._started % 4), faults)

    def run(self, library: Path, *arguments: str, faults: dict[str, str] | None = None) -> Done:
        """A command to its end."""
        return self.start(library, *arguments, faults=faults).wait()

    def must(self, library: Path, *arguments: str, code: int = 0) -> None:
        """A command that has to end so; what it imports is here for the ones after it."""
        modules = self.directory / "modules"
        work = partial(_and_list_modules, modules, *arguments, "--library", str(library))
        done = Fork(work, self._outputs / "must").wait()
        assert done.code == code, done.err
        warm_up(modules.read_text("utf-8").split())

    def _written(self, name: str, lines: list[str]) -> Path:
        path = self.directory / name
        path.write_text("\n".join(["image,caption", *lines]), encoding="utf-8")
        return path

    def _write_texts(self) -> None:
        paths = sorted(self.photos.rglob("*.png"))
        self._captions = [f"{path},a picture {number}" for number, path in enumerate(paths[::3])]
        self.captions = self._written("captions.csv", self._captions)
        colours = ("red", "green", "blue", "white", "black", "yellow", "cyan")
        texts = [f"{first} {second} {n}" for n, first in enumerate(colours) for second in colours]
        self.queries.write_text("\n".join(texts), encoding="utf-8")
        self.names.write_text("\n".join(colours), encoding="utf-8")


_FACTORY = ("--factory", FACTORY)


def _and_list_modules(modules: Path, *arguments: str) -> None:
    try:
        commands.run(*arguments)
    finally:
        modules.write_text("\n".join(sys.modules), encoding="utf-8")


def _rot(vectors: Path) -> None:
    """A stretch of rows that are no vectors any more."""
    data = bytearray(vectors.read_bytes())
    data[1_000:2_000] = bytes(1_000)
    vectors.write_bytes(data)


def facts_of(library: Path) -> dict[str, object]:
    """What a library holds in the end, whatever way it came there; checks its invariants."""
    check_library(library)
    catalog = sqlite3.connect(library / "catalog.sqlite")
    found: dict[str, object] = {
        name: sorted(catalog.execute(query).fetchall())
        for name, query in (
            ("images", "SELECT path, content_hash FROM images"),
            ("captions", "SELECT path, text FROM captions JOIN images ON images.id = image_id"),
            ("labels", "SELECT path, name FROM labels JOIN images ON images.id = image_id"),
        )
    }
    for file, owners in (
        ("vectors", "SELECT row, path FROM images JOIN embeddings ON owner_id = id"),
        ("captions", "SELECT row, text FROM captions JOIN caption_embeddings ON owner_id = id"),
    ):
        path = library / "spaces" / "fake" / f"{file}.f16"
        stored = path.read_bytes() if path.is_file() else b""
        width = 2 * FakeEncoder.dim
        found[f"{file} by owner"] = sorted(
            (owner, stored[width * row : width * (row + 1)])
            for row, owner in catalog.execute(owners).fetchall()
        )
    catalog.close()
    index = library / "spaces" / "fake" / "index.json"
    found["index"] = FACTORY in index.read_text("utf-8") if index.is_file() else None
    found["tuned"] = index.is_file() and '"nprobe"' in index.read_text("utf-8")
    return found


def version_of(library: Path) -> int:
    """The schema version that the catalog says it has."""
    catalog = sqlite3.connect(library / "catalog.sqlite")
    [(version,)] = catalog.execute("PRAGMA user_version").fetchall()
    catalog.close()
    return int(version)
