"""Stage 1: align frozen image features and frozen sentence embeddings with two small heads."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import torch
from heads import ImageHead, TextHead
from losses import class_agreement, contrastive, soft_targets
from recall import Recall, retrieval_recall
from settings import TeacherSettings
from torch import nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pairs:
    """Photos and their texts as tensors; `rows[i]` are the text rows of photo i."""

    pooled: torch.Tensor  # (V, N, 1280), V views
    sentences: torch.Tensor  # (T, 384)
    rows: list[torch.Tensor]
    captioned: torch.Tensor  # (N,) bool: has people's own words

    def draw(self, photos: torch.Tensor) -> torch.Tensor:
        """One random text row for each of `photos` (B,)."""
        chance = torch.rand(len(photos)).tolist()
        picked = (self.rows[photo] for photo in photos.tolist())
        return torch.stack(
            [rows[int(share * len(rows))] for rows, share in zip(picked, chance, strict=True)]
        )


@dataclass(frozen=True)
class Benchmark:
    """Held-out photos (N, 1280), texts (T, 384) and the photo of each text (T,)."""

    pooled: torch.Tensor
    sentences: torch.Tensor
    owners: torch.Tensor


@dataclass(frozen=True)
class Classes:
    """ImageNet: the trunk's classifier and the embedded names (1000, 384)."""

    weight: torch.Tensor
    bias: torch.Tensor
    names: torch.Tensor

    def probabilities(self, pooled: torch.Tensor) -> torch.Tensor:
        """Class probabilities (B, 1000) of pooled features (B, 1280)."""
        return torch.softmax(functional.linear(pooled, self.weight, self.bias), 1)


class Teacher(nn.Module):
    """Both heads and the temperature."""

    def __init__(self, settings: TeacherSettings, pooled: torch.Tensor) -> None:
        super().__init__()
        mean, deviation = pooled.mean(0), pooled.std(0) + 0.05
        self.image = ImageHead(mean, deviation, settings.dim, settings.hidden, settings.drop)
        self.text = TextHead(settings.dim, settings.text_hidden, settings.drop)
        self.log_scale = nn.Parameter(torch.tensor(3.0))

    def images(self, pooled: torch.Tensor) -> torch.Tensor:
        """Unit embeddings (N, D) of pooled features (N, 1280)."""
        return functional.normalize(self.image(pooled), dim=1)

    def texts(self, sentences: torch.Tensor) -> torch.Tensor:
        """Unit embeddings (N, D) of MiniLM rows (N, 384)."""
        return functional.normalize(self.text(sentences), dim=1)


def batches(pairs: Pairs, size: int, repeats: int) -> list[torch.Tensor]:
    """One epoch of photo numbers in batches of one kind: with own captions, or with labels only.

    Photos with captions come `repeats` times. Mixed batches would fill a captioned photo's
    negatives with objects on white ground, which teach it nothing.
    """
    out: list[torch.Tensor] = []
    for kind, times in ((pairs.captioned, repeats), (~pairs.captioned, 1)):
        photos = kind.nonzero()[:, 0]
        for _ in range(times):
            order = photos[torch.randperm(len(photos))]
            out += list(order.tensor_split(max(1, round(len(order) / size))))
    return [out[number] for number in torch.randperm(len(out)).tolist()]


@torch.no_grad()
def measure(teacher: Teacher, benchmark: Benchmark) -> tuple[Recall, Recall]:
    """(text to image, image to text) of a teacher in eval mode."""
    images, texts = teacher.images(benchmark.pooled), teacher.texts(benchmark.sentences)
    return retrieval_recall(images, texts, benchmark.owners)


def train_teacher(
    pairs: Pairs, classes: Classes, checks: dict[str, Benchmark], settings: TeacherSettings
) -> Teacher:
    """Return the weight average of a training run; recall on `checks` goes to the log."""
    torch.manual_seed(settings.seed)
    teacher = Teacher(settings, pairs.pooled[0])
    average = AveragedModel(teacher, multi_avg_fn=get_ema_multi_avg_fn(settings.average))
    optimizer = torch.optim.AdamW(
        teacher.parameters(), settings.learning_rate, weight_decay=settings.weight_decay
    )
    views = len(pairs.pooled)
    steps = settings.epochs * len(batches(pairs, settings.batch, settings.repeats))
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, settings.learning_rate, total_steps=steps, pct_start=0.1
    )
    for epoch in range(settings.epochs):
        losses = []
        teacher.train()
        for photos in batches(pairs, settings.batch, settings.repeats):
            pooled = pairs.pooled[torch.randint(views, (len(photos),)), photos]
            sentences = pairs.sentences[pairs.draw(photos)]
            loss = step_loss(teacher, pooled, sentences, classes, settings)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            average.update_parameters(teacher)
            losses.append(loss.item())
        if epoch % 5 == 4 or epoch == settings.epochs - 1:
            average.eval()
            report = " ".join(
                f"{name} t2i {forth} i2t {back};"
                for name, check in checks.items()
                for forth, back in [measure(average.module, check)]
            )
            mean = sum(losses) / len(losses)
            log.info("teacher epoch %d loss %.3f %s", epoch + 1, mean, report)
    return average.module.eval()


def step_loss(
    teacher: Teacher,
    pooled: torch.Tensor,
    sentences: torch.Tensor,
    classes: Classes,
    settings: TeacherSettings,
) -> torch.Tensor:
    """Contrastive loss of one batch plus agreement with the trunk's classifier."""
    images = teacher.images(pooled)
    targets = soft_targets(sentences, settings.hard_share, settings.soft_temperature)
    texts = teacher.texts(sentences)
    loss = contrastive(images, texts, targets, teacher.log_scale.exp())
    if settings.class_weight:
        names = teacher.texts(classes.names)
        wanted = classes.probabilities(pooled)
        loss = loss + settings.class_weight * class_agreement(
            images, names, wanted, settings.class_scale
        )
    return loss
