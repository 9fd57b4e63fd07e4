"""The text tower in numpy against open_clip's own, and how it is kept and found again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from searchengine import open_library
from searchengine.encoders.names import STARTER_DIR
from searchengine.encoders.openclip.encoder import ClipEncoder, load_encoder
from searchengine.encoders.text import encoder as text_encoder
from searchengine.encoders.text import export as text_export
from searchengine.encoders.text import tensors
from searchengine.encoders.text import tower as text_tower
from searchengine.encoders.text.encoder import TOWER_FILE, fault_of_tower, load_for_texts, shape_of
from searchengine.encoders.text.export import keep_text_tower
from searchengine.encoders.text.tensors import TensorFile, UnreadableTensorsError
from searchengine.errors import EncoderError, EncoderMismatchError
from searchengine.library.library import Library
from searchengine.texts.everyday import everyday_texts
from searchengine.types import SpaceInfo
from tests.encoders.test_tokenizer import TRICKY
from tests.support.damage import flip
from tests.support.fake import FakeEncoder
from tests.support.models import make_model, make_siglip
from tests.support.tokenizers import MIXED

torch = pytest.importorskip("torch")
open_clip = pytest.importorskip("open_clip")

LEAST_COSINE = 0.9999
TEXTS = [text for text in TRICKY if "\ud800" not in text]
KINDS: dict[str, dict[str, Any]] = {
    "gelu": {},
    "quick gelu": {"quick_gelu": True},
    "two layers, four heads, short": {"layers": 2, "heads": 4, "context_length": 9},
    "own text model": {"custom_text": True, "layers": 2},
    "last token": {"pool_type": "last"},
    "no causal mask": {"no_causal_mask": True, "custom_text": True},
    "tanh": {"act_kwargs": {"approximate": "tanh"}},
    "biased projection": {"proj_bias": True},
    "small epsilon": {"norm_kwargs": {"eps": 1e-6}},
}
OTHER_KINDS: dict[str, dict[str, Any]] = {
    "layer scale": {"ls_init_value": 0.1},
    "end by its id": {"pool_type": "eos"},
    "other clean": {"tokenizer_kwargs": {"clean": "canonicalize"}},
}


def load(name: str) -> ClipEncoder:
    return load_encoder(name, device="cpu", precision="float32")


def space_of(encoder: ClipEncoder) -> SpaceInfo:
    return SpaceInfo(1, "space", encoder.name, encoder.dim, "float32", encoder.fingerprint)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> ClipEncoder:
    return load(make_model(tmp_path_factory.mktemp("models") / "tiny", {}))


@pytest.mark.parametrize("kind", KINDS)
def test_vectors_are_those_of_open_clip(tmp_path: Path, kind: str) -> None:
    encoder = load(make_model(tmp_path / "model", KINDS[kind]))
    space = space_of(encoder)
    assert keep_text_tower(encoder, space, tmp_path)
    light = load_for_texts(space, tmp_path)
    assert light is not None
    assert (light.name, light.dim, light.fingerprint) == (encoder.name, 24, encoder.fingerprint)
    others = {"quick gelu": "quick_gelu", "tanh": "tanh_gelu"}
    assert light.tower.shape.activation == others.get(kind, "gelu")
    rows, expected = light.encode_texts(TEXTS), encoder.encode_texts(TEXTS)
    assert rows.dtype == np.float32
    assert (rows * expected).sum(axis=1).min() >= LEAST_COSINE
    # The weights are kept as float16; of the same weights the vectors are the same.
    np.testing.assert_allclose(rows, expected, atol=3e-3)
    exact = text_tower.TextTower(*text_export._read_tower(encoder))
    embedded = exact.embed(light.tokenizer.rows(TEXTS))
    unit = embedded / np.linalg.norm(embedded, axis=1, keepdims=True)
    np.testing.assert_allclose(unit, expected, atol=2e-6)


@pytest.mark.parametrize("kind", OTHER_KINDS)
def test_what_is_not_of_the_plain_kind_is_left_to_torch(tmp_path: Path, kind: str) -> None:
    encoder = load(make_model(tmp_path / "model", OTHER_KINDS[kind]))
    assert not keep_text_tower(encoder, space_of(encoder), tmp_path)
    assert not list(tmp_path.glob("*.safetensors*"))
    assert load_for_texts(space_of(encoder), tmp_path) is None


@pytest.fixture
def siglip(tmp_path: Path) -> ClipEncoder:
    """Of SigLIP 2's kind, tokenizer and all."""
    return load(make_siglip(tmp_path / "model"))


@pytest.mark.parametrize("large", [0, 10**9], ids=["rows apart", "whole"])
def test_siglip_without_torch_is_siglip(
    tmp_path: Path, siglip: ClipEncoder, large: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tensors, "LARGE", large)
    space = space_of(siglip)
    assert keep_text_tower(siglip, space, tmp_path)
    light = load_for_texts(space, tmp_path)
    assert light is not None
    texts = [*MIXED, *TEXTS]
    rows = light.encode_texts(texts)
    assert (rows * siglip.encode_texts(texts)).sum(axis=1).min() >= LEAST_COSINE
    alone = np.concatenate([light.encode_texts([text]) for text in texts])
    np.testing.assert_allclose(alone, rows, atol=1e-6)


def test_a_damaged_row_of_a_large_table_is_met_when_it_is_needed(
    tmp_path: Path, siglip: ClipEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tensors, "LARGE", 0)
    space = space_of(siglip)
    assert keep_text_tower(siglip, space, tmp_path)
    light = load_for_texts(space, tmp_path)
    assert light is not None
    [ids] = light.tokenizer.rows(["a dog"])
    sound = light.encode_texts(["犬"])
    row = light.tower.weights["token_embedding.weight"][ids[0]]
    data = (tmp_path / TOWER_FILE).read_bytes()
    flip(tmp_path / TOWER_FILE, data.index(row.tobytes()) + 3, bit=2)
    damaged = load_for_texts(space, tmp_path)
    assert damaged is not None
    np.testing.assert_array_equal(damaged.encode_texts(["犬"]), sound)
    with pytest.raises(EncoderError, match="clipseek check --repair"):
        damaged.encode_texts(["a dog"])
    assert "is not as it was written" in (fault_of_tower(space, tmp_path) or "")


def test_smaller_batches_change_nothing(
    tiny: ClipEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_text_tower(tiny, space_of(tiny), tmp_path)
    light = load_for_texts(space_of(tiny), tmp_path)
    assert light is not None
    whole = light.encode_texts(TEXTS)
    monkeypatch.setattr(text_tower, "TOKENS_AT_A_TIME", 40)
    np.testing.assert_allclose(light.encode_texts(TEXTS), whole, atol=1e-6)


def test_activations_are_those_of_torch() -> None:
    x = np.concatenate([np.linspace(-12, 12, 4001), [0.0, -0.0, 300.0, -300.0]]).astype(np.float32)
    there = torch.from_numpy(x)
    np.testing.assert_allclose(text_tower.gelu(x), torch.nn.GELU()(there), atol=1e-6)
    quick = there * torch.sigmoid(1.702 * there)
    np.testing.assert_allclose(text_tower.quick_gelu(x), quick, atol=1e-6)
    by_tanh = torch.nn.GELU(approximate="tanh")(there)
    np.testing.assert_allclose(text_tower.tanh_gelu(x), by_tanh, atol=1e-6)
    rows = x[: 4000 // 8 * 8].reshape(-1, 8)
    expected = torch.softmax(torch.from_numpy(rows), dim=-1)
    np.testing.assert_allclose(text_tower.softmax(rows), expected, atol=1e-6)


# The starter


def test_the_starter_without_torch_is_the_starter(tmp_path: Path) -> None:
    encoder = load("starter")
    light = load_for_texts(space_of(encoder), tmp_path)
    assert light is not None
    assert (light.name, light.dim, light.fingerprint) == (
        "starter",
        encoder.dim,
        encoder.fingerprint,
    )
    texts = [*TEXTS, *everyday_texts()[::5]]
    rows = light.encode_texts(texts)
    assert (rows * encoder.encode_texts(texts)).sum(axis=1).min() >= LEAST_COSINE
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)


def test_a_starter_that_changed_since_is_noticed(tmp_path: Path) -> None:
    encoder = load("starter")
    _make_library(tmp_path, replace(encoder, fingerprint="0" * 16))
    with open_library(tmp_path) as library, pytest.raises(EncoderMismatchError, match="starter"):
        library.search("a dog")


@pytest.mark.parametrize(
    "change",
    [
        {"text_cfg": {"pool_type": "last"}},
        {"text_cfg": {"hf_tokenizer_name": "x"}},
        {"text_cfg": {"vocab_size": 100}},
        {"custom_text": True},
    ],
)
def test_configs_of_other_towers_are_left_to_torch(change: dict[str, Any]) -> None:
    config = json.loads((STARTER_DIR / "open_clip_config.json").read_text())["model_cfg"]
    assert shape_of(config) is not None
    config["text_cfg"] |= change.pop("text_cfg", {})
    assert shape_of(config | change) is None


# In a library


def _make_library(path: Path, encoder: Any) -> None:
    """A library of one space with one image."""
    from searchengine.catalog.records import Batch
    from searchengine.types import FileState, ImageEntry, ImageFacts

    with open_library(path, create=True) as library, library.writing() as writer:
        entry = ImageEntry(FileState("/a.png", 1, 1), b"hash", ImageFacts(1, 1, "PNG"))
        space = writer.space_for(encoder)
        writer.commit(space, Batch(added=[entry]), np.eye(1, encoder.dim, dtype=np.float32))


def _opened(path: Path, encoder: Any) -> tuple[Library, list[str]]:
    loads: list[str] = []

    def load_it(name: str) -> Any:
        loads.append(name)
        return encoder

    return open_library(path, load=load_it), loads


def _tower(library: Path) -> Path:
    [space] = (library / "spaces").iterdir()
    return space / TOWER_FILE


def test_texts_are_searched_without_the_encoder_once_its_tower_is_kept(
    tmp_path: Path, tiny: ClipEncoder
) -> None:
    _make_library(tmp_path, tiny)
    library, loads = _opened(tmp_path, tiny)
    with library:
        [hit] = library.search("a dog")
        assert loads == []
        expected = float(tiny.encode_texts(["a dog"])[0, 0])
        assert hit.score == pytest.approx(expected, abs=3e-3)
        assert library.encoders.for_texts(library.space()) is library.encoders.for_texts(
            library.space()
        )
        library.encoders.whole(library.space())
        assert library.encoders.for_texts(library.space()) is tiny, "what is loaded already serves"


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: b"garbage",
        lambda data: data[: len(data) // 2],
        lambda data: data.replace(b'"format":"1"', b'"format":"0"'),
        lambda data: data.replace(b'"fingerprint":"', b'"fingerprint":"x'),
        lambda data: data.replace(b"ln_final.bias", b"ln_final.xxxx"),
        lambda data: data.replace(b'"F16"', b'"F99"'),
    ],
)
def test_a_tower_that_is_no_use_is_written_anew(
    tmp_path: Path, tiny: ClipEncoder, damage: Any
) -> None:
    _make_library(tmp_path, tiny)
    file = _tower(tmp_path)
    sound = file.read_bytes()
    assert damage(sound) != sound
    file.write_bytes(damage(sound))
    library, loads = _opened(tmp_path, tiny)
    with library:
        library.search("a dog")
        assert len(loads) == 1
    assert load_for_texts(space_of(tiny), file.parent) is not None
    assert [path.name for path in file.parent.iterdir() if path.suffix == ".new"] == []


@pytest.mark.parametrize("seed", range(3))
def test_flipped_bits_in_a_tower_are_noticed_and_it_is_written_anew(
    tmp_path: Path, tiny: ClipEncoder, seed: int, caplog: pytest.LogCaptureFixture
) -> None:
    _make_library(tmp_path, tiny)
    file = _tower(tmp_path)
    sound = file.read_bytes()
    start = 8 + int.from_bytes(sound[:8], "little")
    flip(file, int(np.random.default_rng(seed).integers(start, len(sound))), bit=seed)
    assert "is not as it was written" in (fault_of_tower(space_of(tiny), file.parent) or "")
    library, loads = _opened(tmp_path, tiny)
    with library:
        library.search("a dog")
        assert len(loads) == 1
    assert caplog.text.count("the whole encoder is loaded in its place") == 1
    assert fault_of_tower(space_of(tiny), file.parent) is None


def test_a_tower_of_before_is_used_and_gets_its_checksum(tmp_path: Path, tiny: ClipEncoder) -> None:
    assert keep_text_tower(tiny, space_of(tiny), tmp_path)
    file = tmp_path / TOWER_FILE
    sound = file.read_bytes()
    file.write_bytes(sound.replace(b'"crc32"', b'"other"'))
    assert load_for_texts(space_of(tiny), tmp_path) is not None
    assert fault_of_tower(space_of(tiny), tmp_path) is None
    assert keep_text_tower(tiny, space_of(tiny), tmp_path)
    assert TensorFile(file).notes["crc32"] == TensorFile(file).checksum


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("layers", 1_000_000_000),
        ("layers", 10**30),
        ("width", -4),
        ("heads", 0),
        ("heads", 3),
        ("context", True),
        ("hidden", "8"),
        ("dim", 1.5),
        ("vocabulary", None),
    ],
)
def test_a_shape_of_nothing_is_no_tower(
    tmp_path: Path, tiny: ClipEncoder, name: str, value: object
) -> None:
    assert keep_text_tower(tiny, space_of(tiny), tmp_path)
    _rewrite_notes(tmp_path / TOWER_FILE, lambda shape: {**shape, name: value})
    assert load_for_texts(space_of(tiny), tmp_path) is None


def _rewrite_notes(file: Path, change: Any) -> None:
    data = file.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    notes = header["__metadata__"]
    notes["shape"] = json.dumps(change(json.loads(notes["shape"])))
    text = json.dumps(header).encode()
    file.write_bytes(len(text).to_bytes(8, "little") + text + data[start:])


@pytest.mark.parametrize(
    "header",
    [b"[" * 100_000, b'{"a":' * 100_000, b'{"__metadata__": ' + b"[" * 100_000, b"null", b"[]"],
    ids=["lists", "objects", "notes", "null", "list"],
)
def test_deep_or_odd_json_is_no_tower(tmp_path: Path, tiny: ClipEncoder, header: bytes) -> None:
    file = tmp_path / TOWER_FILE
    file.write_bytes(len(header).to_bytes(8, "little") + header)
    assert load_for_texts(space_of(tiny), tmp_path) is None
    assert fault_of_tower(space_of(tiny), tmp_path) is not None


def test_rounded_weights_are_not_kept(tmp_path: Path, tiny: ClipEncoder) -> None:
    half = load_encoder(tiny.name, device="cpu", precision="bfloat16")
    assert not keep_text_tower(half, space_of(half), tmp_path)
    assert not keep_text_tower(FakeEncoder(), space_of(tiny), tmp_path)


def test_float32_where_halves_disagree(
    tmp_path: Path, tiny: ClipEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_export, "LEAST_COSINE_OF_HALVES", 2.0)
    assert keep_text_tower(tiny, space_of(tiny), tmp_path)
    file = TensorFile(tmp_path / TOWER_FILE)
    assert file["text_projection"].dtype == np.float32
    light = load_for_texts(space_of(tiny), tmp_path)
    assert light is not None
    np.testing.assert_allclose(light.encode_texts(TEXTS), tiny.encode_texts(TEXTS), atol=2e-6)
    (tmp_path / TOWER_FILE).unlink()
    monkeypatch.setattr(text_export, "LEAST_COSINE", 2.0)
    assert not keep_text_tower(tiny, space_of(tiny), tmp_path)


def test_a_directory_that_cannot_be_written_is_no_error(
    tmp_path: Path, tiny: ClipEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not keep_text_tower(tiny, space_of(tiny), tmp_path / "missing")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("safetensors.numpy.save_file", full)
    assert not keep_text_tower(tiny, space_of(tiny), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_vectors_without_a_direction_are_refused(tmp_path: Path, tiny: ClipEncoder) -> None:
    keep_text_tower(tiny, space_of(tiny), tmp_path)
    light = load_for_texts(space_of(tiny), tmp_path)
    assert light is not None
    weights = {name: light.tower.weights[name] for name in light.tower.shape.tensors()}
    weights["text_projection"] = np.zeros_like(weights["text_projection"])
    broken = replace(light, tower=text_tower.TextTower(light.tower.shape, weights))
    with pytest.raises(EncoderError, match="zero or not finite"):
        broken.encode_texts(["a dog"])


def test_a_file_that_lies_about_its_size(tmp_path: Path) -> None:
    entry = {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}
    header = json.dumps({"a": entry}).encode()
    file = tmp_path / "x.safetensors"
    file.write_bytes(len(header).to_bytes(8, "little") + header + b"\0" * 12)
    with pytest.raises(UnreadableTensorsError, match="beyond the end"):
        TensorFile(file)
    file.write_bytes((2**63).to_bytes(8, "little") + header)
    with pytest.raises(UnreadableTensorsError):
        TensorFile(file)


def test_without_its_files_the_starter_is_left_to_torch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny: ClipEncoder
) -> None:
    monkeypatch.setattr(text_encoder, "STARTER_DIR", tmp_path)
    assert load_for_texts(replace(space_of(tiny), encoder="starter"), tmp_path) is None
