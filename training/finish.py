"""Stage 3: a short contrastive training of text tower and image head together."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import torch
from losses import contrastive, cosine_distance, soft_targets
from recall import retrieval_recall
from settings import FinishSettings
from student import embed, encode
from teacher import Benchmark, Pairs, Teacher, batches
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tower import TextTower

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TokenBenchmark:
    """A benchmark together with its tokenised texts."""

    held_out: Benchmark
    ids: list[torch.Tensor]


class Towers(nn.Module):
    """Text tower and teacher (for its image head and temperature) as one module."""

    def __init__(self, tower: TextTower, teacher: Teacher) -> None:
        super().__init__()
        self.tower = tower
        self.teacher = teacher


@torch.no_grad()
def report(towers: Towers, checks: dict[str, TokenBenchmark]) -> str:
    """One line of recall for every check."""
    parts = []
    towers.eval()
    for name, check in checks.items():
        images = towers.teacher.images(check.held_out.pooled)
        texts = encode(towers.tower, check.ids)
        forth, back = retrieval_recall(images, texts, check.held_out.owners)
        parts.append(f"{name} t2i {forth} i2t {back};")
    return " ".join(parts)


def finish(
    towers: Towers,
    pairs: Pairs,
    ids: list[torch.Tensor],
    targets: torch.Tensor,
    checks: dict[str, TokenBenchmark],
    settings: FinishSettings,
) -> Towers:
    """Return the weight average of the run; `ids` and `targets` (T, D) follow `pairs.sentences`."""
    torch.manual_seed(settings.seed)
    average = AveragedModel(towers, multi_avg_fn=get_ema_multi_avg_fn(settings.average))
    groups = [
        {"params": towers.tower.trainable(), "lr": settings.text_rate},
        {"params": list(towers.teacher.image.parameters()), "lr": settings.image_rate},
    ]
    optimizer = torch.optim.AdamW(
        groups, betas=(0.9, 0.98), weight_decay=settings.weight_decay, fused=True
    )
    views = len(pairs.pooled)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        [settings.text_rate, settings.image_rate],
        total_steps=settings.epochs * len(batches(pairs, settings.batch, settings.repeats)),
        pct_start=0.1,
    )
    log.info("finish starts at %s", report(towers, checks))
    for epoch in range(settings.epochs):
        towers.train()
        for photos in batches(pairs, settings.batch, settings.repeats):
            rows = pairs.draw(photos)
            pooled = pairs.pooled[torch.randint(views, (len(photos),)), photos]
            images = towers.teacher.images(pooled)
            texts = embed(towers.tower, ids, rows)
            wanted = soft_targets(
                pairs.sentences[rows], settings.hard_share, settings.soft_temperature
            )
            scale = towers.teacher.log_scale.detach().exp()
            loss = contrastive(images, texts, wanted, scale)
            loss = loss + settings.teacher_weight * cosine_distance(texts, targets[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            average.update_parameters(towers)
        log.info(
            "finish epoch %d loss %.3f %s", epoch + 1, loss.item(), report(average.module, checks)
        )
    return average.module.eval()
