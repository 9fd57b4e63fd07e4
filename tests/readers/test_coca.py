"""Captions by a CoCa on this machine: a small one, of random weights."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from searchengine.encoders.openclip.captioner import LEAST_TOKENS, MOST_TOKENS, load_captioner
from searchengine.errors import UnknownEncoderError
from searchengine.readers.coca import CocaReader
from searchengine.readers.interface import PictureRefusedError
from tests.conftest import Run, Workbench

PART = {"context_length": 76, "vocab_size": 49408, "width": 64, "heads": 2, "layers": 2}
CONFIG = {
    "embed_dim": 64,
    "custom_text": True,
    "vision_cfg": {
        "image_size": 64,
        "layers": 2,
        "width": 64,
        "head_width": 32,
        "patch_size": 32,
        "attentional_pool": True,
        "attn_pooler_heads": 4,
        "output_tokens": True,
    },
    "text_cfg": {**PART, "embed_cls": True, "output_tokens": True},
    "multimodal_cfg": {**PART, "attn_pooler_heads": 4},
}


@pytest.fixture(scope="module")
def coca(tmp_path_factory: pytest.TempPathFactory) -> str:
    import torch
    from open_clip.coca_model import CoCa
    from safetensors.torch import save_file

    made = tmp_path_factory.mktemp("coca")
    torch.manual_seed(5)
    model = CoCa(**{name: part for name, part in CONFIG.items() if name != "custom_text"})
    weights = {name: torch.randn_like(each) * 0.3 for name, each in model.state_dict().items()}
    save_file(
        {**model.state_dict(), **{n: w for n, w in weights.items() if "mask" not in n}},
        made / "open_clip_model.safetensors",
    )
    about = {"model_cfg": CONFIG, "preprocess_cfg": {"mean": [0.5] * 3, "std": [0.5] * 3}}
    (made / "open_clip_config.json").write_text(json.dumps(about))
    return f"local-dir:{made}"


def test_each_word_is_the_likeliest_after_those_before(coca: str) -> None:
    """As one pass over the whole caption says, which open_clip trains with."""
    import torch

    captioner = load_captioner(coca)
    captions = set()
    for colour in ("red", "white", "teal"):
        picture = Image.new("RGB", (90, 64), colour)
        ids = captioner.tokens(picture)
        assert LEAST_TOKENS < len(ids) <= MOST_TOKENS
        pixels = (torch.tensor(captioner.preprocessing(picture)).permute(2, 0, 1) / 255 - 0.5) / 0.5
        with torch.inference_mode():
            logits = captioner.model(pixels[None], torch.tensor([ids]))["logits"][0]
        likeliest = logits.argmax(dim=-1).tolist()
        assert likeliest == ids[1:]
        captions.add(captioner.caption(picture))
    assert len(captions) > 1


def test_the_marks_of_start_and_end_are_no_words(
    coca: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = CocaReader(coca)
    captioner = reader._captioner
    ids = captioner.tokenizer(["a dog , on the beach ."])[0].tolist()
    ids = ids[: ids.index(captioner.tokenizer.eot_token_id) + 1]
    monkeypatch.setattr(type(captioner), "tokens", lambda *_: ids)
    assert reader.read(Image.new("RGB", (64, 64))) == ["a dog, on the beach."]
    monkeypatch.setattr(type(captioner), "tokens", lambda *_: [ids[0], ids[-1]])
    assert reader.read(Image.new("RGB", (64, 64))) == []


def test_a_strip_is_refused_alone(coca: str) -> None:
    with pytest.raises(PictureRefusedError, match="too thin a strip"):
        CocaReader(coca).read(Image.new("RGB", (5_000, 2)))


@pytest.mark.parametrize(
    "name", ["starter", "ViT-B-32/laion2b_s34b_b79k", "coca_roberta-ViT-B-32/x"]
)
def test_other_encoders_are_refused_before_anything_is_loaded(name: str) -> None:
    with pytest.raises(UnknownEncoderError, match="it writes no captions; coca_ViT-B-32/mscoco"):
        load_captioner(name)


def test_a_library_is_described_once(
    colours: Workbench, run: Run, coca: str, tmp_path: Path
) -> None:
    own = Path(shutil.copytree(coca.removeprefix("local-dir:"), tmp_path / "coca"))
    model = f"local-dir:{own}"
    done = run("caption", "--model", model)
    assert (done.code, done.out[:20]) == (0, "6 images: 6 read, 0 "), done.err
    source = f"model {model}"
    assert json.loads(run("captions", "list", "--json").out) == {source: 6}
    photo = colours.photos / "red.png"
    said = json.loads(run("describe", photo, "--source", source, "--json").out)["texts"][0]["text"]
    assert said
    assert run("caption", "--model", model).out.startswith("6 images: 0 read, 0 without text, 0 f")
    done = run("caption", "--model", "starter")
    assert (done.code, "it writes no captions" in done.err) == (1, True)
    (own / "open_clip_model.safetensors").unlink()
    assert run("caption", "--model", model).code == 0, "nothing is left to describe"
