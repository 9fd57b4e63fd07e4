"""Copies, links and archives of files, each complete or not there."""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from filecmp import cmp
from pathlib import Path

from searchengine.errors import InputError, reason_of
from searchengine.files import open_ordinary, replacing, written
from searchengine.images.formats import is_image_name
from serving.files.names import Names, for_archives


@dataclass(slots=True)
class Collected:
    """What became of the files."""

    done: int = 0
    already: int = 0
    """There before, with the same content."""
    failed: list[tuple[Path, str]] = field(default_factory=list)
    """Those that could not be had, and why."""


def copy_to(paths: Sequence[Path], directory: Path) -> Collected:
    """Copy files into a directory, with their times; a name that is taken gets a number.

    Raises InputError where the directory cannot be made or written.
    """
    return _into(paths, directory, _copy, lambda path, there: cmp(path, there, shallow=False))


def link_to(paths: Sequence[Path], directory: Path) -> Collected:
    """As `copy_to`, with symbolic links to where the files are."""
    return _into(paths, directory, _link, _leads)


def zip_to(paths: Sequence[Path], archive: Path) -> Collected:
    """Pack files into a new archive, uncompressed, as pictures are compressed already.

    It takes the place of what was at `archive`. Raises InputError where that cannot be written, or
    has the name of an image.
    """
    if is_image_name(archive.name):
        raise InputError(
            f"{archive}: an archive does not replace an image; name a file like hits.zip"
        )
    collected, names = Collected(), Names()
    try:
        with (
            written(archive) as place,
            zipfile.ZipFile(place, "w", strict_timestamps=False) as packed,
        ):
            for path in paths:
                try:
                    with open_ordinary(path):
                        pass
                except OSError as error:
                    collected.failed.append((path, reason_of(error)))
                    continue
                packed.write(path, next(names.free(for_archives(path))))
                collected.done += 1
    except OSError as error:
        raise InputError(
            f"cannot write {archive}: {reason_of(error)}; choose another FILE"
        ) from error
    return collected


def _into(
    paths: Sequence[Path],
    directory: Path,
    put: Callable[[Path, Path], None],
    is_there: Callable[[Path, Path], bool],
) -> Collected:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"cannot make {directory}: {reason_of(error)}; choose another DIR"
        ) from error
    if not os.access(directory, os.W_OK | os.X_OK):
        raise InputError(f"cannot write in {directory}: permission denied; choose another DIR")
    collected, names = Collected(), Names()
    for path in paths:
        try:
            for name in names.free(path):
                target = directory / name
                if not os.path.lexists(target):
                    put(path, target)
                    collected.done += 1
                    break
                if is_there(path, target):
                    collected.already += 1
                    break
        except OSError as error:
            collected.failed.append((path, reason_of(error)))
    return collected


def _copy(path: Path, target: Path) -> None:
    with open_ordinary(path) as source, replacing(target) as beside:
        with beside.open("wb") as copy:
            shutil.copyfileobj(source, copy)
        times = os.fstat(source.fileno())
        os.utime(beside, ns=(times.st_atime_ns, times.st_mtime_ns))


def _link(path: Path, target: Path) -> None:
    target.symlink_to(path)


def _leads(path: Path, there: Path) -> bool:
    return there.is_symlink() and os.path.realpath(there) == os.path.realpath(path)
