"""Where and how precisely a model computes."""

from __future__ import annotations

import time
from copy import deepcopy
from typing import TYPE_CHECKING

from searchengine.encoders.openclip.batchnorm import fold_norms
from searchengine.encoders.openclip.build import ClipModel, Parts
from searchengine.encoders.openclip.precision_cache import choice_key, remember, remembered
from searchengine.encoders.openclip.precision_choice import TRIAL_BATCH, TRIAL_SECONDS, choose
from searchengine.encoders.preprocess import Preprocessing, trial_pictures

if TYPE_CHECKING:
    import torch

PRECISIONS = ("float32", "bfloat16", "float16")


def place(parts: Parts, device: str, precision: str, mark: str) -> tuple[ClipModel, str]:
    """The model on its device in its precision, and that precision by name.

    `mark` is the fingerprint of its weights, under which a measured choice is remembered.
    """
    import torch

    fold_norms(parts.model.visual, torch.zeros(1, 3, parts.input_size, parts.input_size))
    if precision == "auto" and device == "cpu" and _cpu_has_bfloat16():
        key = choice_key(mark, torch.__version__, torch.get_num_threads())
        precision = remembered(key)
        if precision not in PRECISIONS:
            precision = _faster(parts)
            remember(key, precision)
    elif precision == "auto" and device == "cuda":
        native = torch.cuda.get_device_capability() >= (8, 0)  # from Ampere on; before, emulated
        precision = "bfloat16" if native else "float16"
    elif precision == "auto":
        precision = "float32"
    return _cast(parts.model, device, precision), precision


def _cast(model: ClipModel, device: str, precision: str) -> ClipModel:
    import torch

    # channels_last: pictures come as (h, w, 3) rows, and convolutions are faster on them as such
    model = model.to(device=device, dtype=getattr(torch, precision))
    return model.to(memory_format=torch.channels_last)


def _cpu_has_bfloat16() -> bool:
    """Whether the CPU multiplies bfloat16 by itself; where it does not, float32 is faster."""
    import torch

    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        check = getattr(torch.cpu, name, None)
        if check is not None and check():
            return True
    return False


def _faster(parts: Parts) -> str:
    """float32 or bfloat16, by measuring both on a few pictures on this CPU, in turns."""
    pictures = _trial_pictures(parts)
    full = _cast(parts.model, "cpu", "float32")
    half = _cast(deepcopy(parts.model), "cpu", "bfloat16")
    _, full_rows = _trial(full, pictures)
    _, half_rows = _trial(half, pictures.bfloat16())
    cosine = (full_rows * half_rows).sum(dim=-1).mean().item()
    full_times: list[float] = []
    half_times: list[float] = []
    until = time.perf_counter() + TRIAL_SECONDS
    while not half_times or time.perf_counter() < until:
        full_times.append(_trial(full, pictures)[0])
        half_times.append(_trial(half, pictures.bfloat16())[0])
    worth_it = prefer_bfloat16(min(full_times), min(half_times), cosine)
    return "bfloat16" if worth_it else "float32"


def prefer_bfloat16(float32_seconds: float, bfloat16_seconds: float, cosine: float) -> bool:
    """Whether bfloat16 is worth it: see `precision_choice`."""
    seconds = {"float32": float32_seconds, "bfloat16": bfloat16_seconds}
    return choose(seconds, {"float32": 1.0, "bfloat16": cosine}) == "bfloat16"


def _trial_pictures(parts: Parts) -> torch.Tensor:
    import torch

    pixels = torch.from_numpy(trial_pictures(parts.preprocessing, TRIAL_BATCH))
    return normalised(pixels, parts.preprocessing)


def _trial(model: ClipModel, pictures: torch.Tensor) -> tuple[float, torch.Tensor]:
    """Seconds for the pictures, and their unit rows in float32."""
    import torch

    with torch.inference_mode():
        start = time.perf_counter()
        rows = model.encode_image(pictures).float()
        return time.perf_counter() - start, rows / rows.norm(dim=-1, keepdim=True)


def normalised(pixels: torch.Tensor, preprocessing: Preprocessing) -> torch.Tensor:
    """Bytes (n, h, w, 3) to normalised float32 (n, 3, h, w) on their device, channels last.

    The same operations in the same order as torchvision's ToTensor and Normalize.
    """
    import torch

    batch = pixels.permute(0, 3, 1, 2).float().div_(255)
    mean = torch.tensor(preprocessing.mean, device=pixels.device).view(3, 1, 1)
    std = torch.tensor(preprocessing.std, device=pixels.device).view(3, 1, 1)
    return batch.sub_(mean).div_(std)
