"""Which names are names of images, and what is done with each kind."""

from __future__ import annotations

from enum import Enum

# fmt: off
SUFFIXES_OF: dict[str, tuple[str, ...]] = {
    "JPEG": (
        ".jpg", ".jpeg", ".jpe", ".jfif", ".jfi", ".jif", ".pjpeg", ".pjpg", ".pjp", ".mpo", ".jps",
        ".insp", ".jpg_large", ".jpg_orig", ".jpg-large", ".jpg:large", ".jpg:orig", ".jpeg_large",
    ),
    "PNG": (".png", ".apng", ".png_large", ".png:large"),
    "WEBP": (".webp",),
    "GIF": (".gif",),
    "BMP": (".bmp",),
    "DIB": (".dib",),
    "TIFF": (".tif", ".tiff", ".btf", ".tf8"),
    "AVIF": (".avif", ".avifs"),
    "JPEG2000": (".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx"),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm"),
    "TGA": (".tga",),
    "HEIF": (".heic", ".heif", ".hif", ".heics", ".heifs"),
}
"""Every format that is read beside camera RAW, by Pillow's name (HEIF's is pillow-heif's), and the
suffixes under which it goes. No format that runs a program or a script to be read, and none that
photographers and collectors of data sets do not have."""

RAW_SUFFIXES = frozenset((
    ".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".iiq", ".kdc", ".mef",
    ".mos", ".mrw", ".nef", ".nrw", ".orf", ".pef", ".ptx", ".raf", ".raw", ".rw2", ".rwl", ".sr2",
    ".srf", ".srw", ".x3f",
))
"""Camera RAW, in lower case, with the dot."""

PASSED_OVER_SUFFIXES = frozenset((
    ".ai", ".afphoto", ".avci", ".avcs", ".bpg", ".cdr", ".cin", ".clip", ".cur", ".dcm", ".dcx",
    ".dds", ".djvu", ".dpx", ".emf", ".eps", ".exr", ".fit", ".fits", ".flif", ".gpr", ".hdp",
    ".hdr", ".icns", ".ico", ".iff", ".ilbm", ".jng", ".jxl", ".jxr", ".kra", ".lbm", ".mng",
    ".ora", ".pam", ".pcd", ".pct", ".pcx", ".pfm", ".pict", ".procreate", ".psb", ".psd", ".psp",
    ".pspimage", ".qoi", ".ras", ".rgbe", ".sai", ".sgi", ".svg", ".svgz", ".wbmp", ".wdp", ".wmf",
    ".xbm", ".xcf", ".xpm",
))
"""Suffixes of pictures that this program does not read, in lower case, with the dot."""
# fmt: on

IMAGE_SUFFIXES = RAW_SUFFIXES.union(*SUFFIXES_OF.values())
"""Every suffix of an image this program reads, in lower case, with the dot."""


class NameKind(Enum):
    """What the name of a file says it is."""

    READ = "read"
    RAW = "raw"
    """Read as well, by way of the camera's own preview or developed."""
    PASSED_OVER = "passed over"
    """A picture of a format that this program does not read."""
    OTHER = "other"
    """No picture, as far as the name tells."""


def kind_of(name: str) -> NameKind:
    """What a base name or path says of its file, by its suffix, in any case."""
    suffix = suffix_of(name)
    if suffix in RAW_SUFFIXES:
        return NameKind.RAW
    if suffix in IMAGE_SUFFIXES:
        return NameKind.READ
    return NameKind.PASSED_OVER if suffix in PASSED_OVER_SUFFIXES else NameKind.OTHER


def is_image_name(name: str) -> bool:
    """Whether a base name or path ends in the suffix of an image."""
    return suffix_of(name) in IMAGE_SUFFIXES


def suffix_of(name: str) -> str:
    """What follows the last dot of a name, with the dot, in lower case; empty without a dot."""
    at = name.rfind(".")
    return name[at:].lower() if at >= 0 else ""
