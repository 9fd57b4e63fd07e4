"""What readers find in the images of a library: one after another, kept as it goes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from searchengine.catalog.records import Found
from searchengine.embedding.faults import failure_kind, failure_reason
from searchengine.embedding.outcomes import Observer
from searchengine.errors import InputError, LibraryError
from searchengine.files import content_hash, read_whole
from searchengine.images.decode import read_image
from searchengine.library.library import Library
from searchengine.library.places import listed_place
from searchengine.readers.interface import PictureRefusedError, Reader, ReaderError
from searchengine.types import READ, FailureKind, ImageRecord

SAVE_SECONDS = 3.0
"""Work that a crash may lose."""

MOST_IN_A_ROW = 5
"""Pictures that a reader may refuse one after another before the run ends: each may cost."""


@dataclass(frozen=True, slots=True)
class ReadReport:
    """The ledger of a run: images = read + without text + failed + changed + before + left."""

    images: int
    """Listed at and under the paths."""
    read: int
    without_text: int
    failed: int
    changed: int
    """Their files are gone, or were written since they were indexed: not looked at."""
    before: int
    """Read by a run before."""
    left: int
    """For the next run."""


def read_images(
    library: Library,
    paths: Sequence[Path],
    load: Callable[[], Reader],
    source: str,
    state: str,
    observer: Observer,
    *,
    limit: int | None = None,
    retry_failed: bool = False,
) -> ReadReport:
    """Ask a reader about the images at and under `paths`, all without, that it has not seen.

    `source` and `state` are the reader's, which `load` makes when there is an image to ask about.
    Interrupted at any moment the run loses seconds at most, and the next one goes on from there.
    Raises LibraryLockedError, NothingListedError, ReaderError, and InputError where it refuses one
    picture after another.
    """
    catalog = library.catalog
    places = [listed_place(catalog, path) for path in paths]
    with library.writing() as writer:
        due = catalog.unread(source, state, places, retry_failed=retry_failed)
        images = catalog.listed_under(places)
        todo = due[: len(due) if limit is None else limit]
        observer.planned(len(todo))
        run = _Run(load, observer, lambda found: writer.record_found(source, state, found))
        try:
            run.work(todo)
        finally:
            run.save()
        if source != READ:
            writer.embed_captions(library.space())
        writer.complete_words()
    return ReadReport(
        images=images,
        read=run.read,
        without_text=run.without_text,
        failed=run.failed,
        changed=run.changed,
        before=images - len(due),
        left=len(due) - len(todo),
    )


class _Run:
    def __init__(
        self,
        load: Callable[[], Reader],
        observer: Observer,
        record: Callable[[Sequence[Found]], None],
    ) -> None:
        self.read = self.without_text = self.failed = self.changed = 0
        self._load, self._observer, self._record = load, observer, record
        self._reader: Reader | None = None
        self._found: list[Found] = []
        self._saved_at = time.monotonic()
        self._refused_in_a_row = 0

    def work(self, images: Sequence[ImageRecord]) -> None:
        for image in images:
            self._take(image)
            self._observer.advanced()
            if time.monotonic() - self._saved_at > SAVE_SECONDS:
                self.save()

    def save(self) -> None:
        found, self._found = self._found, []
        if found:
            self._record(found)
        self._saved_at = time.monotonic()

    def _take(self, image: ImageRecord) -> None:
        try:
            data = read_whole(image.path)
        except OSError:
            self.changed += 1
            return
        if content_hash(data) != image.content_hash:
            self.changed += 1
            return
        if self._reader is None:
            self._reader = self._load()
        reader = self._reader
        try:
            picture, _ = read_image(data, name=image.path.name, input_size=reader.side)
            texts = tuple(reader.read(picture))
        except (ReaderError, LibraryError):
            raise
        except Exception as error:  # whatever one picture does
            self._fail(image, error)
            return
        self._refused_in_a_row = 0
        self.read += bool(texts)
        self.without_text += not texts
        self._found.append(Found(image.id, texts))

    def _fail(self, image: ImageRecord, error: Exception) -> None:
        refused = isinstance(error, PictureRefusedError)
        kind = failure_kind(error, FailureKind.UNREADABLE)
        reason = str(error) if refused else failure_reason(error, kind)
        self.failed += 1
        self._refused_in_a_row += 1
        self._observer.skipped(image.file.path, reason)
        self._found.append(Found(image.id, (), reason))
        if refused and self._refused_in_a_row >= MOST_IN_A_ROW:
            raise InputError(
                f"{MOST_IN_A_ROW} pictures in a row were refused, the last with: {reason}; "
                "what was read is saved"
            )
