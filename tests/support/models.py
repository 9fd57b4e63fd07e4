"""Small open_clip models with random weights, for tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support.tokenizers import make_tokenizer

SIGLIP: dict[str, Any] = {
    "custom_text": True, "no_causal_mask": True, "proj_bias": True, "pool_type": "last",
    "norm_kwargs": {"eps": 1e-6}, "act_kwargs": {"approximate": "tanh"}, "layers": 2,
}  # fmt: skip
"""The text tower of SigLIP 2."""


def make_model(directory: Path, wishes: dict[str, Any]) -> str:
    """A directory that open_clip loads, of random weights, with a text tower as wished."""
    import open_clip
    import torch
    from safetensors.torch import save_file

    wishes = dict(wishes)
    text = {"context_length": 16, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1}
    config: dict[str, Any] = {
        "embed_dim": 24,
        "vision_cfg": {
            "image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 32,
        },
        **{name: wishes.pop(name) for name in ("quick_gelu", "custom_text") if name in wishes},
        "text_cfg": text | wishes,
    }  # fmt: skip
    kind = open_clip.CustomTextCLIP if config.pop("custom_text", False) else open_clip.CLIP
    torch.manual_seed(3)
    model = kind(**config)
    with torch.no_grad():  # norms and biases are ones and zeros from the start: make them matter
        for name, weight in model.named_parameters():
            if "logit" not in name and weight.ndim == 1:
                weight.add_(0.2 * torch.randn_like(weight))
            elif name.endswith("positional_embedding"):
                weight.mul_(10)
    directory.mkdir(parents=True)
    state = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    save_file(state, directory / "open_clip_model.safetensors")
    if kind is open_clip.CustomTextCLIP:
        config["custom_text"] = True
    config = {"model_cfg": config, "preprocess_cfg": {}}
    (directory / "open_clip_config.json").write_text(json.dumps(config))
    return f"local-dir:{directory}"


def make_siglip(directory: Path, kind: str = "gemma") -> str:
    """A model of SigLIP's kind with a tokenizer of `tests.support.tokenizers`."""
    beside = directory.with_name(f"{directory.name}-tokenizer")
    name = make_model(directory, SIGLIP | make_tokenizer(beside, kind))
    for file in beside.iterdir():
        file.rename(directory / file.name)
    return name
