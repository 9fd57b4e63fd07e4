"""A person's own queries asked of every encoder and way of a library, for the person to judge.

Depth-10 pools of all ways together, shown without saying which way found what: Sparck Jones & van
Rijsbergen, Report on the need for and provision of an "ideal" test collection, 1975; TREC since.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from searchengine.datasets.text_files import read_text
from searchengine.errors import CaptionFileError, InputError
from searchengine.library.library import Library
from searchengine.measures.relevance import Judgements, list_measures, metric_names
from searchengine.measures.resampling import Difference, intervals, paired_difference
from searchengine.retrieval.asked import as_query
from searchengine.retrieval.query import By

DEPTH = 10
"""Answers of each way that are judged."""

KS = (1, 10)

RANKED_BY = f"ndcg@{DEPTH}"
"""What ways are compared by."""

SEED = 30


@dataclass(frozen=True, slots=True)
class Way:
    """An encoder and a way to ask it."""

    space: str
    encoder: str
    what: str
    """"pictures", "with captions" or "through the index"."""


@dataclass(frozen=True, slots=True)
class Pool:
    """Queries, and what every way answers."""

    queries: tuple[str, ...]
    ways: tuple[Way, ...]
    """The first is how the library answers by default."""
    answers: tuple[tuple[tuple[Path, ...], ...], ...]
    """By way and query: the first `DEPTH` images."""

    def to_judge(self) -> list[list[Path]]:
        """By query: every image that any way found, once, in an order that tells nothing."""
        random = np.random.default_rng(SEED)
        shown = []
        for number in range(len(self.queries)):
            paths = sorted({path for each in self.answers for path in each[number]})
            shown.append([paths[place] for place in random.permutation(len(paths))])
        return shown


@dataclass(frozen=True, slots=True)
class JudgedWay:
    """How a way did by a person's judgements."""

    way: Way
    metrics: dict[str, float]
    """By the names of `searchengine.measures.relevance.metric_names`, in [0, 1]."""
    interval: tuple[float, float]
    """Bootstrap 95 % interval of `RANKED_BY`, over queries."""
    difference: Difference
    """Of `RANKED_BY` to the first way, query by query."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the judgements say of all ways."""

    ways: tuple[JudgedWay, ...]
    queries: int
    """With an image that was judged right; the others say nothing."""
    unjudged: int
    """Answers that nobody judged, as the library changed since: they count as wrong."""


def ask_all(library: Library, queries: Sequence[str]) -> Pool:
    """Ask every space by pictures alone, with captions where there are any, and its index.

    Loads the encoder of every space, for its texts. Raises NothingIndexedError and their errors.
    """
    ways: list[tuple[Way, By, bool]] = []
    has_captions = bool(library.info().captions)
    for space in library.spaces():
        info = space.info
        kinds = [("pictures", By.PICTURES, True)]
        if has_captions:
            kinds.insert(0, ("with captions", By.BOTH, True))
        if library.index_info(info.name).index is not None:
            kinds.append(("through the index", By.BOTH, False))
        ways += [(Way(info.name, info.encoder, what), by, exact) for what, by, exact in kinds]
    answers = tuple(
        tuple(
            tuple(
                hit.path
                for hit in library.search(
                    replace(as_query(query), by=by), k=DEPTH, space=way.space, exact=exact
                )
            )
            for query in queries
        )
        for way, by, exact in ways
    )
    return Pool(tuple(queries), tuple(way for way, _, _ in ways), answers)


def read_judged(path: Path) -> dict[str, dict[str, bool]]:
    """What the page saved: by query, the images that were judged and whether they are right.

    Raises CaptionFileError for another file.
    """
    try:
        value = json.loads(read_text(path))
        found = {
            str(query): {str(image): bool(right) for image, right in images.items()}
            for query, images in value["judged"].items()
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CaptionFileError(
            f"{path}: not what the page of clipseek judge saves: {error!r}"
        ) from error
    return found


def measure_pool(pool: Pool, judged: dict[str, dict[str, bool]]) -> Verdict:
    """How each way did. Raises InputError where nothing of these queries was judged right."""
    right = [
        {image for image, is_right in judged.get(query, {}).items() if is_right}
        for query in pool.queries
    ]
    asked = [number for number, images in enumerate(right) if images]
    if not asked:
        raise InputError(
            "no image was judged right for any of these queries: tick some on the page and save"
        )
    truth = Judgements(
        np.repeat(np.arange(len(asked)), [len(right[number]) for number in asked]),
        np.arange(sum(len(right[number]) for number in asked)),
        np.ones(sum(len(right[number]) for number in asked)),
    )
    names = metric_names(KS)
    values = [
        list_measures(_gains([answers[n] for n in asked], [right[n] for n in asked]), truth, KS)
        for answers in pool.answers
    ]
    place, groups = names.index(RANKED_BY), np.arange(len(asked))
    return Verdict(
        ways=tuple(
            JudgedWay(
                way,
                dict(zip(names, table.mean(axis=0).tolist(), strict=True)),
                intervals(table[:, [place]], groups)[0],
                paired_difference(values[0][:, place], table[:, place], groups),
            )
            for way, table in zip(pool.ways, values, strict=True)
        ),
        queries=len(asked),
        unjudged=sum(
            str(path) not in judged.get(query, {})
            for answers in pool.answers
            for query, paths in zip(pool.queries, answers, strict=True)
            for path in paths
        ),
    )


def _gains(answers: Sequence[Sequence[Path]], right: Sequence[set[str]]) -> NDArray[np.float64]:
    """1 for each right answer, shape (queries, DEPTH)."""
    table = np.zeros((len(answers), DEPTH))
    for line, (paths, wanted) in enumerate(zip(answers, right, strict=True)):
        table[line, : len(paths)] = [str(path) in wanted for path in paths]
    return table
