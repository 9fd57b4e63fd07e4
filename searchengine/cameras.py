"""Names of cameras."""

from __future__ import annotations

import re

MAX_CAMERA_LENGTH = 100
"""Characters kept of a camera's name: real ones are under 60, an EXIF string may be 64 KB."""


def join_camera(maker: str, model: str) -> str | None:
    """Maker and model in one string, without the maker twice; None where both are empty.

    "Canon" + "Canon EOS 5D" and "NIKON CORPORATION" + "NIKON D90" are the model alone.
    """
    words = re.split(r"[\s-]+", model.lower(), maxsplit=1)
    repeated = words[0] in re.split(r"[\s-]+", maker.lower())
    camera = model if model and repeated else f"{maker} {model}".strip()
    return camera[:MAX_CAMERA_LENGTH].rstrip() or None
