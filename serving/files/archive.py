"""Files of listed images as one ZIP archive, made while it is sent.

Each is compared with the catalog before its first byte goes. What is not as it was indexed is left
out, and the archive says so in a file of its own.
"""

from __future__ import annotations

import time
import zipfile
from collections.abc import Callable, Generator, Sequence

from searchengine.errors import InputError
from searchengine.types import ImageRecord
from serving.files.listed import PIECE, ListedFile
from serving.files.names import Names, for_archives
from serving.problems import FileChangedError

MOST_FILES = 1_000
"""Of one archive: as many as one request may name."""

MOST_BYTES = 20 * 10**9

LEFT_OUT = "left out.txt"

OLDEST, NEWEST = (1980, 1, 1, 0, 0, 0), (2107, 12, 31, 23, 59, 58)
"""Times that the format holds."""


def require_few(records: Sequence[ImageRecord]) -> None:
    """Raises InputError for more than one archive takes."""
    size = sum(record.file.size for record in records)
    if not records or len(records) > MOST_FILES:
        raise InputError(
            f"an archive takes 1 to {MOST_FILES:,} images, not {len(records):,}; choose fewer"
        )
    if size > MOST_BYTES:
        raise InputError(
            f"these files have {size / 1e9:.1f} GB, and an archive takes {MOST_BYTES / 1e9:.0f}; "
            "choose fewer"
        )


def archive(
    records: Sequence[ImageRecord], opened: Callable[[ImageRecord], ListedFile]
) -> Generator[bytes, None, None]:
    """The pieces of an archive with the files of these images, uncompressed, under their names.

    `opened` raises FileChangedError for what is left out; a file that changes while it is read
    raises it here, and the archive ends without its end.
    """
    out, names = _Pieces(), Names()
    left_out: list[str] = []
    with zipfile.ZipFile(out, "w", allowZip64=True) as packed:
        for record in records:
            try:
                file = opened(record)
            except FileChangedError as error:
                left_out.append(str(error))
                continue
            try:
                entry = zipfile.ZipInfo(
                    next(names.free(for_archives(record.path))), time_of(record)
                )
                entry.file_size = record.file.size
                with packed.open(entry, "w") as target:
                    at = 0
                    while at < file.size:
                        piece = file.read(at, PIECE)
                        at += len(piece)
                        target.write(piece)
                        yield out.taken()
            finally:
                file.close()
        if left_out:
            packed.writestr(LEFT_OUT, "\n".join(map(_shown, left_out)) + "\n")
    yield out.taken()


class _Pieces:
    """What was written since it was last taken: a file that goes one way."""

    def __init__(self) -> None:
        self._written = bytearray()

    def write(self, data: bytes) -> int:
        self._written += data
        return len(data)

    def flush(self) -> None:
        """Everything is there already."""

    def close(self) -> None:
        """Nothing is held open."""

    def taken(self) -> bytes:
        data = bytes(self._written)
        self._written.clear()
        return data


def _shown(text: str) -> str:
    """Text that is UTF-8: names of files may hold other bytes."""
    return text.encode("utf-8", "replace").decode("utf-8")


def time_of(record: ImageRecord) -> tuple[int, int, int, int, int, int]:
    """When the file was changed, as far as the format can say it."""
    try:
        found = time.localtime(record.file.mtime_ns / 1e9)[:6]
    except (OverflowError, ValueError, OSError):
        return OLDEST
    return min(max(found, OLDEST), NEWEST)
