"""The contract of encoders, kept by each: the fake one, the starter, open_clip, and texts alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from searchengine.encoders.interface import Encoder, TextEncoder
from searchengine.encoders.openclip.encoder import ClipEncoder, load_encoder
from searchengine.encoders.text.encoder import load_for_texts
from searchengine.encoders.text.export import keep_text_tower
from searchengine.types import SpaceInfo
from tests.contracts.encoder import EncoderContract, ModelContract, TextEncoderContract
from tests.support.fake import FakeEncoder
from tests.support.models import make_model


def _load(name: str) -> ClipEncoder:
    return load_encoder(name, device="cpu", precision="float32")


def _light(encoder: ClipEncoder, directory: Path) -> TextEncoder:
    """The text half of the encoder for a space of its own, whose files are in the directory."""
    space = SpaceInfo(1, "space", encoder.name, encoder.dim, "float32", encoder.fingerprint)
    keep_text_tower(encoder, space, directory)
    light = load_for_texts(space, directory)
    assert light is not None
    return light


@pytest.fixture(scope="module")
def starters() -> tuple[ClipEncoder, ClipEncoder]:
    return _load("starter"), _load("starter")


@pytest.fixture(scope="module")
def tinies(tmp_path_factory: pytest.TempPathFactory) -> tuple[ClipEncoder, ClipEncoder]:
    name = make_model(tmp_path_factory.mktemp("models") / "tiny", {})
    return _load(name), _load(name)


class TestFake(EncoderContract):
    @pytest.fixture
    def loaded(self) -> tuple[Encoder, Encoder]:
        return FakeEncoder(), FakeEncoder()


class TestStarter(ModelContract):
    @pytest.fixture
    def loaded(self, starters: tuple[Encoder, Encoder]) -> tuple[Encoder, Encoder]:
        return starters


class TestOpenClip(ModelContract):
    @pytest.fixture
    def loaded(self, tinies: tuple[Encoder, Encoder]) -> tuple[Encoder, Encoder]:
        return tinies


class TestTextsOfTheStarter(TextEncoderContract):
    @pytest.fixture
    def loaded(
        self, starters: tuple[ClipEncoder, ClipEncoder], tmp_path: Path
    ) -> tuple[TextEncoder, TextEncoder]:
        return _light(starters[0], tmp_path), _light(starters[0], tmp_path)


class TestTextsOfAKeptTower(TextEncoderContract):
    @pytest.fixture
    def loaded(
        self, tinies: tuple[ClipEncoder, ClipEncoder], tmp_path: Path
    ) -> tuple[TextEncoder, TextEncoder]:
        return _light(tinies[0], tmp_path), _light(tinies[0], tmp_path)
