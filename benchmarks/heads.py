"""Heads of more freedom than `clipseek align` has, trained with torch on a library's own captions.

    python -m benchmarks.heads ../shared/data

On Flickr8k's dev split with a caption a photo, frozen vectors of the starter: each head moves the
texts, is trained on four fifths of the photos and asked for the others among all 1,000, as `align`
asks. Settings were chosen on nothing: there is one of each.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.functional import normalize, relu

from benchmarks.labels import vectors_of
from benchmarks.machine import machine
from searchengine import load_encoder
from searchengine.measures.resampling import paired_difference
from searchengine.texts.everyday import everyday_texts
from searchengine.types import Vectors

ENCODER = "starter-256"
FOLDS, ANSWERS = 5, 10
EPOCHS, BATCH, RATE, DECAY = 20, 200, 1e-3, 0.1
HIDDEN = 256
MARGIN = 0.2
"""Of VSE++ (Faghri et al., 2018)."""
STEP = 0.05
"""Of the perturbed texts, against unit vectors."""
HALF = 0.5
"""Of what was learned that is mixed back into the encoder as it was: WiSE-FT's alpha."""

Loss = Callable[[torch.Tensor, torch.Tensor, float], torch.Tensor]
"""Of the texts and the pictures of a batch, unit rows of shape (n, d), and a logit scale."""


class Residual(nn.Module):
    """Unit rows moved by what was learned; nothing moves before the first step."""

    def __init__(self, dim: int, *, hidden: int = 0) -> None:
        super().__init__()
        last = nn.Linear(hidden or dim, dim, bias=bool(hidden))
        nn.init.zeros_(last.weight)
        if hidden:
            nn.init.zeros_(last.bias)
        first = [nn.Linear(dim, hidden), nn.GELU(), nn.Dropout(0.1)] if hidden else []
        self.moved = nn.Sequential(*first, last)
        self.share = 1.0

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Texts, shape (n, d), to where they are searched from."""
        return normalize(rows + self.share * self.moved(rows), dim=1)


def contrastive(texts: torch.Tensor, images: torch.Tensor, scale: float) -> torch.Tensor:
    """InfoNCE both ways."""
    logits, own = scale * texts @ images.T, torch.arange(len(texts))
    return (
        nn.functional.cross_entropy(logits, own) + nn.functional.cross_entropy(logits.T, own)
    ) / 2


def hardest(texts: torch.Tensor, images: torch.Tensor, _: float) -> torch.Tensor:
    """The hinge of the hardest wrong one of the batch, both ways: VSE++, equation 6."""
    cosines = texts @ images.T
    own = cosines.diagonal()
    wrong = cosines - 2 * torch.eye(len(texts))
    return sum(relu(MARGIN + wrong.amax(dim=way) - own).mean() for way in (0, 1))  # type: ignore[return-value]


def reweighted(texts: torch.Tensor, images: torch.Tensor, scale: float) -> torch.Tensor:
    """InfoNCE with wrong ones weighed by how near they are (Robinson et al., 2021, beta 1)."""
    logits = scale * texts @ images.T
    own = torch.eye(len(texts), dtype=torch.bool)
    wrong = logits.masked_fill(own, -torch.inf)
    weight = torch.softmax(wrong / scale, dim=1).masked_fill(own, 1 / len(texts)) * len(texts)
    return (torch.logsumexp(logits + weight.log(), dim=1) - logits.diagonal()).mean()


def perturbed(
    head: Residual, loss: Loss, texts: torch.Tensor, images: torch.Tensor, scale: float
) -> torch.Tensor:
    """The loss, and that of texts moved a step to where it grows the most."""
    moved = texts.clone().requires_grad_()
    (slope,) = torch.autograd.grad(loss(head(moved), images, scale), moved)
    there = normalize(texts + STEP * normalize(slope, dim=1), dim=1)
    return (loss(head(texts), images, scale) + loss(head(there), images, scale)) / 2


def trained(
    captions: Vectors, images: Vectors, scale: float, loss: Loss, *, hidden: int, adversarial: bool
) -> Residual:
    """A head, from captions and the vectors of their images, both of shape (m, d)."""
    torch.manual_seed(0)
    head = Residual(captions.shape[1], hidden=hidden)
    optimizer = torch.optim.AdamW(head.parameters(), lr=RATE, weight_decay=DECAY)
    texts, pictures = torch.from_numpy(captions), torch.from_numpy(images)
    for _ in range(EPOCHS):
        for part in torch.split(torch.randperm(len(texts)), BATCH):
            asked, own = texts[part], pictures[part]
            value = (
                perturbed(head, loss, asked, own, scale)
                if adversarial
                else loss(head(asked), own, scale)
            )
            optimizer.zero_grad()
            value.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    return head.eval()


def moved(head: Residual | None, rows: Vectors) -> Vectors:
    """Texts as a head has them, shape (n, d)."""
    if head is None:
        return rows
    with torch.no_grad():
        found: Vectors = head(torch.from_numpy(rows)).numpy()
    return found


def answers_kept(head: Residual, everyday: Vectors, images: Vectors) -> float:
    """Share of the first ten answers to everyday queries that stay, in [0, 1]."""
    before, after = (
        np.argpartition(-moved(each, everyday) @ images.T, ANSWERS, axis=1)[:, :ANSWERS]
        for each in (None, head)
    )
    same = sum(len(np.intersect1d(a, b)) for a, b in zip(before, after, strict=True))
    return same / before.size


def ranks(heads: list[Residual | None], captions: Vectors, images: Vectors) -> NDArray[np.int64]:
    """Of each caption's image by the head that was not trained on it, shape (m,)."""
    found = np.empty(len(captions), dtype=np.int64)
    for fold, head in enumerate(heads):
        here = np.arange(len(captions)) % FOLDS == fold
        scores = moved(head, captions[here]) @ images.T
        own = scores[np.arange(len(scores)), np.flatnonzero(here)]
        found[here] = (scores >= own[:, None]).sum(axis=1)
    return found


def main() -> None:
    """Print a line for each head."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="the folder with flickr8k_dev")
    folder = parser.parse_args().data / "flickr8k_dev"
    print(json.dumps(machine()))
    encoder = load_encoder(ENCODER, device="cpu")
    everyday = encoder.encode_texts(everyday_texts())
    dev = json.loads((folder / "dataset_flickr8k.json").read_text("utf-8"))["images"]
    images = vectors_of([folder / "images" / each["filename"] for each in dev], encoder)
    captions = encoder.encode_texts([each["sentences"][0]["raw"] for each in dev])
    groups = np.arange(len(dev))
    before = ranks([None] * FOLDS, captions, images)
    print(f"as it is: R@1/5/10 {_recalls(before)}")
    heads: dict[str, tuple[Loss, int, bool]] = {
        "linear": (contrastive, 0, False),
        "perceptron": (contrastive, HIDDEN, False),
        "linear, hardest wrong": (hardest, 0, False),
        "linear, reweighted": (reweighted, 0, False),
        "linear, adversarial": (contrastive, 0, True),
    }
    for name, (loss, hidden, adversarial) in heads.items():
        start = time.perf_counter()
        each = [
            trained(
                captions[groups % FOLDS != fold],
                images[groups % FOLDS != fold],
                encoder.logit_scale,
                loss,
                hidden=hidden,
                adversarial=adversarial,
            )
            for fold in range(FOLDS)
        ]
        seconds = time.perf_counter() - start
        for share in (1.0, HALF):
            for head in each:
                head.share = share
            after = ranks([*each], captions, images)
            change = paired_difference(1 / before, 1 / after, groups)
            stay = np.mean([answers_kept(head, everyday, images) for head in each])
            print(
                f"{name}{'' if share == 1 else ', mixed back'}: R@1/5/10 {_recalls(after)}, MRR "
                f"{change.mean:+.3f} ({change.low:+.3f} to {change.high:+.3f}), everyday answers "
                f"{stay:.2f}, {seconds:.0f} s"
            )


def _recalls(found: NDArray[np.int64]) -> str:
    return "/".join(f"{100 * (found <= k).mean():.1f}" for k in (1, 5, 10))


if __name__ == "__main__":
    main()
