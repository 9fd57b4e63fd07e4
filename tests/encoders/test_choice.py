"""Which encoder a word means, what it costs, and which one a new library gets."""

from __future__ import annotations

from functools import partial

import pytest

from searchengine.encoders import choice, hub, registry
from searchengine.encoders.choice import AUTO, choose_encoder
from searchengine.encoders.registry import choose_default
from searchengine.encoders.table import SIZES, cost_of, find_model, named_by


@pytest.fixture(autouse=True)
def nothing_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "is_cached", lambda name: name.startswith("starter"))
    monkeypatch.setattr(choice, "may_have_gpu", lambda: False)
    monkeypatch.setattr(hub, "why_unreachable", lambda: None)


@pytest.mark.parametrize(
    ("word", "gpu", "name"),
    [
        ("small", False, "ViT-B-32/laion2b_s34b_b79k"),
        ("balanced", False, "ViT-B-32-SigLIP2-256/webli"),
        ("balanced", True, "ViT-B-16-SigLIP2/webli"),
        ("best", False, "ViT-SO400M-14-SigLIP2/webli"),
    ],
)
def test_words_for_people(word: str, gpu: bool, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "may_have_gpu", lambda: gpu)
    assert choose_encoder(word, ["starter"]).name == name
    on_cpu = named_by(word, gpu=False)
    assert on_cpu is not None
    assert choose_encoder(word, [], device="cpu").name == on_cpu.name


def test_larger_words_cost_more_and_find_more() -> None:
    small, balanced, best = (named_by(word, gpu=False) for word in SIZES)
    assert small is not None and balanced is not None and best is not None  # noqa: PT018
    assert small.bytes < balanced.bytes < best.bytes
    assert small.image_gflops < balanced.image_gflops < best.image_gflops
    assert (small.coco_r1 or 1) < (balanced.coco_r1 or 0) < (best.coco_r1 or 0)
    assert named_by("huge", gpu=False) is None


def test_the_cost_is_said_before_a_download_and_not_after(monkeypatch: pytest.MonkeyPatch) -> None:
    said = choose_encoder("balanced", []).note
    assert said == (
        "ViT-B-32-SigLIP2-256/webli is not on this machine yet: 1.5 GB to download once, as much "
        "memory while it runs, 1.3 times the work of ViT-B-32 an image, and 1.5 kB an image in the "
        "library"
    )
    assert choose_encoder("ViT-B-32/laion2B-s34B-b79K", []).note is not None
    for name in ("starter", "ViT-B-32/w.pt", "hf-hub:a/b", "ViT-B-32/openai"):
        assert choose_encoder(name, []).note is None
    with monkeypatch.context() as unreachable:  # who loads it is told so, and no cost beside it
        unreachable.setattr(hub, "why_unreachable", lambda: "no answer")
        assert choose_encoder("balanced", []).note is None
    monkeypatch.setattr(registry, "is_cached", lambda _: True)
    assert choose_encoder("balanced", []).note is None


def test_a_library_keeps_its_encoder() -> None:
    assert choose_encoder(AUTO, ["starter", "other"]) == choice.Choice("starter")


@pytest.mark.parametrize(
    ("asked", "in_library", "name"),
    [
        ("starter", [], "starter-256"),
        ("starter", ["ViT-B-32/w.pt"], "starter-256"),
        ("starter", ["ViT-B-32/w.pt", "starter"], "starter"),
        ("starter-256", ["starter"], "starter-256"),
    ],
)
def test_the_starter_is_read_at_256_pixels_but_where_it_was_read_at_224(
    asked: str, in_library: list[str], name: str
) -> None:
    assert choose_encoder(asked, in_library).name == name


@pytest.mark.parametrize(
    ("gpu", "device", "name"),
    [
        (False, "auto", "ViT-B-32-SigLIP2-256/webli"),
        (True, "auto", "ViT-B-16-SigLIP2/webli"),
        (True, "cpu", "ViT-B-32-SigLIP2-256/webli"),
    ],
)
def test_a_new_library_gets_what_the_table_says_and_is_told_what_is_downloaded(
    gpu: bool, device: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "may_have_gpu", lambda: gpu)
    reachable = partial(choose_default, cached=lambda _: False, probe=lambda: None)
    monkeypatch.setattr(registry, "choose_default", reachable)
    model = find_model(name)
    assert model is not None
    assert model.free
    made = choose_encoder(AUTO, [], device=device)
    assert (made.name, cost_of(model) in str(made.note)) == (name, True)
    assert made == choose_encoder("balanced", [], device=device)


def test_without_a_hub_the_best_that_is_here_is_taken() -> None:
    here = {"EVA02-B-16/merged2b_s8b_b131k", "ViT-B-16-SigLIP/webli", "ViT-L-14/laion2b_s32b_b82k"}
    name, why = choose_default(
        gpu=False, cached=lambda name: name in here, probe=lambda: "no cable"
    )
    assert name == "ViT-B-16-SigLIP/webli"
    assert "no cable" in str(why)
    assert (
        choose_default(gpu=False, cached=lambda _: False, probe=lambda: "no cable")[0]
        == "starter-256"
    )
