"""What ends a command, as a person is told: one line, whatever went wrong and wherever.

What clipseek raises on purpose says itself what to do. What the system and libraries raise is put
into words here, so that no call of theirs needs a guard of its own; anything else is our mistake.
"""

from __future__ import annotations

import errno

from searchengine.errors import ClipseekError, reason_of

TRACEBACK = "CLIPSEEK_TRACEBACK"
"""The environment variable that shows where an error arose."""

_NEXT = {
    errno.ENOSPC: "free some space and run the same command again",
    errno.EDQUOT: "free some space and run the same command again",
    errno.EACCES: "check the permissions",
    errno.EPERM: "check the permissions",
    errno.EROFS: "the disk can only be read",
    errno.EMFILE: "raise the limit with: ulimit -n 4096",
    errno.EIO: "check the disk and its connection",
}
"""What to do about some errors of the system."""

_OF_LIBRARIES = {
    ("sqlite3", "Error"): "the catalog of the library cannot be used",
    ("sqlalchemy.exc", "SQLAlchemyError"): "the catalog of the library cannot be used",
    ("http.client", "HTTPException"): "a server gave an answer that is no HTTP",
}
"""Errors of modules that a command need not have loaded, by module and name."""

_NO_MEMORY = ("out of memory", "can't allocate memory", "not enough memory", "std::bad_alloc")
"""How libraries that raise RuntimeError say it."""


def message_of(error: BaseException) -> str:
    """What to tell of an error: what, why, and what to do where that is known."""
    if isinstance(error, ClipseekError):
        return str(error)
    why = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, MemoryError) or any(sign in why for sign in _NO_MEMORY):
        return (
            "out of memory; close other programs, or take less at a time: --batch-size, --workers"
        )
    if isinstance(error, OSError):
        return _of_the_system(error)
    if isinstance(error, RecursionError):
        return "something that was read is nested too deep; leave that file out"
    if isinstance(error, OverflowError):
        return f"a number is out of range: {why}"
    if isinstance(error, UnicodeError):
        return f"a text is no Unicode: {why}; write it in UTF-8"
    if isinstance(error, ImportError):
        return f"a part of the installation is missing or broken: {why}; install clipseek again"
    for kind in type(error).__mro__:
        what = _OF_LIBRARIES.get((kind.__module__, kind.__name__))
        if what is not None:
            return f"{what}: {why}"
    return (
        f"this is a bug in clipseek: {type(error).__name__}: {why}; please report it with what the "
        f"same command prints after {TRACEBACK}=1"
    )


def _of_the_system(error: OSError) -> str:
    then = _NEXT.get(error.errno or 0)
    hint = f"; {then}" if then else ""
    names = [str(name) for name in (error.filename, error.filename2) if name is not None]
    if names:
        return f"{' -> '.join(names)}: {reason_of(error)}{hint}"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):  # of no file: typer's own, past our door
        return f"write error: {error.strerror}{hint}"
    return f"{reason_of(error)}{hint}"
