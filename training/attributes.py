"""What is known of a photo beside its captions: colours from its pixels, people from its captions.

Each is a question with a few answers, all of them texts. A photo's shares of the answers are what
a softmax over its cosines with those texts should say.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from colours import BACKGROUNDS, COLOURS, background_texts, subject_texts
from corpus import Photo
from people import TEXTS as PEOPLE_TEXTS
from people import count_people
from texts import Texts

if TYPE_CHECKING:
    from align import TextSide

SCALE = 20.0  # of the cosines


@dataclass(frozen=True)
class Attribute:
    """One question about N photos, asked in G groups of photos in its own words."""

    answers: torch.Tensor  # (G, V, C) text rows: V ways to put the C answers
    group: torch.Tensor  # (N,) the group of each photo, -1 where the question makes no sense
    shares: torch.Tensor  # (N, C) of the answers, zeros where nothing is known

    def loss(self, images: torch.Tensor, photos: torch.Tensor, text: TextSide) -> torch.Tensor:
        """Cross entropy of the photos `photos` (B,) with embeddings `images` (B, D)."""
        known = (self.group[photos] >= 0) & (self.shares[photos].sum(1) > 0)
        if not bool(known.any()):
            return images.new_zeros(())
        groups, which = torch.unique(self.group[photos[known]], return_inverse=True)
        way = int(torch.randint(self.answers.shape[1], (1,)))
        rows = self.answers[groups, way]
        texts = text.embed(rows.flatten()).view(*rows.shape, -1)
        cosines = torch.einsum("bd,bcd->bc", images[known], texts[which])
        wanted = self.shares[photos[known]]
        return -(wanted * torch.log_softmax(SCALE * cosines, 1)).sum() / len(photos)


def attribute_texts(photos: list[Photo]) -> list[str]:
    """Every text that an attribute of the photos asks with, each once."""
    people = [text for way in PEOPLE_TEXTS for text in way]
    subjects = [text for label in _labels(photos) for text in subject_texts(label)]
    return list(dict.fromkeys(background_texts() + people + subjects))


def find_attributes(photos: list[Photo], colours: Path, texts: Texts) -> list[Attribute]:
    """Background colour, subject colour and number of people; `colours` is the cache's file."""
    background, subject = torch.from_numpy(np.load(colours)).unbind(1)
    everyone = torch.zeros(len(photos), dtype=torch.long)
    labels = {label: number for number, label in enumerate(_labels(photos))}
    named = [labels[photo.labels[0]] if _is_named(photo) else -1 for photo in photos]
    rows = texts.rows([text for label in labels for text in subject_texts(label)])
    people = [count_people(photo.captions) for photo in photos]
    return [
        Attribute(
            texts.rows(background_texts()).view(1, len(BACKGROUNDS), len(COLOURS)),
            everyone,
            background,
        ),
        Attribute(rows.view(len(labels), 1, len(COLOURS)), torch.tensor(named), subject),
        Attribute(
            texts.rows([text for way in PEOPLE_TEXTS for text in way]).view(
                1, len(PEOPLE_TEXTS), -1
            ),
            everyone,
            torch.from_numpy(np.stack(people)),
        ),
    ]


def _labels(photos: list[Photo]) -> list[str]:
    return list(dict.fromkeys(photo.labels[0] for photo in photos if _is_named(photo)))


def _is_named(photo: Photo) -> bool:
    """Whether the photo shows one thing with a name, which may have a colour."""
    return bool(photo.labels) and not photo.captions
