"""A space: the vectors of one encoder inside a library, and the index over them."""

from __future__ import annotations

import hashlib
import logging
import re
from pathlib import Path

from searchengine import ann
from searchengine.ann import AnnIndex
from searchengine.catalog import Catalog
from searchengine.errors import MissingExtraError
from searchengine.types import SpaceInfo
from searchengine.vectors import VectorFile

log = logging.getLogger("clipseek")


def space_name(encoder: str) -> str:
    """A directory-safe name for the space of an encoder, different for different encoders.

    >>> space_name("ViT-B-32/laion2b_s34b_b79k")
    'ViT-B-32__laion2b_s34b_b79k'
    """
    plain = encoder.replace("/", "__", 1)
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", plain)
    if safe == plain and len(safe) <= 100:
        return safe
    return f"{safe[:80]}-{hashlib.sha256(encoder.encode()).hexdigest()[:8]}"


class Space:
    """Vectors and index on disk; `info` is what the catalog records of them."""

    def __init__(self, info: SpaceInfo, directory: Path, catalog: Catalog) -> None:
        self.info = info
        self.directory = directory
        self.catalog = catalog
        self.images = VectorFile(directory / "vectors.f16", info.dim)
        self.captions = VectorFile(directory / "captions.f16", info.dim)
        self._loaded: tuple[int, AnnIndex | None] = (0, None)

    def index(self, rows: int) -> AnnIndex | None:
        """The approximate index, where one fits `rows` rows and faiss is installed."""
        covered = ann.covered_rows(self.directory)
        if self._loaded[0] != covered:
            try:
                self._loaded = covered, ann.load(self.directory, rows)
            except MissingExtraError as error:
                log.warning("%s", error)
                self._loaded = covered, None
        return self._loaded[1]

    def wants_index(self) -> bool:
        """Whether there are so many rows outside the index that it should be built (anew)."""
        return ann.needs_build(self.catalog.rows(self.info), ann.covered_rows(self.directory))

    def build_index(self) -> None:
        """Build the index over every row there is now. Raises MissingExtraError without faiss."""
        rows = self.images.read(self.catalog.rows(self.info))
        plan = ann.plan_index(*rows.shape)
        if plan is not None:
            ann.build(rows, plan, self.directory)

    @property
    def bytes(self) -> int:
        """Size on disk in bytes: vectors, caption vectors and index."""
        index_bytes = sum(p.stat().st_size for p in ann.files(self.directory) if p.exists())
        return self.images.bytes + self.captions.bytes + index_bytes
