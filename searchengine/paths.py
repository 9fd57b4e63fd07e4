"""Paths as people write them and as the catalog compares them: absolute, symlinks kept."""

from __future__ import annotations

import os


def absolute(path: str | os.PathLike[str]) -> str:
    """The path from the root of the file system, `~` and `..` resolved, symlinks not."""
    return os.path.abspath(os.path.expanduser(path))


def below(directory: str) -> str:
    """What every path below the directory starts with: `/a/b/` for `/a/b`, `/` for `/`."""
    return directory.rstrip(os.sep) + os.sep


def is_text(path: str) -> bool:
    """Whether it can be stored and compared: bytes that are not UTF-8 come as lone surrogates."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True
