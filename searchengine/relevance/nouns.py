"""The shipped nouns that queries are measured against, and their vectors."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from searchengine.encoders.text.tensors import TensorFile, UnreadableTensorsError
from searchengine.types import SpaceInfo, Vectors

NOUNS = Path(__file__).with_name("nouns.txt")
STARTER_NOUNS = Path(__file__).with_name("starter_nouns.safetensors")
"""Made by `training/nouns.py`: no first index run has to encode a thousand texts."""

ENCODED_AT_A_TIME = 256
"""Texts that are encoded together."""


def nouns() -> list[str]:
    """A thousand things that can be in a picture, drawn from WordNet."""
    return NOUNS.read_text("ascii").split("\n")[:-1]


def digest_of(words: Sequence[str]) -> str:
    """CRC-32 of a list, as 8 hexadecimal digits: vectors of another one do not fit."""
    return f"{zlib.crc32(chr(10).join(words).encode()):08x}"


def starter_nouns(space: SpaceInfo) -> Vectors | None:
    """The shipped vectors, unit rows of shape (n, d).

    None where they are of other weights than the space, or of another list.
    """
    try:
        file = TensorFile(STARTER_NOUNS)
    except (OSError, UnreadableTensorsError):
        return None
    fits = file.notes == {"fingerprint": space.fingerprint, "list": digest_of(nouns())}
    return np.array(file["nouns"], dtype=np.float32) if fits else None


def encoded_nouns(encode: Callable[[Sequence[str]], Vectors]) -> Vectors:
    """Their vectors by an encoder: `encode` turns texts into unit rows, shape (n, d)."""
    words = nouns()
    parts = [
        encode(words[start : start + ENCODED_AT_A_TIME])
        for start in range(0, len(words), ENCODED_AT_A_TIME)
    ]
    return np.concatenate(parts)
