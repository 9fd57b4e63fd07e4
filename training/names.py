"""Class names where the photos are: what the ImageNet classifier knows, put into the text side.

The teacher's text head maps sentences smoothly, so names that mean nearly the same to MiniLM, such
as breeds, stay closer together than the pictures of them are. Here the 1,000 names themselves move,
and the text tower follows them while every other text stays.
"""

from __future__ import annotations

import torch
from losses import class_agreement, cosine_distance
from student import TokenText
from torch import nn
from torch.nn import functional

STEPS = 150
RATE = 3e-3
STAY = 1.0  # weight of staying near where a name was: the rest of the language is there
SHARPNESS = 1.5  # the classifier was trained on smoothed labels: it is less sure than right

FOLLOW_STEPS = 220
FOLLOW_RATE = 1e-3
NAMES_AT_A_TIME, OTHERS_AT_A_TIME = 350, 250


def move_names(
    images: torch.Tensor, classes: torch.Tensor, names: torch.Tensor, scale: float
) -> torch.Tensor:
    """Unit rows (1000, D) near `names` (1000, D) that agree better with the classifier.

    images (N, D) are unit embeddings of photos, classes (N, 1000) the classifier's probabilities.
    """
    wanted = classes**SHARPNESS
    wanted = wanted / wanted.sum(1, keepdim=True)
    moved = nn.Parameter(names.clone())
    optimizer = torch.optim.Adam([moved], RATE)
    for _ in range(STEPS):
        unit = functional.normalize(moved, dim=1)
        loss = class_agreement(images, unit, wanted, scale) + STAY * cosine_distance(unit, names)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return functional.normalize(moved.detach(), dim=1)


def follow(text: TokenText, names: torch.Tensor, moved: torch.Tensor, others: torch.Tensor) -> None:
    """Train `text` in place so that its texts `names` (1000,) come to lie at `moved` (1000, D).

    The texts `others` (T,) are held where they are.
    """
    text.eval()
    with torch.no_grad():
        held = torch.cat([text.embed(part) for part in others.split(512)])
    optimizer = torch.optim.Adam(text.tower.trainable(), FOLLOW_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, FOLLOW_RATE, total_steps=FOLLOW_STEPS, pct_start=0.1
    )
    for _ in range(FOLLOW_STEPS):
        some = torch.randperm(len(names))[:NAMES_AT_A_TIME]
        rest = torch.randperm(len(others))[:OTHERS_AT_A_TIME]
        guess = text.embed(torch.cat([names[some], others[rest]]))
        loss = cosine_distance(guess, torch.cat([moved[some], held[rest]]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
