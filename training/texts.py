"""The texts with their MiniLM rows, as one table."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch


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
