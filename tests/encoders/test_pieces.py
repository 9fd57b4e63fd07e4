"""Tokenizers of the hub give the ids that open_clip gets from transformers, without it."""

from __future__ import annotations

import importlib.util
import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from searchengine.encoders import cleaning, hub
from searchengine.encoders.openclip.encoder import load_encoder
from searchengine.encoders.openclip.sources import find_source
from searchengine.encoders.pieces import slices
from searchengine.encoders.pieces.tokenizer import PieceTokenizer
from searchengine.errors import EncoderError, EncoderUnavailableError
from tests.encoders.test_registry import put_in_cache
from tests.support.models import make_siglip
from tests.support.tokenizers import KINDS, LINES, MIXED, make_tokenizer


def _spoil(directory: Path, **config: Any) -> None:
    path = directory / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | config))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("context", [16, 3])
def test_ids_are_those_of_transformers(tmp_path: Path, kind: str, context: int) -> None:
    pytest.importorskip("transformers", reason="parity needs transformers: pip install '.[dev]'")
    from open_clip.tokenizer import HFTokenizer

    config = make_tokenizer(tmp_path, kind, context)
    theirs = HFTokenizer(str(tmp_path), context_length=context, **config["tokenizer_kwargs"])
    ours = PieceTokenizer(tmp_path, config)
    assert ours.rows(MIXED) == theirs(list(MIXED)).tolist()
    assert ours.ids("ein Hund") == ours.rows(["ein Hund"])[0]
    assert {len(row) for row in ours.rows(MIXED)} == {context}


@pytest.mark.parametrize("way", cleaning.WAYS)
def test_texts_are_cleaned_as_open_clip_does(way: str) -> None:
    from open_clip.tokenizer import get_clean_fn

    theirs = get_clean_fn(way)
    for text in MIXED:
        assert cleaning.WAYS[way](text) == theirs(text)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("most", [20_000, 40], ids=["parts", "whole"])
def test_pieces_of_a_text_give_the_ids_of_all(
    tmp_path: Path, kind: str, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slices, "MOST_PARTS", most)
    whole = PieceTokenizer(tmp_path, make_tokenizer(tmp_path, kind, 12))
    kept = slices.SlicedTokenizer(*slices.sliced(whole))
    words = [word for text in (*LINES, *MIXED[:-2]) for word in text.split()]
    drawn = [" ".join(random.Random(seed).choices(words, k=seed % 9)) for seed in range(60)]
    for text in (*MIXED, *drawn, "a <unk> dog", "eng_Latn", "a\ud800b"):
        assert kept.ids(text) == whole.ids(text), text
    assert kept.rows(MIXED) == whole.rows(MIXED)
    assert kept.context == 12


def test_separators_are_blanked_by_pieces_too(tmp_path: Path) -> None:
    config = make_tokenizer(tmp_path, "xlm_r")
    config["tokenizer_kwargs"]["strip_sep_token"] = True
    whole = PieceTokenizer(tmp_path, config)
    assert slices.SlicedTokenizer(*slices.sliced(whole)).rows(MIXED) == whole.rows(MIXED)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"model": {"continuing_subword_prefix": "##"}}, "a BPE tokenizer of this kind"),
        ({"model": {"end_of_word_suffix": "</w>"}}, "a BPE tokenizer of this kind"),
        ({"post_processor": {"type": "ByteLevel", "add_prefix_space": True,
                             "trim_offsets": True, "use_regex": True}}, "with ByteLevel"),
    ],
)  # fmt: skip
def test_pieces_that_are_no_parts_of_the_text_are_not_kept(
    tmp_path: Path, change: dict[str, Any], says: str
) -> None:
    config = make_tokenizer(tmp_path, "nllb")
    told = json.loads((tmp_path / "tokenizer.json").read_text())
    told |= change | {"model": told["model"] | change.get("model", {})}
    if "model" in change:
        told["model"]["vocab"] |= {"##" + piece: 900 + n for n, piece in enumerate("abc")}
        told["model"]["merges"] = []
    (tmp_path / "tokenizer.json").write_text(json.dumps(told))
    _spoil(tmp_path, tokenizer_class="PreTrainedTokenizerFast")
    with pytest.raises(ValueError, match=says):
        slices.sliced(PieceTokenizer(tmp_path, config))


def test_nllb_names_the_language_first_whatever_the_file_has(tmp_path: Path) -> None:
    config = make_tokenizer(tmp_path, "nllb")
    assert PieceTokenizer(tmp_path, config).ids("dog")[0] == 4
    _spoil(tmp_path, src_lang="deu_Latn")
    assert PieceTokenizer(tmp_path, config).ids("dog")[0] == 5


def test_separators_are_blanked_where_the_config_says_so(tmp_path: Path) -> None:
    config = make_tokenizer(tmp_path, "xlm_r")
    plain = PieceTokenizer(tmp_path, config)
    config["tokenizer_kwargs"]["strip_sep_token"] = True
    rows = PieceTokenizer(tmp_path, config).rows(MIXED)
    assert rows == [[0 if token == 2 else token for token in row] for row in plain.rows(MIXED)]


@pytest.mark.parametrize(
    ("wishes", "config", "says"),
    [
        ({"tokenizer_kwargs": {"clean": "backwards"}}, {}, "backwards"),
        ({"tokenizer_kwargs": {"language": "fr"}}, {}, "language"),
        ({"tokenizer_mode": "clips"}, {}, "clips"),
        ({}, {"pad_token": "<nothing>"}, "has no token '<nothing>'"),
        ({}, {"pad_token": None}, "has no token None"),
        ({}, {"tokenizer_class": "NllbTokenizer"}, "lacks one of its tokens eng_Latn"),
    ],
)
def test_what_is_not_understood_is_refused(
    tmp_path: Path, wishes: dict[str, Any], config: dict[str, Any], says: str
) -> None:
    text = make_tokenizer(tmp_path, "xlm_r")
    _spoil(tmp_path, **config)
    with pytest.raises(EncoderError, match=says):
        PieceTokenizer(tmp_path, text | wishes)


@pytest.mark.parametrize("content", ["", "[]", "{", "[" * 9999])
def test_damaged_files_are_named(tmp_path: Path, content: str) -> None:
    text = make_tokenizer(tmp_path, "t5")
    (tmp_path / "tokenizer.json").write_text(content)
    with pytest.raises(EncoderError, match=r"tokenizer\.json is no tokenizer"):
        PieceTokenizer(tmp_path, text)
    make_tokenizer(tmp_path, "t5")
    (tmp_path / "tokenizer_config.json").write_text(content)
    with pytest.raises(EncoderError, match=r"tokenizer_config\.json (cannot be read|is no JSON)"):
        PieceTokenizer(tmp_path, text)


def test_neither_torch_nor_transformers_is_loaded(tmp_path: Path) -> None:
    text = make_tokenizer(tmp_path, "gemma")
    code = (
        "import sys; from pathlib import Path; "
        "from searchengine.encoders.pieces.tokenizer import PieceTokenizer; "
        f"PieceTokenizer(Path({str(tmp_path)!r}), {text!r}).ids('ein Café'); "
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "open_clip", "transformers"} & set(done.stdout.split())


@pytest.fixture
def no_transformers(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the package is not installed."""
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec",
        lambda name, *rest: None if name == "transformers" else find(name, *rest),
    )
    monkeypatch.setitem(sys.modules, "transformers", None)


@pytest.fixture
def siglip(tmp_path: Path) -> Path:
    return Path(make_siglip(tmp_path / "model").removeprefix("local-dir:"))


@pytest.mark.usefixtures("no_transformers")
def test_an_encoder_needs_no_transformers_for_its_tokenizer(siglip: Path) -> None:
    encoder = load_encoder(f"local-dir:{siglip}", device="cpu", precision="float32")
    text = json.loads((siglip / "open_clip_config.json").read_text())["model_cfg"]["text_cfg"]
    tokens = torch.tensor(PieceTokenizer(siglip, text).rows(MIXED))
    with torch.inference_mode():
        rows = encoder.model.encode_text(tokens)
    expected = torch.nn.functional.normalize(rows, dim=-1).numpy()
    np.testing.assert_allclose(encoder.encode_texts(MIXED), expected, atol=1e-6)
    assert encoder.encode_texts([]).shape == (0, encoder.dim)


@pytest.mark.usefixtures("no_transformers")
def test_without_tokenizer_json_transformers_is_asked_for(siglip: Path) -> None:
    (siglip / "tokenizer.json").unlink()
    with pytest.raises(EncoderError, match=r"pip install 'clipseek\[hf\]'"):
        load_encoder(f"local-dir:{siglip}")


@pytest.mark.usefixtures("no_transformers")
def test_the_tokenizer_of_a_published_encoder_is_taken_from_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(hub, "why_unreachable", lambda: "the cable is out")
    name, repo = "ViT-B-32-SigLIP2-256/webli", "timm/ViT-B-32-SigLIP2-256"
    with pytest.raises(EncoderUnavailableError, match="the cable is out"):
        find_source(name)
    tokenizer = put_in_cache(tmp_path, repo, "tokenizer.json")
    with pytest.raises(EncoderUnavailableError, match="the cable is out"):
        find_source(name)
    put_in_cache(tmp_path, repo, "tokenizer_config.json")
    weights = put_in_cache(tmp_path, repo, "open_clip_model.safetensors")
    source = find_source(name)
    assert (source.pieces, source.checkpoint) == (tokenizer.parent, str(weights))
