"""An encoder is timed with random weights, without any network, and remembered."""

from __future__ import annotations

from pathlib import Path

import pytest

from searchengine.encoders.openclip import precision_cache
from searchengine.encoders.openvino import measure as measuring
from searchengine.encoders.openvino.measure import measure, remembered
from searchengine.errors import UnknownEncoderError
from tests.conftest import Run
from tests.support.models import make_model


@pytest.fixture(autouse=True)
def quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "SECONDS", 0.0)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_a_measured_encoder_is_remembered_on_this_processor_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = make_model(tmp_path / "model", {})
    (tmp_path / "model" / "open_clip_model.safetensors").unlink()
    assert remembered() == {}
    speed = measure(name, device="cpu")
    assert remembered() == {name: speed}
    assert (speed.name, speed.device, speed.runtime) == (name, "cpu", "OpenVINO")
    assert min(speed.image_ms, speed.one_image_ms, speed.text_ms) > 0
    monkeypatch.setattr(measuring, "cpu", lambda: ("another", frozenset()))
    assert remembered() == {}


def test_what_is_not_exported_is_timed_on_torch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("no translation for aten::odd")

    monkeypatch.setattr(measuring, "convert", refuse)
    assert measure(make_model(tmp_path / "model", {}), device="cpu").runtime == "torch"


def test_a_damaged_memory_is_as_none(tmp_path: Path) -> None:
    file = precision_cache._path(measuring._FILE)
    file.parent.mkdir(parents=True)
    for content in ("[]", '{"starter": 3}', '{"starter": {"name": "starter"}}', "{", "{}"):
        file.write_text(content)
        assert remembered() == {}


def test_models_measures_what_is_named(run: Run, tmp_path: Path) -> None:
    name = make_model(tmp_path / "model", {})
    done = run("models", "--measure", name, "--device", "cpu")
    assert done.code == 0, done.err
    header, row = done.out.splitlines()
    assert header.split()[:4] == ["name", "device", "runtime", "precision"]
    assert row.split()[:3] == [name, "cpu", "OpenVINO"]
    assert f"measuring {name}" in done.err


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["--measure"], 2, "names and --measure go together"),
        (["starter"], 2, "names and --measure go together"),
        (["--measure", "ViT-B-3/x"], 1, "no architecture 'ViT-B-3'; there is ViT-B-32"),
        (["--measure", "local-dir:/nowhere"], 1, "/nowhere: no open_clip model here"),
        (["--measure", "hf-hub:a/b"], 1, "name it as ARCH/TAG"),
    ],
)
def test_what_cannot_be_measured_is_said(run: Run, words: list[str], code: int, says: str) -> None:
    done = run("models", *words)
    assert done.code == code
    assert says in done.err
    assert done.err.count("\n") <= 4


def test_an_unknown_architecture(tmp_path: Path) -> None:
    with pytest.raises(UnknownEncoderError):
        measure("nothing")
