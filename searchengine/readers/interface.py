"""What every reader is, whichever program it asks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from PIL import Image

from searchengine.errors import ClipseekError


class ReaderError(ClipseekError):
    """A reader cannot be asked at all: no picture would do better."""


class PictureRefusedError(ClipseekError):
    """A reader says nothing of one picture, with the reason in one line."""


class Reader(Protocol):
    """Says what is in pictures, one after another."""

    @property
    def source(self) -> str:
        """The source of its texts: `READ` or `MODEL` and a name, of `searchengine.types`."""

    @property
    def state(self) -> str:
        """What its texts depend on beside the picture; images are read again when it changes."""

    @property
    def side(self) -> int:
        """Pixels that pictures may be reduced to on their shorter side before it sees them."""

    def read(self, picture: Image.Image) -> Sequence[str]:
        """The texts of an upright RGB picture, each on one line; none where it says nothing.

        Raises PictureRefusedError, and ReaderError where it cannot go on.
        """
