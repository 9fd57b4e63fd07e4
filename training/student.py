"""Stage 4: distil the teacher's text side into open_clip's small text transformer."""

from __future__ import annotations

import logging
import time

import torch
from losses import cosine_distance, neighbourhood
from settings import DistilSettings
from torch import nn
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence
from tower import TextTower

log = logging.getLogger(__name__)

LENGTH_JITTER = 1.5  # tokens; mixes neighbours of the length order from epoch to epoch
PIECE = 64  # texts
TEXTS_AT_A_TIME = 2048  # without gradients


def length_batches(ids: list[torch.Tensor], tokens: int) -> list[torch.Tensor]:
    """Random batches of rows of like length, about `tokens` tokens each."""
    lengths = torch.tensor([len(row) for row in ids], dtype=torch.float)
    order = torch.argsort(lengths + LENGTH_JITTER * torch.rand(len(lengths)))
    batches, start = [], 0
    while start < len(order):
        size = max(1, tokens // int(lengths[order[start]] + LENGTH_JITTER))
        batches.append(order[start : start + size])
        start += size
    return [batches[number] for number in torch.randperm(len(batches)).tolist()]


def padded(ids: list[torch.Tensor], rows: torch.Tensor) -> torch.Tensor:
    """The chosen texts as one (B, L) tensor, zeros on the right."""
    return pad_sequence([ids[row] for row in rows.tolist()], batch_first=True)


class TokenText(nn.Module):
    """The text side of the encoder itself: token ids through the text tower."""

    def __init__(self, tower: TextTower, ids: list[torch.Tensor]) -> None:
        super().__init__()
        self.tower = tower
        self.ids = ids

    def embed(self, rows: torch.Tensor) -> torch.Tensor:
        """Unit embeddings (B, D) of the texts `rows` (B,).

        Encoded in pieces of like length: one long caption would pad the whole batch to twice its
        size.
        """
        order = torch.argsort(torch.tensor([len(self.ids[row]) for row in rows.tolist()]))
        pieces = [self.tower(padded(self.ids, rows[piece])) for piece in order.split(PIECE)]
        return functional.normalize(torch.cat(pieces)[torch.argsort(order)], dim=1)


class StayingText(nn.Module):
    """A text side that is finished: every text's embedding, computed once."""

    def __init__(self, text: TokenText) -> None:
        super().__init__()
        with torch.no_grad():
            rows = torch.arange(len(text.ids))
            self.table = torch.cat([text.embed(part) for part in rows.split(TEXTS_AT_A_TIME)])

    def embed(self, rows: torch.Tensor) -> torch.Tensor:
        """Unit embeddings (B, D) of the texts `rows` (B,)."""
        return self.table[rows]


def distil(
    tower: TextTower, ids: list[torch.Tensor], targets: torch.Tensor, settings: DistilSettings
) -> None:
    """Train `tower` in place so that its embeddings point where `targets` (T, D, unit) do."""
    torch.manual_seed(settings.seed)
    optimizer = torch.optim.AdamW(
        tower.trainable(),
        settings.learning_rate,
        betas=(0.9, 0.98),
        weight_decay=settings.weight_decay,
        fused=True,
    )
    total = settings.epochs * len(length_batches(ids, settings.tokens_per_batch))
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, settings.learning_rate, total_steps=total + settings.epochs, pct_start=0.08
    )
    started, step = time.monotonic(), 0
    for epoch in range(settings.epochs):
        tower.train()
        near = 0.0
        for rows in length_batches(ids, settings.tokens_per_batch):
            guess = functional.normalize(tower(padded(ids, rows)), dim=1)
            wanted = targets[rows]
            distance = cosine_distance(guess, wanted)
            likeness = neighbourhood(guess, wanted, settings.neighbour_scale)
            loss = distance + settings.neighbour_weight * likeness
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(tower.trainable(), 1.0)
            optimizer.step()
            if step < total + settings.epochs - 1:
                schedule.step()
            near = 0.98 * near + 0.02 * distance.item() if step else distance.item()
            step += 1
            if step % 50 == 0:
                place = f"distil epoch {epoch + 1} step {step} of {total}"
                seconds = time.monotonic() - started
                log.info("%s: distance %.4f likeness %.3f, %.0f s", place, near, likeness, seconds)
