"""`relevance.safetensors`: the statistics of a space. Read with distrust, written and renamed."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict
from functools import lru_cache
from math import isfinite
from pathlib import Path

import numpy as np

from searchengine.encoders.text.tensors import (
    MALFORMED,
    Tensor,
    TensorFile,
    UnreadableTensorsError,
)
from searchengine.relevance.bar import Spread
from searchengine.relevance.nouns import digest_of, nouns
from searchengine.relevance.statistics import LEAST_DEVIATION, Statistics
from searchengine.spaces.tied import NOTE, TiedRows, write_tied
from searchengine.types import SpaceInfo

FILE = "relevance.safetensors"
"""In a space's directory: derived and deletable, like the index."""

FORMAT = "2"
"""Of that file. One of another format is as none, and measured anew."""

SPREADS = ("best", "middle", "width", "apart")

log = logging.getLogger("clipseek")


class DamagedStatisticsError(Exception):
    """The file is not as it was written, or of another library."""


def write_statistics(statistics: Statistics, space: SpaceInfo, directory: Path, note: str) -> None:
    """Put the statistics in the space's `directory`, all at once.

    `note` is of the rows that they are of. Raises StorageFullError and LibraryUnusableError.
    """
    tensors: dict[str, Tensor] = {
        "nouns": statistics.nouns.astype(np.float16),
        "mean": statistics.mean,
        "covariance": statistics.covariance,
    }
    spreads = {name: asdict(getattr(statistics, name)) for name in SPREADS}
    facts = json.dumps({"images": statistics.images, **spreads}, sort_keys=True)
    notes = {
        "format": FORMAT,
        "fingerprint": space.fingerprint,
        "list": digest_of(nouns()),
        "facts": facts,
        "crc32 of facts": digest_of([facts]),
    }
    write_tied(directory / FILE, tensors, notes, note)


def read_statistics(space: SpaceInfo, directory: Path, tied: TiedRows) -> Statistics | None:
    """Those that are kept; None where there are none.

    So it is where they are damaged or of other rows than the `tied` ones, which is said. They are
    read again only where the file is another one.
    """
    path = directory / FILE
    try:
        status = path.stat()
        return _read_once(path, space, tied, status.st_mtime_ns, status.st_size, status.st_ino)
    except FileNotFoundError:
        return None


def fault_of_statistics(space: SpaceInfo, directory: Path, tied: TiedRows) -> str | None:
    """What is wrong with the file; None where it is sound or there is none."""
    try:
        _read(directory / FILE, space, tied)
    except FileNotFoundError:
        return None
    except DamagedStatisticsError as error:
        return str(error)
    return None


@lru_cache(maxsize=8)
def _read_once(path: Path, space: SpaceInfo, tied: TiedRows, *_state: int) -> Statistics | None:
    try:
        return _read(path, space, tied)
    except DamagedStatisticsError as error:
        log.warning(
            "%s: no hit is told from what does not match until the next index run; see: "
            "clipseek check --library %s",
            error,
            path.parents[2],
        )
        return None


def _read(path: Path, space: SpaceInfo, tied: TiedRows) -> Statistics | None:
    """None where it is of another format, list of nouns or encoder than what would be written now.

    Raises FileNotFoundError and DamagedStatisticsError.
    """
    try:
        file = TensorFile(path)
        notes = file.notes
        if (notes["format"], notes["fingerprint"], notes["list"]) != (
            FORMAT,
            space.fingerprint,
            digest_of(nouns()),
        ):
            return None
        if (notes["crc32"], notes["crc32 of facts"]) != (
            file.checksum,
            digest_of([notes["facts"]]),
        ):
            raise DamagedStatisticsError(f"{FILE} of space {space.name} is not as it was written")
        statistics = _made(file)
    except FileNotFoundError:
        raise
    except (OSError, UnreadableTensorsError, *MALFORMED) as error:
        raise DamagedStatisticsError(f"{FILE} of space {space.name} cannot be read") from error
    d = space.dim
    if (statistics.nouns.shape[1:], statistics.mean.shape, statistics.covariance.shape) != (
        (d,),
        (d,),
        (d, d),
    ):
        raise DamagedStatisticsError(f"{FILE} of space {space.name} is of another length")
    if not tied.are_of(notes.get(NOTE)):
        raise DamagedStatisticsError(f"{FILE} of space {space.name} is of other pictures")
    return statistics


def _made(file: TensorFile) -> Statistics:
    facts = json.loads(file.notes["facts"])
    spreads = [
        Spread(float(facts[name]["mean"]), float(facts[name]["deviation"])) for name in SPREADS
    ]
    if not all(isfinite(s.mean) and s.deviation >= LEAST_DEVIATION for s in spreads):
        raise ValueError("a spread that no nouns have")
    return Statistics(
        int(facts["images"]),
        np.array(file["nouns"], dtype=np.float32),
        np.array(file["mean"], dtype=np.float32),
        np.array(file["covariance"], dtype=np.float32),
        *spreads,
    )
