"""Where to compute: a GPU, where there is one."""

from __future__ import annotations

import platform
import shutil
import sys

from searchengine.errors import DeviceUnavailableError

DEVICES = ("cuda", "mps", "cpu")
"""In the order `auto` tries them."""


def choose_device(asked: str) -> str:
    """The device asked for, or the best there is. Raises DeviceUnavailableError."""
    import torch

    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if asked == "auto":
        return next(device for device in DEVICES if there[device])
    if not there.get(asked, False):
        have = ", ".join(device for device in DEVICES if there[device])
        raise DeviceUnavailableError(f"no device {asked!r} here; this machine has: {have}")
    return asked


def seems_to_have_gpu() -> bool:
    """Whether this machine looks as if torch will find a GPU; without importing it."""
    if sys.platform == "darwin":
        return platform.machine() == "arm64"
    return shutil.which("nvidia-smi") is not None


def cuda_or_cpu(asked: str) -> str:
    """Where vectors are compared by the million: "cuda" where that is, or may be, meant, or "cpu".

    Raises DeviceUnavailableError.
    """
    return "cuda" if asked != "cpu" and choose_device(asked) == "cuda" else "cpu"
