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

KNOWN_SUFFIXES = frozenset((
    ".ai", ".afphoto", ".apng", ".bpg", ".cur", ".dcm", ".dds", ".dib", ".emf", ".eps", ".exr",
    ".fits", ".flif", ".hdr", ".hif", ".heics", ".heifs", ".icns", ".ico", ".insp", ".j2k", ".jls",
    ".jp2", ".jpf", ".jpx", ".jxl", ".jxr", ".kra", ".lrprev", ".mpo", ".pbm", ".pcx", ".pgm",
    ".pict", ".pjpeg", ".pjp", ".pnm", ".ppm", ".psb", ".psd", ".qoi", ".svg", ".svgz", ".tga",
    ".wdp", ".wmf", ".xcf",
))
"""Suffixes of pictures that this program does not read."""
# fmt: on


def is_image_name(name: str) -> bool:
    """Whether a base name or path ends in the suffix of an image."""
    return name[name.rfind(".") :].lower() in IMAGE_SUFFIXES
