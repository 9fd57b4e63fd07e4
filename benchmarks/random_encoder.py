"""An encoder of a published architecture with random weights, which takes as long as a trained one.

    python -m benchmarks.random_encoder ViT-B-32-SigLIP2-256 DIRECTORY

Writes what open_clip loads from a directory. Where the encoder's tokenizer is one of the hub, one
of the same kind and size is made, of English words and of what is made up.
"""

from __future__ import annotations

import json
import random
import string
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from searchengine.texts.lexicon import lexicon

WEIGHTS = "open_clip_model.safetensors"

TRANSFORMERS: dict[str, dict[str, Any]] = {
    "xlm-roberta-base-ViT-B-32": {
        "model_type": "xlm-roberta", "vocab_size": 250_002, "hidden_size": 768,
        "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072,
        "max_position_embeddings": 514, "type_vocab_size": 1, "pad_token_id": 1,
        "bos_token_id": 0, "eos_token_id": 2, "layer_norm_eps": 1e-5,
    },
    "nllb-clip-base-siglip": {
        "model_type": "m2m_100", "vocab_size": 256_206, "d_model": 1024, "encoder_layers": 12,
        "decoder_layers": 12, "encoder_attention_heads": 16, "decoder_attention_heads": 16,
        "encoder_ffn_dim": 4096, "decoder_ffn_dim": 4096, "max_position_embeddings": 1024,
        "scale_embedding": True, "pad_token_id": 1, "activation_function": "relu",
    },
}  # fmt: skip
"""What their makers publish of text towers that are described on the hub alone."""

SPECIAL = ("<pad>", "<eos>", "<bos>", "<unk>", "<mask>")
UNIGRAM_FROM = ("<s>", "<pad>", "</s>", "<unk>")


def make_encoder(architecture: str, directory: Path) -> str:
    """In `directory`, by a process of its own; the name of the encoder.

    Of one whose text tower is of transformers the description lies in the hub's cache.
    """
    command = [sys.executable, "-m", "benchmarks.random_encoder", architecture, str(directory)]
    subprocess.run(command, check=True)
    if architecture in TRANSFORMERS:
        return f"{architecture}/{directory / WEIGHTS}"
    return f"local-dir:{directory}"


def main() -> None:
    """Write the files of the architecture that the command line names."""
    import open_clip
    import torch
    from safetensors.torch import save_file

    architecture, directory = sys.argv[1], Path(sys.argv[2])
    directory.mkdir(parents=True, exist_ok=True)
    config = open_clip.get_model_config(architecture)
    text = config["text_cfg"]
    described = TRANSFORMERS.get(architecture)
    size = int((described or text)["vocab_size"])
    home = directory
    if described is not None:
        home = _in_cache(text["hf_model_name"])
        (home / "config.json").write_text(json.dumps(described), encoding="utf-8")
    if text.get("hf_tokenizer_name"):
        kind = make_bpe if size == 256_000 else make_unigram
        kind(home, size)
    torch.manual_seed(0)
    model = open_clip.create_model(architecture, pretrained_hf=False).half()
    state = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    save_file(state, directory / WEIGHTS)
    seen = model.visual.preprocess_cfg
    shown = {name: seen[name] for name in ("mean", "std", "interpolation", "resize_mode")}
    written = {"model_cfg": config, "preprocess_cfg": shown}
    (directory / "open_clip_config.json").write_text(json.dumps(written), encoding="utf-8")


def _in_cache(repo: str) -> Path:
    """Where huggingface_hub keeps the files of a repository."""
    from huggingface_hub import constants

    place = Path(constants.HF_HUB_CACHE) / f"models--{repo.replace('/', '--')}"
    home = place / "snapshots" / "made"
    home.mkdir(parents=True)
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text("made")
    return home


def make_bpe(directory: Path, size: int) -> None:
    """A tokenizer of Gemma's kind, as SigLIP 2 has, with more than two merges a piece."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    letters = [*string.printable.strip(), "▁", *map(chr, range(0xA1, 0x3000))]
    vocabulary = dict.fromkeys([*SPECIAL, *(f"<0x{n:02X}>" for n in range(256)), *letters])
    merges: dict[tuple[str, str], None] = {}
    growing = ((word, *cuts) for word in _words() for cuts in pairwise(range(1, len(word) + 1)))
    while len(vocabulary) < size:
        word, start, end = next(growing)
        vocabulary[word[:end]] = None
        merges[word[:start], word[start:end]] = None
    for piece in [piece for piece in vocabulary if len(piece) > 3]:
        for cut in (2, 3):
            if piece[:cut] in vocabulary and piece[cut:] in vocabulary:
                merges[piece[:cut], piece[cut:]] = None
    numbers = {piece: number for number, piece in enumerate(vocabulary)}
    made = Tokenizer(
        models.BPE(numbers, list(merges), unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    )
    made.normalizer = normalizers.Replace(" ", "▁")
    made.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    made.post_processor = processors.TemplateProcessing(
        single="$A <eos>", special_tokens=[("<eos>", 1)]
    )
    made.add_special_tokens(list(SPECIAL))
    _save(made, directory, {"tokenizer_class": "GemmaTokenizer", "padding_side": "right"})


def make_unigram(directory: Path, size: int) -> None:
    """A tokenizer of T5's and XLM-R's kind, as SigLIP and XLM-RoBERTa have."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    letters = [*string.printable.strip(), "▁", *map(chr, range(0xA1, 0x3000))]
    pieces = dict.fromkeys([*UNIGRAM_FROM, *letters])
    for word in _words():
        if len(pieces) == size:
            break
        pieces[word] = None
    scored = [(piece, -(float(place) ** 0.5)) for place, piece in enumerate(pieces)]
    made = Tokenizer(models.Unigram(scored, unk_id=3))
    made.normalizer = normalizers.NFKC()
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 2)]
    )
    made.add_special_tokens(list(UNIGRAM_FROM))
    _save(made, directory, {"tokenizer_class": "PreTrainedTokenizerFast"})


def _words() -> Iterator[str]:
    """Without end: the words of captions, the common ones first, then what is none."""
    known = lexicon()
    for word in sorted(known, key=known.__getitem__, reverse=True):
        yield f"▁{word}"
    drawn = random.Random(0)
    while True:
        yield "▁" + "".join(drawn.choices(string.ascii_lowercase, k=drawn.randint(3, 9)))


def _save(made: Any, directory: Path, config: dict[str, str]) -> None:  # noqa: ANN401
    made.save(str(directory / "tokenizer.json"))
    told = json.dumps(config | {"pad_token": "<pad>", "unk_token": "<unk>"})
    (directory / "tokenizer_config.json").write_text(told, encoding="utf-8")


if __name__ == "__main__":
    main()
