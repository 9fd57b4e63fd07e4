"""Files changed as other programs change them."""

from __future__ import annotations

import os
from pathlib import Path


def edit_quietly(path: Path, data: bytes) -> None:
    """Write other bytes, keeping the size and the modification time, as `exiftool -P` does."""
    before = path.stat()
    with path.open("r+b") as file:
        file.write(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = path.stat()
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)
