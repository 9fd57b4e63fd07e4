"""Encoding of batches that hold a picture which the encoder refuses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from searchengine.embedding.faults import NOT_OF_ONE_FILE, failure_reason
from searchengine.encoders.interface import Encoder
from searchengine.errors import EncoderError
from searchengine.types import FailureKind, Pixels, Vectors

Refused: TypeAlias = str
"""Why there is no vector, in one line."""


def encode_each(encoder: Encoder, pixels: Sequence[Pixels]) -> list[NDArray[np.float32] | Refused]:
    """A unit vector of each picture, shape (d,), or why the encoder makes none of it.

    A batch that is refused is halved down to the pictures at fault. Raises EncoderError where the
    encoder refuses a black picture too, and what it raises of that kind.
    """
    vectors = _encode(encoder, pixels)
    if not isinstance(vectors, Exception):
        return [
            vector if np.isfinite(vector).all() else "the encoder makes no numbers of it"
            for vector in vectors
        ]
    if len(pixels) > 1:
        half = len(pixels) // 2
        return [*encode_each(encoder, pixels[:half]), *encode_each(encoder, pixels[half:])]
    on_black = _encode(encoder, [np.zeros_like(pixels[0])])
    if isinstance(on_black, Exception):
        reason = failure_reason(on_black, FailureKind.ENCODER)
        raise EncoderError(f"{encoder.name} encodes nothing: {reason}") from on_black
    return [failure_reason(vectors, FailureKind.ENCODER)]


def _encode(encoder: Encoder, pixels: Sequence[Pixels]) -> Vectors | Exception:
    """Unit rows, shape (n, d), or what the encoder raised."""
    try:
        return encoder.encode_pixels(pixels)
    except NOT_OF_ONE_FILE:
        raise
    except Exception as error:
        return error
