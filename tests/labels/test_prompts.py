"""A name in the words of an encoder's template."""

from __future__ import annotations

import pytest

from searchengine.encoders.table import TEMPLATE, models, names_scale_of, template_of
from searchengine.labels.prompts import in_template


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("dog", "a photo of a dog"),
        ("otter", "a photo of an otter"),
        ("Eiffel Tower", "a photo of an Eiffel Tower"),
        ("88 butterfly", "a photo of a 88 butterfly"),
        ("the Eiffel Tower", "a photo of the Eiffel Tower"),
        ("an otter", "a photo of an otter"),
        ("anchor", "a photo of an anchor"),
        ("a", "a photo of a"),
        ("été", "a photo of a été"),
        ("{}", "a photo of a {}"),
    ],
)
def test_articles(name: str, text: str) -> None:
    assert in_template("a photo of a/an {}", name) == text


def test_a_template_without_an_article() -> None:
    assert in_template("{} in a picture", "the sea") == "the sea in a picture"


def test_every_encoder_has_one() -> None:
    assert template_of("starter") == "a photo of a/an {}"
    assert template_of("ViT-B-32/nobody") == TEMPLATE
    assert all("{}" in model.template for model in models())


def test_a_scale_that_was_fitted_goes_before_the_one_of_training() -> None:
    assert names_scale_of("starter-256", 23.6) == 25.5
    assert names_scale_of("starter", 23.6) == 23.6
    assert names_scale_of("ViT-B-32/nobody", 100.0) == 100.0
