"""The machine that figures were measured on."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version

from searchengine.encoders.openclip.precision_cache import cpu

SETS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_bf16")
"""Instruction sets that the speed of a model depends on, as Linux names them."""


def machine() -> dict[str, object]:
    """Processor, instruction sets of interest, cores, and versions of what computes."""
    name, flags = cpu()
    return {
        "cpu": name,
        "instruction_sets": [it for it in SETS if it in flags],
        "cores": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
        **{package: version(package) for package in ("torch", "open_clip_torch", "pillow")},
    }
