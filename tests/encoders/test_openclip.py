"""The real encoders on tiny open_clip models made here; ViT-B-32 itself once."""

import json
import logging
import pickle
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from searchengine.encoders import hub
from searchengine.encoders.interface import Encoder
from searchengine.encoders.openclip import precision as placement
from searchengine.encoders.openclip import sources
from searchengine.encoders.openclip.encoder import ClipEncoder, load_encoder
from searchengine.encoders.openclip.precision import prefer_bfloat16
from searchengine.encoders.preprocess import Preprocessing
from searchengine.encoders.registry import choose_default, recommended
from searchengine.errors import (
    DeviceUnavailableError,
    EncoderError,
    EncoderUnavailableError,
    PathNotFoundError,
    UnknownEncoderError,
)

torch = pytest.importorskip("torch")
open_clip = pytest.importorskip("open_clip")

TINY: dict[str, Any] = {
    "embed_dim": 32,
    "vision_cfg": {
        "image_size": 64,
        "layers": 1,
        "width": 64,
        "head_width": 32,
        "patch_size": 32,
    },
    "text_cfg": {
        "context_length": 16,
        "vocab_size": 49408,
        "width": 32,
        "heads": 2,
        "layers": 1,
    },
}
SHAPES = [(64, 64), (300, 200), (90, 500), (31, 40), (641, 333)]
RECOMMENDED = recommended(gpu=False)
TEXTS = ["a red car in the snow", "", "two dogs", "word " * 200]


def make_model(
    directory: Path, seed: int = 0, dtype: Any = torch.float32, **preprocess: Any
) -> str:
    """A directory that open_clip loads, with random weights; its encoder's name."""
    from safetensors.torch import save_file

    torch.manual_seed(seed)
    state = open_clip.CLIP(**TINY).state_dict()
    directory.mkdir(parents=True, exist_ok=True)
    save_file(
        {name: tensor.contiguous().to(dtype) for name, tensor in state.items()},
        directory / "open_clip_model.safetensors",
    )
    config = {"model_cfg": TINY, "preprocess_cfg": preprocess}
    (directory / "open_clip_config.json").write_text(json.dumps(config))
    return f"local-dir:{directory}"


def photos() -> list[Image.Image]:
    """Pictures of many shapes, smooth with some noise, as photos are."""
    random = np.random.default_rng(7)
    made = []
    for width, height in SHAPES:
        coarse = Image.fromarray(random.integers(0, 256, (6, 6, 3), dtype=np.uint8))
        smooth = np.asarray(coarse.resize((width, height)), dtype=np.int16)
        noisy = smooth + random.integers(-20, 20, smooth.shape)
        made.append(Image.fromarray(noisy.clip(0, 255).astype(np.uint8)))
    return made


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    return make_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def encoder(tiny: str) -> ClipEncoder:
    return load_encoder(tiny, device="cpu", precision="float32")


@pytest.fixture(scope="module")
def vit_b_32(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Any]]:
    """The real ViT-B-32 with random weights, and them as the float16 `.pt` file of such models."""
    path = tmp_path_factory.mktemp("vit") / "weights.pt"
    torch.manual_seed(0)
    model = open_clip.create_model("ViT-B-32").half()
    torch.save(model.state_dict(), path)
    yield path, model.float()
    path.unlink()  # 300 MB


@pytest.fixture
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the hub, and a hub on a port where nothing listens."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    return tmp_path / "cache"


def snapshot(cache: Path, repo: str) -> Path:
    """Where huggingface_hub keeps the files of a repository."""
    home = cache / f"models--{repo.replace('/', '--')}"
    (home / "refs").mkdir(parents=True)
    (home / "refs" / "main").write_text("c0ffee")
    return home / "snapshots" / "c0ffee"


def oracle(name: str, model: Any = None) -> tuple[np.ndarray, np.ndarray]:
    """open_clip's own vectors of the photos and texts: its transform, its normalisation."""
    from open_clip.transform import PreprocessCfg, image_transform_v2

    if model is None:
        model = open_clip.create_model_from_pretrained(name, return_transform=False)
    transform = image_transform_v2(PreprocessCfg(**model.visual.preprocess_cfg), is_train=False)
    tokenizer = open_clip.get_tokenizer(name)
    model.eval()
    with torch.inference_mode():
        batch = torch.stack([transform(photo) for photo in photos()])
        images = model.encode_image(batch, normalize=True).numpy()
        texts = model.encode_text(tokenizer(TEXTS), normalize=True).numpy()
    return images, texts


def test_is_an_encoder(encoder: ClipEncoder, tiny: str) -> None:
    as_protocol: Encoder = encoder
    assert as_protocol.name == tiny
    assert (encoder.dim, encoder.input_size) == (32, 64)
    assert (encoder.device, encoder.precision) == ("cpu", "float32")
    assert len(bytes.fromhex(encoder.fingerprint)) == 8


def test_vectors_are_those_of_open_clip(encoder: ClipEncoder, tiny: str) -> None:
    images, texts = oracle(tiny)
    np.testing.assert_allclose(encoder.encode_images(photos()), images, atol=1e-5)
    np.testing.assert_allclose(encoder.encode_texts(TEXTS), texts, atol=1e-5)


def test_texts_in_smaller_batches_have_the_same_rows(
    encoder: ClipEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = encoder.encode_texts(TEXTS)
    monkeypatch.setattr(encoder.text_limit, "size", 3)
    np.testing.assert_allclose(encoder.encode_texts(TEXTS), whole, atol=1e-6)


@pytest.mark.parametrize("mode", ["shortest", "squash", "longest"])
@pytest.mark.parametrize("size", [64, (48, 80)], ids=str)
@pytest.mark.parametrize(("interpolation", "fill_color"), [("bicubic", 0), ("bilinear", 90)])
def test_preprocessing_equals_open_clip(
    mode: str, size: Any, interpolation: str, fill_color: int
) -> None:
    from open_clip.transform import PreprocessCfg, image_transform_v2

    config = PreprocessCfg(
        size=size, resize_mode=mode, interpolation=interpolation, fill_color=fill_color
    )
    transform = image_transform_v2(config, is_train=False)
    ours = Preprocessing.of(asdict(config))
    for photo in [*photos(), Image.new("RGB", (333, 7), "teal"), Image.new("L", (65, 64))]:
        pixels = ours(photo)
        got = placement.normalised(torch.from_numpy(np.stack([pixels])), ours)[0]
        np.testing.assert_allclose(got.numpy(), transform(photo).numpy(), atol=1e-5)


def test_unknown_preprocessing_is_refused() -> None:
    known = {
        "size": 32, "mean": [0.5] * 3, "std": [0.5] * 3,
        "resize_mode": "squash", "interpolation": "bicubic", "fill_color": 0,
    }  # fmt: skip
    assert Preprocessing.of(known).size == (32, 32)
    odd: list[dict[str, Any]] = [
        {"resize_mode": "stretch"}, {"interpolation": "lanczos"}, {"size": 0}, {"size": [1, 2, 3]},
        {"mean": [0.5]}, {"std": None}, {"interpolation": ["bicubic"]},
    ]  # fmt: skip
    for wish in odd:
        with pytest.raises(EncoderError, match="not understood"):
            Preprocessing.of(known | wish)
    with pytest.raises(EncoderError, match="not understood"):
        Preprocessing.of({})


def test_vit_b_32_by_path(vit_b_32: tuple[Path, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    path, model = vit_b_32
    monkeypatch.chdir(path.parent)
    encoder = load_encoder("ViT-B-32/weights.pt", device="cpu", precision="float32")
    assert encoder.name == f"ViT-B-32/{path}"
    assert (encoder.dim, encoder.input_size) == (512, 224)
    images, texts = oracle("ViT-B-32", model)
    np.testing.assert_allclose(encoder.encode_images(photos()), images, atol=1e-5)
    np.testing.assert_allclose(encoder.encode_texts(TEXTS), texts, atol=1e-5)


def test_weights_of_another_architecture_are_refused(vit_b_32: tuple[Path, Any]) -> None:
    with pytest.raises(EncoderError, match="does not fit the architecture RN50: ") as caught:
        load_encoder(f"RN50/{vit_b_32[0]}")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_fingerprint_is_of_the_weights_alone(
    encoder: ClipEncoder, tiny: str, tmp_path: Path
) -> None:
    half = load_encoder(tiny, device="cpu", precision="bfloat16")
    assert half.precision == "bfloat16"
    assert half.fingerprint == encoder.fingerprint
    again = load_encoder(make_model(tmp_path / "again"), device="cpu", precision="float32")
    assert again.fingerprint == encoder.fingerprint
    other = load_encoder(make_model(tmp_path / "other", seed=1), device="cpu", precision="float32")
    assert other.fingerprint != encoder.fingerprint


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_half_precision_agrees(encoder: ClipEncoder, tiny: str, precision: str) -> None:
    half = load_encoder(tiny, device="cpu", precision=precision)
    for rows, exact in (
        (half.encode_images(photos()), encoder.encode_images(photos())),
        (half.encode_texts(TEXTS), encoder.encode_texts(TEXTS)),
    ):
        assert rows.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)
        assert np.einsum("nd,nd->n", rows, exact).mean() > 0.999


def test_starter_of_float16_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "STARTER_DIR", tmp_path / "starter")
    monkeypatch.setattr("searchengine.encoders.registry.STARTER_DIR", tmp_path / "starter")
    with pytest.raises(EncoderError, match="missing from this installation"):
        load_encoder("starter")
    make_model(tmp_path / "starter", dtype=torch.float16)
    starter = load_encoder("starter", device="cpu", precision="float32")
    assert starter.name == "starter"
    images, _ = oracle(f"local-dir:{tmp_path / 'starter'}")
    np.testing.assert_allclose(starter.encode_images(photos()), images, atol=1e-5)


def test_every_weight_is_that_of_the_file(encoder: ClipEncoder, tiny: str) -> None:
    from safetensors.torch import load_file

    saved = load_file(Path(tiny.removeprefix("local-dir:")) / "open_clip_model.safetensors")
    loaded = encoder.model.state_dict()
    assert set(loaded) == set(saved)
    assert all(torch.equal(loaded[name], saved[name]) for name in saved)


def test_loading_from_two_threads_leaves_libraries_as_they_were(tiny: str) -> None:
    from huggingface_hub import constants

    def state() -> tuple[Any, ...]:
        root = logging.getLogger()
        return torch.nn.init.normal_, constants.HF_HUB_OFFLINE, root.filters[:], root.handlers[:]

    before = state()
    with ThreadPoolExecutor(2) as pool:
        marks = [
            e.fingerprint for e in pool.map(lambda n: load_encoder(n, device="cpu"), [tiny] * 2)
        ]
    assert len(set(marks)) == 1
    assert state() == before


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return exec, ("open('exploded', 'w').close()",)


@pytest.mark.parametrize("form", ["torch", "pickle"])
def test_code_in_a_checkpoint_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.chdir(tmp_path)
    bomb = {"visual.proj": Bomb()}
    if form == "torch":
        torch.save(bomb, "w.pt")
    else:
        Path("w.pt").write_bytes(pickle.dumps(bomb))
    with pytest.raises(EncoderError, match="was not run"):
        load_encoder("ViT-S-32-alt/w.pt")
    assert not Path("exploded").exists()


@pytest.mark.parametrize("name", ["w.pt", "w.safetensors"])
def test_a_file_that_is_no_checkpoint(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"not weights at all" * 100)
    with pytest.raises(EncoderError, match=name):
        load_encoder(f"ViT-S-32-alt/{tmp_path / name}")


@pytest.mark.parametrize(
    ("name", "error", "says"),
    [
        ("ViT-B-31/openai", UnknownEncoderError, "ViT-B-32"),
        ("vit-b-32/openai", UnknownEncoderError, "ViT-B-32"),
        ("gibberish", UnknownEncoderError, "no architecture 'gibberish'"),
        ("ViT-B-32", UnknownEncoderError, "ViT-B-32/laion2b_s34b_b79k"),
        ("ViT-B-32/laion2b_s34b", UnknownEncoderError, "ViT-B-32/laion2b_s34b_b79k"),
        ("ViT-S-32/anything", UnknownEncoderError, "ViT-S-32/path"),
        ("ViT-B-32/no/such/file.pt", PathNotFoundError, "no/such/file.pt: no such checkpoint"),
        ("local-dir:/no/such", PathNotFoundError, "/no/such: no open_clip model"),
        ("ViT-B-32/openai", EncoderError, "use --model ViT-B-32-quickgelu/openai"),
        ("ViT-H-14-quickgelu/laion2b_s32b_b79k", UnknownEncoderError, "ViT-H-14-quickgelu/"),
    ],
)
def test_names_that_cannot_be_loaded(name: str, error: type[Exception], says: str) -> None:
    with pytest.raises(error) as caught:
        load_encoder(name)
    assert type(caught.value) is error
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_transformers_is_said_before_a_download(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(EncoderError, match="clipseek\\[hf\\]"):
        load_encoder("xlm-roberta-base-ViT-B-32/laion5b_s13b_b90k")


def test_broken_config(tmp_path: Path) -> None:
    (tmp_path / "open_clip_config.json").write_text("{}")
    with pytest.raises(EncoderError, match=r"open_clip_config\.json is no open_clip config"):
        load_encoder(f"local-dir:{tmp_path}")
    make_model(tmp_path)
    (tmp_path / "open_clip_model.safetensors").unlink()
    with pytest.raises(EncoderError, match="cannot be loaded"):
        load_encoder(f"local-dir:{tmp_path}")


def test_wrong_device_and_precision(tiny: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DeviceUnavailableError, match=r"no device 'cuda' here; .*cpu"):
        load_encoder(tiny, device="cuda")
    with pytest.raises(DeviceUnavailableError, match="no device 'tpu'"):
        load_encoder(tiny, device="tpu")
    with pytest.raises(EncoderError, match="unknown precision 'int8'"):
        load_encoder(tiny, precision="int8")


def test_auto_precision_on_a_cpu(
    tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unneeded(_: object) -> None:
        raise AssertionError("measured without the instruction set")

    monkeypatch.setattr(placement, "_cpu_has_bfloat16", lambda: False)
    with monkeypatch.context() as inner:
        inner.setattr(placement, "_faster", unneeded)
        assert load_encoder(tiny, device="cpu").precision == "float32"
    monkeypatch.setattr(placement, "_cpu_has_bfloat16", lambda: True)
    monkeypatch.setattr(placement, "TRIAL_SECONDS", 0)
    for choice in ("bfloat16", "float32"):
        monkeypatch.setattr(placement, "prefer_bfloat16", lambda *_, it=choice: it == "bfloat16")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / choice))
        encoder = load_encoder(tiny, device="cpu")
        assert encoder.precision == choice
        weights = encoder.model.state_dict().values()
        assert {weight.dtype for weight in weights} == {getattr(torch, choice)}
        assert encoder.encode_texts(TEXTS).shape == (4, 32)


def test_a_measured_precision_is_remembered(
    tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[object] = []

    def faster(trial: object) -> str:
        measured.append(trial)
        return "bfloat16"

    monkeypatch.setattr(placement, "_cpu_has_bfloat16", lambda: True)
    monkeypatch.setattr(placement, "_faster", faster)
    assert [load_encoder(tiny, device="cpu").precision for _ in range(2)] == ["bfloat16"] * 2
    assert len(measured) == 1
    other = make_model(tmp_path / "other", seed=1)
    assert load_encoder(other, device="cpu").precision == "bfloat16"
    assert len(measured) == 2, "chosen for each model"
    [file] = (tmp_path / "cache" / "clipseek").iterdir()
    assert len(json.loads(file.read_text())) == 2
    for broken in ("[]", "{", json.dumps(dict.fromkeys(json.loads(file.read_text()), "int3"))):
        file.write_text(broken)
        load_encoder(tiny, device="cpu")
    assert len(measured) == 5
    file.unlink()
    file.mkdir()
    load_encoder(tiny, device="cpu")
    assert len(measured) == 6, "a cache that cannot be written is no error"


def test_bfloat16_must_be_faster_and_equal() -> None:
    assert prefer_bfloat16(1.0, 0.4, 0.9995)
    assert not prefer_bfloat16(0.4, 1.0, 1.0)
    assert not prefer_bfloat16(1.0, 0.95, 1.0)
    assert not prefer_bfloat16(1.0, 0.4, 0.99)
    assert not prefer_bfloat16(1.0, 0.4, float("nan"))


def with_model(encoder: ClipEncoder, **methods: Any) -> ClipEncoder:
    """The encoder with other methods in the place of its model's."""
    parts = {
        name: getattr(encoder, name) for name, it in encoder.__dataclass_fields__.items() if it.init
    }
    return ClipEncoder(**{**parts, "model": SimpleNamespace(**methods)})


LACKS = (
    torch.cuda.OutOfMemoryError("CUDA out of memory."),
    RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"),
    RuntimeError("MPS backend out of memory (MPS allocated: 9.00 GB)"),
    MemoryError(),
)


@pytest.mark.parametrize("lack", LACKS, ids=lambda it: type(it).__name__)
def test_out_of_memory_halves_the_batch(encoder: ClipEncoder, lack: Exception) -> None:
    sizes: list[int] = []

    def greedy(batch: Any) -> Any:
        sizes.append(len(batch))
        if len(batch) > 2:
            raise lack
        return encoder.model.encode_image(batch)

    tight = with_model(encoder, encode_image=greedy)
    for _ in range(2):
        rows = tight.encode_images(photos())
        np.testing.assert_allclose(rows, encoder.encode_images(photos()), atol=1e-6)
    assert sizes == [5, 2, 2, 1, 2, 2, 1], "it must not ask for too much again"


def test_no_memory_for_one_picture(encoder: ClipEncoder) -> None:
    def greedy(_: Any) -> Any:
        raise LACKS[0]

    with pytest.raises(EncoderError, match="not enough free memory on cpu"):
        with_model(encoder, encode_image=greedy).encode_images(photos())


def test_other_errors_of_the_model_are_not_taken_for_lack_of_memory(encoder: ClipEncoder) -> None:
    def broken(_: Any) -> Any:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="mat1"):
        with_model(encoder, encode_image=broken).encode_images(photos())


@pytest.mark.parametrize("value", [0.0, float("nan"), float("inf")])
def test_vectors_that_are_none_are_refused(encoder: ClipEncoder, value: float) -> None:
    broken = with_model(encoder, encode_text=lambda tokens: torch.full((len(tokens), 32), value))
    with pytest.raises(EncoderError, match="zero or not finite"):
        broken.encode_texts(["a"])


def test_nothing_is_printed_or_logged(
    tiny: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    logging.getLogger().setLevel(logging.DEBUG)
    try:
        load_encoder(tiny, device="cpu", precision="float32")
    finally:
        logging.getLogger().setLevel(logging.WARNING)
    assert logging.getLogger().handlers == []
    assert capfd.readouterr() == ("", "")


# The hub


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("touched the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.mark.usefixtures("no_network")
def test_cached_hub_model_needs_no_network(hub_cache: Path, encoder: ClipEncoder) -> None:
    make_model(snapshot(hub_cache, "me/tiny"))
    loaded = load_encoder("hf-hub:me/tiny", device="cpu", precision="float32")
    assert loaded.name == "hf-hub:me/tiny"
    assert loaded.fingerprint == encoder.fingerprint


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("file", ["", "weights.bin"])
def test_cached_tag_needs_no_network_and_keeps_its_preprocessing(
    hub_cache: Path, monkeypatch: pytest.MonkeyPatch, encoder: ClipEncoder, file: str
) -> None:
    from open_clip import factory, pretrained

    tag = {
        "hf_hub": f"me/tag/{file}",
        "mean": (0.1, 0.2, 0.3),
        "std": (0.5, 0.6, 0.7),
        "interpolation": "bilinear",
        "resize_mode": "squash",
    }
    monkeypatch.setitem(factory._MODEL_CONFIGS, "Tiny-32", TINY)
    monkeypatch.setitem(pretrained._PRETRAINED, "Tiny-32", {"mine": tag})
    make_model(snapshot(hub_cache, "me/tag"))
    if file:
        folder = hub_cache / "models--me--tag" / "snapshots" / "c0ffee"
        (folder / "open_clip_model.safetensors").rename(folder / "weights.safetensors")
    loaded = load_encoder("Tiny-32__mine", device="cpu", precision="float32")
    assert loaded.name == "Tiny-32/mine"
    assert loaded.fingerprint == encoder.fingerprint
    with hub.offline():
        _, transform = open_clip.create_model_from_pretrained(
            "Tiny-32",
            str(next(hub_cache.rglob("*.safetensors"))),
            **{f"image_{key}": value for key, value in tag.items() if key != "hf_hub"},
        )
    for photo in photos():
        pixels = torch.from_numpy(np.stack([loaded.preprocess(photo)]))
        got = placement.normalised(pixels, loaded.preprocessing)[0]
        np.testing.assert_allclose(got.numpy(), transform(photo).numpy(), atol=1e-5)
    assert loaded.preprocessing.mean == (0.1, 0.2, 0.3)


@pytest.mark.usefixtures("hub_cache")
@pytest.mark.parametrize("name", [RECOMMENDED, "hf-hub:me/tiny"])
def test_dead_hub(name: str) -> None:
    with pytest.raises(EncoderUnavailableError, match=r"127\.0\.0\.1:9 cannot be reached"):
        load_encoder(name)


@pytest.mark.usefixtures("hub_cache")
def test_silent_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked once each time, for so long."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", f"http://127.0.0.1:{port}")
        assert f"127.0.0.1:{port}" in str(hub.why_unreachable(0.5))
        with pytest.raises(EncoderUnavailableError, match=f"127.0.0.1:{port}"):
            load_encoder(RECOMMENDED)
        for thread in threading.enumerate():  # they give up while their peer is still there
            if thread.name == "clipseek-probe":
                thread.join(60)
        silent.setblocking(False)
        for _ in range(2):
            silent.accept()[0].close()
        with pytest.raises(BlockingIOError):
            silent.accept()


def test_what_the_hub_says(hub_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub
    from huggingface_hub import errors

    asked: list[str] = []
    answers: dict[str, Exception] = {}

    def download(repo: str, name: str, revision: str | None = None) -> str:
        asked.append(name)
        if name in answers:
            raise answers[name]
        return f"/cache/{name}"

    monkeypatch.setattr(hub, "why_unreachable", lambda: None)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    first, second = hub.WEIGHTS_FILES

    assert hub.fetch_file("x", "me/x", hub.WEIGHTS_FILES) == Path("/cache") / first
    answers[first] = errors.EntryNotFoundError("404")
    assert hub.fetch_file("x", "me/x", hub.WEIGHTS_FILES) == Path("/cache") / second
    answers[second] = errors.EntryNotFoundError("404")
    with pytest.raises(UnknownEncoderError, match=f"me/x has no {first} or {second}"):
        hub.fetch_file("x", "me/x", hub.WEIGHTS_FILES)
    answers[first] = errors.LocalEntryNotFoundError("the line went dead")
    asked.clear()
    with pytest.raises(EncoderUnavailableError, match="the line went dead"):
        hub.fetch_file("x", "me/x", hub.WEIGHTS_FILES)
    assert asked == [first]
    answers[first] = OSError(28, "No space left on device")
    with pytest.raises(EncoderUnavailableError, match="No space left"):
        hub.fetch_file("x", "me/x", hub.WEIGHTS_FILES)
    answers[first] = errors.HFValidationError("bad name")
    with pytest.raises(UnknownEncoderError, match="bad name"):
        hub.fetch_file("x", "a b/c/d", hub.WEIGHTS_FILES)


def test_choose_default() -> None:
    def unasked() -> str:
        raise AssertionError("probed the hub with the weights at hand")

    for gpu, best in ((False, RECOMMENDED), (True, "ViT-B-16-SigLIP2/webli")):
        assert choose_default(gpu=gpu, cached=lambda _: True, probe=unasked) == (best, None)
        assert choose_default(gpu=gpu, cached=lambda _: False, probe=lambda: None) == (best, None)
    name, why = choose_default(gpu=False, cached=lambda _: False, probe=lambda: "cable unplugged")
    assert name == "starter-256"
    assert "cable unplugged" in str(why)
    assert "\n" not in str(why)
