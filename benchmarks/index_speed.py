"""An index run beside its parts: a folder and an encoder, in a process of its own.

    python -m benchmarks.index_speed FOLDER ENCODER PRECISION

Prints one JSON object; `benchmarks.run` makes a table of several. The parts are the encoder alone,
and decoding alone (reading, decoding and resizing, with the threads that a run uses); each is
timed three times in turns with the whole, and the best is kept.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from indexers import pipeline
from searchengine import load_encoder, open_library
from searchengine.embedding.stream import BATCH_SIZES
from searchengine.encoders.interface import Encoder
from searchengine.images.decode import read_image
from searchengine.types import Pixels
from tests.conftest import Watcher

TURNS = 3


@dataclass(frozen=True, slots=True)
class Speed:
    """Images/s."""

    encode: float
    """The encoder alone, with all cores."""
    decode: float
    """Reading, decoding and resizing alone, with all cores."""
    whole: float
    bottleneck: str | None
    """What the run says it waited for."""
    precision: str
    batch: int
    peak_gb: float
    """Memory of the process after the first run, in 10^9 bytes."""

    @property
    def slower(self) -> float:
        """The rate of the slower part, which no run can pass."""
        return min(self.encode, self.decode)

    @property
    def bound(self) -> float:
        """What is left where both parts need the same cores: their times add up."""
        return 1 / (1 / self.encode + 1 / self.decode)


def index_speed(folder: Path, encoder: str, precision: str = "auto") -> Speed:
    """Measure in a new process."""
    command = [sys.executable, "-m", "benchmarks.index_speed", str(folder), encoder, precision]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Speed(**json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    """Measure what the command line names."""
    encoder = load_encoder(sys.argv[2], device="cpu", precision=sys.argv[3])
    print(json.dumps(asdict(_measure(Path(sys.argv[1]), encoder))))


def _measure(folder: Path, encoder: Encoder) -> Speed:
    files = sorted(folder.iterdir())

    def prepare(path: Path) -> Pixels:
        image, _ = read_image(path.read_bytes(), input_size=encoder.input_size, name=path.name)
        return encoder.preprocess(image)

    def decode() -> list[Pixels]:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return list(pool.map(prepare, files))

    reports = [_index(folder, encoder)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    pixels = decode()
    encode_seconds, decode_seconds = [], []
    for _ in range(TURNS):
        encode_seconds.append(_seconds(lambda: encoder.encode_pixels(pixels)))
        decode_seconds.append(_seconds(decode))
        reports.append(_index(folder, encoder))
    best = max(reports, key=lambda report: report.images_per_second)
    return Speed(
        encode=len(files) / min(encode_seconds),
        decode=len(files) / min(decode_seconds),
        whole=best.images_per_second,
        bottleneck=best.bottleneck,
        precision=encoder.precision,
        batch=BATCH_SIZES[encoder.device],
        peak_gb=peak / 1e9,
    )


def _index(folder: Path, encoder: Encoder) -> pipeline.IndexReport:
    with tempfile.TemporaryDirectory() as path, open_library(path, create=True) as library:
        report = pipeline.index(
            library, [folder], encoder=encoder.name, load=lambda: encoder, observer=Watcher()
        )
    assert report.indexed == report.found
    return report


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
