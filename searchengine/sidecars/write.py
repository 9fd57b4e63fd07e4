"""Writing labels beside pictures: into the sidecar that is there, or a new one."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence
from pathlib import Path

from searchengine.errors import InputError, reason_of
from searchengine.files import read_small, written
from searchengine.sidecars.xmp import with_keywords

MOST_BYTES = 16_000_000
"""Of a sidecar that is read: most have 10 KB, those with every step of an edit some MB."""


def sidecar_of(picture: Path) -> Path:
    """Where the sidecar of a picture is, or is to be.

    `IMG_1.jpg.xmp`, as darktable and digiKam name it; `IMG_1.xmp`, as Lightroom does, where only
    that is there.
    """
    own, shared = picture.with_name(picture.name + ".xmp"), picture.with_suffix(".xmp")
    return shared if shared.exists() and not own.exists() else own


def add_keywords(picture: Path, names: Sequence[str], paths: Sequence[Sequence[str]]) -> bool:
    """Put names, and paths of names from the broadest on, into a picture's sidecar.

    Whether anything was written: what stands there stays. The sidecar is replaced whole, so that it
    is never half of one, and keeps its permissions. Raises InputError, with the sidecar and why; so
    for one that may not be written, although its folder may, and for a picture that is gone.
    """
    sidecar = sidecar_of(picture)
    try:
        picture.stat()
    except OSError as error:
        raise InputError(f"{picture}: {reason_of(error)}") from error
    try:
        before = mode = None
        if sidecar.exists():
            before, mode = read_small(sidecar, most=MOST_BYTES), sidecar.stat().st_mode
        packet = with_keywords(before, names, paths)
        if packet is None:
            return False
        if mode is not None and not os.access(sidecar, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        with written(sidecar) as beside:
            beside.write_bytes(packet)
        if mode is not None:
            sidecar.chmod(stat.S_IMODE(mode))
    except InputError as error:
        raise InputError(f"{sidecar}: {error}; it stays as it is") from error
    except OSError as error:
        raise InputError(f"{sidecar}: {reason_of(error)}") from error
    return True
