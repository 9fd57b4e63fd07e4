"""Putting trunk, image head and text tower into one open_clip file."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from open_clip.model import CLIP
from safetensors.torch import save_file
from shipped import WEIGHTS_NAME
from torch import nn
from trunk import unfold


def place_image_tower(model: CLIP, folded: nn.Module, head: dict[str, torch.Tensor]) -> None:
    """Copy a trunk and an image head, both folded, into `model.visual`."""
    unfold(folded, model.visual.trunk.eval())
    model.visual.head.mlp.load_state_dict(head, strict=True)


def save(model: CLIP, folder: Path, scale: float) -> Path:
    """Write the weights as float16 beside the configuration; `scale` is 1 / temperature.

    Raises ValueError when a value does not fit into float16.
    """
    with torch.no_grad():
        model.logit_scale.fill_(math.log(scale))
    tensors = {
        name: value.detach().half().contiguous() if value.is_floating_point() else value.clone()
        for name, value in model.state_dict().items()
    }
    for name, value in tensors.items():
        if not torch.isfinite(value.float()).all():
            raise ValueError(f"{name} does not fit into float16")
    path = folder / WEIGHTS_NAME
    partial = path.with_suffix(".partial")
    save_file(tensors, partial, metadata={"format": "pt"})
    partial.chmod(0o644)  # safetensors makes it readable by its owner alone
    partial.replace(path)
    return path
