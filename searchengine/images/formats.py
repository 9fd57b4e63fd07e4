"""Which names are names of images."""

from __future__ import annotations

# fmt: off
RAW_SUFFIXES = frozenset((
    ".3fr", ".arw", ".cr2", ".cr3", ".dcr", ".dng", ".erf", ".iiq", ".kdc", ".mef", ".mos", ".mrw",
    ".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f",
))
"""Camera RAW, in lower case, with the dot."""

IMAGE_SUFFIXES = RAW_SUFFIXES | {
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif",
    ".heic", ".heif",
}
"""Every suffix of an image this program reads, in lower case, with the dot."""
# fmt: on


def is_image_name(name: str) -> bool:
    """Whether a base name or path ends in the suffix of an image."""
    return name[name.rfind(".") :].lower() in IMAGE_SUFFIXES
