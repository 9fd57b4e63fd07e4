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
from searchengine.encoders.names import STARTER_DIR
from searchengine.encoders.openclip.build import build
from searchengine.encoders.openclip.sources import find_source
from searchengine.encoders.openvino.export import convert, images_of, texts_of
from searchengine.encoders.openvino.towers import STARTER_GRAPHS
from searchengine.encoders.openvino.weights import Weights

SMALLEST = 1024
"""Bytes of a constant that is worth a look at the starter's tensors."""


def main() -> None:
    """Write the files."""
    model = build("starter", find_source("starter")).model
    tensors = load_file(STARTER_DIR / hub.WEIGHTS_FILES[0])
    named = {tensor.tobytes(): name for name, tensor in tensors.items()}
    others, notes = {}, {}
    context = model.context_length
    texts, length = texts_of(model, context)
    towers = {
        "image": (images_of(model), torch.zeros(2, 3, 224, 224), [-1, 3, -1, -1]),
        "text": (texts, torch.zeros(2, context, dtype=torch.int64), [-1, length]),
    }
    for tower, (part, example, shape) in towers.items():
        with tempfile.TemporaryDirectory() as scratch:
            stem = Path(scratch) / tower
            convert(part, example, shape, stem)
            graph = stem.with_suffix(".xml").read_text()
            constants = stem.with_suffix(".bin").read_bytes()
        (STARTER_DIR / f"{tower}.xml").write_text(graph)
        names = []
        for number, constant in enumerate(_apart(graph, constants)):
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


def _apart(graph: str, constants: bytes) -> list[bytes]:
    """The constants of a graph in their order, small ones between two large ones as one."""
    places = {
        (int(offset), int(size))
        for offset, size in re.findall(r'offset="(\d+)" size="(\d+)"', graph)
    }
    parts, at = [], 0
    for offset, size in sorted(place for place in places if place[1] >= SMALLEST):
        if offset > at:
            parts.append(constants[at:offset])
        parts.append(constants[offset : offset + size])
        at = offset + size
    return [*parts, *([constants[at:]] if at < len(constants) else [])]


if __name__ == "__main__":
    main()
