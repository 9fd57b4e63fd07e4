"""The shipped model: its open_clip configuration and how an untrained one is made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import open_clip
from open_clip.model import CLIP
from settings import StudentSettings
from tower import CONTEXT
from trunk import TRUNK_NAME

CONFIG_NAME = "open_clip_config.json"
WEIGHTS_NAME = "open_clip_model.safetensors"


def configuration(dim: int, student: StudentSettings) -> dict[str, Any]:
    """The content of `open_clip_config.json`."""
    return {
        "model_cfg": {
            "embed_dim": dim,
            "vision_cfg": {
                "timm_model_name": TRUNK_NAME,
                "timm_model_pretrained": False,
                "timm_pool": "avg",
                "timm_proj": "mlp",
                "image_size": 224,
            },
            "text_cfg": {
                "context_length": CONTEXT,
                "vocab_size": 49408,
                "width": student.width,
                "heads": student.heads,
                "layers": student.layers,
            },
        },
        "preprocess_cfg": {
            "mean": [0.5, 0.5, 0.5],
            "std": [0.5, 0.5, 0.5],
            "interpolation": "bicubic",
            "resize_mode": "squash",
        },
    }


def untrained(folder: Path, dim: int, student: StudentSettings) -> CLIP:
    """Write the configuration to `folder` and build the float32 model with random weights."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(configuration(dim, student), indent=2)
    (folder / CONFIG_NAME).write_text(text + "\n", encoding="utf-8")
    return open_clip.create_model(f"local-dir:{folder}", load_weights=False, pretrained_image=False)
