"""Text in pictures, read by RapidOCR (PP-OCR's detection and recognition), which brings its models.

On OpenVINO where that is installed, else on ONNX Runtime. The one home of rapidocr.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import numpy as np
from PIL import Image

from searchengine.errors import MissingExtraError
from searchengine.readers.cleaned import cleaned
from searchengine.types import READ

LEAST_SURE = 0.6
"""Of a line, in [0, 1]: below it are patterns that are no letters."""

SIDE = 640
"""Pictures come with twice that on their shorter side at least: letters of a page stay readable."""


def ocr_state() -> str:
    """The state of the reader, known without its models. Raises MissingExtraError without it."""
    if find_spec("rapidocr") is None:
        raise MissingExtraError("reading text in pictures needs rapidocr", "ocr")
    return f"rapidocr {version('rapidocr')}"


class OcrReader:
    """Reads lines of text."""

    source = READ
    side = SIDE

    def __init__(self) -> None:
        """Load the models. Raises MissingExtraError without rapidocr."""
        self.state = ocr_state()
        from rapidocr import EngineType, RapidOCR

        engine = EngineType.OPENVINO if find_spec("openvino") else EngineType.ONNXRUNTIME
        asked: dict[str, Any] = {f"{name}.engine_type": engine for name in ("Det", "Cls", "Rec")}
        # Upright pictures are what comes: asked whether lines stand on their head, it turns some
        # that do not.
        asked |= {"Global.log_level": "critical", "Global.use_cls": False}
        self._engine = RapidOCR(params=asked)
        logging.getLogger("RapidOCR").setLevel(logging.CRITICAL)

    def read(self, picture: Image.Image) -> Sequence[str]:
        """The lines from top to bottom as one text; none where there is no letter."""
        found: Any = self._engine(np.asarray(picture)[:, :, ::-1])
        lines = zip(found.txts or (), found.scores or (), strict=True)
        text = cleaned(" ".join(line for line, sure in lines if sure >= LEAST_SURE))
        return [text] if any(char.isalnum() for char in text) else []
