"""Vectors of another program into a library: checked on a sample, then taken as they are."""

from __future__ import annotations

import io
import os
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from indexers.elsewhere.captions import with_stored
from indexers.elsewhere.choosing import Fate, Job, choose
from indexers.elsewhere.listing import LEAST_COSINE, SAMPLE, Listing
from indexers.pipeline import bring_up_to_date, space_of
from indexers.reading import IndexOptions
from searchengine.catalog.records import Batch, Reading
from searchengine.embedding.outcomes import Observer
from searchengine.encoders.interface import Encoder
from searchengine.errors import EncoderMismatchError, InputError, RefusedValueError
from searchengine.files import MAX_FILE_SIZE, content_hash, read_whole
from searchengine.images.decode import is_plain, read_image
from searchengine.library.library import Library
from searchengine.library.writing import Writer
from searchengine.looks.look import LEAST_INPUT, Looks, look_of
from searchengine.metadata.read import read_written
from searchengine.spaces.space import Space
from searchengine.types import ImageEntry

AT_A_TIME = 256
"""Pictures that are saved together."""


@dataclass(frozen=True, slots=True)
class TakenOver:
    """What came of it: `found` is the sum of the counts behind it."""

    library: str
    """Its directory."""
    encoder: str
    found: int
    taken: int
    known: int
    twice: int
    gone: int
    changed: int
    seen_otherwise: int
    removed: int
    unusable: int
    checked: int
    """Pictures that were encoded again."""
    worst_cosine: float | None
    """Of those; None where nothing was to be taken over."""
    captions: int
    """That are new to the library."""
    first_gone: str | None
    """The path of the first picture that is gone."""


@dataclass(frozen=True, slots=True)
class _Read:
    """What the catalog keeps of a file."""

    entry: ImageEntry
    reading: Reading
    look: Looks


@dataclass(frozen=True, slots=True)
class _Taken:
    read: _Read
    vector: NDArray[np.float32]
    """Unit, shape (d,)."""


def take_over(
    library: Library,
    listing: Listing,
    *,
    encoder: str,
    load: Callable[[], Encoder],
    observer: Observer,
) -> TakenOver:
    """Put the vectors of another program's pictures into the library's space of `encoder`.

    Files are read, for what the catalog keeps of them, and none is encoded but the sample. What is
    left out is for the next index run. Captions are kept as of the program, for all pictures that
    the library has then. Raises InputError where the vectors are not of `encoder`,
    EncoderMismatchError where the library is of another, and what index runs raise.
    """
    space = space_of(library, encoder)
    if space is None and library.spaces():
        raise EncoderMismatchError(library.space().info.name, library.space().info.encoder, encoder)
    with library.writing() as writer:
        counts: Counter[Fate] = Counter()
        chosen = choose(listing, library, encoder, counts)
        observer.planned(len(chosen.jobs))
        worst, checked, captions = None, 0, 0
        if chosen.jobs:
            if space is not None and space.crops != 1:
                raise InputError(
                    f"{library.path} is made with --crops, which {listing.program}'s vectors are "
                    "not"
                )
            loaded = load()
            taking = _Taking(listing, loaded, observer, counts)
            checked, worst = taking.check(chosen.jobs)
            if checked:
                space = writer.space_for(loaded)
            observer.started()
            taking.take(chosen.jobs, writer, space)
        if space is not None:
            captions, _ = library.catalog.add_captions(chosen.captions, listing.program)
            if captions:
                encode = library.encoders.for_texts(space).encode_texts
                stored = with_stored(listing, chosen.caption_ids, encode, space.info.dim)
                writer.embed_captions(space, stored)
            bring_up_to_date(library, writer, space, IndexOptions())
    return TakenOver(
        library=str(library.path),
        encoder=encoder,
        found=counts.total(),
        taken=counts[Fate.TAKEN],
        known=counts[Fate.KNOWN],
        twice=counts[Fate.TWICE],
        gone=counts[Fate.GONE],
        changed=counts[Fate.CHANGED],
        seen_otherwise=counts[Fate.SEEN_OTHERWISE],
        removed=counts[Fate.REMOVED],
        unusable=counts[Fate.UNUSABLE],
        checked=checked,
        worst_cosine=worst,
        captions=captions,
        first_gone=chosen.first_gone,
    )


class _Taking:
    """Jobs read, compared and saved."""

    def __init__(
        self, listing: Listing, encoder: Encoder, observer: Observer, counts: Counter[Fate]
    ) -> None:
        self._listing, self._encoder = listing, encoder
        self._observer, self._counts = observer, counts
        self._input_size = max(encoder.input_size, LEAST_INPUT)

    def check(self, jobs: Sequence[Job]) -> tuple[int, float | None]:
        """Encode a sample again: how many, and the lowest cosine.

        Raises InputError where one is not as it is listed.
        """
        checked, worst = 0, (1.0, "")
        for place in np.random.default_rng(0).permutation(len(jobs)).tolist():
            job = jobs[place]
            [vector], [is_usable] = self._listing.vectors([job.number], self._encoder.dim)
            seen = self._see(job) if is_usable else None
            if seen is None:
                continue
            [ours] = self._encoder.encode_images([seen[0]])
            worst = min(worst, (float(vector @ ours), job.file.path))
            checked += 1
            if checked == SAMPLE:
                break
        if worst[0] < LEAST_COSINE:
            raise InputError(
                f"the vectors in {self._listing.path} are not of {self._encoder.name}: of "
                f"{checked} pictures that were encoded again one has a cosine of {worst[0]:.3f} "
                f"with its vector, under {LEAST_COSINE}: {worst[1]}; nothing was taken over. "
                "Index the folders instead: clipseek index PATH; or name the encoder that made "
                "them: --model NAME"
            )
        return checked, worst[0] if checked else None

    def take(self, jobs: Sequence[Job], writer: Writer, space: Space | None) -> None:
        """Save what can be used, so many pictures at a time; without a space none can be."""
        with ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="take over") as pool:
            for start in range(0, len(jobs), AT_A_TIME):
                part = jobs[start : start + AT_A_TIME]
                rows, usable = self._listing.vectors(
                    [job.number for job in part], self._encoder.dim
                )
                self._counts[Fate.UNUSABLE] += usable.count(False)
                wanted = [place for place, is_usable in enumerate(usable) if is_usable]
                read = list(pool.map(self._facts, (part[place] for place in wanted)))
                self._counts[Fate.SEEN_OTHERWISE] += read.count(None)
                taken = [
                    _Taken(facts, rows[place])
                    for place, facts in zip(wanted, read, strict=True)
                    if facts is not None
                ]
                self._save(taken, writer, space)
                for _ in part:
                    self._observer.advanced()

    def _save(self, taken: Sequence[_Taken], writer: Writer, space: Space | None) -> None:
        """Save them; where the catalog refuses one, all others."""
        if not taken or space is None:
            return
        batch = Batch(
            added=[each.read.entry for each in taken], read=[each.read.reading for each in taken]
        )
        vectors = np.stack([each.vector for each in taken])
        try:
            writer.commit(space, batch, vectors, [each.read.look for each in taken])
        except RefusedValueError:
            if len(taken) == 1:
                self._counts[Fate.UNUSABLE] += 1
                return
            half = len(taken) // 2
            self._save(taken[:half], writer, space)
            self._save(taken[half:], writer, space)
        else:
            self._counts[Fate.TAKEN] += len(taken)

    def _facts(self, job: Job) -> _Read | None:
        seen = self._see(job)
        return None if seen is None else seen[1]

    def _see(self, job: Job) -> tuple[Image.Image, _Read] | None:
        """A picture and what the catalog keeps of it; None where others may see another in it."""
        try:
            data = read_whole(Path(job.file.path), MAX_FILE_SIZE)
            if len(data) != job.file.size or not is_plain(data):
                return None
            picture, facts = read_image(data, name=job.file.path, input_size=self._input_size)
            written = read_written(job.file, io.BytesIO(data), job.sidecar.path)
            look = look_of(picture)
        except Exception:  # whatever one file does: the next index run says it
            return None
        entry = ImageEntry(job.file, content_hash(data), facts, job.image_id)
        reading = Reading(job.file.path, job.sidecar.state, written)
        return picture, _Read(entry, reading, look)
