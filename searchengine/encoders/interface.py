"""The one seam to models: what an encoder is.

`encoders/openclip` has the real ones, `tests/` a fake one.

A query of texts needs only half of one: `TextEncoder`, which `encoders/text` has without torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from searchengine.errors import EncoderError
from searchengine.types import Pixels, Vectors

if TYPE_CHECKING:
    from PIL import Image


class TextEncoder(Protocol):
    """The half of an encoder that texts need; one thread at a time."""

    @property
    def name(self) -> str:
        """The name `load_encoder` takes to make the whole encoder."""

    @property
    def dim(self) -> int:
        """Length d of the vectors."""

    @property
    def fingerprint(self) -> str:
        """Short hash of the weights of the whole encoder, whatever the device or precision."""

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Texts to unit rows, shape (n, d), float32. Texts beyond the context are cut."""


class Encoder(TextEncoder, Protocol):
    """A model with its preprocessing and tokenizer: images or texts to unit vectors.

    `preprocess` is cheap, runs on the CPU and may be called from several threads at once;
    the `encode_*` methods are called from one thread at a time.
    """

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
    def logit_scale(self) -> float:
        """What cosines were multiplied by in its training: exp of the checkpoint's `logit_scale`.

        A softmax of `logit_scale` x cosine over texts is what it learned to say.
        """

    def preprocess(self, image: Image.Image) -> Pixels:
        """One picture of any size and mode to RGB of the model's input size: (h, w, 3), uint8.

        Raises UnreadableImageError for a strip so narrow that it cannot be resized.
        """

    def encode_pixels(self, pixels: Sequence[Pixels]) -> Vectors:
        """Preprocessed pictures to unit rows, shape (n, d), float32."""

    def encode_images(self, images: Sequence[Image.Image]) -> Vectors:
        """Pictures to unit rows, shape (n, d), float32: `preprocess`, then `encode_pixels`."""


def require_finite(rows: Vectors, name: str, precision: str) -> None:
    """Raise EncoderError for rows that cannot be unit rows: what was zero or not finite before."""
    if not np.isfinite(rows).all():
        raise EncoderError(
            f"{name} gives vectors that are zero or not finite in {precision}; "
            "use --precision float32, or another checkpoint if it is that already"
        )
