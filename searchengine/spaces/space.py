"""A space: the vectors of one encoder inside a library, and the index over them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from searchengine.catalog.catalog import Catalog, CatalogReads
from searchengine.catalog.checksums import CAPTION_VECTORS, IMAGE_VECTORS
from searchengine.errors import LibraryDamagedError, MissingExtraError, NotListedError
from searchengine.files import checksum_of
from searchengine.index import faiss_index
from searchengine.index.facts import (
    files,
    index_path,
    is_fetched,
    read_any_facts,
    read_facts,
    remove_index,
    write_facts,
)
from searchengine.index.faiss_index import AnnIndex
from searchengine.index.plan import next_step
from searchengine.index.settings import setting_for
from searchengine.index.types import IndexFacts, IndexInfo, Modality, Step, TunedSetting
from searchengine.spaces.captioned import KnownCaptionRows
from searchengine.spaces.stacked import KnownStacks
from searchengine.types import SpaceInfo, Vectors, listed_path
from searchengine.vectors.checksums import BLOCK_ROWS
from searchengine.vectors.file import Rows, VectorFile
from searchengine.vectors.lengths import impossible_rows

if TYPE_CHECKING:
    from searchengine.looks.kept import LookFile

log = logging.getLogger("clipseek")


def crops_setting(name: str) -> str:
    """The setting of the catalog that says how many crops are in the vectors of a space."""
    return f"crops {name}"


class Space:
    """Vectors and index on disk; `info` is what the catalog records of them."""

    def __init__(self, info: SpaceInfo, directory: Path, catalog: Catalog) -> None:
        self.info = info
        self.directory = directory
        self.catalog = catalog
        self.images = VectorFile(directory / IMAGE_VECTORS, info.dim)
        self.captions = VectorFile(directory / CAPTION_VECTORS, info.dim)
        self.caption_rows = KnownCaptionRows(info)
        self.stacks = KnownStacks(directory)
        self._loaded: tuple[IndexFacts | None, AnnIndex | None] = (None, None)
        self._loading = threading.Lock()
        self.damage: str | None = None
        """What is wrong with the vectors, as far as a search has met it; it was said once."""
        self._held: set[VectorFile] = set()

    @property
    def looks(self) -> LookFile:
        """How the pictures look, to tell copies by."""
        from searchengine.looks.kept import LookFile

        return LookFile(self.directory)

    @property
    def crops(self) -> int:
        """How many crops of a picture are in its vector beside the whole; 1 for the whole alone."""
        from searchengine.embedding.crops import CHOICES

        kept = self.catalog.setting(crops_setting(self.info.name)) or "1"
        if kept not in map(str, CHOICES):
            why = f"the setting {crops_setting(self.info.name)!r} holds {kept[:60]!a}"
            raise LibraryDamagedError(self.library, why)
        return int(kept)

    @property
    def library(self) -> Path:
        """The directory of the library it is in."""
        return self.directory.parents[1]

    def vectors_of_images(self, now: CatalogReads, ids: Sequence[int]) -> Vectors:
        """The stored vectors of images, in order, shape (n, d), float32, as of a moment.

        Raises NotListedError for an image that has none.
        """
        numbers = now.rows_of(self.info, ids)
        for image_id in ids:
            if image_id not in numbers:
                raise NotListedError(image_id)
        rows = self.images.read(now.rows(self.info))
        found: Vectors = rows[[numbers[image_id] for image_id in ids]].astype(np.float32)
        for place in impossible_rows(found):
            raise LibraryDamagedError(
                self.library, f"the vector of image {ids[place]} is not of length 1"
            )
        return found

    def stored_vectors(self, now: CatalogReads) -> tuple[list[Path], Rows]:
        """The paths of all images with a vector and their rows, (n, d), less damaged ones."""
        numbers, paths = now.embedded_images(self.info)
        count = now.rows(self.info)
        stored, damaged = self.images.read(count), self.images.look_through(count)
        sound = ~np.isin(numbers, damaged)
        if not sound.all():
            self.say_what_is_left_out()
        return [listed_path(path) for path in compress(paths, sound)], stored[numbers[sound]]

    def is_sound(self, row: int) -> bool:
        """Whether a row of the image vectors, which counts, is of a length that it can have."""
        return not len(impossible_rows(self.images.read(row + 1)[row:]))

    def hold_against_checksums(
        self,
        now: CatalogReads,
        file: VectorFile,
        rows: int,
        living: Callable[[], NDArray[np.int64]],
    ) -> None:
        """Look, once, whether a file of which `rows` rows count is as it was written, and say not.

        Only where it is little and read whole in any case. `living` finds the rows in use.
        """
        if file in self._held or not file.is_little(rows):
            return
        self._held.add(file)
        known = now.checksums(self.info, file.path.name)
        used = set((living() // BLOCK_ROWS).tolist()) & known.keys()
        if any(known[found.block] != found for found in file.checksums(rows, sorted(used))):
            self._say_damaged_rows("are not as they were written, so that answers may be wrong")

    def say_what_is_left_out(self) -> None:
        """Note, once, that searches leave out rows that are damaged."""
        self._say_damaged_rows("are damaged, and left out of what is found")

    def _say_damaged_rows(self, what: str) -> None:
        if self.damage is None:
            self.damage = (
                f"vectors of space {self.info.name} {what}; see: clipseek check --library "
                f"{self.library}"
            )
            log.warning("%s", self.damage)

    def index(self, rows: int) -> AnnIndex | None:
        """The approximate index, where one fits `rows` rows and faiss is installed.

        Any thread may ask; several that ask at once wait for one to load it.
        """
        facts = read_facts(self.directory)
        if facts is not None and facts.covered > rows:
            return None  # made since the rows were counted: the next search takes it
        if facts is not None and facts.plan.dim != self.info.dim:
            return None
        with self._loading:
            if self._loaded[0] != facts:
                try:
                    self._loaded = facts, faiss_index.load(self.directory, rows)
                except MissingExtraError as error:
                    log.warning("%s", error)
                    self._loaded = facts, None
            return self._loaded[1]

    def give_up_index(self) -> None:
        """Search without the index that is loaded, and say so: it is damaged."""
        log.warning(
            "the index of space %s is damaged: every vector is compared until the next index run "
            "has built it anew; see: clipseek check --library %s",
            self.info.name,
            self.library,
        )
        with self._loading:
            self._loaded = self._loaded[0], None

    def refresh_index(
        self, *, memory: int | None = None, factory: str | None = None, device: str = "auto"
    ) -> Step:
        """Bring the index up to date with the rows, by as little as will do; returns what was done.

        `memory` is the most bytes it may take, `factory` FAISS's notation of another one than the
        program would choose; without them the index stays of the kind it is. `device` is where its
        cells are found: "auto" takes a GPU with CUDA where there is one. The caller holds the
        library's lock. Raises InputError, LibraryUnusableError, DeviceUnavailableError, and
        MissingExtraError without faiss.
        """
        known = read_facts(self.directory)
        if known is not None and is_fetched(known):
            return Step.NOTHING
        rows = self.images.read(self.catalog.rows(self.info))
        dead = self.catalog.dead_rows(self.info)
        facts, damaged = self._known_index(len(rows))
        step, plan = next_step(
            len(rows),
            len(dead),
            self.info.dim,
            facts,
            memory=memory,
            factory=factory,
            damaged=damaged,
        )
        if damaged and step is not Step.BUILD:
            remove_index(self.directory)
        if step is Step.NOTHING:
            return step
        from searchengine.index import faiss_build  # late: searches build nothing
        from searchengine.index.cells import ON_CPU, cell_finder_on

        finder = cell_finder_on(device)
        dead = np.union1d(dead, self.images.look_through(len(rows)))
        if step is Step.ADD:
            faiss_build.extend(rows, self.directory, dead=dead, finder=finder)
        elif plan is not None:
            log.warning(
                "building the index %s over %s vectors%s",
                plan.factory,
                f"{plan.rows:,}",
                "; a million take a minute or two" if finder is ON_CPU else " on the GPU",
            )
            faiss_build.build(rows, plan, self.directory, dead=dead, finder=finder)
            if facts is not None and (facts.text or facts.image):
                log.warning("the settings tuned for the index before are gone: clipseek tune")
        return step

    def _known_index(self, rows: int) -> tuple[IndexFacts | None, bool]:
        """What is known of the index, and whether it is damaged; what it is stays known then.

        What a killed process left beside a sound index goes; what is left without facts too.
        """
        facts = read_any_facts(self.directory)
        if facts is None:
            if any(path.exists() for path in files(self.directory)):
                self._say_damaged("index.json cannot be read")
                remove_index(self.directory)
            return None, False
        fault = faiss_index.fault_of(self.directory, rows)
        if fault is not None:
            self._say_damaged(fault)
            return facts, True
        if facts.crc is None:  # of a version that kept none
            crc = checksum_of(index_path(self.directory, facts))
            facts = replace(facts, crc=crc)
            write_facts(self.directory, facts)
        remove_index(self.directory, but=facts)
        return facts, False

    def _say_damaged(self, why: str) -> None:
        log.warning("the index of space %s is damaged or unfinished: %s", self.info.name, why)

    def save_tuned(self, text: TunedSetting | None, image: TunedSetting | None) -> None:
        """Keep tuned settings beside the index; None leaves one as it is."""
        facts = read_facts(self.directory)
        if facts is not None:
            changed = replace(facts, text=text or facts.text, image=image or facts.image)
            write_facts(self.directory, changed)

    def index_info(self) -> IndexInfo:
        """What the index is, covers, and how it is searched."""
        rows = self.catalog.rows(self.info)
        facts = read_facts(self.directory)
        if facts is not None and facts.covered > rows:
            facts = None
        return IndexInfo(
            space=self.info.name,
            rows=rows,
            dead=len(self.catalog.dead_rows(self.info)),
            uncovered=rows - facts.covered if facts else rows,
            index=facts,
            text=setting_for(facts, Modality.TEXT) if facts else None,
            image=setting_for(facts, Modality.IMAGE) if facts else None,
        )

    @property
    def bytes(self) -> int:
        """Size on disk in bytes: vectors, caption vectors, index and text tower."""
        return sum(path.stat().st_size for path in self.directory.glob("*") if path.is_file())
