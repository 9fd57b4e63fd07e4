"""The one seam to models: what an encoder is. `clip.py` has the real ones, `tests/` a fake one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from PIL import Image

from searchengine.types import Pixels, Vectors


class Encoder(Protocol):
    """A model with its preprocessing and tokenizer: images or texts to unit vectors.

    `preprocess` is cheap, runs on the CPU and may be called from several threads at once;
    the `encode_*` methods are called from one thread at a time.
    """

    @property
    def name(self) -> str:
        """The name `load_encoder` takes to make this encoder again."""

    @property
    def dim(self) -> int:
        """Length d of the vectors."""

    @property
    def device(self) -> str:
        """Where it runs: "cpu", "cuda" or "mps"."""

    @property
    def precision(self) -> str:
        """Of the weights: "float32", "bfloat16" or "float16"."""

    @property
    def input_size(self) -> int:
        """Longer side of the model's input, in pixels: decoders need not go much beyond it."""

    @property
    def fingerprint(self) -> str:
        """Short hash of the weights, equal for equal weights whatever the device or precision."""

    def preprocess(self, image: Image.Image) -> Pixels:
        """One RGB picture of any size to the model's input size, shape (h, w, 3), uint8.

        Raises UnreadableImageError for a strip so narrow that it cannot be resized.
        """

    def encode_pixels(self, pixels: Sequence[Pixels]) -> Vectors:
        """Preprocessed pictures to unit rows, shape (n, d), float32."""

    def encode_images(self, images: Sequence[Image.Image]) -> Vectors:
        """Pictures to unit rows, shape (n, d), float32: `preprocess`, then `encode_pixels`."""

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Texts to unit rows, shape (n, d), float32. Texts beyond the context are cut."""
