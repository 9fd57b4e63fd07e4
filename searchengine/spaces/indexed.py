"""The approximate index over one vector file of a space: loaded, given up, brought up to date."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np

from searchengine.errors import MissingExtraError
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
from searchengine.index.types import IndexFacts, Step, TunedSetting
from searchengine.spaces.tied import TiedRows
from searchengine.vectors.file import VectorFile
from searchengine.vectors.scan import RowNumbers

log = logging.getLogger("clipseek")


class KnownIndex:
    """The index in a directory over the rows of a file. Any thread may ask it."""

    def __init__(
        self, directory: Path, file: VectorFile, tied: TiedRows, name: str, library: Path
    ) -> None:
        self.directory = directory
        self._file = file
        self._tied = tied
        self._library = library
        self._name = name
        """Whose index it is, in words."""
        self._loaded: tuple[IndexFacts | None, AnnIndex | None] = (None, None)
        self._loading = threading.Lock()

    @property
    def is_there(self) -> bool:
        """Whether there is any file of it, sound or not."""
        return any(path.exists() for path in files(self.directory))

    def at(self, rows: int) -> AnnIndex | None:
        """The index, where one fits `rows` rows and faiss is installed.

        Several threads that ask at once wait for one to load it.
        """
        facts = self.facts(rows)
        if facts is None or facts.plan.dim != self._file.dim:
            return None
        with self._loading:
            if self._loaded[0] != facts:
                try:
                    self._loaded = facts, faiss_index.load(self.directory, rows)
                except MissingExtraError as error:
                    log.warning("%s", error)
                    self._loaded = facts, None
            return self._loaded[1]

    def facts(self, rows: int) -> IndexFacts | None:
        """What is known of it where `rows` rows count; None of one of later or of other rows."""
        facts = read_facts(self.directory)
        if facts is None or facts.covered > rows or not self._tied.are_of(facts.made_of):
            return None
        return facts

    def give_up(self) -> None:
        """Search without the one that is loaded, and say so: it is damaged."""
        log.warning(
            "the index of %s is damaged: every vector is compared until the next index run has "
            "built it anew; see: clipseek check --library %s",
            self._name,
            self._library,
        )
        with self._loading:
            self._loaded = self._loaded[0], None

    def fault(self, rows: int) -> str | None:
        """What is wrong with it where `rows` rows count; None where it is sound or none.

        Raises MissingExtraError without faiss.
        """
        if not self.is_there:
            return None
        fault, facts = faiss_index.fault_of(self.directory, rows), read_facts(self.directory)
        if fault is None and facts is not None and not self._tied.are_of(facts.made_of):
            return f"{facts.file} is of other vectors than these"
        return fault

    def refresh(
        self,
        rows: int,
        dead: RowNumbers,
        *,
        memory: int | None = None,
        factory: str | None = None,
        device: str = "auto",
    ) -> Step:
        """Bring it up to date with so many rows, by as little as will do; returns what was done.

        Rows in `dead`, and damaged ones, are left out. The rest is as in `Space.refresh_index`.
        """
        known = read_facts(self.directory)
        if known is not None and is_fetched(known):
            return Step.NOTHING
        from searchengine.index.plan import next_step  # late: searches plan nothing

        facts, damaged = self._known(rows)
        step, plan = next_step(
            rows,
            len(dead),
            self._file.dim,
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
        dead = np.union1d(dead, self._file.look_through(rows))
        stored = self._file.read(rows)
        self.directory.mkdir(exist_ok=True)
        if step is Step.ADD:
            faiss_build.extend(
                stored, self.directory, dead=dead, finder=finder, made_of=self._tied.note(rows)
            )
        elif plan is not None:
            log.warning(
                "building the index %s over %s vectors%s",
                plan.factory,
                f"{plan.rows:,}",
                "; a million take a minute or two" if finder is ON_CPU else " on the GPU",
            )
            made_of = self._tied.note(rows)
            built = faiss_build.build(
                stored, plan, self.directory, dead=dead, finder=finder, made_of=made_of
            ).facts
            if facts is not None and (facts.text, facts.image) != (built.text, built.image):
                log.warning("the settings tuned for the index before are gone: clipseek tune")
        return step

    def save_tuned(self, text: TunedSetting | None, image: TunedSetting | None) -> None:
        """Keep tuned settings beside it; None leaves one as it is."""
        facts = read_facts(self.directory)
        if facts is not None:
            changed = replace(facts, text=text or facts.text, image=image or facts.image)
            write_facts(self.directory, changed)

    def _known(self, rows: int) -> tuple[IndexFacts | None, bool]:
        """What is known of it, and whether it is damaged; what it is stays known then.

        What a killed process left beside a sound index goes; what is left without facts too.
        """
        facts = read_any_facts(self.directory)
        if facts is None:
            if self.is_there:
                self._say_damaged("index.json cannot be read")
                remove_index(self.directory)
            return None, False
        fault = self.fault(rows)
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
        log.warning("the index of %s is damaged or unfinished: %s", self._name, why)
