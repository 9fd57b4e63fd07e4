"""Write the starter's graphs: what OpenVINO reads beside the weights that ship anyway.

    .venv/bin/python training/towers.py

Run it whenever the weights in `searchengine/encoders/starter/` change. OpenVINO writes a graph and
a file of constants; nearly all of these are tensors of the starter byte for byte, so that only
their names are kept, and the few others in `towers.safetensors`.
"""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file, save_file

from searchengine.encoders import hub
from searchengine.encoders.openclip.build import build
from searchengine.encoders.openclip.sources import find_source
from searchengine.encoders.openvino import runtime
from searchengine.encoders.openvino.towers import STARTER_GRAPHS
from searchengine.encoders.openvino.weights import Weights
from searchengine.encoders.registry import STARTER_DIR

SMALLEST = 1024
"""Bytes of a constant that is worth a look at the starter's tensors."""


class Images(torch.nn.Module):
    def __init__(self, model) -> None:
        super().__init__()
        self.model = model

    def forward(self, pictures):
        return self.model.encode_image(pictures)


class Texts(Images):
    def forward(self, tokens):
        return self.model.encode_text(tokens)


def main() -> None:
    """Write the files."""
    model = build("starter", find_source("starter")).model
    tensors = load_file(STARTER_DIR / hub.WEIGHTS_FILES[0])
    named = {tensor.tobytes(): name for name, tensor in tensors.items()}
    others, notes = {}, {}
    context = model.context_length
    for tower, module, example, shape in (
        ("image", Images(model), torch.zeros(2, 3, 224, 224), [-1, 3, -1, -1]),
        ("text", Texts(model), torch.zeros(2, context, dtype=torch.int64), [-1, context]),
    ):
        names = []
        for number, constant in enumerate(_converted(tower, module, example, shape)):
            name = named.get(constant) if len(constant) >= SMALLEST else None
            if name is None:
                name = f"{tower}.{number}"
                others[name] = np.frombuffer(constant, dtype=np.uint8)
            names.append(name)
        all_tensors = tensors | others
        notes[tower] = json.dumps(names)
        notes[f"{tower} crc32"] = Weights.of_tensors(all_tensors[n] for n in names).checksum
    save_file(others, STARTER_GRAPHS, metadata=notes)
    print(f"{sum(len(data) for data in others.values()):,} bytes beside the weights")


def _converted(tower: str, module, example, shape) -> list[bytes]:
    """Write the graph; its constants in their order, those between two tensors as one."""
    ov = runtime.openvino()
    with torch.no_grad():
        graph = ov.convert_model(module, example_input=example, input=[ov.PartialShape(shape)])
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / f"{tower}.xml"
        ov.save_model(graph, path, compress_to_fp16=True)
        text, constants = path.read_text(), path.with_suffix(".bin").read_bytes()
    (STARTER_DIR / path.name).write_text(text)
    places = {
        (int(offset), int(size))
        for offset, size in re.findall(r'offset="(\d+)" size="(\d+)"', text)
    }
    large = sorted(place for place in places if place[1] >= SMALLEST)
    parts, at = [], 0
    for offset, size in large:
        if offset > at:
            parts.append(constants[at:offset])
        parts.append(constants[offset : offset + size])
        at = offset + size
    return [*parts, *([constants[at:]] if at < len(constants) else [])]


if __name__ == "__main__":
    main()
