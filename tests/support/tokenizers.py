"""Small tokenizers of the kinds that encoders on the hub have, trained on a few lines."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

LINES = (
    "a photo of a dog running on the beach",
    "two children build a sandcastle at sunset",
    "ein Hund läuft am Strand, das Kind lacht",
    "Ein Café in Zürich. Une rue de Paris sous la pluie",
    "東京の夜景 犬 猫 一只猫在沙发上",
    "собака бежит по пляжу",
    "كلب على الشاطئ",
)

MIXED = (
    "a photo of a dog",
    "",
    "   ",
    "...",
    "A_DOG's photo; (two)  dogs!",
    "Ein Café in Zürich, 東京の夜景 🌃",
    "собака и кошка",
    "mañana &amp; ma&ntilde;ana",
    "ï¿½ broken â€œquotesâ€\x9d and\ttabs\nand\u3000wide spaces",
    "ﬁne ① \uff37ide ½",
    "<eos> <pad> </s> <s> <unk>",
    "dog " * 100,
    "犬" * 90,
    "e\u0301tait une fois \u200b zero width",
    "  leading and trailing  ",
)
"""Empty, cut, in several scripts, with entities, encoding mistakes and tokens that are special."""


def _gemma() -> tuple[Any, dict[str, Any], str]:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

    made = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    made.normalizer = normalizers.Replace(" ", "▁")
    made.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", *(f"<0x{n:02X}>" for n in range(256))]
    made.train_from_iterator(LINES, trainers.BpeTrainer(vocab_size=700, special_tokens=special[:5]))
    vocabulary = {token: number for number, token in enumerate(special)}
    model = json.loads(made.to_str())["model"]
    for token in model["vocab"]:
        vocabulary.setdefault(token, len(vocabulary))
    merges = [tuple(merge) for merge in model["merges"]]
    made.model = models.BPE(
        vocabulary, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True
    )
    made.post_processor = processors.TemplateProcessing(
        single="$A <eos>", special_tokens=[("<eos>", 1)]
    )
    config = {
        "tokenizer_class": "GemmaTokenizer", "padding_side": "right", "add_bos_token": False,
        "add_eos_token": True, "pad_token": "<pad>", "eos_token": "<eos>", "bos_token": "<bos>",
        "unk_token": "<unk>",
    }  # fmt: skip
    return made, config, "canonicalize"


def _unigram(special: list[str], template: str, ends: list[str]) -> Any:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

    made = Tokenizer(models.Unigram())
    made.normalizer = normalizers.NFKC()
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]
    )
    made.train_from_iterator(
        LINES,
        trainers.UnigramTrainer(
            vocab_size=200, special_tokens=special, unk_token="<unk>", show_progress=False
        ),
    )
    made.post_processor = processors.TemplateProcessing(
        single=template, special_tokens=[(end, made.token_to_id(end)) for end in ends]
    )
    return made


def _t5() -> tuple[Any, dict[str, Any], str]:
    made = _unigram(["<pad>", "</s>", "<unk>"], "$A </s>", ["</s>"])
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "</s>",
              "eos_token": "</s>", "unk_token": "<unk>"}  # fmt: skip
    return made, config, "canonicalize"


def _xlm_r() -> tuple[Any, dict[str, Any], str]:
    made = _unigram(["<s>", "<pad>", "</s>", "<unk>", "<mask>"], "<s> $A </s>", ["<s>", "</s>"])
    config = {"tokenizer_class": "XLMRobertaTokenizer", "pad_token": "<pad>", "bos_token": "<s>",
              "eos_token": "</s>", "unk_token": "<unk>", "sep_token": "</s>"}  # fmt: skip
    return made, config, "whitespace"


def _nllb() -> tuple[Any, dict[str, Any], str]:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers

    made = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True))
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    special = ["<s>", "<pad>", "</s>", "<unk>", "eng_Latn", "deu_Latn", "<mask>"]
    made.train_from_iterator(LINES, trainers.BpeTrainer(vocab_size=300, special_tokens=special))
    made.post_processor = processors.TemplateProcessing(
        single="$A </s> eng_Latn", special_tokens=[("</s>", 2), ("eng_Latn", 4)]
    )
    config = {"tokenizer_class": "NllbTokenizer", "pad_token": "<pad>", "bos_token": "<s>",
              "eos_token": "</s>", "unk_token": "<unk>", "sep_token": "</s>",
              "additional_special_tokens": ["eng_Latn", "deu_Latn"]}  # fmt: skip
    return made, config, "whitespace"


KINDS: dict[str, Callable[[], tuple[Any, dict[str, Any], str]]] = {
    "gemma": _gemma,
    "t5": _t5,
    "xlm_r": _xlm_r,
    "nllb": _nllb,
}


def make_tokenizer(directory: Path, kind: str, context: int = 16) -> dict[str, Any]:
    """Write a tokenizer's two files into a directory; the `text_cfg` of a model that has it."""
    made, config, clean = KINDS[kind]()
    directory.mkdir(parents=True, exist_ok=True)
    made.save(str(directory / "tokenizer.json"))
    (directory / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    return {
        "hf_tokenizer_name": str(directory),
        "context_length": context,
        "vocab_size": made.get_vocab_size(),
        "tokenizer_kwargs": {"clean": clean},
    }
