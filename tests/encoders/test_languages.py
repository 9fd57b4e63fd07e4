"""A query in letters that an encoder has never learned is said to be one."""

from __future__ import annotations

import pytest

from searchengine.encoders.languages import about_scripts
from tests.conftest import Run, Workbench


@pytest.mark.parametrize(
    ("text", "encoder", "says"),
    [
        ("собака на пляже", "starter", "written in Cyrillic letters"),
        ("猫", "starter", "Chinese or Japanese letters"),
        ("浜辺の犬", "ViT-B-32/laion2b_s34b_b79k", "knows 2 languages and none"),
        ("해변의 개", "starter", "one that does: ViT-B-32-SigLIP2-256/webli"),
        ("สุนัข", "ViT-B-32-SigLIP2-256/webli", "one that does: xlm-roberta-base-ViT-B-32"),
        ("a dog, собака", "starter", "Cyrillic"),
    ],
)
def test_unknown_letters_are_said_with_an_encoder_that_knows_them(
    text: str, encoder: str, says: str
) -> None:
    assert says in str(about_scripts(["a red car", text], encoder))


@pytest.mark.parametrize(
    ("text", "encoder"),
    [
        ("собака на пляже", "ViT-B-32-SigLIP2-256/webli"),
        ("猫", "xlm-roberta-base-ViT-B-32/laion5b_s13b_b90k"),
        ("ein Café in Zürich", "starter"),
        ("a dog 🌃 ½ —", "starter"),
        ("", "starter"),
        ("собака", "hf-hub:some/model"),
        ("собака", "ViT-H-14-worldwide-quickgelu/metaclip2_worldwide"),
    ],
)
def test_nothing_is_said_of_what_may_be_known(text: str, encoder: str) -> None:
    assert about_scripts([text], encoder) is None


def test_no_encoder_is_named_where_none_knows() -> None:
    assert str(about_scripts(["কুকুর"], "starter")).endswith("by chance")


def test_a_search_says_it(run: Run, colours: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "searchengine.retrieval.answer.about_scripts", lambda texts, _: f"said of {texts}"
    )
    assert "said of ['собака']" in run("search", "собака").err
