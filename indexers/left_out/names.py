"""What is left out without being asked: bins, snapshots, caches and previews of other programs."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

HIDDEN = "hidden: the name begins with a dot"

BIN = "a recycle bin"
SNAPSHOT = "snapshots: older copies of everything"
THUMBNAILS = "thumbnails that another program made"
CACHE = "another program's cache"
SYSTEM = "the file system's own"
COPY = "what another program keeps beside the originals"

_NAMES = {
    # Network storage
    "@eadir": THUMBNAILS,  # Synology
    "@sharebin": BIN,
    "@tmp": CACHE,
    "#recycle": BIN,
    "#snapshot": SNAPSHOT,
    "@recycle": BIN,  # QNAP
    "@recently-snapshot": SNAPSHOT,
    ".@__thumb": THUMBNAILS,
    "@appdata": CACHE,  # TerraMaster, UGREEN
    "trashbox": BIN,  # Buffalo
    ".wdmc": THUMBNAILS,  # Western Digital
    ".wdphotos": THUMBNAILS,
    ".recycle": BIN,  # Samba's vfs_recycle
    "network trash folder": BIN,  # AFP
    "temporary items": CACHE,
    "thevolumesettingsfolder": SYSTEM,
    ".appledouble": COPY,
    ".zfs": SNAPSHOT,
    "@sharesnap": SNAPSHOT,  # Synology
    "~snapshot": SNAPSHOT,  # NetApp, for Windows
    ".snapshot": SNAPSHOT,  # NetApp, Isilon
    ".snapshots": SNAPSHOT,  # snapper, on btrfs
    ".dropbox.cache": CACHE,
    ".stversions": SNAPSHOT,  # Syncthing
    "files_trashbin": BIN,  # Nextcloud
    "files_versions": SNAPSHOT,
    # Systems
    "$recycle.bin": BIN,
    "recycler": BIN,
    "recycled": BIN,
    "system volume information": SYSTEM,
    "found.000": SYSTEM,
    "lost+found": SYSTEM,
    ".spotlight-v100": SYSTEM,
    ".fseventsd": SYSTEM,
    ".documentrevisions-v100": SNAPSHOT,
    ".temporaryitems": CACHE,
    "backups.backupdb": SNAPSHOT,  # Time Machine
    "__macosx": COPY,
    ".thumbnails": THUMBNAILS,
    "thumbs.db": THUMBNAILS,
    # Photo programs
    ".picasaoriginals": COPY,
    ".dtrash": BIN,  # digiKam
    # Other programs
    "node_modules": "packages of a program",
    ".git": "history of a program",
}
"""Base names in lower case, of files and folders, and what they are."""

_PATTERNS = {
    "._*": "what macOS keeps beside a file",  # AppleDouble
    ".trash*": BIN,  # .Trash, .Trashes, .Trash-1000, and Android's .trashed-*
    "*.lrdata": THUMBNAILS,  # Lightroom
    "*.lrcat-data": CACHE,
    "appdata_*": CACHE,  # Nextcloud
    "mipmaps-*.d": CACHE,  # darktable
}
"""The same as patterns of whole names."""

_INSIDE = {
    # Photos, iPhoto and Aperture keep what they derive beside the originals.
    "*.photoslibrary": frozenset(("originals", "masters")),
    "*.photolibrary": frozenset(("originals", "masters")),
    "*.migratedphotolibrary": frozenset(("originals", "masters")),
    "*.aplibrary": frozenset(("originals", "masters")),
    # Capture One
    "*.cocatalog": frozenset(("originals",)),
}
"""Packages, by a pattern of their names, and the only folders in them that are taken."""

_PACKAGES = tuple(pattern.removeprefix("*") for pattern in _INSIDE)
_CAPTURE_ONE = ("captureone", "cache")


def why_left_out(name: str, parent: str, *, is_dir: bool) -> str | None:
    """Why a file or folder of this base name is left out by itself; None where it is not.

    `parent` is the base name of the folder it is in. A file is known by a leading dot only.
    """
    lower, above = name.lower(), parent.lower()
    if is_dir or lower.startswith("."):
        if known := _NAMES.get(lower):
            return f"{name} ({known})"
        if pattern := _first_match(lower, _PATTERNS):
            return f"{pattern} ({_PATTERNS[pattern]})"
    if (above, lower) == _CAPTURE_ONE:
        return f"{parent}/{name} ({THUMBNAILS})"
    package = _first_match(above, _INSIDE) if is_package(parent) else None
    if package is None or lower in _INSIDE[package]:
        return None
    return f"inside {package} (a photo library: its originals are taken)"


def is_package(name: str) -> bool:
    """Whether a folder of this base name is a photo library, of which only originals are taken."""
    return name.lower().endswith(_PACKAGES)


def _first_match(name: str, patterns: Iterable[str]) -> str | None:
    return next((pattern for pattern in patterns if fnmatchcase(name, pattern)), None)
