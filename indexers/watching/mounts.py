"""File systems whose changes by other machines this one is not told of."""

from __future__ import annotations

import os
from pathlib import Path

from searchengine.paths import is_at_or_below

_REMOTE = frozenset(
    ("9p", "afs", "ceph", "cifs", "davfs", "glusterfs", "nfs", "nfs4", "smb3", "smbfs", "virtiofs")
)
_BY_PROGRAM = "fuse"
"""File systems that a program is: sshfs, rclone, encfs. Few tell of what changes behind them."""

_TABLE = Path("/proc/self/mounts")


def is_remote(place: str, table: str | None = None) -> bool:
    """Whether a place is on such a file system, by Linux's table of mounts; elsewhere False."""
    if table is None:
        try:
            table = _TABLE.read_text("utf-8", "surrogateescape")
        except OSError:
            return False
    kinds: dict[str, str] = {}
    for line in table.splitlines():
        _, mounted, kind, *_ = (*line.split(" "), "", "", "")
        kinds[_plain(mounted)] = kind
    above = [mounted for mounted in kinds if mounted and is_at_or_below(place, mounted)]
    kind = kinds[max(above, key=len)] if above else ""
    return kind in _REMOTE or kind.startswith(_BY_PROGRAM)


def _plain(written: str) -> str:
    """A path of the table, in which spaces and the like are octal numbers."""
    for octal, sign in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        written = written.replace(octal, sign)
    return written.rstrip(os.sep) or os.sep
