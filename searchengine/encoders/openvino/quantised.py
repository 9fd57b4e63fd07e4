"""Graphs whose matrices are int8: a fourth of the memory, and faster where CPUs multiply int8.

Each output of a matrix has one scale. OpenVINO keeps such matrices as they are, and where the CPU
can, rounds what is multiplied with them to int8 too, 32 values at a time, so that a few large ones
do not cost the others their digits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from searchengine.encoders.openclip.precision_choice import LEAST_COSINE
from searchengine.encoders.openvino.precision import mean_cosine
from searchengine.encoders.openvino.runtime import INT8, openvino
from searchengine.encoders.openvino.towers import graph_name
from searchengine.types import Vectors

LARGEST = 127
"""Of an int8 weight. -128 is not used: zero stays zero."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What a tower is held against before it is kept."""

    compute: Callable[[str], Vectors]
    """Its rows for a few pictures or texts, of any length, in a precision."""
    right: Vectors
    """torch's in float32: unit rows."""


def keep_int8(directory: Path, trials: Mapping[str, Trial]) -> None:
    """Add graphs in int8 to those of the towers in `directory`, if all of them keep the guard.

    `trials` are by the name of the tower. Raises OSError.
    """
    try:
        kept = all(
            write_int8(directory / tower, directory / graph_name(tower, INT8))
            and mean_cosine(trial.compute(INT8), trial.right) >= LEAST_COSINE
            for tower, trial in trials.items()
        )
    except RuntimeError:  # OpenVINO's: this CPU does not take it
        kept = False
    if not kept:
        for tower in trials:
            for file in directory.glob(f"{graph_name(tower, INT8)}.*"):
                file.unlink()


def write_int8(stem: Path, to: Path) -> bool:
    """Write `to`.xml and `to`.bin: the graph of `stem`.xml with its matrices in int8.

    False where it has none, as a network of convolutions; nothing is written then.
    """
    ov = openvino()
    model = ov.Core().read_model(stem.with_suffix(".xml"))
    matrices = [
        (op, constant) for op in model.get_ordered_ops() if (constant := _matrix(op)) is not None
    ]
    for op, constant in matrices:
        _round(op, constant)
    if matrices:
        model.validate_nodes_and_infer_types()
        ov.save_model(model, to.with_suffix(".xml"), compress_to_fp16=False)  # it would cut scales
    return bool(matrices)


def _matrix(op: Any) -> Any | None:  # noqa: ANN401 - OpenVINO is untyped
    """The constant that an operation multiplies with, if it is a matrix."""
    if op.get_type_name() != "MatMul":
        return None
    source = op.input_value(1).get_node()
    if source.get_type_name() == "Convert":
        source = source.input_value(0).get_node()
    is_matrix = source.get_type_name() == "Constant" and len(source.shape) == 2
    return source if is_matrix else None


def _round(op: Any, constant: Any) -> None:  # noqa: ANN401
    weights = np.asarray(constant.data).astype(np.float32)
    inputs = 1 if op.get_attributes()["transpose_b"] else 0
    scale = np.abs(weights).max(axis=inputs, keepdims=True) / LARGEST
    scale[scale == 0] = 1
    ops = openvino().opset8
    rounded = ops.constant(np.rint(weights / scale).astype(np.int8))
    product = ops.multiply(ops.convert(rounded, "f32"), ops.constant(scale))
    op.input(1).replace_source_output(product.output(0))
