import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from searchengine.encoders import hub, registry
from searchengine.encoders.interface import Encoder
from searchengine.encoders.names import canonical_name
from searchengine.encoders.registry import is_cached, recommended
from searchengine.encoders.table import find_model
from tests.support.fake import COLOURS, FakeEncoder

RECOMMENDED = recommended(gpu=False)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the hub."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    return tmp_path


def put_in_cache(cache: Path, repo: str, name: str, content: bytes = b"") -> Path:
    """Lay a file where huggingface_hub keeps it."""
    home = cache / f"models--{repo.replace('/', '--')}"
    (home / "refs").mkdir(parents=True, exist_ok=True)
    (home / "refs" / "main").write_text("c0ffee")
    path = home / "snapshots" / "c0ffee" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_is_cached_looks_at_the_cache_alone(
    cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(registry, "STARTER_DIR", tmp_path / "starter")
    info = find_model(RECOMMENDED)
    assert info is not None
    assert info.hub_repo is not None
    for name in (RECOMMENDED, "hf-hub:a/b", "starter", "ViT-B-32/unknown", "ViT-B-32", "", "a b"):
        assert not is_cached(name)
    assert not is_cached("hf-hub:no such/name/at all")
    put_in_cache(cache, info.hub_repo, "open_clip_config.json")
    assert not is_cached(RECOMMENDED)
    put_in_cache(cache, info.hub_repo, "open_clip_model.safetensors")
    assert is_cached(RECOMMENDED)
    assert is_cached("ViT-B-32-SigLIP2-256__WebLI")
    put_in_cache(cache, "a/b", "open_clip_pytorch_model.bin")
    assert is_cached("hf-hub:a/b")


def test_is_cached_of_paths(tmp_path: Path) -> None:
    assert not is_cached(f"ViT-B-32/{tmp_path}/w.pt")
    (tmp_path / "w.pt").touch()
    assert is_cached(f"ViT-B-32/{tmp_path}/w.pt")
    assert not is_cached(f"local-dir:{tmp_path}")
    (tmp_path / "open_clip_config.json").touch()
    assert is_cached(f"local-dir:{tmp_path}")


def test_canonical_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "plain").touch()
    (tmp_path / "folder").mkdir()
    expected = {
        " starter ": "starter",
        "ViT-B-32__laion2b_s34b_b79k": "ViT-B-32/laion2b_s34b_b79k",
        "ViT-B-32/laion2B-s34B-b79K": "ViT-B-32/laion2b_s34b_b79k",
        "hf-hub:timm/ViT-B-16-SigLIP": "hf-hub:timm/ViT-B-16-SigLIP",
        "local-dir:m": f"local-dir:{tmp_path}/m",
        "local-dir:~/m": f"local-dir:{tmp_path}/home/m",
        "local-dir:": "local-dir:",
        "ViT-B-32/w.pt": f"ViT-B-32/{tmp_path}/w.pt",
        "ViT-B-32/a/b": f"ViT-B-32/{tmp_path}/a/b",
        "ViT-B-32/~/w.pt": f"ViT-B-32/{tmp_path}/home/w.pt",
        "ViT-B-32//data/w.pt": "ViT-B-32//data/w.pt",
        "ViT-B-32/plain": f"ViT-B-32/{tmp_path}/plain",
        "ViT-B-32/folder": "ViT-B-32/folder",
        "ViT-B-32": "ViT-B-32",
    }
    assert {name: canonical_name(name) for name in expected} == expected
    assert {name: canonical_name(name) for name in expected.values()} == {
        name: name for name in expected.values()
    }


LIGHT = """
import json, sys
import searchengine.encoders.names, searchengine.encoders.hub
import searchengine.encoders.openclip.encoder
from searchengine.encoders.registry import choose_default
print(json.dumps([choose_default(gpu=False), sorted(sys.modules)]))
"""


def test_a_dead_endpoint_makes_the_starter_the_default_without_importing_torch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", LIGHT], capture_output=True, text=True, check=True
    )
    (name, why), modules = json.loads(done.stdout)
    assert name == "starter-256"
    assert RECOMMENDED in why
    assert "http://127.0.0.1:9" in why
    assert not {"torch", "open_clip", "torchvision", "timm", "transformers"} & set(modules)
    assert done.stderr == ""


def test_offline_mode_is_respected_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(*_: object) -> str:
        raise AssertionError("the hub is asked")

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr(hub, "_ask", ask)
    assert hub.why_unreachable() == "HF_HUB_OFFLINE is set"


def test_offline_block_ends_as_it_began(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    with hub.offline():
        assert hub.why_unreachable() == "HF_HUB_OFFLINE is set"
    assert not constants.HF_HUB_OFFLINE


class TestFakeEncoder:
    encoder: Encoder = FakeEncoder()

    def test_texts_find_pictures_of_their_colour(self) -> None:
        pictures = [Image.new("RGB", (40, 30), colour) for colour in COLOURS.values()]
        images = self.encoder.encode_images(pictures)
        texts = self.encoder.encode_texts([f"a {word} thing" for word in COLOURS])
        assert (texts @ images.T).argmax(axis=1).tolist() == list(range(len(COLOURS)))

    def test_unit_rows(self) -> None:
        rows = self.encoder.encode_texts(["red", "nothing named", "", "white snow"])
        assert rows.shape == (4, self.encoder.dim)
        assert rows.dtype == np.float32
        assert rows.flags.c_contiguous
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)
        assert self.encoder.encode_texts([]).shape == (0, self.encoder.dim)
        assert self.encoder.encode_pixels([]).shape == (0, self.encoder.dim)
