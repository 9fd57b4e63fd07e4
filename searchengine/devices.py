"""Where to compute: a GPU, where there is one."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

from searchengine.errors import DeviceUnavailableError

DEVICES = ("cuda", "mps", "cpu")
"""In the order `auto` tries them."""

_GPU_FILES = ("/dev/nvidiactl", "/dev/kfd", "/usr/lib/wsl/lib/libcuda.so.1")
"""Of the drivers of NVIDIA and AMD, and of the first in a Linux beside Windows."""


def may_have_gpu() -> bool:
    """Whether a GPU that torch can use may be here, told without torch, which takes seconds."""
    if sys.platform == "darwin":
        return platform.machine() == "arm64"
    if sys.platform == "win32":
        import ctypes.util

        return ctypes.util.find_library("nvcuda") is not None
    return any(Path(file).exists() for file in _GPU_FILES)


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


def cuda_or_cpu(asked: str) -> str:
    """Where vectors are compared by the million: "cuda" where that is, or may be, meant, or "cpu".

    Raises DeviceUnavailableError.
    """
    return "cuda" if asked != "cpu" and choose_device(asked) == "cuda" else "cpu"
