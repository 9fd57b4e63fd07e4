"""The XMP files beside pictures: which is a picture's own, and whether it changed."""

from __future__ import annotations

import os
from typing import NamedTuple

_SUFFIX = ".xmp"

READER = "3"
"""What reads metadata, by version: raised, all of it is read again by the next run."""


class Sidecar(NamedTuple):
    """What lies beside a picture."""

    path: str | None
    """None without one."""
    state: str
    """Changes when it does."""


NO_SIDECAR = Sidecar(None, READER)


class Sidecars:
    """Looks beside pictures that come folder by folder: names once a folder, a stat a sidecar."""

    def __init__(self) -> None:
        """Nothing was looked at yet."""
        self._folder: str | None = None
        self._names: dict[str, str] = {}
        """The sidecars of the folder, by their names in lower case."""

    def __call__(self, path: str) -> Sidecar:
        """What lies beside the picture at `path`.

        "IMG_1.jpg.xmp", as darktable and digiKam name it, comes before "IMG_1.xmp", as Lightroom
        does.
        """
        folder, name = os.path.split(path)
        if folder != self._folder:
            self._folder, self._names = folder, _sidecars_in(folder)
        if not self._names:
            return NO_SIDECAR
        found = self._names.get(name.lower() + _SUFFIX) or self._names.get(
            os.path.splitext(name)[0].lower() + _SUFFIX
        )
        return NO_SIDECAR if found is None else _as_it_is(os.path.join(folder, found))


def _sidecars_in(folder: str) -> dict[str, str]:
    try:
        names = os.listdir(folder)
    except OSError:
        return {}
    return {name.lower(): name for name in sorted(names) if name.lower().endswith(_SUFFIX)}


def _as_it_is(path: str) -> Sidecar:
    try:
        status = os.stat(path)
    except OSError:
        return NO_SIDECAR
    state = f"{READER} {status.st_size} {status.st_mtime_ns} {os.path.basename(path)}"
    return Sidecar(path, state)
