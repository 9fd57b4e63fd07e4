"""A folder that somebody has typed, looked at before an index run begins."""

from __future__ import annotations

import os
from pathlib import Path

from searchengine.errors import InputError, PathNotFoundError, reason_of
from searchengine.paths import is_at_or_below


def read_folder(text: str, library: Path) -> Path:
    """The folder that is typed, as an absolute path; "~" is the home of who runs the server.

    Raises InputError for what names no folder, or one inside of the library, and PathNotFoundError
    where there is none that can be read.
    """
    typed = text.strip()
    if not typed:
        raise InputError("no folder to index; type its whole path, as in /home/me/Photos")
    try:
        folder = Path(typed).expanduser()
    except RuntimeError as error:
        raise InputError(f"{typed}: nobody of this name has a home here") from error
    if not folder.is_absolute():
        raise InputError(f"{typed} may be anywhere; type its whole path, as in /home/me/Photos")
    try:
        with os.scandir(folder):
            pass
    except NotADirectoryError as error:
        raise InputError(f"{folder} is a file; type the folder that it lies in") from error
    except OSError as error:
        raise PathNotFoundError(folder, reason_of(error)) from error
    except ValueError as error:  # a NUL, or half a character
        raise InputError(f"{typed!r} cannot be a path: {error}") from error
    if is_at_or_below(os.path.realpath(folder), os.path.realpath(library)):
        raise InputError(f"{folder} is the library itself; type a folder of pictures")
    return folder
