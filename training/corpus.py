"""Reading the training pack and the benchmark; nothing here touches a model."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path

TEXT_FILES = (
    "flickr30k_train_captions.txt",
    "flickr8k_train_captions.txt",
    "coco_captions.txt",
    "imagenet_classnames.txt",
    "imagenet_prompts.txt",
    "wordnet_noun_phrases.txt",
    "wordnet_noun_glosses.txt",
)


@dataclass(frozen=True)
class Photo:
    """One photo with everything that may be said about it."""

    path: Path
    source: str
    split: str
    captions: tuple[str, ...]  # people's own words
    template_captions: tuple[str, ...]  # made from labels by rule
    labels: tuple[str, ...] = ()

    @property
    def texts(self) -> tuple[str, ...]:
        """Own words first, then templates; what the contrastive loss draws from."""
        return self.captions + self.template_captions


def read_pack(pack: Path) -> list[Photo]:
    """Every photo of `pack/pack.jsonl`, in file order."""
    with open(pack / "pack.jsonl", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [
        Photo(
            path=pack / row["file"],
            source=row["source"],
            split=row["split"],
            captions=tuple(row["captions"]),
            template_captions=tuple(row["template_captions"]),
            labels=tuple(row["labels"]),
        )
        for row in rows
    ]


def read_karpathy(folder: Path, split: str = "val") -> list[Photo]:
    """The photos of `split` in a folder with `dataset_*.json` and `images/`; five captions each."""
    source = next(folder.glob("dataset_*.json"))
    images = json.loads(source.read_text(encoding="utf-8"))["images"]
    return [
        Photo(
            path=folder / "images" / image["filename"],
            source=folder.name,
            split=image["split"],
            captions=tuple(sentence["raw"] for sentence in image["sentences"][:5]),
            template_captions=(),
        )
        for image in images
        if image["split"] == split
    ]


def read_lines(pack: Path, names: tuple[str, ...] = TEXT_FILES) -> list[str]:
    """All non-empty lines of the pack's text files, in order."""
    lines: list[str] = []
    for name in names:
        lines += (pack / "text" / name).read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip()]


def text_key(text: str) -> str:
    """Letters and digits only, lower case: equal for texts that differ in punctuation."""
    return re.sub(r"[^a-z0-9]+", " ", text.lower()).strip()


def without(texts: list[str], held_out: list[str]) -> list[str]:
    """`texts` in order, unique, less those that equal a held-out text up to punctuation."""
    banned = {text_key(text) for text in held_out}
    return [text for text in dict.fromkeys(texts) if text_key(text) not in banned]


def is_tuning(photo: Photo, share: float) -> bool:
    """Whether a stable hash of the file name puts the photo into the tuning set."""
    digest = hashlib.sha1(photo.path.name.encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32 < share
