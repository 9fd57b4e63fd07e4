"""A copy of a library in parts on this machine, brought up to its newest snapshot.

The copy is a library like any other: rows are the parts', one behind the other, facts are in its
catalog. Parts never change and snapshots keep their order, so that only what is new is fetched.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from searchengine.catalog.records import Append, Batch
from searchengine.errors import LibraryDamagedError, NothingIndexedError, StorageError
from searchengine.float16 import widened
from searchengine.library.layout import space_directory
from searchengine.library.library import Library
from searchengine.paths import at_home, user_cache
from searchengine.shards.indexes import fetch_index
from searchengine.shards.layout import MadeBy, Receipt, made_by, receipt_name
from searchengine.shards.parts import read_entries, read_failures, read_vectors
from searchengine.shards.snapshots import Snapshot, newest_number, read
from searchengine.shards.storage import Storage
from searchengine.spaces.following import refresh_columns
from searchengine.spaces.names import space_name
from searchengine.spaces.space import Space
from searchengine.types import BlockChecksum, ImageEntry
from searchengine.vectors.file import Rows

COPY_OF = "copy of"
"""The setting of a copy that says what it is of, and how far it is: JSON."""

CACHE = "CLIPSEEK_CACHE"
"""The environment variable with the directory of copies."""


def copy_directory(url: str, cache: Path | None = None) -> Path:
    """Where the copy of the library at a URL is: in `cache`, $CLIPSEEK_CACHE or the user's."""
    if cache is None:
        chosen = os.environ.get(CACHE)
        cache = at_home(chosen) if chosen else user_cache("libraries")
    name = hashlib.blake2b(Storage(url).url.encode(), digest_size=10).hexdigest()
    return cache.resolve() / name


def update(library: Library, url: str, *, with_index: bool = True) -> int:
    """Bring a copy up to the newest snapshot of the library at `url`; returns its number.

    Without `with_index` the index of the snapshot is left where it is. Readers of a copy that is
    whole see a snapshot or the next, and nothing between. Raises StorageError, NothingIndexedError
    where nothing was published, and LibraryLockedError while another process does the same.
    """
    storage = Storage(url)
    number = newest_number(storage)
    if number and number == state_of(library).number:
        return number
    made = made_by(storage)
    if made is None or number == 0:
        raise NothingIndexedError(storage.url)
    snapshot = read(storage, number)
    for part in snapshot.parts:
        if part.fingerprint != made.fingerprint:
            why = f"{receipt_name(part.shard)} is of weights {part.fingerprint}"
            raise StorageError(storage.url, why, f"its encoder has {made.fingerprint}")
    with library.writing() as writer:
        state = state_of(library)
        fresh = _fresh_parts(library, state, snapshot)
        space = _space(library, made)
        if with_index and snapshot.index is not None:  # until its rows are there too, none is used
            fetch_index(storage, snapshot.index, space.directory)
        groups = [fresh] if state.number or not fresh else [[part] for part in fresh]
        for position, group in enumerate(groups):
            is_last = position == len(groups) - 1
            attempts = [*state.attempts, *(part.attempt for part in group)]
            state = State(storage.url, number if is_last else 0, attempts)
            library.catalog.record_all(
                space.info,
                _batches(library, space, storage, group),
                {COPY_OF: json.dumps(asdict(state))},
            )
        writer.complete_words()
        refresh_columns(space)
    return number


@dataclass(frozen=True, slots=True)
class State:
    """What a copy says of itself."""

    url: str = ""
    number: int = 0
    """Of the snapshot that it is a copy of; 0 while it is not whole."""
    attempts: Sequence[str] = ()
    """Of the parts it has, in order."""


def state_of(library: Library) -> State:
    """How far a copy is."""
    said = library.catalog.setting(COPY_OF)
    try:
        return State() if said is None else State(**json.loads(said))
    except (ValueError, TypeError, RecursionError) as error:
        why = f"the setting '{COPY_OF}' holds {said!a:.60}"
        raise LibraryDamagedError(library.path, why) from error


def _fresh_parts(library: Library, state: State, snapshot: Snapshot) -> Sequence[Receipt]:
    """The parts that the copy lacks: it has the first ones."""
    there = [part.attempt for part in snapshot.parts[: len(state.attempts)]]
    if there != list(state.attempts):
        why = f"other parts are there now than {library.path} is a copy of; remove that folder"
        raise StorageError(state.url, why)
    return snapshot.parts[len(state.attempts) :]


def _space(library: Library, made: MadeBy) -> Space:
    """The one space of a copy, made where there is none."""
    if not library.spaces():
        name = space_name(made.encoder)
        space_directory(library.path, name).mkdir(parents=True, exist_ok=True)
        library.catalog.add_space(name=name, **asdict(made))
    return library.space(made.encoder)


def _batches(
    library: Library, space: Space, storage: Storage, parts: Sequence[Receipt]
) -> Iterator[tuple[Batch, Append]]:
    """Each part as a transaction takes it, fetched when its turn comes."""
    taken: set[str] = set()
    for part in parts:
        rows = read_vectors(storage, part, space.info.dim)
        entries = read_entries(storage, part)
        taken.update(library.catalog.ids_by_path([entry.file.path for entry in entries]))
        entries = [_named_apart(entry, taken, part) for entry in entries]
        taken.update(entry.file.path for entry in entries)

        def append(
            count: int, last: BlockChecksum | None, rows: Rows = rows
        ) -> Sequence[BlockChecksum]:
            return space.images.append(widened(rows), rows=count, last=last)

        yield Batch(added=entries, failed=read_failures(storage, part)), append


def _named_apart(entry: ImageEntry, taken: set[str], part: Receipt) -> ImageEntry:
    """The entry; under a name of its own where two tables name one picture, as each has a row."""
    if entry.file.path not in taken:
        return entry
    return replace(entry, file=replace(entry.file, path=f"{entry.file.path}#{part.shard}"))
