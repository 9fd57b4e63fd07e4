"""The directories of a TIFF file: which pages it has, and what their tags say."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Literal

from searchengine.images.tiff import TiffPage

SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

MAX_PAGES = 64
"""Pages looked at for the full picture behind a thumbnail. Cameras and scanners write under ten."""
MAX_VALUES = 1 << 22
"""Numbers in one table: strips of one row make as many as a picture has rows."""

Tags = dict[int, tuple[int, ...]]
"""The whole numbers of each tag; none where a tag holds something else, or is not looked at."""

_CODES = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I", 16: "Q", 17: "q", 18: "Q"}
"""Of `struct`, for the types of tags that hold whole numbers."""
# fmt: off
_WANTED = frozenset((
    254, 255, 256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 317, 322, 323, 324, 325, 330,
    338, 339, 530,
))
# fmt: on
"""Tags of which the numbers count. Others may hold megabytes."""
_FILL_ORDER, _UNUSED = 266, 65_266
"""A tag, and one that says nothing: TIFF leaves those from 32,768 on to others."""

_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_REDUCED, _MASK = 1, 4  # bits of NewSubfileType
_OLD_JPEG, _YCBCR = 6, 6
_UNSIGNED, _UNTYPED = 1, 4


def read_pages(data: bytes) -> list[TiffPage]:
    """The first page, and where that is a thumbnail the others, with those below them.

    Raises ValueError where the directory of the first is damaged.
    """
    is_big = 43 in data[2:4]
    width = 8 if is_big else 4
    read = _Reader(data, "big" if data[:2] == b"MM" else "little", is_big)
    pending, seen, pages = [read.number(width, width)], set[int](), list[TiffPage]()
    while pending and len(seen) < MAX_PAGES:
        position = pending.pop(0)
        if position in seen or position == 0:
            continue
        seen.add(position)
        try:
            tags, following = read.directory(position)
            pages.append(_page(tags, position, read))
        except ValueError:
            if not pages:
                raise
            continue
        if not pages[0].is_thumbnail:
            break
        pending += [*tags.get(330, ()), following]
    if not pages:
        raise ValueError("the file has no pages")
    return pages


def at_front(data: bytes, page: TiffPage) -> bytes:
    """The file with this page as its first, its bits in the usual order."""
    if page.is_reversed and page.is_unpacked:
        data = _in_usual_order(data, page)
    width = 8 if 43 in data[2:4] else 4
    position = page.position.to_bytes(width, "big" if page.is_big_endian else "little")
    if data[width : 2 * width] == position:
        return data
    return data[:width] + position + data[2 * width :]


def _in_usual_order(data: bytes, page: TiffPage) -> bytes:
    """The file with the bits of each byte of this page the other way round, and a tag that says so.

    Pillow itself knows that order of few kinds of pictures.
    """
    turned = bytearray(data)
    lengths = page.counts or (len(data),)
    for start, length in zip(page.offsets, lengths, strict=False):
        stretch = slice(start, start + length)
        turned[stretch] = turned[stretch].translate(_REVERSED)
    head, entry = (8, 20) if page.is_big else (2, 12)
    order: Literal["big", "little"] = "big" if page.is_big_endian else "little"
    first = page.position + head
    number = int.from_bytes(data[page.position : first], order)
    for at in range(first, first + number * entry, entry):
        if int.from_bytes(data[at : at + 2], order) == _FILL_ORDER:
            turned[at : at + 2] = _UNUSED.to_bytes(2, order)
    return bytes(turned)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Directories of a file, in either order of bytes, of TIFF and BigTIFF."""

    data: bytes
    order: Literal["big", "little"]
    is_big: bool

    def number(self, start: int, length: int) -> int:
        if not 0 <= start <= len(self.data) - length:
            raise ValueError("the directory is cut off")
        return int.from_bytes(self.data[start : start + length], self.order)

    def directory(self, position: int) -> tuple[Tags, int]:
        """The tags, and where the next directory begins: 0 behind the last."""
        head, entry, wide = (8, 20, 8) if self.is_big else (2, 12, 4)
        count = self.number(position, head)
        end = position + head + count * entry
        following = self.number(end, wide) if end + wide <= len(self.data) else 0
        if count == 0 or end > len(self.data):
            raise ValueError("the directory is cut off")
        tags: Tags = {}
        for at in range(position + head, end, entry):
            tag, kind = self.number(at, 2), self.number(at + 2, 2)
            if tag in _WANTED and tag not in tags:
                tags[tag] = self._values(kind, self.number(at + 4, wide), at + 4 + wide, wide)
            else:
                tags.setdefault(tag, ())
        return tags, following

    def _values(self, kind: int, count: int, at: int, wide: int) -> tuple[int, ...]:
        code = _CODES.get(kind)
        if code is None or count == 0:
            return ()
        packed = struct.Struct(
            f"{'>' if self.order == 'big' else '<'}{min(count, MAX_VALUES)}{code}"
        )
        if count > MAX_VALUES or packed.size > len(self.data):
            raise ValueError("a table larger than the file")
        start = at if packed.size <= wide else self.number(at, wide)
        if start > len(self.data) - packed.size:
            raise ValueError("a table past the end of the file")
        return packed.unpack_from(self.data, start)


def _page(tags: Tags, position: int, read: _Reader) -> TiffPage:
    def first(tag: int, default: int) -> int:
        return next(iter(tags.get(tag, ())), default)

    width, height = first(256, 0), first(257, 0)
    if width <= 0 or height <= 0:
        raise ValueError("a page without a size")
    compression, photometric = first(259, 1), first(262, 0)
    if compression == _OLD_JPEG:
        photometric = _YCBCR
    samples = min(max(1, first(277, 1)), 1 << 16)
    is_tiled = 324 in tags
    block = (first(322, 0), first(323, 0)) if is_tiled else (width, min(first(278, height), height))
    kinds = _of_each(tags.get(339) or (1,), samples)
    return TiffPage(
        width=width,
        height=height,
        bits=_of_each(tags.get(258) or (1,), samples),
        kinds=tuple(_UNSIGNED if kind == _UNTYPED else kind for kind in kinds),
        photometric=photometric,
        compression=compression,
        predictor=first(317, 1),
        is_planar=first(284, 1) == 2 and samples > 1,
        extras=tags.get(338, ()),
        is_reversed=first(266, 1) == 2,
        is_subsampled=photometric == _YCBCR and tags.get(530) != (1, 1),
        is_thumbnail=bool(first(254, 0) & (_REDUCED | _MASK)) or first(255, 0) == 2,
        block=block,
        offsets=tags.get(324 if is_tiled else 273, ()),
        counts=tags.get(325 if is_tiled else 279, ()),
        is_big_endian=read.order == "big",
        is_big=read.is_big,
        position=position,
        has_maker=271 in tags,
        is_dng=50706 in tags,
    )


def _of_each(values: tuple[int, ...], samples: int) -> tuple[int, ...]:
    """One value a sample: the last stands for those that are missing, further ones are dropped."""
    return (values + values[-1:] * (samples - len(values)))[:samples]
