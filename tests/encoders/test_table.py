"""The table of encoders says what was published, and recommends what anybody may use."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator

import pytest
from safetensors import safe_open

from searchengine.encoders.names import (
    STARTER,
    STARTER_256,
    STARTER_DIR,
    STARTER_SIZES,
    canonical_name,
)
from searchengine.encoders.table import (
    SOURCES,
    ModelInfo,
    find_model,
    knowing,
    models,
    taken_for,
)
from tests.support.places import SHARED

REFERENCE = SHARED / "reference"
"""Published tables, where they lie beside the checkout."""

OTHERS = [model for model in models() if model.name not in STARTER_SIZES]
ids = pytest.mark.parametrize("model", OTHERS, ids=lambda model: model.name)


def reference(name: str, arch: str, tag: str = "") -> Iterator[dict[str, str]]:
    """The rows of a published table about an encoder."""
    if not REFERENCE.is_dir():
        pytest.skip("no published tables beside the checkout")
    with (REFERENCE / name).open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if (row.get("name") or row["model"], row.get("pretrained") or row.get("weights")) in (
                (arch, tag),
                (arch, None),
            ):
                yield row


@ids
def test_names_and_sources(model: ModelInfo) -> None:
    assert canonical_name(model.name) == model.name
    assert model.hub_repo is not None
    assert find_model(model.name) is model
    assert {"open_clip", "card"} <= set(model.sources) <= set(SOURCES)
    assert (model.xm3600_en is not None) == ("immich" in model.sources)
    assert list(model.languages) == sorted(set(model.languages))
    assert "en" in model.languages or not model.languages


@ids
def test_facts_are_those_of_open_clip(model: ModelInfo) -> None:
    import open_clip
    from open_clip.pretrained import get_pretrained_cfg

    arch, tag = model.name.split("/")
    config = open_clip.get_model_config(arch)
    assert config["embed_dim"] == model.dim
    assert config["vision_cfg"]["image_size"] == model.input_size
    assert config["text_cfg"].get("context_length", 77) == model.context
    assert get_pretrained_cfg(arch, tag)["hf_hub"].strip("/") == model.hub_repo


@ids
def test_numbers_are_the_published_ones(model: ModelInfo) -> None:
    arch, tag = model.name.split("/")
    for row in reference("openclip_retrieval_results.csv", arch, tag):
        assert model.flickr30k_r1 == float(row["Flickr image retr. R@1"])
        assert model.coco_r1 == float(row["MSCOCO image retr. R@1"])
    for row in reference("openclip_model_profile.csv", arch):
        assert model.parameters == float(row["mparams"])
        assert model.image_gflops == float(row["image_gflops"])
        assert model.text_gflops == float(row["text_gflops"])
    for row in reference("xm3600_english_immich.csv", arch, tag):
        assert model.xm3600_en == pytest.approx(float(row["recall_mean_of_1_5_10_percent"]) / 100)


def test_starter_facts_are_those_of_its_files() -> None:
    starter = models()[0]
    assert starter.name == STARTER_256
    config = json.loads((STARTER_DIR / "open_clip_config.json").read_text())["model_cfg"]
    assert starter.dim == config["embed_dim"]
    at_first = find_model(STARTER)
    assert at_first is not None
    assert at_first.input_size == config["vision_cfg"]["image_size"] == STARTER_SIZES[STARTER]
    assert starter.input_size == STARTER_SIZES[STARTER_256]
    assert starter.context == config["text_cfg"]["context_length"]
    with safe_open(STARTER_DIR / "open_clip_model.safetensors", "np") as weights:
        sizes = [math.prod(weights.get_slice(name).get_shape()) for name in weights.keys()]  # noqa: SIM118
    assert starter.parameters == pytest.approx(sum(sizes) / 1e6, rel=0.01)


def test_what_is_recommended_is_free_and_nothing_free_is_plainly_better() -> None:
    taken = {model.take_for: model for model in OTHERS if model.take_for}
    assert {"a CPU", "a GPU", "other languages", "little memory"} <= set(taken)
    assert all(model.free for model in taken.values())
    for use in ("a CPU", "a GPU", "little memory"):
        chosen = taken_for(use)
        for other in OTHERS:
            costs_no_more = (
                other.image_gflops <= chosen.image_gflops
                and other.parameters <= chosen.parameters
            )  # fmt: skip
            if other.free and costs_no_more:
                assert (other.xm3600_en or 0) <= (chosen.xm3600_en or 0), (use, other.name)
    assert len(taken["other languages"].languages) == max(
        len(model.languages) for model in OTHERS if model.free
    )


@pytest.mark.parametrize(
    ("language", "known_by", "unknown_to"),
    [
        ("de", "ViT-B-32-SigLIP2-256/webli", "ViT-B-32/laion2b_s34b_b79k"),
        ("fi", "xlm-roberta-base-ViT-B-32/laion5b_s13b_b90k", "ViT-B-32-SigLIP2-256/webli"),
        ("en", "ViT-B-32/laion2b_s34b_b79k", "nllb-clip-base-siglip/v1"),
    ],
)
def test_who_knows_a_language(language: str, known_by: str, unknown_to: str) -> None:
    names = [model.name for model in knowing(language)]
    assert known_by in names
    assert unknown_to not in names
    assert knowing("tlh") == []


def test_no_use_is_made_up() -> None:
    with pytest.raises(KeyError):
        taken_for("a toaster")
