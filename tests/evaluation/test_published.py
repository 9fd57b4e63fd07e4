"""Published numbers: those of the sources, found by any name of the encoder."""

from __future__ import annotations

import csv

import pytest

from searchengine.encoders.names import STARTER
from searchengine.encoders.table import models
from searchengine.evaluation.benchmarks import BENCHMARKS
from searchengine.evaluation.published import SOURCES, PublishedNumber, published, published_for
from tests.support.places import SHARED

REFERENCE = SHARED / "reference"
"""The published tables, where they lie beside the checkout."""

F30K, COCO, F8K = "Flickr30k Karpathy test", "COCO Karpathy test", "Flickr8k test"
METRICS = [f"{way}_retrieval_recall@{k}" for way in ("image", "text") for k in (1, 5, 10)]


def values(rows: list[PublishedNumber], source: str = "open_clip") -> dict[str, float]:
    return {row.metric: row.value for row in rows if row.source == SOURCES[source]}


def reference(name: str) -> list[dict[str, str]]:
    path = REFERENCE / name
    if not path.exists():
        pytest.skip(f"{name} is not beside the checkout")
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_classic_on_flickr30k() -> None:
    rows = published_for("ViT-B-32/openai", F30K)
    assert values(rows) == dict(
        zip(METRICS, (0.5878, 0.8356, 0.9002, 0.7890, 0.9490, 0.9820), strict=True)
    )
    assert values(rows, "CLIP_benchmark") == {
        "image_retrieval_recall@5": 0.8338,
        "text_retrieval_recall@5": 0.9490,
    }
    assert rows[0].source == "open_clip, docs/openclip_retrieval_results.csv"


@pytest.mark.parametrize(
    ("name", "canonical"),
    [
        ("ViT-B-32-quickgelu/openai", "ViT-B-32/openai"),
        ("ViT-B-32__openai", "ViT-B-32/openai"),
        ("ViT-B-32/laion2b-s34b-b79k", "ViT-B-32/laion2b_s34b_b79k"),
        ("hf-hub:laion/CLIP-ViT-B-32-laion2B-s34B-b79K", "ViT-B-32/laion2b_s34b_b79k"),
    ],
)
def test_an_encoder_is_found_by_all_its_names(name: str, canonical: str) -> None:
    rows = published_for(name, COCO)
    assert rows
    assert rows == published_for(canonical, COCO)
    assert {row.encoder for row in rows} == {canonical}


@pytest.mark.parametrize(
    ("encoder", "dataset"),
    [
        (STARTER, F30K),
        ("ViT-B-32-quickgelu/laion2b_s34b_b79k", F30K),
        ("ViT-B-32/openai", "Flickr8k dev"),
        ("ViT-B-32/openai", "COCO val2017"),
        ("ViT-B-32/weights.pt", F30K),
        ("hf-hub:None", F30K),
    ],
)
def test_nothing_is_published_for_it(encoder: str, dataset: str) -> None:
    assert published_for(encoder, dataset) == []


def test_the_table_is_sound() -> None:
    rows = published()
    assert {row.dataset for row in rows} == {known.name for known in BENCHMARKS if known.reported}
    assert {row.metric for row in rows} == set(METRICS)
    assert {row.source for row in rows} == set(SOURCES.values())
    assert len({(row.encoder, row.dataset, row.metric, row.source) for row in rows}) == len(rows)
    assert all(0 < row.value < 1 for row in rows)
    by_place = {(row.encoder, row.dataset, row.source, row.metric): row.value for row in rows}
    for (encoder, dataset, source, metric), value in by_place.items():
        if metric.endswith("@1") and source == SOURCES["open_clip"]:
            five, ten = (by_place[encoder, dataset, source, f"{metric[:-1]}{k}"] for k in (5, 10))
            assert value < five < ten


def test_the_numbers_of_the_table_of_encoders_are_in_it() -> None:
    for model in models():
        for dataset, value in ((F30K, model.flickr30k_r1), (COCO, model.coco_r1)):
            rows = published_for(model.name, dataset)
            assert next((row.value for row in rows if row.metric == METRICS[0]), None) == value


def test_every_number_is_that_of_open_clips_table() -> None:
    table = {
        f"{row['name']}/{row['pretrained']}": row
        for row in reference("openclip_retrieval_results.csv")
    }
    compared = 0
    for row in published():
        if row.source == SOURCES["open_clip"]:
            way, k = row.metric.split("_")[0], row.metric.split("@")[1]
            short = {F30K: "Flickr", COCO: "MSCOCO"}[row.dataset]
            assert row.value == float(table[row.encoder][f"{short} {way} retr. R@{k}"])
            compared += 1
    assert compared == 20 * 12


def test_every_number_is_that_of_clip_benchmarks_table() -> None:
    short = {F30K: "flickr30k", COCO: "mscoco_captions", F8K: "flickr8k"}
    table = {
        (f"{row['model']}/{row['pretrained']}", row["dataset"]): row
        for row in reference("clip_benchmark_benchmark.csv")
    }
    compared = 0
    for row in published():
        if row.source == SOURCES["CLIP_benchmark"]:
            theirs = float(table[row.encoder, short[row.dataset]][row.metric])
            assert row.value == pytest.approx(theirs, abs=5.1e-5)
            compared += 1
    assert compared == 21 * 2
