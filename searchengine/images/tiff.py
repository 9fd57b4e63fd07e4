"""What the tags of a TIFF file say, read before Pillow is trusted with its pixels.

Pillow reads some kinds as another picture without a word (16 bits in planes, WhiteIsZero of 16
bits) and calls sound files of others corrupt. Which is which is decided here, from tags alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum

MAX_SAMPLES = 8
"""Samples a pixel that are read: colours, an alpha and a few more that are ignored."""

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _CMYK, _YCBCR, _LAB = 0, 1, 2, 3, 5, 6, 8
_RAW_PHOTOMETRICS = (32803, 34892)  # a colour filter array, and linear raw, as in DNG
_COLOURS = {_WHITE_IS_ZERO: 1, _BLACK_IS_ZERO: 1, _RGB: 3, _CMYK: 4, _YCBCR: 3, _LAB: 3}
_UNSIGNED, _SIGNED, _FLOAT = 1, 2, 3
_KINDS = {_SIGNED: " signed", _FLOAT: " floating-point", 5: " complex", 6: " complex"}
_OLD_JPEG, _JPEG = 6, 7
_UNPACKED_BY_SAMPLES = (1, 5, 8, 32946, 32773, 34925, 50000)  # none, LZW, deflate, ..., zstd
_UNPACKED_BY_PILLOW = (1, 2, 3, 4, 5, _OLD_JPEG, _JPEG, 8, 32773, 32946, 34925, 50000, 50001)
_WIDTHS = {
    _UNSIGNED: (*range(1, 17), 32, 64),
    _SIGNED: (8, 16, 32, 64),
    _FLOAT: (16, 32, 64),
}
"""Bits of a sample that are read, by kind."""


@dataclass(frozen=True, slots=True)
class TiffPage:
    """One page of a TIFF file, by its tags; what they leave out has TIFF's defaults."""

    width: int
    height: int
    bits: tuple[int, ...] = (1,)
    """Of each sample."""
    kinds: tuple[int, ...] = (1,)
    """SampleFormat of each sample: 1 unsigned, 2 signed, 3 floating point."""
    photometric: int = 0
    compression: int = 1
    predictor: int = 1
    is_planar: bool = False
    """Each sample has strips or tiles of its own."""
    extras: tuple[int, ...] = ()
    """ExtraSamples: 0 unspecified, 1 premultiplied alpha, 2 alpha."""
    is_reversed: bool = False
    """The bits of each byte run from the lowest (FillOrder 2), in the file."""
    is_subsampled: bool = False
    is_thumbnail: bool = False
    """A reduced picture, or a mask, of another page."""
    block: tuple[int, int] = (0, 0)
    """Width and height of a strip or tile, in pixels."""
    offsets: tuple[int, ...] = field(default=(), repr=False)
    counts: tuple[int, ...] = field(default=(), repr=False)
    is_big_endian: bool = False
    is_big: bool = False
    """BigTIFF, with positions of 64 bits."""
    position: int = 0
    """Where its directory begins in the file."""
    has_maker: bool = False
    is_dng: bool = False

    @property
    def samples(self) -> int:
        """Samples of a pixel."""
        return len(self.bits)

    @property
    def is_unpacked(self) -> bool:
        """Whether its bytes lie in the file as they are."""
        return self.compression == 1


class Reading(Enum):
    """How the pixels of a page are had."""

    AS_IT_IS = "Pillow reads it right"
    BY_SAMPLES = "sample by sample, by ourselves"
    AS_RAW = "by LibRaw: it holds what a sensor saw"


def how_to_read(page: TiffPage) -> Reading | str:
    """How a page is read, or why it is not: "5 samples of 16 bits", "photometric kind 32844"."""
    if page.photometric in _RAW_PHOTOMETRICS:
        return Reading.AS_RAW
    if page.is_unpacked:  # then its bits are brought to the usual order before
        page = replace(page, is_reversed=False)
    if page.compression not in _UNPACKED_BY_PILLOW:
        return f"compression {page.compression}"
    is_blind = page.is_big and page.is_big_endian  # Pillow takes such a file for a small one
    is_unpacked = page.compression in _UNPACKED_BY_SAMPLES
    if not is_blind and (not is_unpacked or _is_right_in_pillow(page)):
        return Reading.AS_IT_IS
    if not is_unpacked:
        return f"compression {page.compression} in a big-endian BigTIFF"
    return _why_not_by_samples(page) or Reading.BY_SAMPLES


def _is_right_in_pillow(page: TiffPage) -> bool:
    if page.is_planar or set(page.kinds) != {_UNSIGNED}:
        return False
    depths, kind = set(page.bits), page.photometric
    is_gray = kind in (_WHITE_IS_ZERO, _BLACK_IS_ZERO)
    if page.samples == 1 and (is_gray or kind == _PALETTE) and depths <= {1, 2, 4, 8}:
        return True
    if kind == _PALETTE:
        return page.bits == (8, 8) and page.extras in ((0,), (2,)) and not page.is_reversed
    if page.is_reversed:
        return kind == _RGB and page.bits == (8, 8, 8)
    if kind == _BLACK_IS_ZERO:
        return page.bits == (16,)
    if kind == _RGB and page.bits == (8, 8, 8, 8):
        return len(page.extras) <= 1
    if kind == _YCBCR and page.is_unpacked:  # older ones call sound files truncated
        return False
    usual = (8, 16) if kind in (_RGB, _CMYK) else (8,)
    return kind in (_RGB, _CMYK, _YCBCR, _LAB) and any(
        page.bits == (depth,) * _COLOURS[kind] for depth in usual
    )


def _why_not_by_samples(page: TiffPage) -> str | None:
    if page.photometric not in _COLOURS:
        deep_palette = page.photometric == _PALETTE
        return (
            layout(page) + " with a palette"
            if deep_palette
            else (f"photometric kind {page.photometric}")
        )
    colours, extras = _COLOURS[page.photometric], page.samples - _COLOURS[page.photometric]
    # Gray with several more samples is data of many bands: no picture is meant by any three.
    most = 1 if colours == 1 else MAX_SAMPLES - colours
    if not 0 <= extras <= most or (extras and colours == 1 and not page.extras):
        return layout(page)
    if len(set(page.bits)) > 1 or len(set(page.kinds)) > 1:
        return layout(page)
    bits, kind = page.bits[0], page.kinds[0]
    if bits not in _WIDTHS.get(kind, ()):
        return layout(page)
    if page.photometric in (_CMYK, _YCBCR, _LAB) and (bits not in (8, 16) or kind != _UNSIGNED):
        return layout(page)
    if page.is_subsampled and page.photometric == _YCBCR:
        return layout(page) + " with fewer samples of colour"
    if page.is_reversed:
        return layout(page) + " in reversed bytes"
    if page.predictor not in (1, 2, 3) or (page.predictor == 2 and bits not in (8, 16, 32, 64)):
        return f"predictor {page.predictor} of {bits} bits"
    if page.predictor == 3 and kind != _FLOAT:
        return "predictor 3 of whole numbers"
    return None


def layout(page: TiffPage) -> str:
    """Samples and bits of a pixel, in words: "5 samples of 16 bits"."""
    samples = "1 sample" if page.samples == 1 else f"{page.samples} samples"
    depths = sorted(set(page.bits))
    bits = " and ".join(map(str, depths[:3]))
    kind = _KINDS.get(page.kinds[0], "") if page.kinds else ""
    return f"{samples} of {bits}{kind} bit{'' if depths == [1] else 's'}"


def choose_page(pages: list[TiffPage]) -> TiffPage:
    """The page that is the picture: the first, or where that is a thumbnail the largest full one.

    Where all are thumbnails it is the largest of them.
    """
    if not pages[0].is_thumbnail:
        return pages[0]
    full = [page for page in pages if not page.is_thumbnail] or pages
    return max(full, key=lambda page: page.width * page.height)


def is_developed(page: TiffPage, length: int) -> bool:
    """Whether a TIFF file under a RAW name is a plain picture, and not a sensor's with a preview.

    `length` is that of the file in bytes. A plain picture fills its file, is in a usual colour
    space, and where it is gray no camera has signed it: some sensors are stored as gray.
    """
    gray = page.photometric in (_WHITE_IS_ZERO, _BLACK_IS_ZERO)
    return (
        not page.is_dng
        and page.photometric in (*_COLOURS, _PALETTE)
        and page.compression in _UNPACKED_BY_SAMPLES
        and not (gray and page.has_maker)
        and 2 * sum(page.counts) > length
    )
