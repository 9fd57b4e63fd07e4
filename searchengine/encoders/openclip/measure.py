"""How long an encoder takes on this machine: its architecture with random weights, timed.

Weights do not change the time, so nothing is downloaded. What was measured is remembered in a file
of the user's cache; losing it is no error.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from searchengine.devices import choose_device
from searchengine.encoders.names import (
    DIR_PREFIX,
    HUB_PREFIX,
    STARTER_SIZES,
    canonical_name,
    split_name,
)
from searchengine.encoders.openclip.build import Parts, fingerprint, logit_scale_of, quiet
from searchengine.encoders.openclip.encoder import MAX_PICTURES_ON_CPU, ClipEncoder
from searchengine.encoders.openclip.precision import place
from searchengine.encoders.openclip.precision_cache import add_kept, cpu, read_kept
from searchengine.encoders.openclip.sources import require_architecture, require_directory
from searchengine.encoders.preprocess import Preprocessing
from searchengine.encoders.registry import STARTER_DIR
from searchengine.errors import EncoderError

_FILE = "speeds.json"

SECONDS = 2.0
"""How long each is repeated; the quickest round counts, as others wait for other processes."""


@dataclass(frozen=True, slots=True)
class Speed:
    """What an encoder takes here, in milliseconds."""

    name: str
    device: str
    precision: str
    image_ms: float
    """An image, in batches as `clipseek index` makes them on a CPU, without decoding."""
    one_image_ms: float
    """An image alone, as in a search by picture."""
    text_ms: float
    """A text alone, as in a search by words, on torch."""
    processor: str


def measure(name: str, *, device: str = "auto") -> Speed:
    """Time the encoder of this name, and remember it.

    `name` is any that `load_encoder` takes but those of the hub. Raises EncoderError for one that
    cannot be built here, UnknownEncoderError, and DeviceUnavailableError.
    """
    encoder = _with_random_weights(canonical_name(name), device)
    size = encoder.input_size
    random = np.random.default_rng(0)
    pictures = list(random.integers(0, 256, (MAX_PICTURES_ON_CPU, size, size, 3), dtype=np.uint8))
    speed = Speed(
        name=encoder.name,
        device=encoder.device,
        precision=encoder.precision,
        image_ms=_milliseconds(lambda: encoder.encode_pixels(pictures)) / len(pictures),
        one_image_ms=_milliseconds(lambda: encoder.encode_pixels(pictures[:1])),
        text_ms=_milliseconds(lambda: encoder.encode_texts(["a text"])),
        processor=cpu()[0],
    )
    add_kept(_FILE, speed.name, asdict(speed))
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


def _with_random_weights(name: str, device: str) -> ClipEncoder:
    import torch

    with quiet(), torch.inference_mode(False):
        device = choose_device(device)
        architecture = _architecture(name)
        try:
            parts = _parts(architecture)
        except OSError as error:  # of transformers, for the config of a text tower of its own
            raise EncoderError(
                f"{name} cannot be measured: its text tower is described on the model hub alone"
            ) from error
        model, precision = place(parts, device, "auto", fingerprint(parts.model.state_dict()))
    return ClipEncoder(
        name=name,
        dim=parts.dim,
        input_size=parts.input_size,
        logit_scale=parts.logit_scale,
        device=device,
        precision=precision,
        fingerprint="",
        files=(),
        model=model,
        preprocessing=parts.preprocessing,
        tokenizer=parts.tokenizer,
    )


def _architecture(name: str) -> str:
    if name in STARTER_SIZES:
        return f"{DIR_PREFIX}{STARTER_DIR}"
    if name.startswith(DIR_PREFIX):
        require_directory(Path(name.removeprefix(DIR_PREFIX)))
        return name
    if name.startswith(HUB_PREFIX):
        raise EncoderError(f"{name} is described on the model hub alone; name it as ARCH/TAG")
    arch = split_name(name)[0]
    require_architecture(name, arch)
    return arch


def _parts(architecture: str) -> Parts:
    import open_clip
    import torch

    model, _, _ = open_clip.create_model_and_transforms(
        architecture, load_weights=False, pretrained_hf=False
    )
    config = open_clip.get_model_config(architecture)
    context = int(config["text_cfg"].get("context_length", 77))
    preprocessing = Preprocessing.of(model.visual.preprocess_cfg)

    def tokenizer(texts: list[str]) -> Any:  # noqa: ANN401 - a tensor of ids, shape (n, context)
        return torch.ones((len(texts), context), dtype=torch.long)

    return Parts(
        model=model.eval(),
        tokenizer=tokenizer,
        preprocessing=preprocessing,
        dim=int(config["embed_dim"]),
        input_size=max(preprocessing.size),
        logit_scale=logit_scale_of(model),
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
