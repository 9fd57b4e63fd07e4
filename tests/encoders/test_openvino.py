"""Encoders without torch: what is exported, kept, verified and chosen."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from searchengine.encoders.interface import Encoder
from searchengine.encoders.loading import load_encoder, load_for_queries
from searchengine.encoders.names import STARTER_SIZES
from searchengine.encoders.openclip import encoder as openclip
from searchengine.encoders.openclip.precision_cache import remember
from searchengine.encoders.openclip.precision_choice import choose
from searchengine.encoders.openvino import export as exporting
from searchengine.encoders.openvino import kept, runtime
from searchengine.encoders.openvino.encoder import TowerEncoder, open_many_images
from searchengine.encoders.openvino.kept import KeptTowers, find
from searchengine.encoders.openvino.weights import Weights
from searchengine.encoders.text.encoder import TOWER_FILE
from searchengine.encoders.text.export import PROBES
from searchengine.errors import EncoderError
from searchengine.images.decode import read_image
from searchengine.paths import user_cache
from tests.support.damage import flip
from tests.support.models import make_model, make_siglip
from tests.support.places import ROOT

pytest.importorskip("openvino")

AFFINITIES = """
import json, os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
import numpy as np
from searchengine.encoders.loading import load_encoder
encoder, seen = load_encoder("starter", device="cpu"), set()
with ThreadPoolExecutor(1) as pool:
    encoding = pool.submit(encoder.encode_pixels, [np.zeros((224, 224, 3), np.uint8)] * 64)
    while not encoding.done():
        for thread in map(int, os.listdir("/proc/self/task")):
            with suppress(ProcessLookupError):
                seen.add(tuple(sorted(os.sched_getaffinity(thread))))
print(json.dumps(sorted(seen)))
"""
"""Prints the sets of cores that threads may run on while an encoder is at work."""

PHOTOS = sorted((ROOT / "sample_data" / "photos").rglob("*.jpg"))[:8]


def photos() -> list[Image.Image]:
    return [read_image(path.read_bytes(), name=path.name)[0] for path in PHOTOS]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    return make_model(tmp_path_factory.mktemp("models") / "tiny", {})


@pytest.fixture(autouse=True)
def _one_cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An export is seconds: one serves all."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))


@pytest.fixture
def towers(tiny: str) -> Iterator[KeptTowers]:
    """Those of the tiny model, not yet measured here; whole again for the next test."""
    load_encoder(tiny, device="cpu", precision="float32")
    user_cache("precision.json").unlink(missing_ok=True)
    found = find(tiny)
    assert found is not None
    before = {path: path.read_bytes() for path in found.directory.iterdir()}
    yield found
    found.directory.mkdir(exist_ok=True)
    for path, data in before.items():
        path.write_bytes(data)


def cosines(a: Any, b: Any) -> Any:
    return (np.asarray(a) * np.asarray(b)).sum(axis=1)


@pytest.mark.parametrize(("name", "size"), STARTER_SIZES.items())
def test_the_starter_is_what_torch_computes(name: str, size: int) -> None:
    ours = load_encoder(name, device="cpu", precision="float32")
    torchs = openclip.load_encoder(name, device="cpu", precision="float32")
    assert isinstance(ours, TowerEncoder)
    assert (ours.name, ours.dim, ours.input_size) == (name, torchs.dim, size)
    assert torchs.input_size == size
    assert ours.fingerprint == torchs.fingerprint
    assert ours.logit_scale == torchs.logit_scale == pytest.approx(23.6, abs=0.05)
    for photo in photos():
        np.testing.assert_array_equal(ours.preprocess(photo), torchs.preprocess(photo))
    assert cosines(ours.encode_images(photos()), torchs.encode_images(photos())).min() > 0.99999
    assert cosines(ours.encode_texts(PROBES), torchs.encode_texts(PROBES)).min() > 0.99999


def test_an_exported_model_is_what_torch_computes(tiny: str, towers: KeptTowers) -> None:
    ours = load_encoder(tiny, device="cpu", precision="float32")
    torchs = openclip.load_encoder(tiny, device="cpu", precision="float32")
    assert isinstance(ours, TowerEncoder)
    assert (ours.name, ours.fingerprint) == (torchs.name, torchs.fingerprint)
    assert ours.logit_scale == torchs.logit_scale
    assert cosines(ours.encode_images(photos()), torchs.encode_images(photos())).min() > 0.9999
    assert cosines(ours.encode_texts(PROBES), torchs.encode_texts(PROBES)).min() > 0.9999
    assert towers.text_tower is not None


def test_an_export_lets_weights_go_as_soon_as_they_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the largest encoder they are 7 GB, of which no step has more than it needs."""
    name = make_siglip(tmp_path / "model")
    held: list[tuple[str, int, int]] = []

    def noting(step: str) -> None:
        whole: Any = getattr(exporting, step)

        def noted(*given: Any, **named: Any) -> Any:
            images, both = (
                sum(weight.numel() for weight in part.parameters())
                for part in (encoder.model.visual, encoder.model)
            )
            held.append((step, images, both - images))
            return whole(*given, **named)

        monkeypatch.setattr(exporting, step, noted)

    for step in ("_convert_images", "_held", "export_text_tower", "keep_int8"):
        noting(step)
    encoder = openclip.load_encoder(name, device="cpu", precision="float32")
    exporting.export(encoder)
    (_, images, texts), *_ = held
    assert min(images, texts) > 0
    assert held == [
        ("_convert_images", images, texts),
        ("_held", 0, texts),
        ("export_text_tower", 0, texts),
        ("_held", 0, 0),
        ("keep_int8", 0, 0),
    ]
    found = find(name)
    assert found is not None
    assert not found.refused


def test_towers_of_other_kinds_are_exported_too(tmp_path: Path) -> None:
    """Of a kind that the text tower in numpy does not compute."""
    name = make_model(tmp_path / "model", {"custom_text": True, "pool_type": "eos"})
    ours = load_encoder(name, device="cpu", precision="float32")
    assert isinstance(ours, TowerEncoder)
    torchs = openclip.load_encoder(name, device="cpu", precision="float32")
    assert cosines(ours.encode_texts(PROBES), torchs.encode_texts(PROBES)).min() > 0.9999
    assert ours.text_tower is None


@pytest.mark.parametrize(
    "text",
    [
        {},
        {"custom_text": True},
        {"custom_text": True, "proj_bias": True},
    ],
    ids=["CLIP", "apart", "bias"],
)
def test_short_texts_are_computed_no_further_than_their_end(
    tmp_path: Path, text: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A text of 7 ids costs a tenth of one of 77."""
    name = make_model(tmp_path / "model", text)
    ours = load_encoder(name, device="cpu", precision="float32")
    assert isinstance(ours, TowerEncoder)
    torchs = openclip.load_encoder(name, device="cpu", precision="float32")
    seen: list[tuple[int, int]] = []
    padded = runtime.padded

    def noted(texts: Any, length: int) -> Any:
        seen.append((len(texts), length))
        return padded(texts, length)

    monkeypatch.setattr(runtime, "padded", noted)
    texts = ["a dog", "a dog that runs along the wide beach", "a cat"]
    rows = ours.encode_texts(texts)
    assert cosines(rows, torchs.encode_texts(texts)).min() > 0.99999
    longest = max(map(len, ours.tokens(texts)))
    assert seen == [(3, longest)]
    monkeypatch.setattr(ours.text_limit, "size", 2)
    assert cosines(ours.encode_texts(texts), rows).min() > 0.99999
    assert seen[1:] == [(2, len(ours.tokens(["a cat"])[0])), (1, longest)]


@pytest.mark.parametrize("kept_for_numpy", [True, False])
def test_siglip_is_exported_with_its_tokenizer(
    tmp_path: Path, kept_for_numpy: bool, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    """Its table of tokens is kept once, apart from the graph; a damaged one is met and said."""
    if not kept_for_numpy:
        monkeypatch.setattr(exporting, "export_text_tower", lambda *_: False)
    name = make_siglip(tmp_path / "model")
    right = openclip.load_encoder(name, device="cpu", precision="float32").encode_texts(PROBES)
    ours = load_encoder(name, device="cpu", precision="float32")
    assert isinstance(ours, TowerEncoder)
    assert (ours.text_tower is not None) == kept_for_numpy
    monkeypatch.setattr(openclip, "load_encoder", None)
    assert cosines(ours.encode_texts(PROBES), right).min() > 0.9999
    found = find(name)
    assert found is not None
    assert (found.directory / "text.bin").stat().st_size < 200_000
    monkeypatch.undo()
    monkeypatch.setenv("XDG_CACHE_HOME", str(found.directory.parents[2]))
    table = kept.tokens_in(found.directory)["token_embedding.weight"]
    file = found.directory / (TOWER_FILE if kept_for_numpy else kept.TOKENS_FILE)
    flip(file, file.read_bytes().index(table.tobytes()) + 5, bit=1)
    with caplog.at_level(logging.WARNING, "clipseek"):
        assert cosines(load_for_queries(name).encode_texts(PROBES), right).min() > 0.9999
    assert any("not as they were written" in said for said in caplog.messages)


def test_it_is_exported_once(
    tiny: str, towers: KeptTowers, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    monkeypatch.setattr(openclip, "load_encoder", None)
    with caplog.at_level(logging.WARNING, "clipseek"):
        for load in (load_for_queries, load_encoder):
            assert load(tiny).encode_images(photos()[:1]).shape == (1, 24)
    assert not caplog.messages
    assert towers.directory.is_dir()


@pytest.mark.parametrize("file", ["open_clip_model.safetensors", "open_clip_config.json"])
def test_another_checkpoint_under_the_name_is_exported_anew(
    tiny: str, towers: KeptTowers, file: str
) -> None:
    path = Path(tiny.removeprefix("local-dir:")) / file
    data = path.read_bytes()
    path.write_bytes(data)  # the same again: another time says that it may be another
    assert find(tiny) is None
    assert load_encoder(tiny, precision="float32").fingerprint == towers.facts.fingerprint
    assert find(tiny) is not None


@pytest.mark.parametrize("file", ["image.bin", "image.xml", "image-int8.bin", "image-int8.xml"])
def test_a_damaged_tower_is_left_to_torch_and_said(
    tiny: str, towers: KeptTowers, file: str, caplog: Any
) -> None:
    precision = "int8" if "int8" in file else "float32"
    right = load_encoder(tiny, precision="float32").encode_images(photos())
    path = towers.directory / file
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)
    with caplog.at_level(logging.WARNING, "clipseek"):
        rows = load_encoder(tiny, precision=precision).encode_images(photos())
    assert [f"{file} is not as it was written" in said for said in caplog.messages] == [True]
    assert cosines(rows, right).min() > 0.9999
    assert find(tiny) is None


def test_a_tower_found_damaged_while_it_is_measured_is_said_and_left(
    tiny: str, towers: KeptTowers, caplog: Any
) -> None:
    (towers.directory / "image.bin").write_bytes(b"other")
    with caplog.at_level(logging.WARNING, "clipseek"):
        encoder = load_encoder(tiny, device="cpu")
    assert encoder.encode_images(photos()[:1]).shape == (1, 24)
    assert any("image.bin is not as it was written" in said for said in caplog.messages)
    assert find(tiny) is None


def test_other_files_in_the_cache_are_no_towers(tiny: str, towers: KeptTowers) -> None:
    facts = json.loads((towers.directory / kept.FACTS_FILE).read_text())
    for odd in (
        "", "[]", "{", json.dumps(facts | {"format": 99}), json.dumps(facts | {"dim": None}),
        json.dumps(facts | {"preprocessing": {}}), json.dumps(facts | {"checkpoint": 3}),
    ):  # fmt: skip
        (towers.directory / kept.FACTS_FILE).write_text(odd)
        assert find(tiny) is None


def test_what_cannot_be_exported_is_left_to_torch_and_remembered(
    tiny: str, towers: KeptTowers, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    towers.forget()

    def refuse(*_: object) -> None:
        raise RuntimeError("no translation for aten::odd\nmore")

    monkeypatch.setattr(exporting, "convert", refuse)
    said = f"{tiny} runs on torch, as OpenVINO does not take it: no translation for aten::odd"
    for _ in range(2):
        with caplog.at_level(logging.WARNING, "clipseek"):
            assert isinstance(load_encoder(tiny, precision="float32"), openclip.ClipEncoder)
    assert [message for message in caplog.messages if "preparing" not in message] == [said] * 2
    assert sum("preparing" in message for message in caplog.messages) == 1
    monkeypatch.undo()
    monkeypatch.setenv("XDG_CACHE_HOME", str(towers.directory.parents[2]))
    monkeypatch.setattr(runtime, "version", lambda: "another")
    assert isinstance(load_encoder(tiny, precision="float32"), TowerEncoder)


def test_another_vector_than_torchs_is_not_kept(
    tiny: str, towers: KeptTowers, monkeypatch: pytest.MonkeyPatch
) -> None:
    towers.forget()
    right = exporting.convert

    def other(part: Any, *rest: Any) -> None:
        import torch

        with torch.no_grad():
            for weight in part.model.visual.parameters():
                weight.add_(torch.linspace(0, 1, weight.numel()).reshape(weight.shape))
        right(part, *rest)
        with torch.no_grad():
            for weight in part.model.visual.parameters():
                weight.sub_(torch.linspace(0, 1, weight.numel()).reshape(weight.shape))

    monkeypatch.setattr(exporting, "convert", other)
    assert isinstance(load_encoder(tiny, precision="float32"), openclip.ClipEncoder)
    found = find(tiny)
    assert found is not None
    assert "differ from torch's" in found.refused


def test_a_cache_that_cannot_be_written_is_said(
    tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with caplog.at_level(logging.WARNING, "clipseek"):
        assert isinstance(load_encoder(tiny, precision="float32"), openclip.ClipEncoder)
    assert any("cannot be kept" in message for message in caplog.messages)


def test_without_openvino_torch_serves(monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with caplog.at_level(logging.WARNING, "clipseek"):
        assert isinstance(load_encoder("starter", precision="float32"), openclip.ClipEncoder)
    assert any("is not installed" in message for message in caplog.messages)


def test_int8_says_what_torch_says_in_less(tiny: str, towers: KeptTowers) -> None:
    assert load_for_queries(tiny).precision == "int8"
    torchs = openclip.load_encoder(tiny, device="cpu", precision="float32")
    for ours in (load_for_queries(tiny), load_encoder(tiny, precision="int8")):
        rows, right = ours.encode_images(photos()), torchs.encode_images(photos())
        assert 0.999 < cosines(rows, right).mean() < 0.9999999
        assert cosines(ours.encode_texts(PROBES), torchs.encode_texts(PROBES)).mean() > 0.999
    sizes = {path.name: path.stat().st_size for path in towers.directory.iterdir()}
    assert sizes["text-int8.bin"] < 0.7 * sizes["text.bin"]  # norms and biases are a half of it


def test_int8_is_not_kept_where_it_says_another_thing(tmp_path: Path, caplog: Any) -> None:
    """A large weight that is multiplied with nothing leaves the others of its row no digits."""
    from safetensors.numpy import load_file, save_file

    name = make_model(tmp_path / "model", {})
    file = tmp_path / "model" / "open_clip_model.safetensors"
    tensors = load_file(file)
    block = "visual.transformer.resblocks.0"
    tensors[f"{block}.ln_2.weight"][0] = tensors[f"{block}.ln_2.bias"][0] = 0
    tensors[f"{block}.mlp.c_fc.weight"] *= 10
    tensors[f"{block}.mlp.c_fc.weight"][:, 0] = 1000
    save_file(tensors, file)
    exact = load_encoder(name, precision="float32")
    found = find(name)
    assert isinstance(exact, TowerEncoder)
    assert found is not None
    assert not found.has_int8
    assert not list(found.directory.glob("*int8*"))
    assert load_for_queries(name).precision == "float32"
    with pytest.raises(EncoderError, match="is not computed in int8 here"):
        load_encoder(name, precision="int8")


@pytest.mark.parametrize("name", ["starter", "starter-256"])
def test_convolutions_have_no_int8(name: str) -> None:
    with pytest.raises(EncoderError, match=f"{name} is not computed in int8 here"):
        load_encoder(name, precision="int8")


def test_a_query_without_int8_takes_the_precision_that_was_measured(
    towers: KeptTowers, monkeypatch: pytest.MonkeyPatch
) -> None:
    from searchengine.encoders.openvino import precision

    assert precision.precision_for_queries(towers) == "int8"
    for name in ("image-int8.xml", "image-int8.bin"):
        del towers.checksums[name]
    assert precision.precision_for_queries(towers) == "float32"
    monkeypatch.setattr(precision, "_key", lambda _: "a test")
    remember("a test", "bfloat16")
    assert precision.precision_for_queries(towers) == "bfloat16"
    remember("a test", "float7")
    assert precision.precision_for_queries(towers) == "float32"


def test_what_was_measured_without_int8_is_measured_again(towers: KeptTowers) -> None:
    from searchengine.encoders.openvino import precision

    before = precision._key(towers)
    del towers.checksums["image-int8.xml"]
    assert precision._key(towers) != before


@pytest.mark.parametrize(
    ("seconds", "cosines", "best"),
    [
        ({"float32": 1.0}, {"float32": 1.0}, "float32"),
        ({"float32": 1.0, "bfloat16": 0.5}, {"float32": 1.0, "bfloat16": 0.9991}, "bfloat16"),
        ({"float32": 1.0, "bfloat16": 0.5}, {"float32": 1.0, "bfloat16": 0.9989}, "float32"),
        ({"float32": 1.0, "bfloat16": 0.95}, {"float32": 1.0, "bfloat16": 1.0}, "float32"),
        (
            {"float32": 1.0, "bfloat16": 0.5, "float16": 0.4},
            {"float32": 1.0, "bfloat16": 1.0, "float16": 1.0},
            "float16",
        ),
        (
            {"float32": 1.0, "bfloat16": 0.5, "float16": 0.4},
            {"float32": 1.0, "bfloat16": 1.0, "float16": -1.0},
            "bfloat16",
        ),
    ],
)
def test_the_quickest_precision_that_says_the_same(
    seconds: dict[str, float], cosines: dict[str, float], best: str
) -> None:
    assert choose(seconds, cosines) == best


def test_bytes_that_were_let_go_come_back(tmp_path: Path) -> None:
    path = tmp_path / "weights"
    data = np.random.default_rng(0).integers(0, 256, 3_000_001, dtype=np.uint8)
    path.write_bytes(data.tobytes())
    weights = Weights.of_file(path)
    with weights.let_go():
        np.testing.assert_array_equal(weights.data, data)
    np.testing.assert_array_equal(weights.data, data)
    assert weights.checksum == Weights.of_tensors([data[:7], data[7:]]).checksum


def test_nobody_is_told(tiny: str, tmp_path: Path) -> None:
    """OpenVINO reports to its makers at import and at conversion: no socket, no such package."""
    code = (
        "import socket, sys\n"
        "class Refused(socket.socket):\n"
        "    def __init__(self, *_, **__): raise SystemExit('a socket')\n"
        "import ssl, http.client\n"
        "socket.socket = Refused\n"
        "from searchengine.encoders.loading import load_encoder\n"
        "from PIL import Image\n"
        f"encoder = load_encoder({tiny!r}, precision='float32')\n"
        "encoder.encode_images([Image.new('RGB', (64, 64))]); encoder.encode_texts(['a'])\n"
        "print(type(encoder).__name__, 'openvino_telemetry' in sys.modules)\n"
    )
    environment = {"XDG_CACHE_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, env=environment
    )
    assert done.stdout.strip() == "TowerEncoder False", done.stderr


def test_many_pictures_are_given_to_cores_of_their_own_and_stay_in_order() -> None:
    encoder = load_encoder("starter", device="cpu")
    assert isinstance(encoder, TowerEncoder)
    random = np.random.default_rng(5)
    pixels = list(random.integers(0, 256, (37, 224, 224, 3), dtype=np.uint8))
    one_by_one = np.concatenate([encoder.encode_pixels([each]) for each in pixels])
    assert "_many_images" not in encoder.__dict__, "a query compiles one graph"
    np.testing.assert_allclose(encoder.encode_pixels(pixels), one_by_one, atol=1e-5)
    np.testing.assert_allclose(encoder.encode_pixels(pixels[::-1]), one_by_one[::-1], atol=1e-5)


def test_after_an_index_run_the_picture_of_a_query_has_all_cores_together() -> None:
    encoder = load_encoder("starter", device="cpu")
    assert isinstance(encoder, TowerEncoder)
    blank = np.zeros((224, 224, 3), np.uint8)
    encoder.encode_pixels([blank] * 16)
    encoder.encode_pixels([blank] * 5)
    assert "_images" not in encoder.__dict__, "what is left over goes the same way"
    encoder.encode_pixels([blank])
    assert "_images" in encoder.__dict__


@pytest.mark.parametrize("count", [3, 5, 16])
def test_cores_that_would_wait_for_one_another_work_together(
    count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sixteen pictures, two at a time, are eight parts: three cores would leave one for the end."""
    encoder = load_encoder("starter", device="cpu")
    assert isinstance(encoder, TowerEncoder)
    asked = runtime.Streams.__init__

    def of_so_many(streams: runtime.Streams, *given: Any) -> None:
        asked(streams, *given)
        streams.count = count

    monkeypatch.setattr(runtime.Streams, "__init__", of_so_many)
    embed = open_many_images(encoder.towers, "float32")
    assert embed is not None
    assert not isinstance(embed, runtime.Streams)


@pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2,
    reason="this system does not say where threads run, or has one core",
)
def test_no_thread_is_tied_to_a_core() -> None:
    """Of every process it would be the same core: two that encode then share one.

    In a process of its own: other libraries tie threads of theirs.
    """
    done = subprocess.run(
        [sys.executable, "-c", AFFINITIES], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert json.loads(done.stdout) == [sorted(os.sched_getaffinity(0))]


def test_the_graph_of_the_starter_belongs_to_its_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """A damaged installation is not searched with."""
    from searchengine.encoders.openvino.towers import DamagedTowersError, StarterTowers

    towers = StarterTowers("starter")
    name = next(name for name in json.loads(towers._others.notes["image"]) if "visual" in name)
    tensor = np.array(towers._tensors[name])
    tensor.reshape(-1).view(np.uint8)[5] ^= 1
    monkeypatch.setitem(towers._tensors._tensors, name, tensor)
    with pytest.raises(DamagedTowersError, match="not as they were installed"):
        towers.weights("image")


def test_an_encoder_for_queries_is_an_encoder(tiny: str, towers: KeptTowers) -> None:
    encoder: Encoder = load_for_queries(tiny)
    assert encoder.device == "cpu"
    assert encoder.encode_pixels([]).shape == encoder.encode_texts([]).shape == (0, 24)
