"""Every number of the recipe, with the reason where it is not a habit."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TeacherSettings:
    """Heads on the frozen encoders; minutes on two cores."""

    dim: int = 256
    hidden: int = 512  # open_clip's 'mlp' proj has exactly twice the embedding
    text_hidden: int = 512
    drop: float = 0.3
    epochs: int = 10  # recall stops rising here; the loss does not
    batch: int = 512
    repeats: int = 2  # a photo with five captions is seen twice an epoch
    learning_rate: float = 2e-3
    weight_decay: float = 0.1
    hard_share: float = 0.7
    soft_temperature: float = 0.05
    class_weight: float = 0.1
    class_scale: float = 25.0
    average: float = 0.98  # decay of the running mean of the weights, a step
    seed: int = 7


@dataclass(frozen=True)
class StudentSettings:
    """The text tower, as open_clip counts it."""

    width: int = 256
    layers: int = 3
    heads: int = 4
    seed: int = 11


@dataclass(frozen=True)
class DistilSettings:
    """One distillation of the text tower; most of the recipe's time."""

    epochs: int = 1
    tokens_per_batch: int = 2048
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    neighbour_weight: float = 0.3
    neighbour_scale: float = 20.0
    seed: int = 11


TO_MINILM = DistilSettings(epochs=2)
TO_TEACHER = DistilSettings(epochs=2, learning_rate=1e-3, seed=12)


@dataclass(frozen=True)
class FinishSettings:
    """The last stage: both towers' new parts trained together on the photos."""

    epochs: int = 2
    batch: int = 512
    repeats: int = 2
    text_rate: float = 3e-4
    image_rate: float = 3e-4
    weight_decay: float = 0.1
    teacher_weight: float = 2.0  # keeps the text tower near the teacher, which has seen more words
    hard_share: float = 0.7
    soft_temperature: float = 0.05
    average: float = 0.95
    seed: int = 13
