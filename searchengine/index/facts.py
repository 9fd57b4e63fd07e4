"""`index.json`: what the index beside it is. Read with distrust, written beside and renamed."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, fields
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from searchengine.files import read_small, replacing
from searchengine.index.types import INDEX_FILE, IndexFacts, IndexPlan, TunedSetting

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    Made = TypeVar("Made", bound=DataclassInstance)

NAMES = (INDEX_FILE, "index-2.faiss")
"""Of the file of an index: a new one gets the name that the facts in force do not say, so that
replacing the facts replaces both at once."""

_FETCHED = re.compile(r"index-\d{8}/merged\.faiss")
"""The name of one that was made part by part elsewhere, in a folder with its lists."""

FORMAT = 1
"""Of the file. An index of another format is as none, and built anew."""

MOST = 2**62
"""No count is as large: FAISS and numpy take 64 bits."""

NO_FACTS = (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError)
"""What reading anything but facts raises. They are then as none."""


def index_path(directory: Path, facts: IndexFacts) -> Path:
    """Where the index of a space's `directory` is."""
    return directory / facts.file


def facts_path(directory: Path) -> Path:
    """Where the facts about it are."""
    return directory / "index.json"


def is_fetched(facts: IndexFacts) -> bool:
    """Whether the index was made part by part elsewhere: nothing is added to it here."""
    return _FETCHED.fullmatch(facts.file) is not None


def files(directory: Path) -> Sequence[Path]:
    """The files of the index in `directory`, and those that a killed process left of another."""
    there = (directory / name for name in NAMES)
    return [*(path for path in there if os.path.lexists(path)), facts_path(directory)]


def remove_index(directory: Path, *, but: IndexFacts | None = None) -> None:
    """Take away every index in `directory` and its facts, or all `but` the one of these facts."""
    kept = [] if but is None else [index_path(directory, but), facts_path(directory)]
    for path in files(directory):
        if path not in kept:
            with suppress(OSError):  # a directory, or a file that another program holds
                path.unlink()
    for folder in directory.glob("index-[0-9]*/"):
        if but is None or folder != index_path(directory, but).parent:
            shutil.rmtree(folder, ignore_errors=True)


def read_facts(directory: Path) -> IndexFacts | None:
    """What is known of the index in `directory`.

    None where there is none, where the facts make no sense, and where the file that they name has
    another size than they say.
    """
    facts = read_any_facts(directory)
    try:
        fits = facts is not None and index_path(directory, facts).stat().st_size == facts.bytes
    except OSError:
        return None
    return facts if fits else None


def read_any_facts(directory: Path) -> IndexFacts | None:
    """What is written of an index in `directory`, whether or not there is one that it fits."""
    try:
        return _parse(json.loads(read_small(facts_path(directory))))
    except NO_FACTS:
        return None


def write_facts(directory: Path, facts: IndexFacts) -> None:
    """Put the facts in `directory`, all at once."""
    with replacing(facts_path(directory)) as beside:
        beside.write_bytes(to_json(facts))


def facts_of(data: bytes) -> IndexFacts:
    """What the bytes of an `index.json` say. Raises one of `NO_FACTS`."""
    return _parse(json.loads(data))


def to_json(facts: IndexFacts) -> bytes:
    """The bytes of an `index.json`."""
    return json.dumps({"format": FORMAT, **asdict(facts)}, indent=1).encode()


def _parse(record: Any) -> IndexFacts:  # noqa: ANN401 - whatever the file holds
    """Raises one of `NO_FACTS` where the record is not of this format."""
    if record.pop("format") != FORMAT:
        raise ValueError("another format")
    plan = _checked(IndexPlan(**record.pop("plan")), "cells", "training_rows", "rows", "dim")
    text, image = (_parse_tuned(record.pop(name)) for name in ("text", "image"))
    facts = IndexFacts(plan=plan, **record, text=text, image=image)
    _checked(facts, "covered", "listed", "bytes")
    if facts.listed > facts.covered or not (facts.file in NAMES or is_fetched(facts)):
        raise ValueError("more rows in it than it covers, or a file of another name")
    return facts


def _parse_tuned(record: Any) -> TunedSetting | None:  # noqa: ANN401
    if record is None:
        return None
    return _checked(TunedSetting(**record), "nprobe", "shortlist", "k")


def _checked(value: Made, *counts: str) -> Made:
    """The dataclass, whose fields are of the types that it says and whose `counts` are positive.

    Raises ValueError where they are not.
    """
    for field in fields(value):
        found, wanted = getattr(value, field.name), str(field.type).removesuffix(" | None")
        is_absent = found is None and str(field.type) != wanted
        kinds = _KINDS.get(wanted)
        if kinds is None or is_absent:
            continue
        if type(found) not in kinds or (type(found) is float and not isfinite(found)):
            raise ValueError(f"{field.name} is {found!r}")
        if field.name in counts and not 0 < found < MOST:
            raise ValueError(f"{field.name} is {found!r}")
    return value


_KINDS: dict[str, tuple[type, ...]] = {
    "int": (int,), "float": (float, int), "bool": (bool,), "str": (str,)
}  # fmt: skip
"""What JSON makes of the fields of plain types, by the names of these."""
