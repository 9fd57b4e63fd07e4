"""How long an encoder takes on this machine: its architecture with random weights, timed.

In the runtime that is used here, OpenVINO on a CPU and torch elsewhere. Weights do not change the
time, so nothing is downloaded. What was measured is remembered in a file of the user's cache;
losing it is no error.
"""

from __future__ import annotations

import importlib.util
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from searchengine.devices import choose_device
from searchengine.encoders.names import canonical_name
from searchengine.encoders.openclip.encoder import MAX_PICTURES_ON_CPU, ClipEncoder
from searchengine.encoders.openclip.precision_cache import add_kept, cpu, read_kept
from searchengine.encoders.openclip.untrained import untrained
from searchengine.encoders.openvino import runtime
from searchengine.encoders.openvino.encoder import MANY_PICTURES, open_images, open_many_images
from searchengine.encoders.openvino.export import convert, images_of, texts_of
from searchengine.encoders.openvino.kept import KeptTowers
from searchengine.encoders.openvino.precision import quickest_precision
from searchengine.encoders.openvino.quantised import write_int8
from searchengine.encoders.openvino.towers import IMAGE, TEXT, TowerFacts, graph_name
from searchengine.encoders.openvino.weights import Weights
from searchengine.encoders.text.tower import TOKENS
from searchengine.types import Pixels

_FILE = "speeds.json"

SECONDS = 2.0
"""How long each is repeated; the quickest round counts, as others wait for other processes."""


@dataclass(frozen=True, slots=True)
class Speed:
    """What an encoder takes here, in milliseconds."""

    name: str
    device: str
    runtime: str
    """ "OpenVINO" or "torch"."""
    precision: str
    image_ms: float
    """An image, in batches as `clipseek index` makes them on a CPU, without decoding."""
    one_image_ms: float
    """An image alone, as in a search by picture."""
    text_ms: float
    """A text alone of the full context."""
    processor: str


@dataclass(frozen=True, slots=True)
class _Way:
    """How an encoder computes."""

    runtime: str
    precision: str
    images: Callable[[Sequence[Pixels]], object]
    text: Callable[[], object]


def measure(name: str, *, device: str = "auto") -> Speed:
    """Time the encoder of this name, and remember it.

    `name` is any that `load_encoder` takes but those of the hub. Raises EncoderError for one that
    cannot be built here, UnknownEncoderError, and DeviceUnavailableError.
    """
    name = canonical_name(name)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        way, size = _way(name, choose_device(device), Path(scratch))
        shape = (MAX_PICTURES_ON_CPU, *size, 3)
        random = np.random.default_rng(0)
        pictures = list(random.integers(0, 256, shape, dtype=np.uint8))
        speed = Speed(
            name=name,
            device=choose_device(device),
            runtime=way.runtime,
            precision=way.precision,
            image_ms=_milliseconds(lambda: way.images(pictures)) / len(pictures),
            one_image_ms=_milliseconds(lambda: way.images(pictures[:1])),
            text_ms=_milliseconds(way.text),
            processor=cpu()[0],
        )
    add_kept(_FILE, name, asdict(speed))
    return speed


def remembered() -> dict[str, Speed]:
    """What was measured on this processor, by the name of the encoder."""
    found = {}
    for name, told in read_kept(_FILE).items():
        with suppress(TypeError):
            speed = Speed(**told)
            if speed.processor == cpu()[0]:
                found[name] = speed
    return found


def _way(name: str, device: str, scratch: Path) -> tuple[_Way, tuple[int, int]]:
    """What is used for an encoder here, and height and width of its pictures."""
    if device == "cpu" and importlib.util.find_spec("openvino") is not None:
        encoder = untrained(name, device, "float32")
        with suppress(Exception):  # what tracing a model raises: torch serves then
            return _on_towers(encoder, scratch), encoder.preprocessing.size
    encoder = untrained(name, device, "auto")
    on_torch = _Way(
        "torch", encoder.precision, encoder.encode_pixels, lambda: encoder.encode_texts(["a text"])
    )
    return on_torch, encoder.preprocessing.size


def _on_towers(encoder: ClipEncoder, directory: Path) -> _Way:
    import torch

    ids = encoder.tokenizer(["a text", "a text"])
    size = encoder.preprocessing.size
    convert(images_of(encoder.model), torch.zeros(2, 3, *size), [-1, 3, *size], directory / IMAGE)
    texts, length = texts_of(encoder.model, ids.shape[1])
    table = convert(texts, ids, [-1, length], directory / TEXT, table_apart=True)
    for tower in (IMAGE, TEXT):
        write_int8(directory / tower, directory / graph_name(tower, runtime.INT8))
    facts = TowerFacts(
        name=encoder.name,
        fingerprint=encoder.fingerprint,
        dim=encoder.dim,
        logit_scale=encoder.logit_scale,
        preprocessing=encoder.preprocessing,
        context=None,
    )
    files = sorted(directory.iterdir())
    checksums = {path.name: Weights.of_file(path).checksum for path in files}
    towers = KeptTowers(directory, facts, checksums, "", runtime.version())
    precision = quickest_precision(towers)
    few, many = open_images(towers, precision), open_many_images(towers, precision)
    assert few is not None
    assert many is not None
    text = runtime.text_tower(
        towers.graph(graph_name(TEXT, precision)),
        towers.weights(graph_name(TEXT, precision)),
        {} if table is None else {TOKENS: table},
        ids.shape[1],
        precision,
    )
    one = ids[:1].tolist()
    return _Way(
        "OpenVINO",
        precision,
        lambda pictures: (many if len(pictures) >= MANY_PICTURES else few)(pictures),
        lambda: text(one),
    )


def _milliseconds(run: Callable[[], object]) -> float:
    """Of the quickest of several runs, after one that warms up."""
    run()
    times: list[float] = []
    until = time.perf_counter() + SECONDS
    while len(times) < 3 or time.perf_counter() < until:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return 1000 * min(times)
