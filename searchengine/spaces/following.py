"""The columns of a library's spaces, made by index runs and kept in step by whatever writes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

import numpy as np

from searchengine.catalog.columns.facts import RowFacts, UnfitError
from searchengine.catalog.rows import STATE
from searchengine.columns.head import Head, read_head
from searchengine.columns.layout import CAMERA, COLUMNS, FOLDER, KIND, LABELS, WHEN, cells_of
from searchengine.columns.reading import Columns, TornColumnsError
from searchengine.columns.writing import (
    DamagedColumnsError,
    Names,
    bring,
    forget,
    is_long_enough,
    make,
)
from searchengine.errors import reason_of
from searchengine.spaces.space import Space
from searchengine.types import SpaceInfo

LEAST_ROWS = 20_000
"""Rows from which a space has columns: of fewer the catalog tells in some milliseconds."""

log = logging.getLogger("clipseek")


class Following:
    """Brings the columns of every space to each new state of the catalog.

    It is told after a transaction is committed. Killed before it is done it leaves columns of
    another state, which nobody asks and the next index run makes anew.
    """

    def __init__(self, spaces: Callable[[], Sequence[Space]]) -> None:
        self._spaces = spaces
        self._in_step: dict[int, tuple[Space, Head]] = {}
        self._names: dict[int, tuple[Head, Names]] = {}

    def in_step(self, state: str) -> Sequence[tuple[SpaceInfo, int]]:
        """The spaces whose columns are those of this state, and how many rows they have."""
        self._in_step = {}
        for space in self._spaces():
            head = read_head(space.directory)
            if head is not None and head.state == state:
                self._in_step[space.info.id] = space, head
        return [(space.info, head.rows) for space, head in self._in_step.values()]

    def follow(self, state: str, changed: Mapping[int, Sequence[RowFacts] | None]) -> None:
        """Bring those columns to this state: what changed, by the space's id.

        None where columns cannot say it. What cannot be brought there is left to the next run.
        """
        for space_id, facts in changed.items():
            space, head = self._in_step[space_id]
            try:
                if facts is None or not is_long_enough(space.directory / head.place, head):
                    raise DamagedColumnsError(head.place)
                names = self._known_names(space, head)
                head = bring(space.directory, head, names, state, facts)
                self._names[space_id] = head, names
            except (OSError, DamagedColumnsError, TornColumnsError):
                forget_columns(space)

    def _known_names(self, space: Space, head: Head) -> Names:
        known = self._names.get(space.info.id)
        if known is not None and known[0] == head:
            return known[1]
        columns = Columns(space.directory, head)
        return Names(columns.folders, columns.cameras, columns.labelled)


def refresh_columns(space: Space) -> None:
    """Make the columns of a space where it is large enough, and they are not of now or damaged.

    The caller holds the library's lock. A disk that is full is said.
    """
    catalog = space.catalog
    if catalog.rows(space.info) < LEAST_ROWS:
        return
    state = catalog.setting(STATE) or catalog.new_filter_state()
    head = read_head(space.directory)
    if head is not None and head.state == state and _torn(Columns(space.directory, head)) is None:
        return
    try:
        forget(space.directory)
        with catalog.snapshot() as now:
            make(space.directory, state, now.row_facts(space.info))
    except UnfitError:
        return  # made by another program; the catalog answers
    except OSError as error:
        log.warning(
            "the columns of space %s cannot be written (%s): filters take longer",
            space.info.name,
            reason_of(error),
        )


def forget_columns(space: Space) -> None:
    """Let the catalog answer filters until the next index run."""
    with suppress(OSError):
        forget(space.directory)


def fault_of_columns(space: Space) -> str | None:
    """What is wrong with the columns; None where they are sound, or none, or of another state.

    Reads all of them, and of the catalog what they are made from.
    """
    head = read_head(space.directory)
    with space.catalog.snapshot() as now:
        if head is None or head.state != now.setting(STATE):
            return None
        columns = Columns(space.directory, head)
        if (torn := _torn(columns)) is not None:
            return f"{head.place}/{torn} is not as it was written; the next index run makes it anew"
        if head.rows != now.rows(space.info):
            return f"{head.rows:,} rows, the catalog lists {now.rows(space.info):,}"
        try:
            names = Names(columns.folders, columns.cameras, columns.labelled)
            differing = any(_differs(columns, names, facts) for facts in now.row_facts(space.info))
        except UnfitError:
            differing = True
    return "they differ from the catalog; see: clipseek check --repair" if differing else None


def _torn(columns: Columns) -> str | None:
    try:
        for name in COLUMNS:
            columns.column(name)
        _ = columns.folders, columns.cameras, columns.labels
    except TornColumnsError as error:
        return str(error)
    return None


def _differs(columns: Columns, names: Names, facts: RowFacts) -> bool:
    try:
        folders, cameras, labelled = (
            np.array([numbers[name] for name in said], dtype=np.int32)
            for numbers, said in (
                (names.folders, facts.folders),
                (names.cameras, facts.cameras),
                (names.labelled, facts.labelled),
            )
        )
    except KeyError:
        return True
    cells = cells_of(facts, folders, cameras, labelled)
    living = cells.columns[KIND] != 0
    return not np.array_equal(columns.living[facts.rows], living) or any(
        not np.array_equal(columns.column(name)[facts.rows][living], cells.columns[name][living])
        for name in (WHEN, FOLDER, CAMERA, LABELS, KIND)
    )
