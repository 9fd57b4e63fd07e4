"""A library in numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from searchengine.catalog.catalog import Catalog
from searchengine.catalog.records import PassedOver
from searchengine.index.types import IndexInfo
from searchengine.library.places import indexed_roots
from searchengine.spaces.space import Space

EXCLUDES = "exclude"
"""The setting with the globs that every index run leaves out: a JSON list."""


@dataclass(frozen=True, slots=True)
class SpaceStatus:
    """One space in numbers."""

    name: str
    encoder: str
    dim: int
    precision: str
    images: int
    captions: int
    indexed_rows: int
    """Rows the approximate index covers; 0 where the exact scan serves."""
    index: IndexInfo
    bytes: int
    crops: int
    """Of a picture, in its vector beside the whole; 1 for the whole alone."""


@dataclass(frozen=True, slots=True)
class LibraryInfo:
    """A library in numbers."""

    path: Path
    images: int
    failures: int
    captions: int
    roots: list[tuple[str, int]]
    """The folders that index runs have gone through, with the images in each; without those that
    hold none."""
    exclude: list[str]
    """The globs that every index run leaves out."""
    excluded: list[tuple[str, int]]
    """How many pictures and folders each rule left out at the last runs, most first."""
    passed_over: list[PassedOver]
    """The other files that the last runs saw, counted by root and suffix, most first."""
    default_space: str | None
    spaces: list[SpaceStatus]
    bytes: int
    """Size on disk of everything in the library."""


def library_info(path: Path, catalog: Catalog, spaces: Sequence[Space]) -> LibraryInfo:
    """The numbers of the library at `path` with these spaces, the default one first."""
    counts = catalog.counts()
    return LibraryInfo(
        path=path,
        images=counts["images"],
        failures=counts["failures"],
        captions=counts["captions"],
        roots=[(root, n) for root in indexed_roots(catalog) if (n := catalog.count_at(root))],
        exclude=catalog.texts(EXCLUDES),
        excluded=catalog.excluded_counts(),
        passed_over=catalog.passed_over(),
        default_space=spaces[0].info.name if spaces else None,
        spaces=[_space_status(catalog, space) for space in spaces],
        bytes=sum(p.stat().st_size for p in path.rglob("*") if p.is_file()),
    )


def _space_status(catalog: Catalog, space: Space) -> SpaceStatus:
    image_vectors, caption_vectors = catalog.vector_counts(space.info)
    index = space.index_info()
    return SpaceStatus(
        name=space.info.name,
        encoder=space.info.encoder,
        dim=space.info.dim,
        precision=space.info.precision,
        images=image_vectors,
        captions=caption_vectors,
        indexed_rows=index.index.covered if index.index else 0,
        index=index,
        bytes=space.bytes,
        crops=space.crops,
    )
