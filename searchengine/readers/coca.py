"""Captions by a CoCa of open_clip, on this machine."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image

from searchengine.encoders.openclip.captioner import load_captioner
from searchengine.errors import UnreadableImageError
from searchengine.readers.cleaned import cleaned
from searchengine.readers.interface import PictureRefusedError
from searchengine.types import MODEL

STATE = "likeliest words"
"""How captions are chosen: those of another way would be others."""


def coca_source(name: str) -> str:
    """The source of the captions of the encoder with this name."""
    return MODEL + cleaned(name)


class CocaReader:
    """Describes pictures in a sentence each."""

    state = STATE

    def __init__(self, name: str) -> None:
        """Load the model. Raises what `load_captioner` raises."""
        self.source = coca_source(name)
        self._captioner = load_captioner(name)
        self.side = self._captioner.input_size

    def read(self, picture: Image.Image) -> Sequence[str]:
        """A caption; none where the model says nothing. Raises PictureRefusedError for strips."""
        try:
            said = cleaned(self._captioner.caption(picture))
        except UnreadableImageError as error:
            raise PictureRefusedError(str(error)) from error
        return [said] if any(char.isalnum() for char in said) else []
