"""Where in a picture the words of a question are seen: a map of light to lay over it."""

from __future__ import annotations

import io
import threading
from collections import OrderedDict

import numpy as np
from PIL import Image

from searchengine.embedding.heat import Heat
from searchengine.errors import ImageError
from searchengine.images.decode import MAX_MEGAPIXELS, read_image
from searchengine.retrieval.query import Kind
from searchengine.retrieval.terms import parse_text
from searchengine.types import ImageRecord
from serving.files.listed import read_listed
from serving.problems import FileChangedError

READ_SIDE = 448
"""Pixels that a picture is decoded for, at least, to be mapped."""

DRAWN_SIDE = 512
"""Pixels of the longer side of a map: it is smooth, and drawn larger by the browser."""

GLOW = (255, 64, 0)
MOST_OPAQUE = 0.7
"""Of the glow where the words are seen most."""

KEPT = 64
"""Maps, some 20 KB each: the page asks whether there is one before its picture is loaded."""

Key = tuple[bytes, str, str]
"""Content of the picture, the words, and the fingerprint of the encoder."""


def wanted(text: str) -> str:
    """The words of a question that are to be seen, without those that are subtracted."""
    sources = parse_text(text)
    return " ".join(s.value for s in sources if s.kind is Kind.TEXT and s.weight > 0)


def picture_of(record: ImageRecord) -> Image.Image:
    """A listed image, decoded to be mapped. Raises FileChangedError."""
    allowed = max(MAX_MEGAPIXELS, record.facts.width * record.facts.height / 1e6)
    try:
        data = read_listed(record)
        return read_image(data, input_size=READ_SIDE, max_megapixels=allowed)[0]
    except ImageError as error:
        raise FileChangedError(record.path.name, str(error)) from error


def drawn(heat: Heat, size: tuple[int, int]) -> bytes:
    """The map as a PNG that is clear where the words are not seen, in the shape of `size`."""
    opacity = Image.fromarray((255 * MOST_OPAQUE * heat.strength).astype(np.uint8))
    scale = DRAWN_SIDE / max(size)
    width, height = (max(1, round(side * scale)) for side in size)
    light = Image.new("RGB", (width, height), GLOW)
    light.putalpha(opacity.resize((width, height), Image.Resampling.BICUBIC))
    buffer = io.BytesIO()
    light.save(buffer, "PNG")
    return buffer.getvalue()


class Maps:
    """The last maps that were drawn, and which encoders have none. Any thread may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._drawn: OrderedDict[Key, bytes] = OrderedDict()
        self._without: set[str] = set()

    def get(self, key: Key) -> bytes | None:
        """A map as it was drawn; None where it is not kept."""
        with self._lock:
            return self._drawn.get(key)

    def keep(self, key: Key, data: bytes) -> None:
        """Keep a map, and the last ones before it."""
        with self._lock:
            self._drawn[key] = data
            while len(self._drawn) > KEPT:
                self._drawn.popitem(last=False)

    def has_none(self, fingerprint: str) -> bool:
        """Whether the encoder is known to have no maps."""
        return fingerprint in self._without

    def know_none(self, fingerprint: str) -> None:
        """Remember that the encoder has none."""
        self._without.add(fingerprint)
