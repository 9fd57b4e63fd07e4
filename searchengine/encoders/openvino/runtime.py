"""The home of OpenVINO: a graph and its weights, compiled for this CPU.

OpenVINO's Python package reports its use to its makers, at import and at each conversion, where
the package openvino-telemetry lies beside it. It is imported here alone, with that switched off.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager, nullcontext
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from searchengine.encoders.openvino.weights import Weights
from searchengine.encoders.preprocess import Preprocessing
from searchengine.encoders.text.tensors import Tensor, looked_up
from searchengine.encoders.text.tower import TOKENS
from searchengine.float16 import widened
from searchengine.types import Pixels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

INT8 = "int8"
"""The precision of graphs whose matrices are int8; the rest of them is float32."""

PRECISIONS = {"float32": "f32", "bfloat16": "bf16", "float16": "f16", INT8: "f32"}
"""Names of precisions, and OpenVINO's words for them."""

_CAPABILITIES = {"float32": "FP32", "bfloat16": "BF16", "float16": "FP16", INT8: "INT8"}

A_TIME = 2
"""Pictures that a core takes at a time: of one to sixteen one to four are the quickest."""

Rows = NDArray[np.float32]

Made = TypeVar("Made")

_ROWS = "rows"
"""The input of a graph that takes rows of the table of tokens."""


@lru_cache(maxsize=1)
def openvino() -> Any:  # noqa: ANN401 - a module without types
    """The package, which says nothing to anybody. Raises ImportError where it is not installed."""
    if "openvino" not in sys.modules:
        with _without("openvino_telemetry"):
            import openvino
    else:
        import openvino
    from openvino.tools.ovc import convert_impl, telemetry_stub, telemetry_utils

    telemetry_utils.tm = convert_impl.tm = telemetry_stub  # it may have been imported by others
    return openvino


@contextmanager
def _without(module: str) -> Iterator[None]:
    """Importing `module` fails inside this block, as if it were not installed."""
    before = sys.modules.get(module)
    sys.modules[module] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[module]
        if before is not None:
            sys.modules[module] = before


@lru_cache(maxsize=1)
def _core() -> Any:  # noqa: ANN401
    """By itself OpenVINO ties its threads to the first cores: those of every process to the same.

    Two processes of a core each then encode half as much as two that are free; one by itself is no
    faster tied.
    """
    core = openvino().Core()
    core.set_property("CPU", {"ENABLE_CPU_PINNING": False})
    return core


def version() -> str:
    """Of OpenVINO."""
    return str(openvino().get_version())


def use_cores(count: int) -> None:
    """Let what is compiled from now on take so many cores. By itself it takes all."""
    _core().set_property("CPU", {"INFERENCE_NUM_THREADS": count})


def computes_in(precision: str) -> bool:
    """Whether this CPU computes in a precision by itself. Every one does in float32."""
    return _CAPABILITIES[precision] in _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


class _Compiled:
    """A graph compiled for this CPU, with a hint of OpenVINO's."""

    def __init__(self, model: Any, weights: Weights, precision: str, hint: str) -> None:  # noqa: ANN401
        config = {"INFERENCE_PRECISION_HINT": PRECISIONS[precision], "PERFORMANCE_HINT": hint}
        self._weights = weights  # which the graph has no copy of
        self._is_packed = False
        with weights.let_go():
            self._graph = _core().compile_model(model, "CPU", config)

    @contextmanager
    def _packing(self) -> Iterator[None]:
        """Its weights are packed when it is first used."""
        with nullcontext() if self._is_packed else self._weights.let_go():
            yield
        self._is_packed = True


class Tower(_Compiled):
    """Items in, rows out, as soon as all cores together can. One thread at a time."""

    def __init__(self, model: Any, weights: Weights, precision: str) -> None:  # noqa: ANN401
        super().__init__(model, weights, precision, "LATENCY")
        self._request = self._graph.create_infer_request()

    def __call__(self, *items: NDArray[Any]) -> Rows:
        """Rows (n, d) of any length, for items (n, ...), one for each input of the graph."""
        with self._packing():
            rows = self._request.infer(list(items), share_inputs=True).to_tuple()[0]
        return np.array(rows, dtype=np.float32)


class Streams(_Compiled):
    """Many pictures in, the rows of a `Tower` out. One thread at a time.

    Each core takes a few by itself. In a `Tower` all work on the same ones, and wait for each other
    at every step, and what is between two steps outgrows their caches.
    """

    def __init__(self, model: Any, weights: Weights, precision: str) -> None:  # noqa: ANN401
        super().__init__(model, weights, precision, "THROUGHPUT")
        self.count: int = self._graph.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
        """How many parts go through at once: with few cores, one each."""
        self._queue = openvino().AsyncInferQueue(self._graph, self.count)
        self._queue.set_callback(_keep)

    def __call__(self, pictures: Sequence[Pixels]) -> Rows:
        """Rows (n, d) of any length, for n pictures (h, w, 3)."""
        parts: dict[int, Rows] = {}
        with self._packing():
            for first in range(0, len(pictures), A_TIME):
                part = np.stack(pictures[first : first + A_TIME])
                self._queue.start_async([part], (parts, first, part), share_inputs=True)
            self._queue.wait_all()
        return np.concatenate([parts[first] for first in sorted(parts)])


def _keep(request: Any, job: tuple[dict[int, Rows], int, NDArray[np.uint8]]) -> None:  # noqa: ANN401
    """Called for each part, which must be held until then: the graph reads it where it lies."""
    parts, first, _ = job
    parts[first] = np.array(request.get_output_tensor().data, dtype=np.float32)


def image_tower(
    graph: bytes,
    weights: Weights,
    preprocessing: Preprocessing,
    precision: str,
    kind: Callable[[Any, Weights, str], Made],
) -> Made:
    """A `Tower` or `Streams` that takes pictures (n, h, w, 3), uint8.

    `graph` takes float32 (n, 3, h, w), normalised as `preprocessing` says: here that is its first
    step.
    """
    model = read_graph(graph, weights)
    return kind(taking_pictures(model, preprocessing, preprocessing.size), weights, precision)


def taking_pictures(model: Any, preprocessing: Preprocessing, size: tuple[int, int]) -> Any:  # noqa: ANN401
    """A graph as in `image_tower`, read, for pictures of `size`: height and width."""
    model.reshape({model.inputs[0]: [-1, 3, *size]})
    ov = openvino()
    steps = ov.preprocess.PrePostProcessor(model)
    pictures = steps.input()
    pictures.tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    pictures.model().set_layout(ov.Layout("NCHW"))
    pictures.preprocess().convert_element_type(ov.Type.f32)
    pictures.preprocess().mean([255 * value for value in preprocessing.mean])
    pictures.preprocess().scale([255 * value for value in preprocessing.std])
    return steps.build()


def text_tower(
    graph: bytes, weights: Weights, tokens: Mapping[str, Tensor], context: int, precision: str
) -> Callable[[Sequence[Sequence[int]]], Rows]:
    """Takes the ids of texts, of `context` at most.

    They are filled up with zeros: to the longest of them where the graph takes ids of any length,
    as that of a causal tower does, else to the context. `tokens` has the table whose rows the graph
    takes, where it takes any (`without_table`).
    """
    model = read_graph(graph, weights)
    takes_rows = [_ROWS in port.get_names() for port in model.inputs]
    takes_any_length = any(
        port.get_partial_shape()[1].is_dynamic
        for port, rows in zip(model.inputs, takes_rows, strict=True)
        if not rows
    )
    tower = Tower(model, weights, precision)

    def embed(texts: Sequence[Sequence[int]]) -> Rows:
        ids = padded(texts, max(map(len, texts)) if takes_any_length else context)
        return tower(
            *(widened(looked_up(tokens, TOKENS, ids)) if rows else ids for rows in takes_rows)
        )

    return embed


def padded(texts: Sequence[Sequence[int]], length: int) -> NDArray[np.int64]:
    """Ids of texts with zeros behind them, shape (len(texts), length)."""
    ids = np.zeros((len(texts), length), dtype=np.int64)
    for row, text in zip(ids, texts, strict=True):
        row[: len(text)] = text
    return ids


def without_table(model: Any) -> Tensor | None:  # noqa: ANN401
    """Take the table of tokens out of a graph, whose rows it is given from then on.

    Returns it, as float16: of 256,000 tokens a query reads 64, where the graph would hold all in
    float32. None where there is none.
    """
    ov = openvino()
    for node in model.get_ordered_ops():
        if node.get_type_name() == "Gather":
            table, ids = (node.input_value(number).get_node() for number in (0, 1))
            if ids.get_type_name() == "Convert":
                ids = ids.input_value(0).get_node()
            if (table.get_type_name(), ids.get_type_name()) == ("Constant", "Parameter"):
                break
    else:
        return None
    rows = ov.op.Parameter(ov.Type.f32, ov.PartialShape([-1, -1, table.shape[1]]))
    rows.output(0).set_names({_ROWS})
    node.output(0).replace(rows.output(0))
    for parameter in model.get_parameters():
        if not parameter.output(0).get_target_inputs():
            model.remove_parameter(parameter)
    model.add_parameters([rows])
    model.validate_nodes_and_infer_types()
    return np.asarray(table.data).astype(np.float16)


def read_graph(graph: bytes, weights: Weights) -> Any:  # noqa: ANN401
    """What OpenVINO makes of a description; the weights are not copied and must be kept."""
    return _core().read_model(graph, openvino().Tensor(weights.data, shared_memory=True))
