"""Which encoder a command means: the one asked for, the library's, or the default for a new one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from searchengine.devices import may_have_gpu
from searchengine.encoders import hub, names, registry
from searchengine.encoders.table import cost_of, find_model, named_by

AUTO = "auto"
"""Stands for the encoder of the library, or for the default where it has none."""


@dataclass(frozen=True, slots=True)
class Choice:
    """An encoder by its canonical name, and a sentence for the person where there is one to say."""

    name: str
    note: str | None = None


def choose_encoder(asked: str, in_library: Sequence[str], *, device: str = "auto") -> Choice:
    """The encoder that `asked` means beside a library's spaces, its default one first.

    `asked` is a name, a word of `searchengine.encoders.table.SIZES`, or `AUTO`; "starter" is the
    one at 256 pixels save in a library that was made with the other. What is to be downloaded first
    is said with its cost. Takes up to 5 s where that, or what a new library gets, is not on this
    machine: the hub is probed.
    """
    if asked == AUTO and in_library:
        return Choice(in_library[0])
    gpu = device != "cpu" and may_have_gpu()
    if asked == AUTO:
        name, note = registry.choose_default(gpu=gpu)
        return Choice(name, note or _cost(name))
    chosen = named_by(asked, gpu=gpu)
    name = names.canonical_name(asked) if chosen is None else chosen.name
    if name == names.STARTER and name not in in_library:
        name = names.STARTER_256
    return Choice(name, _cost(name))


def _cost(name: str) -> str | None:
    """A sentence about an encoder of the table that is to be downloaded, and can be."""
    model = find_model(name)
    if model is None or model.hub_repo is None or registry.is_cached(name):
        return None
    if hub.why_unreachable() is not None:
        return None  # who loads it is told so, in one line
    return f"{name} is not on this machine yet: {cost_of(model)}"
