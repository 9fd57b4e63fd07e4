"""The work on one shard, the same under every engine: read, decode, encode, commit a part."""

from __future__ import annotations

import os
import secrets
import socket
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexers.sharded.members import Member, members
from indexers.sharded.plan import FailedShard, Shard
from indexers.trial import Trial
from searchengine.catalog.records import FailedFile
from searchengine.embedding.faults import one_line
from searchengine.embedding.outcomes import Encoded, Failed
from searchengine.embedding.stream import ImageStream
from searchengine.encoders import loading
from searchengine.encoders.interface import Encoder
from searchengine.errors import EncoderError, first_line
from searchengine.files import MAX_FILE_SIZE, content_hash
from searchengine.images.decode import MAX_MEGAPIXELS
from searchengine.shards.layout import (
    MadeBy,
    Receipt,
    agree_on,
    made_by,
    receipt_name,
    receipt_of,
)
from searchengine.shards.parts import commit
from searchengine.shards.storage import Storage
from searchengine.types import FileState, ImageEntry


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be done with every shard: plain values, so that any engine can carry them."""

    library: str
    """Its URL."""
    encoder: str
    device: str = "auto"
    precision: str = "auto"
    threads: int | None = None
    """That decode; None takes as many as there are cores for us."""
    cores: int | None = None
    """That a CPU encodes with; None takes every one there is for us."""
    batch_size: int | None = None
    max_megapixels: float = MAX_MEGAPIXELS
    max_file_size: int = MAX_FILE_SIZE


def _own_name() -> str:
    """Machine and process, and chance: in containers every process is 1."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"


@dataclass(slots=True)
class Worker:
    """Does one shard after another with an encoder that is loaded once, for the first of them."""

    work: Work
    name: str = field(default_factory=_own_name)
    """In the receipts, for people, and to tell what others did: no other worker has it."""
    _storage: Storage = field(init=False)
    _encoder: Encoder | None = None

    def __post_init__(self) -> None:
        self._storage = Storage(self.work.library)

    def __call__(self, shard: Shard) -> Receipt | FailedShard:
        """The receipt of the shard, done now or before, by us or by another.

        Raises the encoder's errors, and StorageError where the library cannot be written; what
        the shard itself does is a `FailedShard`.
        """
        if self._storage.exists(receipt_name(shard.id)):
            return receipt_of(self._storage, shard.id)
        encoder = self._loaded()
        try:
            part = self._part(shard, encoder)
        except (EncoderError, KeyboardInterrupt):
            raise
        except Exception as error:  # of archives, storages and tables of any kind
            return FailedShard(shard, one_line(first_line(error)))
        rows = np.stack(part.vectors) if part.vectors else np.empty((0, encoder.dim), np.float32)
        return commit(
            self._storage,
            shard.id,
            part.entries,
            rows,
            part.failed,
            encoder.fingerprint,
            self.name,
        )

    def _loaded(self) -> Encoder:
        if self._encoder is None:
            self._encoder = _encoder_of(self._storage, self.work)
        return self._encoder

    def _part(self, shard: Shard, encoder: Encoder) -> _Part:
        work, part = self.work, _Part()
        trial = Trial(work.max_megapixels, work.max_file_size, encoder.name)
        files: dict[Member, FileState] = {}

        def read(member: Member, limit: int) -> bytes:
            picture = member.read(limit)
            files[member] = replace(picture.file, path=member.name)
            return picture.data

        stream: ImageStream[Member, bytes, None] = ImageStream(
            lambda: encoder,
            path_of=lambda member: Path(member.name),
            identify=lambda _member, data: content_hash(data),
            content_of=lambda found: found,
            read=read,
            batch_size=work.batch_size,
            workers=work.threads or cores(),
            max_megapixels=work.max_megapixels,
            max_file_size=work.max_file_size,
        )
        with stream.outcomes(members(shard, work.max_file_size)) as outcomes:
            for outcome in outcomes:
                file = files.pop(outcome.job, FileState(outcome.job.name, 0, 0))
                if isinstance(outcome, Encoded):
                    part.entries.append(ImageEntry(file, outcome.key, outcome.facts))
                    part.vectors.append(outcome.vector)
                elif isinstance(outcome, Failed):
                    kind = outcome.kind
                    failure = FailedFile(file, kind, outcome.reason, trial.tried_with(kind))
                    part.failed.append(failure)
        return part


@dataclass(slots=True)
class _Part:
    entries: list[ImageEntry] = field(default_factory=list)
    vectors: list[NDArray[np.float32]] = field(default_factory=list)
    """Each of shape (d,)."""
    failed: list[FailedFile] = field(default_factory=list)


def cores() -> int:
    """How many cores this process may use: of a batch job what it was given."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _encoder_of(storage: Storage, work: Work) -> Encoder:
    """The encoder that made, or will have made, every vector of the library.

    The first worker of all writes down which one it is; the others load it in that precision.
    Raises EncoderMismatchError where their weights are others.
    """
    if work.cores is not None:
        loading.use_cores(work.cores)
    known = made_by(storage)
    precision = work.precision if known is None else known.precision
    encoder = loading.load_encoder(work.encoder, device=work.device, precision=precision)
    ours = MadeBy(encoder.name, encoder.fingerprint, encoder.dim, encoder.precision)
    known = agree_on(storage, ours)
    if known.precision != ours.precision:
        return loading.load_encoder(work.encoder, device=work.device, precision=known.precision)
    return encoder
