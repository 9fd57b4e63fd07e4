"""Which encoder a command means: the one asked for, the library's, or the default for a new one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from searchengine.encoders import names, registry

AUTO = "auto"
"""Stands for the encoder of the library, or for the default where it has none."""


@dataclass(frozen=True, slots=True)
class Choice:
    """An encoder by its canonical name, and a sentence for the person where there is one to say."""

    name: str
    note: str | None = None


def choose_encoder(asked: str, in_library: Sequence[str]) -> Choice:
    """The encoder that `asked` means beside a library's spaces, its default one first.

    Takes up to 5 s where nothing is asked for and the library is new: the hub is probed.
    """
    if asked != AUTO:
        return Choice(names.canonical_name(asked))
    if in_library:
        return Choice(in_library[0])
    return Choice(*registry.choose_default())
