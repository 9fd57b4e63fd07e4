"""A space: the vectors of one encoder inside a library, and the index over them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from searchengine.catalog.catalog import Catalog, CatalogReads
from searchengine.errors import MissingExtraError, NotListedError
from searchengine.index import faiss_build, faiss_index
from searchengine.index.cells import ON_CPU, cell_finder_on
from searchengine.index.facts import files, read_facts, write_facts
from searchengine.index.faiss_index import AnnIndex
from searchengine.index.plan import next_step
from searchengine.index.settings import setting_for
from searchengine.index.types import IndexFacts, IndexInfo, Modality, Step, TunedSetting
from searchengine.types import SpaceInfo, Vectors
from searchengine.vectors.file import VectorFile

log = logging.getLogger("clipseek")


class Space:
    """Vectors and index on disk; `info` is what the catalog records of them."""

    def __init__(self, info: SpaceInfo, directory: Path, catalog: Catalog) -> None:
        self.info = info
        self.directory = directory
        self.catalog = catalog
        self.images = VectorFile(directory / "vectors.f16", info.dim)
        self.captions = VectorFile(directory / "captions.f16", info.dim)
        self._loaded: tuple[IndexFacts | None, AnnIndex | None] = (None, None)
        self._loading = threading.Lock()

    def vectors_of_images(self, now: CatalogReads, ids: Sequence[int]) -> Vectors:
        """The stored vectors of images, in order, shape (n, d), float32, as of a moment.

        Raises NotListedError for an image that has none.
        """
        numbers = now.rows_of(self.info, ids)
        for image_id in ids:
            if image_id not in numbers:
                raise NotListedError(image_id)
        rows = self.images.read(now.rows(self.info))
        return rows[[numbers[image_id] for image_id in ids]].astype(np.float32)

    def index(self, rows: int) -> AnnIndex | None:
        """The approximate index, where one fits `rows` rows and faiss is installed.

        Any thread may ask; several that ask at once wait for one to load it.
        """
        facts = read_facts(self.directory)
        if facts is not None and facts.covered > rows:
            return None  # made since the rows were counted: the next search takes it
        with self._loading:
            if self._loaded[0] != facts:
                try:
                    self._loaded = facts, faiss_index.load(self.directory, rows)
                except MissingExtraError as error:
                    log.warning("%s", error)
                    self._loaded = facts, None
            return self._loaded[1]

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
        rows = self.images.read(self.catalog.rows(self.info))
        dead = self.catalog.dead_rows(self.info)
        facts = self._sound_facts(len(rows))
        step, plan = next_step(
            len(rows), len(dead), self.info.dim, facts, memory=memory, factory=factory
        )
        if step is Step.NOTHING:
            return step
        finder = cell_finder_on(device)
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

    def _sound_facts(self, rows: int) -> IndexFacts | None:
        """What is known of the index, if it can be read; what is left of a damaged one goes."""
        if not any(path.exists() for path in files(self.directory)):
            return None
        index = faiss_index.load(self.directory, rows)
        if index is not None:
            return index.facts
        log.warning("the index of space %s is damaged or unfinished, and removed", self.info.name)
        for path in files(self.directory):
            path.unlink(missing_ok=True)
        return None

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
