"""Batch norms folded into convolutions: the same outputs, and nothing folded that may not be."""

from __future__ import annotations

import pytest
import timm
import torch
from torch import nn

from searchengine.encoders.openclip.batchnorm import fold_norms, norms_after_convolutions

EXAMPLE = torch.zeros(1, 3, 16, 16)


def randomised(model: nn.Module) -> nn.Module:
    """`model` with weights and running statistics as if it had been trained, to evaluate."""
    torch.manual_seed(1)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            if module.running_mean is not None and module.running_var is not None:
                module.running_mean.normal_(std=0.3)
                module.running_var.uniform_(0.5, 2)
            if module.affine:
                nn.init.uniform_(module.weight, 0.5, 1.5)
                nn.init.normal_(module.bias, std=0.3)
    return model.eval()


def norms(model: nn.Module) -> int:
    return sum(isinstance(module, nn.BatchNorm2d) for module in model.modules())


@torch.no_grad()
def fold_and_compare(model: nn.Module, folded: int, side: int = 16) -> None:
    """Fold: so many norms go, and outputs for random pictures stay."""
    pictures = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(2))
    wanted, before = model(pictures), norms(model)
    assert fold_norms(model, torch.zeros(1, 3, side, side)) == folded
    assert norms(model) == before - folded
    torch.testing.assert_close(model(pictures), wanted, atol=1e-4, rtol=1e-4)


def test_a_small_network() -> None:
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, groups=8, stride=2, padding=1),
        nn.BatchNorm2d(8, eps=0.1),
    )
    fold_and_compare(randomised(network), 2)


def test_the_trunk_of_timm() -> None:
    """EfficientNet-lite, whose norms carry their activation and whose convolutions pad unevenly."""
    trunk = randomised(timm.create_model("tf_efficientnet_lite0", num_classes=10))
    fold_and_compare(trunk, norms(trunk), side=64)
    assert norms(trunk) == 0


def test_a_norm_that_follows_no_convolution_stays() -> None:
    network = nn.Sequential(
        nn.BatchNorm2d(3), nn.Conv2d(3, 4, 3), nn.ReLU(), nn.BatchNorm2d(4), nn.MaxPool2d(2)
    )
    fold_and_compare(randomised(network), 0)


def test_norms_that_compute_otherwise_stay() -> None:
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3),
        nn.BatchNorm2d(4, affine=False),
        nn.Conv2d(4, 4, 3),
        nn.BatchNorm2d(4, track_running_stats=False),
        nn.Conv2d(4, 4, 3),
        nn.BatchNorm2d(4),
    )
    fold_and_compare(randomised(network), 1)


class Branching(nn.Module):
    """The first convolution's output goes into its norm and around it; the second's only in."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 1)
        self.first_norm, self.second_norm = nn.BatchNorm2d(4), nn.BatchNorm2d(4)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        raw = self.first(pictures)
        added: torch.Tensor = self.second_norm(self.second(self.first_norm(raw).relu())) + raw
        return added


class Recurrent(nn.Module):
    """One convolution and one norm, run twice; another norm between two convolutions' turns."""

    def __init__(self) -> None:
        super().__init__()
        self.entry, self.turn = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 1)
        self.entry_norm, self.turn_norm = nn.BatchNorm2d(4), nn.BatchNorm2d(4)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        state: torch.Tensor = self.entry_norm(self.entry(pictures))
        for _ in range(2):
            state = self.turn_norm(self.turn(state)).relu()
        return state


class Twins(nn.Module):
    """Two norms of one convolution's output."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 4, 3)
        self.left, self.right = nn.BatchNorm2d(4), nn.BatchNorm2d(4)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        raw = self.convolution(pictures)
        difference: torch.Tensor = self.left(raw) - self.right(raw)
        return difference


class Shared(nn.Module):
    """One norm of two convolutions' outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        product: torch.Tensor = self.norm(self.left(pictures)) * self.norm(self.right(pictures))
        return product


@pytest.mark.parametrize(
    ("kind", "folded"), [(Branching, 1), (Recurrent, 1), (Twins, 0), (Shared, 0)]
)
def test_what_is_used_twice_is_left_alone(kind: type[nn.Module], folded: int) -> None:
    fold_and_compare(randomised(kind()), folded)


def test_a_network_without_norms_is_not_run() -> None:
    class Untouched(nn.Module):
        def forward(self, pictures: torch.Tensor) -> torch.Tensor:
            raise AssertionError("run for nothing")

    assert fold_norms(Untouched(), EXAMPLE) == 0


def test_pairs_come_in_the_order_of_the_run_and_leave_no_hooks() -> None:
    network = randomised(Branching())
    network.second.requires_grad_(False)
    with torch.no_grad():
        (pair,) = norms_after_convolutions(network, EXAMPLE)
    assert pair == (network.second, network.second_norm)
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in network.modules())
    assert all(parameter.grad is None for parameter in network.parameters())
