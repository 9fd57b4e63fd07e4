"""Whether something learned from captions holds on photos that it was not learned from.

The gate: photos are dealt into five folds; each is asked for with its own captions, by what was
learned from the captions of the others. That is done for five deals and the mean over them counts,
as what one deal says of a thousand captions is as much about the deal. A candidate passes where the
lower end of the 95 % interval over photos of the mean change of the reciprocal rank is above 0. The
guard: of the first ten answers to everyday queries at least 85 % stay.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from searchengine.alignment.candidates import (
    HUB,
    MAPS,
    Fit,
    Learned,
    hub_bias,
)
from searchengine.measures.resampling import Difference, intervals, paired_difference
from searchengine.types import Vectors

FOLDS = 5
DEALS = 5
"""Each of the photos into folds, by seeds from 0 on: two runs say the same."""

KEPT_ANSWERS = 0.85
"""Share of the first answers to everyday queries that must stay."""

ANSWERS = 10
KS = (1, 5, 10)
QUERIES_AT_A_TIME = 512

Ranks = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """The captions of a library and what they are asked of."""

    images: Vectors
    """The gallery, shape (n, d)."""
    captions: Vectors
    """Shape (m, d)."""
    of: NDArray[np.int64]
    """The number in the gallery of the image that each caption is of, shape (m,)."""
    same: NDArray[np.int64]
    """Equal numbers for equal captions, shape (m,): an image with the caption that is asked for is
    not wrong."""
    everyday: Vectors
    """Queries that people ask, shape (q, d)."""


NOTHING = Learned()

Learn = Callable[[NDArray[np.bool_]], Learned]
"""From which captions may be learned from, shape (m,), to what is learned from them."""


@dataclass(frozen=True, slots=True)
class Recalls:
    """Share of queries with their own in the first 1, 5, 10, and 95 % intervals; in [0, 1]."""

    at: tuple[float, ...]
    intervals: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Judged:
    """A candidate and what it is worth."""

    name: str
    kept: bool
    why: str
    """Empty where it was kept."""
    reciprocal_rank: Difference
    """Of the mean reciprocal rank of photos, beside what was kept before it."""
    everyday_kept: float
    """Share of the first ten answers to everyday queries that stay, in [0, 1]."""
    text_to_image: Recalls
    image_to_text: Recalls


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """What was tried, and what is to be kept of it."""

    base: Judged
    """Searches as they are."""
    candidates: tuple[Judged, ...]
    learned: Learned = field(default_factory=Learned)
    """From all captions."""
    kept: tuple[str, ...] = ()
    """The names of what it is made of."""


@dataclass(frozen=True, slots=True, eq=False)
class _Ranks:
    to_image: Ranks
    """Of captions' images in each deal, shape (deals, m)."""
    to_text: Ranks
    """Of images' captions in the first deal, shape (1, images with one): nothing hangs on it."""


def judge(material: Material, words: Sequence[str]) -> Verdict:
    """Try what is asked for, each beside searches as they are, and what passes together.

    `words` are `HUB` and keys of `MAPS`. Of maps the one with the surest gain is kept; a bias and a
    map where both together pass as well, else the surer one of them.
    """
    trial = _Trial(material)
    tried = [
        (trial.judged(name, learn), learn)
        for word in words
        for name, learn in _candidates(word, material)
    ]
    biases = [each for each in tried if each[0].kept and each[0].name == HUB]
    maps = [each for each in tried if each[0].kept and each[0].name != HUB]
    best = [max(kind, key=_sureness) for kind in (biases, maps) if kind]
    if len(best) == 2:
        both = _together(best[0][1], best[1][1])
        if not trial.judged("both", both).kept:
            best = [max(best, key=_sureness)]
    kept = tuple(judged.name for judged, _ in best)
    learn: Learn = _nothing
    if best:
        learn = best[0][1] if len(best) == 1 else _together(best[0][1], best[1][1])
    return Verdict(
        trial.judged("as it is", _nothing),
        tuple(_only(judged, kept) for judged, _ in tried),
        learn(np.ones(len(material.captions), dtype=bool)),
        kept,
    )


def _sureness(tried: tuple[Judged, Learn]) -> float:
    return tried[0].reciprocal_rank.low


def _together(bias: Learn, by: Learn) -> Learn:
    return lambda use: Learned(bias(use).biases, by(use).map)


def _nothing(_: NDArray[np.bool_]) -> Learned:
    return NOTHING


def _remembered(learn: Learn) -> Learn:
    """The same, computed once for each choice of captions."""
    known: dict[bytes, Learned] = {}

    def remembering(use: NDArray[np.bool_]) -> Learned:
        key = use.tobytes()
        if key not in known:
            known[key] = learn(use)
        return known[key]

    return remembering


def _candidates(word: str, material: Material) -> list[tuple[str, Learn]]:
    """The candidates of a word."""
    if word == HUB:
        numbers = np.arange(len(material.images))

        def biased(use: NDArray[np.bool_]) -> Learned:
            captions, of = material.captions[use], material.of[use]
            return Learned(biases=hub_bias(material.images, numbers, captions, of))

        return [(HUB, _remembered(biased))]

    def moved(fit: Fit) -> Learn:
        def learn(use: NDArray[np.bool_]) -> Learned:
            return Learned(map=fit(material.captions[use], material.images[material.of[use]]))

        return learn

    return [(name, _remembered(moved(fit))) for name, fit in MAPS[word].items()]


def _only(judged: Judged, kept: Sequence[str]) -> Judged:
    """Says of a candidate that passed beside a surer one that it is not kept."""
    if not judged.kept or judged.name in kept:
        return judged
    other = kept[-1] if judged.name != HUB else kept[0]
    return replace(judged, kept=False, why=f"{other} is kept, and they do not go together")


class _Trial:
    """Candidates beside searches as they are, on the same folds."""

    def __init__(self, material: Material) -> None:
        self._material = material
        images = np.arange(len(material.images))
        self._deals = [
            np.random.default_rng(seed).permutation(images % FOLDS)[material.of]
            for seed in range(DEALS)
        ]
        self._before = self._ranks(_nothing)

    def judged(self, name: str, learn: Learn) -> Judged:
        """What a candidate is worth."""
        material = self._material
        ranks = self._ranks(learn)
        before, after = ((1 / each.to_image).mean(axis=0) for each in (self._before, ranks))
        change = paired_difference(before, after, material.of)
        stays = answers_kept(material, learn(np.ones(len(material.captions), dtype=bool)))
        why = ""
        if not change.low > 0:
            why = "no gain beyond chance on photos that it was not learned from"
        elif stays < KEPT_ANSWERS:
            why = f"answers to everyday queries change: {stays:.0%} stay, of {KEPT_ANSWERS:.0%}"
        return Judged(
            name,
            not why,
            why,
            change,
            stays,
            _recalls(ranks.to_image, material.of),
            _recalls(ranks.to_text, np.unique(material.of)),
        )

    def _ranks(self, learn: Learn) -> _Ranks:
        to_image = [_ranks(self._material, fold_of, learn) for fold_of in self._deals]
        to_text = _text_ranks(self._material, self._deals[0], learn)
        return _Ranks(np.stack(to_image), to_text[np.newaxis])


def answers_kept(material: Material, learned: Learned) -> float:
    """Share of the first ten answers to everyday queries that are the same, in [0, 1]."""
    k = min(ANSWERS, len(material.images))
    same = 0
    for start in range(0, len(material.everyday), QUERIES_AT_A_TIME):
        asked = material.everyday[start : start + QUERIES_AT_A_TIME]
        first, second = (
            np.argpartition(-each.scores(asked, material.images), k - 1, axis=1)[:, :k]
            for each in (NOTHING, learned)
        )
        same += sum(len(np.intersect1d(a, b)) for a, b in zip(first, second, strict=True))
    return same / (k * len(material.everyday))


def _ranks(material: Material, fold_of: NDArray[np.int64], learn: Learn) -> Ranks:
    """Of each caption's image in one deal, by what was learned from other folds, shape (m,).

    Equal scores count as ranked before.
    """
    to_image = np.empty(len(material.captions), dtype=np.int64)
    with_caption = _images_by_caption(material)
    for fold in range(FOLDS):
        here = np.flatnonzero(fold_of == fold)
        learned = learn(fold_of != fold)
        for start in range(0, len(here), QUERIES_AT_A_TIME):
            part = here[start : start + QUERIES_AT_A_TIME]
            scores = learned.scores(material.captions[part], material.images)
            own = scores[np.arange(len(part)), material.of[part]]
            for number, caption in enumerate(part):
                alike = with_caption[material.same[caption]]
                if len(alike) > 1:
                    scores[number, alike] = -np.inf
                    scores[number, material.of[caption]] = own[number]
            to_image[part] = (scores >= own[:, None]).sum(axis=1)
    return to_image


def _images_by_caption(material: Material) -> list[NDArray[np.int64]]:
    """The images that have each caption, by its number in `same`."""
    order = np.argsort(material.same, kind="stable")
    starts = np.searchsorted(material.same[order], np.arange(1, material.same.max(initial=0) + 1))
    return np.split(material.of[order], starts)


def _text_ranks(material: Material, fold_of: NDArray[np.int64], learn: Learn) -> Ranks:
    """Of each image's first own caption, shape (images with one,).

    Captions compete with those of their fold alone, as those of others were learned from.
    """
    found: dict[int, int] = {}
    for fold in range(FOLDS):
        here = np.flatnonzero(fold_of == fold)
        of = material.of[here]
        maps = Learned(None, learn(fold_of != fold).map)  # a bias is the same for all texts
        images, same = np.unique(of), material.same[here]
        for start in range(0, len(images), QUERIES_AT_A_TIME):
            part = images[start : start + QUERIES_AT_A_TIME]
            scores = maps.scores(material.captions[here], material.images[part]).T
            is_own = np.stack([np.isin(same, same[of == each]) for each in part])
            best = np.where(is_own, scores, -np.inf).max(axis=1)
            better = ((scores >= best[:, None]) & ~is_own).sum(axis=1)
            found |= dict(zip(part.tolist(), (better + 1).tolist(), strict=True))
    return np.array([found[each] for each in np.unique(material.of)])


def _recalls(ranks: Ranks, groups: NDArray[np.int64]) -> Recalls:
    hits = np.stack([(ranks <= k).mean(axis=0) for k in KS], axis=1)
    return Recalls(tuple(hits.mean(axis=0).tolist()), tuple(intervals(hits, groups)))
