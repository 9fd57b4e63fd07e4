"""An encoder on towers: what a CPU encodes with, and what a cold query by a picture loads."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from searchengine.encoders.batches import BatchLimit, BatchTooLargeError, Item
from searchengine.encoders.interface import Encoder, require_finite
from searchengine.encoders.openvino import runtime
from searchengine.encoders.openvino.maps import map_tower
from searchengine.encoders.openvino.towers import IMAGE, TEXT, UNUSABLE, Towers, graph_name
from searchengine.encoders.openvino.weights import Weights
from searchengine.encoders.reading import tokens_of
from searchengine.encoders.text.encoder import tokenizer_of
from searchengine.encoders.text.tensors import DamagedTensorsError
from searchengine.encoders.text.tokenizer import Tokenizer
from searchengine.errors import EncoderError, first_line
from searchengine.types import Pixels, Vectors

MAX_PICTURES = 16
"""Pictures that go through at once: more is no faster (measured)."""

MANY_PICTURES = 16
"""From so many on cores take pictures of their own: that is a graph more to compile. Once it is,
all but a picture alone go through it."""

MAP_SCALE = 2
"""Input sizes a side that a map is made of: the starter's 14 places a side point right in 168 of
200 mosaics of four photos."""

MAX_TEXTS = 64
"""Texts that go through at once."""

Opened = TypeVar("Opened")

Embed: TypeAlias = Callable[[Sequence[Pixels]], Vectors]
"""Pictures (h, w, 3) to rows (n, d) of any length."""

log = logging.getLogger("clipseek")


@dataclass(frozen=True, eq=False)
class TowerEncoder:
    """A `searchengine.encoders.interface.Encoder` on the CPU; each tower is compiled when needed.

    What it cannot do itself is left to `on_torch`, which loads the encoder whole: texts where the
    tokenizer cannot be kept, and all where a tower's files are damaged.
    """

    towers: Towers
    precision: str
    on_torch: Callable[[str], Encoder] = field(repr=False)
    device: str = field(default="cpu", init=False)
    picture_limit: BatchLimit = field(
        default_factory=lambda: BatchLimit(MAX_PICTURES), init=False, repr=False
    )
    text_limit: BatchLimit = field(
        default_factory=lambda: BatchLimit(MAX_TEXTS), init=False, repr=False
    )

    @property
    def name(self) -> str:
        """The name `load_encoder` takes."""
        return self.towers.facts.name

    @property
    def dim(self) -> int:
        """Length d of the vectors."""
        return self.towers.facts.dim

    @property
    def fingerprint(self) -> str:
        """Short hash of the weights."""
        return self.towers.facts.fingerprint

    @property
    def input_size(self) -> int:
        """Longer side of the model's input, in pixels."""
        return max(self.towers.facts.preprocessing.size)

    @property
    def logit_scale(self) -> float:
        """What cosines were multiplied by in its training."""
        return self.towers.facts.logit_scale

    @property
    def text_tower(self) -> Path | None:
        """A file for `searchengine.encoders.text`, where there is one."""
        return self.towers.text_tower

    def preprocess(self, image: Image.Image) -> Pixels:
        """One picture of any size to the model's input size, shape (h, w, 3), uint8.

        Thread-safe. Raises UnreadableImageError for strips hundreds of times longer than wide.
        """
        return self.towers.facts.preprocessing(image)

    def encode_pixels(self, pixels: Sequence[Pixels]) -> Vectors:
        """Preprocessed pictures to unit rows, shape (n, d), float32."""
        least = 2 if "_many_images" in self.__dict__ else MANY_PICTURES
        embed = self._many_images if len(pixels) >= least else self._images
        if embed is None:
            return self._whole.encode_pixels(pixels)
        return self._in_batches(pixels, embed, self.picture_limit)

    def encode_images(self, images: Sequence[Image.Image]) -> Vectors:
        """Pictures to unit rows, shape (n, d), float32."""
        return self.encode_pixels([self.preprocess(image) for image in images])

    def tokens(self, texts: Sequence[str]) -> Sequence[Sequence[int]]:
        """The ids of texts, cut at the context."""
        tokenizer = self._tokenizer
        return tokens_of(self._whole, texts) if tokenizer is None else tokenizer.rows(texts)

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Texts to unit rows, shape (n, d), float32. Texts beyond the context are cut."""
        tower = self._texts
        if tower is None:
            return self._whole.encode_texts(texts)
        try:
            return tower(texts)
        except DamagedTensorsError as error:
            say_damaged(self.towers, error)
            return self._whole.encode_texts(texts)

    def encode_map(self, image: Image.Image) -> NDArray[np.float32] | None:
        """Unit vectors of the places of a picture, shape (lines, columns, d); None without a map.

        The whole picture is seen at `MAP_SCALE` times the input size, whatever its shape.
        """
        tower = self._map
        if tower is None:
            return None
        height, width = (MAP_SCALE * side for side in self.towers.facts.preprocessing.size)
        seen = image.convert("RGB").resize((width, height), Image.Resampling.BICUBIC)
        rows = self._unit(tower(np.asarray(seen)[np.newaxis]))
        lines = round((len(rows) * height / width) ** 0.5)
        return rows.reshape(lines, -1, self.dim)

    def _in_batches(
        self, items: Sequence[Item], embed: Callable[[Sequence[Item]], Vectors], limit: BatchLimit
    ) -> Vectors:
        try:
            return limit.embed(items, self.dim, lambda part: self._unit(embed(part)))
        except BatchTooLargeError as error:
            raise EncoderError(f"not enough free memory for {self.name}; free some") from error

    def _by_length(
        self, texts: Sequence[Sequence[int]], tower: Callable[[Sequence[Sequence[int]]], Vectors]
    ) -> Vectors:
        """Texts of one length go through together: a tower may take less for short ones."""
        order = sorted(range(len(texts)), key=lambda number: len(texts[number]))
        rows = np.empty((len(texts), self.dim), dtype=np.float32)
        rows[order] = self._in_batches([texts[number] for number in order], tower, self.text_limit)
        return rows

    def _unit(self, rows: Vectors) -> Vectors:
        with np.errstate(divide="ignore", invalid="ignore"):
            unit: Vectors = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        require_finite(unit, self.name, self.precision)
        return unit

    @cached_property
    def _images(self) -> Embed | None:
        return open_images(self.towers, self.precision)

    @cached_property
    def _many_images(self) -> Embed | None:
        return open_many_images(self.towers, self.precision)

    @cached_property
    def _tokenizer(self) -> Tokenizer | None:
        context = self.towers.facts.context
        return None if context is None else tokenizer_of(*self.towers.tokens(), context)

    @cached_property
    def _map(self) -> runtime.Tower | None:
        preprocessing = self.towers.facts.preprocessing
        height, width = (MAP_SCALE * side for side in preprocessing.size)
        graph, weights = self.towers.graph(IMAGE), self.towers.weights(IMAGE)
        return map_tower(graph, weights, preprocessing, (height, width), self.precision)

    @cached_property
    def _texts(self) -> Callable[[Sequence[str]], Vectors] | None:
        context = self.towers.facts.context
        if context is None:
            return None

        def opened(graph: bytes, data: Weights) -> Callable[[Sequence[str]], Vectors]:
            tensors, notes = self.towers.tokens()
            tokenizer = tokenizer_of(tensors, notes, context)
            tower = runtime.text_tower(graph, data, tensors, context, self.precision)
            return lambda texts: self._by_length(tokenizer.rows(texts), tower)

        return _opened(self.towers, graph_name(TEXT, self.precision), opened)

    @cached_property
    def _whole(self) -> Encoder:
        return self.on_torch(self.name)


def open_images(towers: Towers, precision: str) -> Embed | None:
    """The image tower; None where its files are not what was written, which is said."""
    tower = _image_tower(towers, precision, runtime.Tower)
    return None if tower is None else lambda pixels: tower(np.stack(pixels))


def open_many_images(towers: Towers, precision: str) -> Embed | None:
    """As `open_images`, for `MANY_PICTURES`: each core has its own, where they divide evenly."""
    streams = _image_tower(towers, precision, runtime.Streams)
    if streams is None or MAX_PICTURES % (streams.count * runtime.A_TIME) == 0:
        return streams
    return open_images(towers, precision)


def _image_tower(
    towers: Towers, precision: str, kind: Callable[[Any, Weights, str], Opened]
) -> Opened | None:
    return _opened(
        towers,
        graph_name(IMAGE, precision),
        lambda graph, data: runtime.image_tower(
            graph, data, towers.facts.preprocessing, precision, kind
        ),
    )


def _opened(towers: Towers, name: str, opened: Callable[[bytes, Weights], Opened]) -> Opened | None:
    try:
        return opened(towers.graph(name), towers.weights(name))
    except (*UNUSABLE, RuntimeError) as error:  # OpenVINO's own errors are the latter
        say_damaged(towers, error)
        return None


def say_damaged(towers: Towers, error: Exception) -> None:
    """Towers are not what was written: said, and they are made again the next time."""
    log.warning("%s runs on torch this time: %s", towers.facts.name, first_line(error))
    towers.forget()
