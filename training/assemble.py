"""From caches on disk to the tensors that training reads."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from align import Check
from corpus import Photo
from open_clip import IMAGENET_CLASSNAMES
from photos import Photos, View, load_view
from settings import CAPTIONED_VIEWS, VIEWS


@dataclass(frozen=True)
class Texts:
    """Every text there is, each once, with its MiniLM row."""

    places: dict[str, int]  # the row of each text
    sentences: torch.Tensor  # (T, 384) unit rows
    learned: int  # the first so many are trained on, the others belong to the benchmark

    def rows(self, texts: tuple[str, ...] | list[str]) -> torch.Tensor:
        """The row of each text."""
        return torch.tensor([self.places[text] for text in texts])


def load_texts(work: Path, names: tuple[str, ...], held_out: str) -> Texts:
    """The texts of several caches in turn, those of the cache `held_out` last."""
    table: dict[str, torch.Tensor] = {}
    for name in (*names, held_out):
        learned = len(table)
        texts = json.loads((work / f"{name}.json").read_text(encoding="utf-8"))
        vectors = torch.from_numpy(np.load(work / f"{name}.npy")).float()
        for text, vector in zip(texts, vectors, strict=True):
            table.setdefault(text, vector)
    places = {text: row for row, text in enumerate(table)}
    return Texts(places, torch.stack(list(table.values())), learned)


def load_photos(work: Path, photos: list[Photo], texts: Texts) -> Photos:
    """The pack with every cached view."""
    everywhere = torch.arange(len(photos))
    captioned = torch.tensor([bool(photo.captions) for photo in photos])
    there = torch.full((len(photos),), -1)
    there[captioned] = torch.arange(int(captioned.sum()))
    views = [load_view(work / f"pack.v{number}.npy", everywhere) for number in range(VIEWS)]
    views += [
        load_view(work / f"captioned.v{number}.npy", there)
        for number in range(VIEWS, CAPTIONED_VIEWS)
    ]
    return Photos(
        views=views,
        texts=[texts.rows(photo.captions or photo.template_captions) for photo in photos],
        captioned=captioned,
    )


def retrieval_check(view: View, photos: list[Photo], rows: list[int], texts: Texts) -> Check:
    """Recall of photos, at `rows` of the view, with their first five captions."""
    captions = [photos[row].captions[:5] for row in rows]
    owners = torch.arange(len(rows)).repeat_interleave(torch.tensor([len(c) for c in captions]))
    picked = texts.rows([caption for some in captions for caption in some])
    return Check(view, torch.tensor(rows), picked, owners)


def labelling_check(view: View, photos: list[Photo], rows: list[int], texts: Texts) -> Check:
    """How often the right one of the 1,000 ImageNet names is first, where a photo has one."""
    named = [
        (row, IMAGENET_CLASSNAMES.index(label)) for row in rows if (label := class_of(photos[row]))
    ]
    return Check(
        view,
        torch.tensor([row for row, _ in named]),
        texts.rows(class_prompts()),
        torch.tensor([label for _, label in named]),
        labelling=True,
    )


def class_of(photo: Photo) -> str | None:
    """The ImageNet class name among a photo's labels."""
    return next((label for label in photo.labels if label in IMAGENET_CLASSNAMES), None)


def class_prompts() -> list[str]:
    """One sentence for each ImageNet class, in the order of the trunk's classifier."""
    return [f"a photo of {article(name)} {name}" for name in IMAGENET_CLASSNAMES]


def article(name: str) -> str:
    """'an' before a vowel letter, else 'a'."""
    return "an" if name[0].lower() in "aeiou" else "a"


def pooled_features(view: View, upper: torch.nn.Module) -> torch.Tensor:
    """What the upper trunk makes of a view's maps (M, 1280), for standardising."""
    with torch.no_grad():
        pieces = (piece.float().permute(0, 3, 1, 2) for piece in view.maps[::4].split(64))
        return torch.cat([upper(piece) for piece in pieces])
