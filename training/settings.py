"""Every number of the recipe, with the reason where it is not a habit."""

from __future__ import annotations

from dataclasses import dataclass, replace

DIM = 256
"""Of the embeddings: 512 bytes an image on disk."""

VIEWS, CAPTIONED_VIEWS = 2, 6
"""Looks at each photo, the plain one among them: captioned photos are few and seen often."""


@dataclass(frozen=True)
class HeadSettings:
    """The parts on top of the two published encoders."""

    hidden: int = 512  # open_clip's 'mlp' proj has exactly twice the embedding
    text_hidden: int = 512
    drop: float = 0.3


@dataclass(frozen=True)
class AlignSettings:
    """One contrastive training of pictures against texts."""

    epochs: int
    head_rate: float
    upper_rate: float
    text_rate: float
    anchor_weight: float  # keeps texts near the teacher, which has seen more words
    seed: int
    batch: int = 256
    repeats: int = 2  # a photo with captions is seen twice an epoch
    captions: int = 5  # of a photo with captions, in one step: each is an answer
    phrases: int = 2  # of a photo with labels
    weight_decay: float = 0.1
    hard_share: float = 0.7
    soft_temperature: float = 0.05
    class_weight: float = 0.4
    class_scale: float = 25.0
    attribute_weight: float = 0.0
    average: float = 0.98  # decay of the running mean of the weights, a step


TEACHER = AlignSettings(
    epochs=8,
    head_rate=2e-3,
    upper_rate=3e-4,
    text_rate=2e-3,
    anchor_weight=0.0,
    seed=7,
)
KEPT_SHARE = 0.5
"""How far the upper trunk stays on the way to what the teacher made of it: all of the way finds
more on Flickr8k and less on photos unlike it."""

SETTLE = AlignSettings(
    epochs=6,
    head_rate=2e-3,
    upper_rate=0.0,
    text_rate=2e-3,
    anchor_weight=0.0,
    attribute_weight=0.3,
    seed=7,
)
FINISH = AlignSettings(
    epochs=2,
    captions=2,  # the text tower is what takes the time here
    head_rate=3e-4,
    upper_rate=0.0,
    text_rate=3e-4,
    anchor_weight=2.0,
    seed=13,
)
REFIT = replace(SETTLE, epochs=4, text_rate=0.0, class_weight=0.2)


@dataclass(frozen=True)
class StudentSettings:
    """The text tower, as open_clip counts it."""

    width: int = 256
    layers: int = 3
    heads: int = 4
    seed: int = 11


@dataclass(frozen=True)
class DistilSettings:
    """The distillation of the text tower."""

    epochs: int = 3
    tokens_per_batch: int = 2048
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    neighbour_weight: float = 0.3
    neighbour_scale: float = 20.0
    seed: int = 11
