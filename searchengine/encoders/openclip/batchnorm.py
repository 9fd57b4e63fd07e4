"""Batch normalisation folded into the convolutions before it: the same function, fewer steps."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import nn


def fold_norms(model: nn.Module, example: torch.Tensor) -> int:
    """Fold every batch normalisation that follows a convolution into it, in place; how many.

    `model` is in evaluation mode and float32; `example` is one batch that it takes. A frozen
    normalisation, (x - mean) / sqrt(var + eps) * weight + bias, is linear, so convolution and
    normalisation are one convolution with a bias. Outputs stay equal up to rounding. The output of
    `model` is one tensor, and its convolutions use their weights as they are.
    """
    import torch

    if not any(isinstance(module, torch.nn.BatchNorm2d) for module in model.modules()):
        return 0
    homes = {
        child: (parent, name)
        for parent in model.modules()
        for name, child in parent.named_children()
    }
    pairs = norms_after_convolutions(model, example)
    with torch.no_grad():
        for convolution, norm in pairs:
            _fold(convolution, norm)
            parent, name = homes[norm]
            setattr(parent, name, getattr(norm, "act", torch.nn.Identity()))  # timm fuses the two
    return len(pairs)


def norms_after_convolutions(
    model: nn.Module, example: torch.Tensor
) -> list[tuple[nn.Conv2d, nn.BatchNorm2d]]:
    """Each convolution whose output goes into a normalisation and nowhere else, with that.

    Seen on a run, as the modules of timm cannot be traced symbolically. Left out are modules that
    run several times, and normalisations without statistics or weights of their own.
    """
    import torch
    from torch import nn

    made_by: dict[int, tuple[nn.Conv2d, torch.Tensor]] = {}  # holds the tensors, or ids come again
    pairs: list[tuple[nn.Conv2d, nn.BatchNorm2d, torch.Tensor]] = []
    runs: Counter[nn.Module] = Counter()

    def made(module: nn.Module, _: object, output: torch.Tensor) -> None:
        assert isinstance(module, nn.Conv2d)
        made_by[id(output)] = module, output
        runs[module] += 1

    def taken(module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        assert isinstance(module, nn.BatchNorm2d)
        runs[module] += 1
        if id(inputs[0]) in made_by and module.affine and module.running_mean is not None:
            pairs.append((made_by[id(inputs[0])][0], module, inputs[0]))

    hooks = []
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            hooks.append(module.register_forward_hook(made))
        elif isinstance(module, nn.BatchNorm2d):
            hooks.append(module.register_forward_pre_hook(taken))
    with torch.enable_grad():
        uses = _uses(model(example.clone().requires_grad_()))
    for hook in hooks:
        hook.remove()
    return [
        (convolution, norm)
        for convolution, norm, between in pairs
        if runs[convolution] == runs[norm] == uses[between.grad_fn] == 1
    ]


def _uses(output: torch.Tensor) -> Counter[object]:
    """How often the outcome of each step on the way to `output` was used, by its `grad_fn`."""
    uses: Counter[object] = Counter()
    waiting = [output.grad_fn]
    while waiting:
        step = waiting.pop()
        assert step is not None
        for source, _ in step.next_functions:
            if source is not None:
                uses[source] += 1
                if uses[source] == 1:
                    waiting.append(source)
    return uses


def _fold(convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
    from torch import nn

    mean, variance = norm.get_buffer("running_mean"), norm.get_buffer("running_var")
    scale = norm.weight / (variance + norm.eps).sqrt()
    convolution.weight.mul_(scale[:, None, None, None])
    shift = -mean if convolution.bias is None else convolution.bias - mean
    convolution.bias = nn.Parameter(norm.bias + shift * scale)
