"""The shipped nouns that queries are measured against, and their vectors."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from searchengine.encoders.text.tensors import (
    TensorFile,
    UnreadableTensorsError,
    checksum_of,
    write_tensors,
)
from searchengine.files import replacing
from searchengine.paths import user_cache
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


def known_nouns(space: SpaceInfo) -> Vectors | None:
    """Their vectors by the encoder of a space, unit rows of shape (n, d).

    Those that ship for the starter, or what a run on this machine kept for another encoder. None
    where those are of other weights than the space, of another list, or damaged.
    """
    shipped = _vectors_in(STARTER_NOUNS, space)
    return _vectors_in(_kept(space), space) if shipped is None else shipped


def keep_nouns(space: SpaceInfo, vectors: Vectors) -> None:
    """Keep them in the user's cache, for all libraries of this encoder, as far as that can be."""
    path = _kept(space)
    tensors = {"nouns": vectors.astype(np.float16)}
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as beside:
            write_tensors(beside, tensors, {**_marks(space), "crc32": checksum_of(tensors)})


def _kept(space: SpaceInfo) -> Path:
    """By a digest: a fingerprint is what a catalog says, which may be anybody's, and no name."""
    return user_cache("nouns") / f"{digest_of([space.fingerprint])}.safetensors"


def _marks(space: SpaceInfo) -> dict[str, str]:
    return {"fingerprint": space.fingerprint, "list": digest_of(nouns())}


def _vectors_in(path: Path, space: SpaceInfo) -> Vectors | None:
    try:
        file = TensorFile(path)
    except (OSError, UnreadableTensorsError):
        return None
    is_sound = file.notes.get("crc32", file.checksum) == file.checksum
    if not (is_sound and _marks(space).items() <= file.notes.items()):
        return None
    return np.array(file["nouns"], dtype=np.float32)


def encoded_nouns(encode: Callable[[Sequence[str]], Vectors]) -> Vectors:
    """Their vectors by an encoder: `encode` turns texts into unit rows, shape (n, d)."""
    words = nouns()
    parts = [
        encode(words[start : start + ENCODED_AT_A_TIME])
        for start in range(0, len(words), ENCODED_AT_A_TIME)
    ]
    return np.concatenate(parts)
