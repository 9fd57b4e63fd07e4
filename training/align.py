"""Pictures against texts: the contrastive training of stages 2, 3, 5 and 7."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import Protocol

import torch
from attributes import Attribute
from heads import ImageHead
from losses import class_agreement, contrastive, cosine_distance, soft_targets
from photos import Photos, View
from recall import retrieval_recall
from settings import AlignSettings
from torch import nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from trunk import Pooled, Upper

log = logging.getLogger(__name__)

NAMES_AT_A_TIME = 128  # class names that are held to their anchors in one step
PIECE = 32  # pictures through the upper trunk at a time: their maps fit the processor's cache


class TextSide(Protocol):
    """Whatever turns text rows into embeddings; a module."""

    def embed(self, rows: torch.Tensor) -> torch.Tensor:
        """Unit embeddings (B, D) of the texts `rows` (B,), with gradients."""


class Towers(nn.Module):
    """Upper trunk, or what stands for it, image head, a text side and the temperature."""

    def __init__(self, upper: Upper | Pooled, image: ImageHead, text: nn.Module) -> None:
        super().__init__()
        self.upper, self.image, self.text = upper, image, text
        self.log_scale = nn.Parameter(torch.tensor(3.0))

    def images(self, maps: torch.Tensor) -> torch.Tensor:
        """Unit embeddings (B, D) of maps, (B, 120, 14, 14) or pooled (B, 1280, 1, 1)."""
        pooled = torch.cat([self.upper(piece) for piece in maps.split(PIECE)])
        return functional.normalize(self.image(pooled), dim=1)

    @torch.no_grad()
    def see(self, view: View, places: torch.Tensor) -> torch.Tensor:
        """Unit embeddings (M, D) of the maps at `places` (M,) of a view."""
        parts = (view.maps[part].float().permute(0, 3, 1, 2) for part in places.split(256))
        return torch.cat([self.images(maps) for maps in parts])


@dataclass(frozen=True)
class Check:
    """Photos that are not trained on, and the texts that belong to them."""

    view: View
    rows: torch.Tensor  # (M,) photos
    texts: torch.Tensor  # (T,) text rows
    owners: torch.Tensor  # (T,) positions in `rows`: retrieval; or (M,) the right text: labelling
    labelling: bool = False

    @torch.no_grad()
    def report(self, towers: Towers) -> str:
        """Recall both ways, or how often the right text is the first."""
        places = self.view.place[self.rows]
        images = towers.see(self.view, places)
        texts = torch.cat([towers.text.embed(part) for part in self.texts.split(512)])
        if self.labelling:
            right = (images @ texts.T).argmax(1) == self.owners
            return f"first {right.float().mean():.3f}"
        forth, back = retrieval_recall(images, texts, self.owners)
        return f"t2i {forth} i2t {back}"


@dataclass(frozen=True)
class Material:
    """What is trained on."""

    photos: Photos
    kept: torch.Tensor  # photos to train on
    sentences: torch.Tensor  # (T, 384) MiniLM rows of all texts
    names: torch.Tensor  # (1000,) text rows of the ImageNet class names
    checks: dict[str, Check]
    attributes: list[Attribute]
    anchors: torch.Tensor | None = None  # (T, D) where the teacher puts each text


def align(towers: Towers, material: Material, settings: AlignSettings) -> Towers:
    """Return the weight average of a training run; the checks go to the log after each epoch."""
    torch.manual_seed(settings.seed)
    average = AveragedModel(towers, multi_avg_fn=get_ema_multi_avg_fn(settings.average))
    optimizer, schedule = _optimizer(towers, material, settings)
    started = time.monotonic()
    for epoch in range(settings.epochs):
        towers.train()
        total, steps = 0.0, 0
        for batch in material.photos.batches(material.kept, settings.batch, settings.repeats):
            loss = _loss(towers, material, batch, settings)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(towers.parameters(), 5.0)
            optimizer.step()
            schedule.step()
            average.update_parameters(towers)
            total, steps = total + loss.item(), steps + 1
        average.eval()
        reports = [f"{name} {c.report(average.module)}" for name, c in material.checks.items()]
        seconds = time.monotonic() - started
        log.info(
            "epoch %d, %.0f s: loss %.3f; %s", epoch + 1, seconds, total / steps, "; ".join(reports)
        )
    return average.module.eval()


def _optimizer(
    towers: Towers, material: Material, settings: AlignSettings
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    """AdamW with a rate for each part, up over a tenth of the run and down along a cosine."""
    parts = (
        ([*towers.image.parameters(), towers.log_scale], settings.head_rate, settings.weight_decay),
        (list(towers.upper.parameters()), settings.upper_rate, 0.0),
        (list(towers.text.parameters()), settings.text_rate, settings.weight_decay),
    )
    groups = [
        {"params": values, "lr": rate, "weight_decay": decay} for values, rate, decay in parts
    ]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.98), fused=True)
    steps = len(material.photos.batches(material.kept, settings.batch, settings.repeats))
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        [rate for _, rate, _ in parts],
        total_steps=settings.epochs * steps,
        pct_start=0.1,
    )
    return optimizer, schedule


def _loss(
    towers: Towers, material: Material, batch: torch.Tensor, settings: AlignSettings
) -> torch.Tensor:
    """Contrast, agreement with ImageNet's classifier and the attributes, and with any anchors."""
    photos = material.photos
    count = settings.captions if photos.captioned[batch[0]] else settings.phrases
    rows = photos.pick(batch, count).flatten()
    owners = torch.arange(len(batch)).repeat_interleave(count)
    maps, classes = photos.look(batch)
    images, texts = towers.images(maps), towers.text.embed(rows)
    targets = soft_targets(
        material.sentences[rows], owners, settings.hard_share, settings.soft_temperature
    )
    loss = contrastive(images, texts, targets, towers.log_scale.exp())
    if material.anchors is None:
        names = towers.text.embed(material.names)
    else:
        names = material.anchors[material.names]
        some = material.names[torch.randperm(len(names))[:NAMES_AT_A_TIME]]
        anchored = torch.cat([rows, some])
        texts = torch.cat([texts, towers.text.embed(some)])
        loss = loss + settings.anchor_weight * cosine_distance(texts, material.anchors[anchored])
    if settings.attribute_weight:
        asked = [question.loss(images, batch, towers.text) for question in material.attributes]
        loss = loss + settings.attribute_weight * sum(asked)
    return loss + settings.class_weight * class_agreement(
        images, names, classes, settings.class_scale
    )
