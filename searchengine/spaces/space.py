"""A space: the vectors of one encoder inside a library, and the index over them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from searchengine.catalog.catalog import Catalog, CatalogReads
from searchengine.catalog.checksums import CAPTION_VECTORS, IMAGE_VECTORS
from searchengine.errors import LibraryDamagedError, NotListedError
from searchengine.index.facts import facts_path
from searchengine.index.faiss_index import AnnIndex
from searchengine.index.settings import setting_for
from searchengine.index.types import IndexInfo, Modality, Step, TunedSetting
from searchengine.spaces.captioned import KnownCaptionRows
from searchengine.spaces.indexed import KnownIndex
from searchengine.spaces.stacked import KnownStacks
from searchengine.spaces.tied import TiedRows
from searchengine.types import Filter, SpaceInfo, Vectors, listed_path
from searchengine.vectors.checksums import BLOCK_ROWS
from searchengine.vectors.file import Rows, VectorFile
from searchengine.vectors.lengths import impossible_rows
from searchengine.vectors.rowset import RowSet

if TYPE_CHECKING:
    from searchengine.looks.kept import LookFile
    from searchengine.spaces.columned import KnownColumns

COLUMNS = "columns.json"
"""What says which columns a space has: see `searchengine.columns.head`."""

log = logging.getLogger("clipseek")

CAPTION_INDEX = "captions"
"""The folder of a space with the index of its captions."""


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
        self.tied = TiedRows(
            self.images, lambda: catalog.rows(info), lambda: catalog.checksums(info, IMAGE_VECTORS)
        )
        self._tied_captions = TiedRows(
            self.captions,
            lambda: catalog.caption_rows(info),
            lambda: catalog.checksums(info, CAPTION_VECTORS),
        )
        self.stacks = KnownStacks(directory, self.tied)
        of_images, of_captions = f"space {info.name}", f"the captions of space {info.name}"
        self._index = KnownIndex(directory, self.images, self.tied, of_images, self.library)
        self.caption_index = KnownIndex(
            directory / CAPTION_INDEX, self.captions, self._tied_captions, of_captions, self.library
        )
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

    @cached_property
    def _columns(self) -> KnownColumns:
        from searchengine.spaces.columned import KnownColumns  # late: few libraries have any

        return KnownColumns(self.info, self.directory)

    def living(self, now: CatalogReads, count: int) -> RowSet:
        """Which of the `count` rows of a moment are an image's."""
        found = self._columns.living(now, count) if self._has_columns else None
        return RowSet.every(count).without(now.dead_rows(self.info)) if found is None else found

    def passing(self, now: CatalogReads, count: int, where: Filter) -> RowSet:
        """Which of the `count` rows of a moment are of an image that passes the filter."""
        found = self._columns.passing(now, count, where) if self._has_columns else None
        return RowSet.of(now.rows_matching(self.info, where), count) if found is None else found

    @property
    def _has_columns(self) -> bool:
        return (self.directory / COLUMNS).exists()

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
        return self._index.at(rows)

    def give_up_index(self) -> None:
        """Search without the index that is loaded, and say so: it is damaged."""
        self._index.give_up()

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
        rows, dead = self.catalog.rows_and_dead(self.info)
        return self._index.refresh(rows, dead, memory=memory, factory=factory, device=device)

    def forget_ties(self) -> None:
        """Hold derived files against the rows anew: see `TiedRows.forget`."""
        self.tied.forget()
        self._tied_captions.forget()

    def require_rows(self) -> None:
        """Raises LibraryDamagedError where fewer vectors are there than the catalog lists."""
        self.images.read(self.catalog.rows(self.info))
        self.captions.read(self.catalog.caption_rows(self.info))

    def refresh_caption_index(self) -> Step:
        """As `refresh_index`, of the captions: the one that the program chooses, on the CPU."""
        rows, dead = self.catalog.caption_rows_and_dead(self.info)
        return self.caption_index.refresh(rows, dead, device="cpu")

    def index_faults(self, rows: int, captions: int) -> Iterator[tuple[Path, str]]:
        """What is wrong with the indexes, where so many rows count: each file, and why.

        Raises MissingExtraError without faiss.
        """
        for index, count in ((self._index, rows), (self.caption_index, captions)):
            fault = index.fault(count)
            if fault is not None:
                yield facts_path(index.directory), fault

    def save_tuned(self, text: TunedSetting | None, image: TunedSetting | None) -> None:
        """Keep tuned settings beside the index; None leaves one as it is."""
        self._index.save_tuned(text, image)

    def index_info(self) -> IndexInfo:
        """What the index is, covers, and how it is searched."""
        rows = self.catalog.rows(self.info)
        facts = self._index.facts(rows)
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
        """Size on disk in bytes: vectors, caption vectors, indexes and text tower."""
        return sum(path.stat().st_size for path in self.directory.rglob("*") if path.is_file())
