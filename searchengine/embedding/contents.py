"""Files of one content: the first that comes is decoded, and what it gives is that of them all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Generic, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from searchengine.embedding.halving import Refused
from searchengine.embedding.outcomes import Encoded, Failed, Job, Key
from searchengine.looks.look import Looks
from searchengine.types import FailureKind, ImageFacts, Pixels

NO_PIXELS: Pixels = np.empty((0, 0, 3), dtype=np.uint8)
"""In the place of those that nobody needs any more."""

Vector: TypeAlias = NDArray[np.float32]
"""A unit vector, shape (d,)."""

Read = TypeVar("Read")


@dataclass(slots=True)
class Picture(Generic[Job, Key]):
    """What one content gives: made by the thread that decodes it, then of who takes outcomes."""

    facts: ImageFacts
    pixels: Pixels
    look: Looks | None
    """Shape (), where it was asked for."""
    files: list[Decoded[Job, Key]] = field(default_factory=list)
    """Those that wait for the vector, in the order of the jobs."""
    vector: Vector | Refused | None = None
    """None before the encoder was asked."""

    def given_out(
        self, vector: Vector | Refused, encode_again: Callable[[], list[Vector | Refused]]
    ) -> Iterator[Encoded[Job, Key] | Failed[Job]]:
        """The files that wait. Where the encoder refuses one, the next is tried in its place."""
        files, self.files = self.files, []
        while isinstance(vector, str):
            yield Failed(files.pop(0).job, FailureKind.ENCODER, vector)
            if not files:
                self.vector = vector
                return
            [vector] = encode_again()
        self.vector, self.pixels = vector, NO_PIXELS
        for place, file in enumerate(files):
            yield file.encoded(vector, is_copy=place > 0)


@dataclass(frozen=True, slots=True)
class Decoded(Generic[Job, Key]):
    """A file, and the picture of its content."""

    job: Job
    key: Key
    picture: Picture[Job, Key]

    def encoded(self, vector: Vector, *, is_copy: bool) -> Encoded[Job, Key]:
        """What comes out of it."""
        picture = self.picture
        return Encoded(self.job, self.key, picture.facts, vector, picture.look, is_copy)


class Contents(Generic[Read]):
    """What was read of each content, by the thread that came to it first."""

    def __init__(self) -> None:
        """Nothing was begun."""
        self._begun: dict[bytes, Future[Read]] = {}

    def read_once(
        self, content: bytes, read: Callable[[], Read], is_of_all: Callable[[Read], bool]
    ) -> Read | Future[Read]:
        """What `read` returns or raises; its future where the content was begun before.

        What is not of all files of the content is forgotten: whoever comes next begins anew.
        """
        ours: Future[Read] = Future()
        begun = self._begun.setdefault(content, ours)  # one step, whatever other threads do
        if begun is not ours:
            return begun
        try:
            found = read()
        except BaseException as error:
            del self._begun[content]
            ours.set_exception(error)
            raise
        if not is_of_all(found):
            del self._begun[content]
        ours.set_result(found)
        return found

    def forget(self, is_done: Callable[[Read], bool]) -> None:
        """Forget the contents that are done with: whoever comes next begins anew."""
        for content, begun in list(self._begun.items()):
            if begun.done() and not begun.exception() and is_done(begun.result()):
                del self._begun[content]
