"""A small writer of TIFF files of any kind, for tests: Pillow writes few."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass
class Page:
    """One page. `pixels` is (height, width) or (height, width, samples), of the kind to store."""

    pixels: Array
    photometric: int = 1
    planar: bool = False
    extras: tuple[int, ...] = ()
    rows: int | None = None
    """Rows of a strip; all of them by default."""
    tile: tuple[int, int] | None = None
    """Height and width."""
    compression: int = 1
    """1 none, 8 deflate."""
    predictor: int = 1
    bits: int | None = None
    """Packed, for unsigned numbers below 16 bits."""
    subfile: int | None = None
    tags: tuple[tuple[int, str, tuple[int, ...]], ...] = ()
    below: tuple[Page, ...] = ()
    """Written as SubIFDs."""
    body: bytes | None = None
    """The one strip, as it lies in the file; instead of the pixels, which tell the size."""


def tiff_of(*pages: Page, big_endian: bool = False, big: bool = False) -> bytes:
    order = ">" if big_endian else "<"
    head = (b"MM" if big_endian else b"II") + struct.pack(f"{order}H", 43 if big else 42)
    data = bytearray(head + (struct.pack(f"{order}HHQ", 8, 0, 0) if big else bytes(4)))
    link = 8 if big else 4
    for page in pages:
        position, link_next = _append(data, page, order, big)
        struct.pack_into(order + ("Q" if big else "I"), data, link, position)
        link = link_next
    return bytes(data)


def _append(data: bytearray, page: Page, order: str, big: bool) -> tuple[int, int]:
    """Where the directory begins, and where it names the next one."""
    below = [_append(data, child, order, big)[0] for child in page.below]
    pixels = page.pixels if page.pixels.ndim == 3 else page.pixels[..., None]
    height, width, samples = pixels.shape
    bits = page.bits or pixels.dtype.itemsize * 8
    offsets, counts = [], []
    for body in [page.body] if page.body is not None else _bodies(page, pixels, bits, order):
        data.extend(bytes(len(data) % 2))
        offsets.append(len(data))
        counts.append(len(body))
        data.extend(body)
    entries = [
        (256, "I", (width,)),
        (257, "I", (height,)),
        (258, "H", (bits,) * samples),
        (259, "H", (page.compression,)),
        (262, "H", (page.photometric,)),
        (277, "H", (samples,)),
        (284, "H", (2 if page.planar else 1,)),
        (339, "H", ({"u": 1, "i": 2, "f": 3, "c": 6}[pixels.dtype.kind],) * samples),
        *page.tags,
    ]
    if page.tile:
        entries += [(322, "I", page.tile[1:]), (323, "I", page.tile[:1])]
        entries += [(324, "I", tuple(offsets)), (325, "I", tuple(counts))]
    else:
        entries += [(278, "I", (page.rows or height,))]
        entries += [(273, "I", tuple(offsets)), (279, "I", tuple(counts))]
    optional: list[tuple[int, str, tuple[int, ...]]] = []
    optional += [(254, "I", () if page.subfile is None else (page.subfile,))]
    optional += [(338, "H", page.extras), (330, "I", tuple(below))]
    optional += [(317, "H", () if page.predictor == 1 else (page.predictor,))]
    return _directory(data, entries + [entry for entry in optional if entry[2]], order, big)


def _directory(
    data: bytearray, entries: list[tuple[int, str, tuple[int, ...]]], order: str, big: bool
) -> tuple[int, int]:
    field, wide = ("Q", 8) if big else ("I", 4)
    rows = b""
    for tag, code, values in sorted(entries):
        body = struct.pack(f"{order}{len(values)}{code}", *values)
        kind = {"B": 1, "H": 3, "I": 4}[code]
        if len(body) > wide:
            data.extend(bytes(len(data) % 2))
            data.extend(body)
            body = struct.pack(order + field, len(data) - len(body))
        rows += struct.pack(f"{order}HH{field}", tag, kind, len(values)) + body.ljust(wide, b"\0")
    data.extend(bytes(len(data) % 2))
    position = len(data)
    data.extend(struct.pack(order + ("Q" if big else "H"), len(entries)) + rows)
    data.extend(bytes(wide))
    return position, len(data) - wide


def _bodies(page: Page, pixels: Array, bits: int, order: str) -> list[bytes]:
    height, width, samples = pixels.shape
    planes = [pixels[..., k : k + 1] for k in range(samples)] if page.planar else [pixels]
    high, wide = page.tile or (page.rows or height, width)
    bodies = []
    for plane in planes:
        for y in range(0, height, high):
            for x in range(0, width, wide):
                block = plane[y : y + high, x : x + wide]
                if page.tile:
                    missing = [(0, high - block.shape[0]), (0, wide - block.shape[1]), (0, 0)]
                    block = np.pad(block, missing)
                body = _stored(block, page.predictor, bits, order)
                bodies.append(zlib.compress(body) if page.compression == 8 else body)
    return bodies


def _stored(block: Array, predictor: int, bits: int, order: str) -> bytes:
    if bits < block.dtype.itemsize * 8:
        places = np.arange(bits - 1, -1, -1)
        ones = (block[..., None] >> places & 1).astype(np.uint8)
        return np.packbits(ones.reshape(len(block), -1), axis=1).tobytes()
    size = block.dtype.itemsize
    if predictor == 2:
        numbers = block.view(f"u{size}")
        steps = numbers.copy()
        steps[:, 1:] -= numbers[:, :-1]
        return steps.astype(f"{order}u{size}").tobytes()
    if predictor == 3:
        rows, columns, samples = block.shape
        ordered = np.frombuffer(block.astype(f">f{size}").tobytes(), np.uint8)
        shuffled = ordered.reshape(rows, columns * samples, size).transpose(0, 2, 1)
        numbers = shuffled.reshape(rows, columns * size, samples)
        steps = numbers.copy()
        steps[:, 1:] -= numbers[:, :-1]
        return steps.tobytes()
    return block.astype(block.dtype.newbyteorder(order)).tobytes()
