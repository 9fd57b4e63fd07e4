"""How near an encoder's pictures come to what this processor can do in float32.

    python -m benchmarks.limit ENCODER...
    PYTHONPATH=DIR python -m benchmarks.limit ENCODER...  # with onnx and onnxruntime in DIR

The limit is the product of two large matrices in float32, by torch or OpenVINO, whichever is
quicker. Beside it open_clip's own model on torch, OpenVINO in every precision that keeps the guard
and, where it can be imported, ONNX Runtime: images/s of 16 pictures, and GFLOP/s (a multiplication
and an addition are two) of the operations that the model takes in float32. All are run in turns,
and the quickest turn of each counts. Rates are a second of processor time, of all threads together:
of one core, which other work on the machine disturbs less than what a clock says.
"""

from __future__ import annotations

import importlib.util
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.machine import machine
from searchengine import load_encoder
from searchengine.encoders.openclip import encoder as openclip
from searchengine.encoders.openvino.encoder import TowerEncoder
from searchengine.encoders.openvino.precision import precisions_of
from searchengine.encoders.openvino.runtime import Rows, openvino

SIDE = 2048
"""Of the matrices."""

PRODUCT = 2 * SIDE**3 / 1e9
"""GFLOP."""

BATCH = 16
TURNS = 8


def main() -> None:
    """Measure the encoders that the command line names."""
    print(machine())
    for name in sys.argv[1:]:
        _measure(name)


def _measure(name: str) -> None:
    torchs = openclip.load_encoder(name, device="cpu", precision="float32")
    size = torchs.preprocessing.size
    pictures = np.random.default_rng(0).integers(0, 256, (BATCH, *size, 3), dtype=np.uint8)
    tensor = torch.randn(BATCH, 3, *size)
    left, right = torch.randn(2, SIDE, SIDE)
    work = _work(torchs.model, tensor)

    def on_torch() -> object:
        with torch.inference_mode():
            return torchs.model.encode_image(tensor)

    ways: dict[str, tuple[float, Callable[[], object]]] = {
        "matrices, torch": (PRODUCT, lambda: left @ right),
        "matrices, OpenVINO": (PRODUCT, _product(left.numpy(), right.numpy())),
        "torch float32": (work, on_torch),
    }
    towers = load_encoder(name, device="cpu", precision="float32")
    if isinstance(towers, TowerEncoder):
        for precision in precisions_of(towers.towers):
            encoder = load_encoder(name, device="cpu", precision=precision)
            ways[f"OpenVINO {precision}"] = (work, _encoding(encoder, list(pictures)))
    if importlib.util.find_spec("onnxruntime") and importlib.util.find_spec("onnx"):
        ways["ONNX Runtime float32"] = (work, _onnx(torchs.model, tensor))
    quickest = dict.fromkeys(ways, float("inf"))
    for turn in range(TURNS + 1):
        for way, (_, run) in ways.items():
            started = time.process_time()
            run()
            if turn:
                quickest[way] = min(quickest[way], time.process_time() - started)
    limit = PRODUCT / min(quickest["matrices, torch"], quickest["matrices, OpenVINO"])
    print(f"{name}: {work / BATCH:.2f} GFLOP a picture")
    for way, (operations, _) in ways.items():
        rate = operations / quickest[way]
        images = "" if way.startswith("matrices") else f"{BATCH / quickest[way]:8.1f} images/s"
        print(f"  {way:22} {rate:8.1f} GFLOP/s  {rate / limit:6.0%}  {images}", flush=True)


def _work(model: Any, tensor: torch.Tensor) -> float:  # noqa: ANN401 - open_clip is untyped
    """GFLOP of the pictures' way through a model."""
    from torch.utils.flop_counter import FlopCounterMode

    torch.backends.mha.set_fastpath_enabled(False)  # it is not counted
    with FlopCounterMode(display=False) as counted, torch.no_grad():
        model.encode_image(tensor)
    torch.backends.mha.set_fastpath_enabled(True)
    total: int = counted.get_total_flops()
    return total / 1e9


def _product(left: Rows, right: Rows) -> Callable[[], object]:
    ov = openvino()
    asked = ov.opset8.parameter(left.shape, np.float32)
    product = ov.opset8.matmul(asked, ov.opset8.constant(right), False, False)
    hints = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
    request = ov.compile_model(ov.Model([product], [asked]), "CPU", hints).create_infer_request()
    return lambda: request.infer([left], share_inputs=True)


def _encoding(encoder: Any, pixels: list[Any]) -> Callable[[], object]:  # noqa: ANN401
    return lambda: encoder.encode_pixels(pixels)


def _onnx(model: Any, tensor: torch.Tensor) -> Callable[[], object]:  # noqa: ANN401
    onnxruntime = importlib.import_module("onnxruntime")

    class Images(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, pictures: torch.Tensor) -> torch.Tensor:
            rows: torch.Tensor = self.model.encode_image(pictures)
            return rows

    torch.backends.mha.set_fastpath_enabled(False)  # it has no form in ONNX
    with tempfile.TemporaryDirectory() as scratch, torch.no_grad():
        file = str(Path(scratch) / "images.onnx")
        plain = tensor.contiguous()
        torch.onnx.export(
            Images().eval(), (plain,), file, input_names=["input"], opset_version=17, dynamo=False
        )
        session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    torch.backends.mha.set_fastpath_enabled(True)
    given = {"input": plain.numpy()}
    return lambda: session.run(None, given)


if __name__ == "__main__":
    main()
