"""Many right answers a query: against ir_measures, the package of ECCV Caption, and by hand."""

from __future__ import annotations

import importlib
import warnings
from typing import Any

import ir_measures
import numpy as np
import pytest
import torch
from ir_measures import AP, Qrel, Rprec, ScoredDoc, Success, nDCG
from numpy.typing import NDArray

from searchengine.datasets.dataset import CaptionedImage
from searchengine.evaluation.examples import Measured
from searchengine.evaluation.judged import coco_1k, rsum
from searchengine.measures import relevance
from searchengine.measures.ranks import pair_ranks
from searchengine.measures.recall import image_retrieval, text_retrieval
from searchengine.measures.relevance import Judgements, judgements, measure_judged
from tests.support.captioned import unit

KS = (1, 5, 10)


def case(seed: int = 3) -> tuple[NDArray[np.float32], NDArray[np.float32], Judgements]:
    """60 queries, some not judged, over 200 answers of which each has 1 to 25 right, graded."""
    random = np.random.default_rng(seed)
    gallery, queries = (unit(random.normal(size=(n, 16))) for n in (200, 60))
    pairs = [
        (query, answer, float(random.integers(1, 4)))
        for query in range(0, 60, 2)
        for answer in random.permutation(200)[: random.integers(1, 26)]
    ]
    columns = [np.array(column) for column in zip(*pairs, strict=True)]
    return queries, gallery, judgements(columns[0], columns[1], columns[2])


def test_it_is_what_ir_measures_says() -> None:
    queries, gallery, judged = case()
    found = measure_judged("x", queries, gallery, judged, KS, np.arange(60))
    scores = queries.astype(np.float64) @ gallery.T.astype(np.float64)
    qrels = [
        Qrel(str(q), str(a), int(g))
        for q, a, g in zip(judged.queries, judged.answers, judged.gains, strict=True)
    ]
    run = [
        ScoredDoc(str(q), str(a), float(scores[q, a])) for q in range(0, 60, 2) for a in range(200)
    ]
    wanted = [nDCG @ 10, AP @ 10, Rprec, *(Success @ k for k in KS)]
    said = ir_measures.calc_aggregate(wanted, qrels, run)
    assert found.queries == 30
    assert found.metrics["ndcg@10"] == pytest.approx(said[nDCG @ 10], abs=1e-6)
    assert found.metrics["map@10"] == pytest.approx(said[AP @ 10], abs=1e-6)
    assert found.metrics["r_precision"] == pytest.approx(said[Rprec], abs=1e-6)
    for k in KS:
        assert found.metrics[f"recall@{k}"] == pytest.approx(said[Success @ k], abs=1e-6)
    assert 0.02 < found.metrics["map@r"] < found.metrics["r_precision"] < 0.9


def test_parts_of_the_queries_are_measured_as_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    queries, gallery, judged = case()
    whole = measure_judged("x", queries, gallery, judged, KS, np.arange(60))
    monkeypatch.setattr(relevance, "ANSWERS_AT_A_TIME", 300)
    assert measure_judged("x", queries, gallery, judged, KS, np.arange(60)) == whole


def test_one_right_answer_is_the_r_at_k_of_papers() -> None:
    random = np.random.default_rng(5)
    images = unit(random.normal(size=(50, 8)))
    owners = np.repeat(np.arange(50), 3)
    captions = unit(images[owners] + random.normal(size=(150, 8)) / 2)
    pairs = pair_ranks(images, captions, owners)
    ones, places = np.ones(150), np.arange(150)
    asked = judgements(places, owners, ones)
    found = measure_judged("x", captions, images, asked, KS, owners)
    wanted = image_retrieval(pairs, owners, 50, KS)
    assert [found.metrics[f"recall@{k}"] for k in KS] == [wanted.recall[k] for k in KS]
    assert [found.intervals[f"recall@{k}"] for k in KS] == [wanted.intervals[k] for k in KS]
    turned = judgements(owners, places, ones)
    found = measure_judged("x", images, captions, turned, KS, np.arange(50))
    assert [found.metrics[f"recall@{k}"] for k in KS] == [
        text_retrieval(pairs, owners, KS).recall[k] for k in KS
    ]


def test_wrong_answers_with_the_same_score_go_first() -> None:
    gallery = np.repeat(unit(np.array([[1.0, 0], [1, 1], [0, 1]])), 20, axis=0)
    queries = unit(np.array([[1.0, 0.0]]))
    judged = judgements(np.zeros(3, dtype=int), np.array([0, 1, 25]), np.ones(3))
    found = measure_judged("x", queries, gallery, judged, (1, 18, 19, 20), np.arange(1))
    assert [found.metrics[f"recall@{k}"] for k in (1, 18, 19, 20)] == [0, 0, 1, 1]
    assert found.metrics["map@r"] == found.metrics["ndcg@10"] == 0
    everything = measure_judged(
        "x", queries, np.repeat(queries, 500, axis=0), judged, KS, np.arange(1)
    )
    assert set(everything.metrics.values()) == {0.0}, "an encoder that tells nothing apart"


def test_pairs_given_twice_and_judged_wrong() -> None:
    found = judgements(np.array([2, 0, 2, 0]), np.array([5, 1, 5, 3]), np.array([1.0, 2, 3, 0]))
    assert found.queries.tolist() == [0, 2]
    assert (found.answers.tolist(), found.gains.tolist()) == ([1, 5], [2, 1])
    columns = np.array([0, 0, 2]), np.array([3, 5, 1]), np.array([1.0, 2, 1])
    found = judgements(*columns)
    assert found.answers is columns[1], "in order and right: as they are"
    found = judgements(columns[0], columns[1], np.array([1.0, 0, 1]))
    assert found.answers.tolist() == [3, 1]


@pytest.fixture(scope="module")
def package() -> Any:
    """eccv-caption's own measures, which warn that a faster JSON is not installed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module("eccv_caption").Metrics()


Lists = dict[int, list[int]]
"""The best answers of each query, best first."""


def ranked(
    asking: NDArray[np.floating],
    gallery: NDArray[np.floating],
    asks: NDArray[np.int64],
    names: NDArray[np.int64],
    most: int,
) -> Lists:
    """By products in float64 over all of the gallery."""
    columns = torch.from_numpy(gallery).double().T
    found = np.concatenate(
        [
            torch.topk(torch.from_numpy(asking[first : first + 1000]).double() @ columns, most)[1]
            for first in range(0, len(asking), 1000)
        ]
    )
    return dict(zip(asks.tolist(), names[found].tolist(), strict=True))


def test_eccv_and_cxc_are_what_their_package_says(package: Any) -> None:
    """All 25,000 captions and 5,000 images of COCO's test split, on one matrix of scores."""
    captions = package.coco_ids
    images = np.array([package.coco_gts["t2i"][caption][0] for caption in captions.tolist()[::5]])
    owners = np.repeat(np.arange(5000), 5)
    random = np.random.default_rng(8)
    gallery = unit(random.normal(size=(5000, 16)))
    texts = unit(gallery[owners] + random.normal(size=(25000, 16)) * 0.3)
    caption_row = {name: row for row, name in enumerate(captions.tolist())}
    image_row = {name: row for row, name in enumerate(images.tolist())}
    assert len(image_row) == 5000
    t2i = ranked(texts, gallery, captions, images, max(KS))
    i2t = ranked(gallery, texts, images, captions, max(KS))
    said = package.compute_all_metrics(
        i2t, t2i, target_metrics=("cxc_recalls", "coco_5k_recalls"), Ks=KS
    )
    eccv = {way: list(map(int, right)) for way, right in package.eccv_gts.items()}
    some = np.array([caption_row[name] for name in eccv["t2i"]])
    t2i = ranked(texts[some], gallery, captions[some], images, 200)
    some = np.array([image_row[name] for name in eccv["i2t"]])
    i2t = ranked(gallery[some], texts, images[some], captions, 200)
    said |= package.eccv_metrics({"i2t": i2t, "t2i": t2i}, "all")
    for name, truth in (("cxc", package.cxc_gts), ("eccv", package.eccv_gts)):
        asked, found = (
            judgements(
                np.array([rows[q] for q, right in truth[way].items() for _ in right]),
                np.array([others.get(a, -a) for right in truth[way].values() for a in right]),
                np.ones(sum(map(len, truth[way].values()))),
            )
            for way, rows, others in (
                ("t2i", caption_row, image_row),
                ("i2t", image_row, caption_row),
            )
        )
        t2i_found = measure_judged("x", texts, gallery, asked, KS, owners)
        i2t_found = measure_judged("x", gallery, texts, found, KS, np.arange(5000))
        for way, mine in (("t2i", t2i_found), ("i2t", i2t_found)):
            if name == "cxc":
                for k in KS:
                    assert mine.metrics[f"recall@{k}"] == pytest.approx(
                        said[f"cxc_r{k}"][way], abs=1e-6
                    )
            else:
                assert mine.metrics["recall@1"] == pytest.approx(said["eccv_r1"][way], abs=1e-6)
                assert mine.metrics["map@r"] == pytest.approx(said["eccv_map_at_r"][way], abs=1e-6)
                assert mine.metrics["r_precision"] == pytest.approx(
                    said["eccv_rprecision"][way], abs=1e-6
                )
    pairs = pair_ranks(gallery, texts, owners)
    whole = (image_retrieval(pairs, owners, 5000, KS), text_retrieval(pairs, owners, KS))
    for way, direction in zip(("t2i", "i2t"), whole, strict=True):
        for k in KS:
            assert direction.recall[k] == pytest.approx(said[f"coco_5k_r{k}"][way], abs=1e-6)
    images_asked = [CaptionedImage(str(name), "", ("x",) * 5, "test") for name in images]
    data = Measured([], [], owners, gallery, texts, pairs)
    shares = coco_1k(images_asked, data, [5])
    assert shares is not None
    t2i, i2t = {}, {}
    for first in range(0, 5000, 1000):  # whose ids the package takes for a fold
        part, theirs = slice(first, first + 1000), slice(5 * first, 5 * first + 5000)
        t2i |= ranked(texts[theirs], gallery[part], captions[theirs], images[part], 5)
        i2t |= ranked(gallery[part], texts[theirs], images[part], captions[theirs], 5)
    folds = package.coco_1k_recalls({"i2t": i2t, "t2i": t2i}, "all", K=5)
    assert shares["image_retrieval_recall@5"] == pytest.approx(folds["t2i"], abs=1e-6)
    assert shares["text_retrieval_recall@5"] == pytest.approx(folds["i2t"], abs=1e-6)
    assert coco_1k(images_asked[::-1], data, [5]) is None, "folds are of the file's order"
    assert rsum(whole) == pytest.approx(
        100 * sum(said[f"coco_5k_r{k}"][way] for k in KS for way in ("t2i", "i2t")), abs=1e-6
    )
    assert 0.01 < said["eccv_map_at_r"]["t2i"] < 0.9
