"""Files and folders that commands write at their end: looked at before the work, not after it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from itertools import combinations
from pathlib import Path

from searchengine.errors import InputError
from searchengine.images.formats import is_image_name


def require_writable(
    *files: Path | None, folders: Iterable[Path | None] = (), read: Iterable[Path | None] = ()
) -> None:
    """Raises InputError where a file or folder cannot be written, or two of them are one.

    None stands for what is not asked for. No file replaces an image, or one of those that are
    `read`.
    """
    new = [path for path in files if path is not None]
    into = [path for path in folders if path is not None]
    for path in new:
        _require_file(path)
    for path in into:
        _require_folder(path)
    for path, other in [*combinations(new, 2), *((file, dir_) for file in new for dir_ in into)]:
        if _are_one(path, other):
            raise InputError(f"cannot write {path} twice; choose another FILE for one of the two")
    for path in new:
        if any(_are_one(path, source) for source in read if source is not None):
            raise InputError(f"cannot write {path}: it is read; choose another FILE")


def _require_file(path: Path) -> None:
    if is_image_name(path.name):
        why = "it has the name of an image"
    elif path.is_dir():
        why = "it is a directory"
    elif not path.parent.is_dir():
        why = f"there is no directory {path.parent}"
    elif not os.access(path if path.exists() else path.parent, os.W_OK):
        why = "permission denied"
    else:
        return
    raise InputError(f"cannot write {path}: {why}; choose another FILE")


def _require_folder(path: Path) -> None:
    whole = path.absolute()
    there = next(each for each in (whole, *whole.parents) if os.path.lexists(each))
    if not there.is_dir():
        raise InputError(f"cannot write in {path}: {there} is no directory; choose another DIR")
    if not os.access(there, os.W_OK | os.X_OK):
        raise InputError(f"cannot write in {path}: permission denied; choose another DIR")


def _are_one(path: Path, other: Path) -> bool:
    if path.exists() and other.exists():
        return path.samefile(other) and not path.is_char_device()
    return os.path.realpath(path) == os.path.realpath(other)
