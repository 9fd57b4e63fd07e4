"""What each part of a search is worth on a library's own captions, each asked as if not stored.

A caption asks for its image, or a copy of it, and is left out while it does: with those of the same
image that say the same, and with the words that no other text of the image has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from searchengine.alignment.ranking import FILE as ALIGNMENT_FILE
from searchengine.catalog.catalog import CatalogReads
from searchengine.catalog.sqlite.words import words_of, words_of_path
from searchengine.errors import InputError
from searchengine.index.types import Modality
from searchengine.library.judging.own_captions import captions_of_people
from searchengine.library.library import Library
from searchengine.measures.resampling import Difference, intervals, paired_difference
from searchengine.retrieval.rank import rank_images
from searchengine.spaces.space import Space
from searchengine.texts.beside import NOTHING, Beside, stands_in
from searchengine.texts.ranking import captioned
from searchengine.texts.words import lifted, read_words

KS = (1, 5, 10)


@dataclass(frozen=True, slots=True)
class SearchedWay:
    """A way to search, which has what those before it have, and one thing more."""

    what: str
    """"pictures", "+ captions", "+ words", "+ alignment" or "+ index"."""
    recall: dict[int, float]
    """By K: R@K in [0, 1]."""
    interval: tuple[float, float]
    """Bootstrap 95 % interval of R@1, over images."""
    difference: Difference | None
    """Of R@1 to the way before, query by query; None for the first."""


@dataclass(frozen=True, slots=True)
class SearchesReport:
    """What the ways find."""

    space: str
    encoder: str
    images: int
    """That were looked among."""
    captioned: int
    """That were asked for."""
    queries: int
    ways: tuple[SearchedWay, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Asking:
    """A caption that asks."""

    text: str
    image: int
    """Row of its image."""
    right: frozenset[int]
    """Rows of its image and of copies of that."""
    unsaid: NDArray[np.int64]
    """Rows of caption vectors that count as not stored."""
    others: tuple[str, ...]
    """The other texts of the image."""
    path: str
    vector: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Way:
    what: str
    captions: bool = True
    words: bool = True
    modality: Modality | None = None
    """Queries of texts alone are aligned."""
    exact: bool = True


def measure_searches(
    library: Library, space: str | None = None, limit: int | None = None
) -> SearchesReport:
    """Ask the library its own captions, or `limit` of them, evenly, by every way it has.

    Those of models ask nothing, but are searched. Nothing is encoded. Raises InputError where no
    caption has a vector, and as `Library.space`.
    """
    chosen = library.space(space)
    with library.catalog.snapshot() as now:
        asking = _asking(library, chosen, now, limit)
        images, _ = now.vector_counts(chosen.info)
        ways = _ways(chosen, now)
        found = np.array([_ranks(each, ways, chosen, now) for each in asking], dtype=np.float64)
    groups = np.array([each.image for each in asking])
    return SearchesReport(
        space=chosen.info.name,
        encoder=chosen.info.encoder,
        images=images,
        captioned=len(np.unique(groups)),
        queries=len(asking),
        ways=tuple(_measured(ways, found, groups, place) for place in range(len(ways))),
    )


def _ways(space: Space, now: CatalogReads) -> list[_Way]:
    ways = [_Way("pictures", captions=False, words=False), _Way("+ captions", words=False)]
    ways.append(_Way("+ words"))
    if (space.directory / ALIGNMENT_FILE).exists():
        ways.append(replace(ways[-1], what="+ alignment", modality=Modality.TEXT))
    if space.index(now.rows(space.info)) is not None:
        ways.append(replace(ways[-1], what="+ index", modality=Modality.TEXT, exact=False))
    return ways


def _measured(
    ways: Sequence[_Way], ranks: NDArray[np.float64], groups: NDArray[np.int64], place: int
) -> SearchedWay:
    first = (ranks <= 1).astype(np.float64)
    return SearchedWay(
        what=ways[place].what,
        recall={k: float((ranks[:, place] <= k).mean()) for k in KS},
        interval=intervals(first[:, [place]], groups)[0],
        difference=paired_difference(first[:, place - 1], first[:, place], groups)
        if place
        else None,
    )


def _asking(library: Library, space: Space, now: CatalogReads, limit: int | None) -> list[_Asking]:
    of_captions, of_images, said = captions_of_people(space, now)
    if len(of_captions) == 0:
        raise InputError(
            f"library {library.path} has no captions with vectors of {space.info.encoder}: add "
            "some with clipseek captions add FILE"
        )
    content = {file.path: found for file, found in now.contents()}
    image_rows, paths = now.embedded_images(space.info)
    path_of = dict(zip(image_rows.tolist(), paths, strict=True))
    copies: dict[bytes, set[int]] = {}
    for row, path in path_of.items():
        copies.setdefault(content[path], set()).add(row)
    vectors = space.captions.read(now.caption_rows(space.info))
    of_image: dict[int, list[int]] = {}
    for caption, image in zip(of_captions.tolist(), of_images.tolist(), strict=True):
        of_image.setdefault(image, []).append(caption)
    every = list(zip(of_captions.tolist(), of_images.tolist(), strict=True))
    step = 1 if limit is None else max(1, len(every) // limit)
    asking = []
    for caption, image in every[::step][:limit]:
        right = copies[content[path_of[image]]]
        own = [each for row in right for each in of_image.get(row, ())]
        unsaid = [each for each in own if _same(said[each], said[caption])]
        asking.append(
            _Asking(
                text=said[caption],
                image=image,
                right=frozenset(right),
                unsaid=np.array(unsaid),
                others=tuple(said[each] for each in own if each not in unsaid),
                path=path_of[image],
                vector=vectors[caption].astype(np.float32),
            )
        )
    return asking


def _same(one: str, other: str) -> bool:
    return words_of(one) == words_of(other)


def _ranks(asking: _Asking, ways: Sequence[_Way], space: Space, now: CatalogReads) -> list[int]:
    """The rank of the right image by each way, from 1; one more than the last K where beyond."""
    ids = {record.id for record in now.images_of_rows(space.info, list(asking.right)).values()}
    query = asking.vector / np.linalg.norm(asking.vector)
    texts = _beside(asking, space, now)
    captions = replace(NOTHING, captions=texts.captions)
    found = []
    for way in ways:
        hits = rank_images(
            space,
            now,
            query,
            k=KS[-1],
            exact=way.exact,
            modality=way.modality,
            beside=texts if way.words else captions if way.captions else NOTHING,
        )
        found.append(next((hit.rank for hit in hits if hit.id in ids), KS[-1] + 1))
    return found


def _beside(asking: _Asking, space: Space, now: CatalogReads) -> Beside:
    """All texts beside the pictures but those that say what is asked."""
    texts = captioned(space, now, asking.vector)
    if texts is not None:
        texts = texts.without(asking.unsaid)
    first = lifted(read_words([(asking.text, False)]), space.info, now)
    if first is None:
        return replace(NOTHING, captions=texts)
    left = [words_of_path(asking.path), *map(words_of, asking.others)]
    keeps = any(stands_in(phrase, words) for phrase in first.phrases for words in left)
    gone = [] if keeps else sorted(asking.right)
    tiers = tuple(np.setdiff1d(tier, gone) for tier in first.tiers)
    return Beside(texts, first.phrases, tiers)
