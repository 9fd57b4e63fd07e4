"""What an encoder does not read of a text, told by its tokenizer and held against its vectors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from searchengine.encoders.loading import load_for_queries
from searchengine.encoders.openvino.encoder import TowerEncoder
from searchengine.encoders.reading import (
    about_reading,
    about_texts,
    tokens_of,
    unknown_words,
    unread_end,
)
from searchengine.encoders.text.encoder import LightTextEncoder, load_for_texts
from searchengine.encoders.text.tokenizer import ClipTokenizer
from searchengine.types import SpaceInfo
from tests.support.fake import FakeEncoder

LONG = " ".join(["snow"] * 30)
"""As many words as the starter reads: 32 tokens, of which two stand at the ends."""


@pytest.fixture(scope="module")
def starter() -> LightTextEncoder:
    fingerprint = load_for_queries("starter").fingerprint
    found = load_for_texts(
        SpaceInfo(1, "starter", "starter", 256, "float32", fingerprint),
        directory=Path(),
    )
    assert found is not None
    return found


def test_texts_in_letters_that_are_not_known_are_said_before_long_ones(
    starter: LightTextEncoder,
) -> None:
    said = about_texts(starter, ["a dog", "\u72d7", f"{LONG} a tabby cat"])
    assert said is not None
    assert said.startswith("starter knows English and none that is written in Chinese")
    assert about_texts(starter, [f"{LONG} sky"]) == about_reading(starter, [f"{LONG} sky"])
    assert about_texts(starter, ["a dog", "caf\u00e9"]) is None


@pytest.mark.parametrize("tail", ["a tabby cat", "an astronaut"])
def test_what_does_not_count_is_what_changes_nothing(starter: LightTextEncoder, tail: str) -> None:
    cut = f"{LONG} {tail}"
    assert unread_end(starter.tokens, cut) == tail
    whole, same = starter.encode_texts([LONG, cut])
    np.testing.assert_allclose(whole, same, atol=1e-6)
    said = about_reading(starter, [cut])
    assert said == f"starter reads a text only so far: {tail!r} at its end does not count"
    assert about_reading(starter, [LONG]) is None
    assert about_reading(starter, ["a dog", cut, "a cat", cut]) == (
        "2 of 4 texts are longer than starter reads: their ends do not count, the first being "
        f"{tail!r}"
    )


def test_both_towers_of_a_cpu_read_alike(starter: LightTextEncoder) -> None:
    tower = load_for_queries("starter")
    assert isinstance(tower, TowerEncoder)
    texts = [f"{LONG} a tabby cat", "日本の犬", "a dog"]
    assert [list(row) for row in tower.tokens(texts)] == starter.tokens(texts)


def test_words_without_a_token_are_named() -> None:
    letters = {letter: number for number, letter in enumerate("abcdefghijklmnopqrstuvwxyz ")}

    def tokens(texts: object) -> list[list[int]]:
        return [[letters.get(letter, 99) for letter in text] for text in texts]  # type: ignore[attr-defined]

    assert unknown_words(tokens, "ein hund im café") == ["café"]
    assert unknown_words(tokens, "a dog") == []
    clip = ClipTokenizer(77)
    assert unknown_words(clip.rows, "日本の犬 café") == [], "it has a token for every byte"


def test_who_does_not_say_is_taken_to_read_everything() -> None:
    encoder = FakeEncoder()
    assert about_reading(encoder, [f"{LONG} blue", "日本 café"]) is None
    assert tokens_of(encoder, ["ab"]) == [[97, 98]]
