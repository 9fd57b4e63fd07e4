"""From caches on disk to the tensors that training reads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from align import PIECE, Check, Material
from corpus import Photo
from open_clip import IMAGENET_CLASSNAMES
from photos import Photos, View, load_view
from settings import CAPTIONED_VIEWS, VIEWS
from texts import Texts


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


@torch.no_grad()
def pooled_features(maps: torch.Tensor, upper: torch.nn.Module) -> torch.Tensor:
    """What the upper trunk makes of a view's maps: (M, 1280)."""
    return torch.cat([upper(piece.float().permute(0, 3, 1, 2)) for piece in maps.split(PIECE)])


def pooled_view(view: View, upper: torch.nn.Module) -> View:
    """The same looks after an upper trunk that stays."""
    return View(pooled_features(view.maps, upper)[:, None, None], view.logits, view.place)


def pooled_material(material: Material, upper: torch.nn.Module) -> Material:
    """The same material after an upper trunk that stays: `Pooled` takes its place in the towers."""
    looks = [*material.photos.views, *(check.view for check in material.checks.values())]
    views = {number: pooled_view(look, upper) for number, look in {id(v): v for v in looks}.items()}
    checks = {
        name: replace(check, view=views[id(check.view)]) for name, check in material.checks.items()
    }
    photos = replace(material.photos, views=[views[id(view)] for view in material.photos.views])
    return replace(material, photos=photos, checks=checks)
