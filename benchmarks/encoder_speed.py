"""An encoder alone, by batch size and precision, beside open_clip's own model.

    python -m benchmarks.encoder_speed ENCODER

Prints one JSON object; `benchmarks.run` makes a table of it. "plain" is the model as open_clip
builds it: float32, nothing folded, memory as it comes; "torch" is ours through it, in float32;
the precisions are those of OpenVINO. All are timed in turns on the same random pictures, and the
best is kept.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np

from searchengine import load_encoder
from searchengine.encoders.interface import Encoder
from searchengine.encoders.openclip import encoder as openclip
from searchengine.encoders.openclip.build import build, quiet
from searchengine.encoders.openclip.encoder import ClipEncoder
from searchengine.encoders.openclip.sources import find_source
from searchengine.encoders.openvino.encoder import TowerEncoder
from searchengine.encoders.openvino.precision import precisions_of

BATCHES = (4, 8, 16, 32, 64)
TURNS = 3


@dataclass(frozen=True, slots=True)
class EncoderSpeed:
    """Images/s by batch size, in the order of `BATCHES`."""

    rates: dict[str, list[float]]
    """By "plain", "torch" and the precisions."""
    chosen: str
    """What `auto` takes here."""

    @property
    def gain(self) -> float:
        """The chosen precision, at its best batch size, over the plain path at its own."""
        return max(self.rates[self.chosen]) / max(self.rates["plain"])


def encoder_speed(encoder: str) -> EncoderSpeed:
    """Measure in a new process."""
    command = [sys.executable, "-m", "benchmarks.encoder_speed", encoder]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return EncoderSpeed(**json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    """Measure the encoder that the command line names."""
    name = sys.argv[1]
    chosen = load_encoder(name, device="cpu").precision
    ways = {
        "plain": _plain(name),
        "torch": _ours(openclip.load_encoder(name, device="cpu", precision="float32")),
        **{
            precision: _ours(load_encoder(name, device="cpu", precision=precision))
            for precision in _precisions(name)
        },
    }
    rates: dict[str, list[float]] = {way: [] for way in ways}
    for batch in BATCHES:
        seconds: dict[str, list[float]] = {way: [] for way in ways}
        for turn in range(TURNS + 1):
            for way, encode in ways.items():
                started = time.perf_counter()
                encode(batch)
                if turn:  # the first prepares for this size
                    seconds[way].append(time.perf_counter() - started)
        for way in ways:
            rates[way].append(batch / min(seconds[way]))
    print(json.dumps(asdict(EncoderSpeed(rates, chosen))))


def _precisions(name: str) -> list[str]:
    encoder = load_encoder(name, device="cpu", precision="float32")
    return precisions_of(encoder.towers) if isinstance(encoder, TowerEncoder) else []


def _plain(name: str) -> Callable[[int], object]:
    import torch

    with quiet():
        parts = build(name, find_source(name))
    pictures = torch.randn(max(BATCHES), 3, parts.input_size, parts.input_size)

    def encode(batch: int) -> object:
        with torch.inference_mode():
            return parts.model.encode_image(pictures[:batch])

    return encode


def _ours(encoder: Encoder) -> Callable[[int], object]:
    assert isinstance(encoder, ClipEncoder | TowerEncoder)
    limit = encoder.picture_limit
    side = encoder.input_size
    random = np.random.default_rng(0)
    pictures = list(random.integers(0, 256, (max(BATCHES), side, side, 3), dtype=np.uint8))

    def encode(batch: int) -> object:
        limit.size = batch
        return encoder.encode_pixels(pictures[:batch])

    return encode


if __name__ == "__main__":
    main()
