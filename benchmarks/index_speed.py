"""An index run beside its parts: a folder and an encoder, in a process of its own.

    python -m benchmarks.index_speed FOLDER ENCODER PRECISION

Prints one JSON object; `benchmarks.run` makes a table of several. The parts are the encoder alone,
and decoding alone (reading, decoding and resizing, with the threads that a run uses), also with
all else that a run does of each file; each is timed three times in turns with the whole, and the
best is kept.
"""

from __future__ import annotations

import io
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
from searchengine.files import content_hash
from searchengine.images.decode import read_image
from searchengine.looks.look import LEAST_INPUT, look_of
from searchengine.metadata.read import read_written
from searchengine.types import FileState, Pixels
from tests.conftest import Watcher

TURNS = 3


@dataclass(frozen=True, slots=True)
class Speed:
    """Images/s."""

    encode: float
    """The encoder alone, with all cores."""
    decode: float
    """Reading, decoding and resizing alone, with all cores."""
    prepare: float
    """The same with what else a run does of each file: hash, metadata and look."""
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

    @property
    def whole_bound(self) -> float:
        """As `bound`, where all that a run does of each file counts."""
        return 1 / (1 / self.encode + 1 / self.prepare)


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

    def decode(path: Path) -> Pixels:
        image, _ = read_image(path.read_bytes(), input_size=encoder.input_size, name=path.name)
        return encoder.preprocess(image)

    def prepare(path: Path) -> Pixels:
        data = path.read_bytes()
        content_hash(data)
        read_written(FileState(str(path), len(data), 0), io.BytesIO(data), sidecar=None)
        size = max(encoder.input_size, LEAST_INPUT)
        image, _ = read_image(data, input_size=size, name=path.name)
        look_of(image)
        return encoder.preprocess(image)

    def all_of(work: Callable[[Path], Pixels]) -> list[Pixels]:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return list(pool.map(work, files))

    reports = [_index(folder, encoder)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    pixels = all_of(decode)
    encode_seconds, decode_seconds, prepare_seconds = [], [], []
    for _ in range(TURNS):
        encode_seconds.append(_seconds(lambda: encoder.encode_pixels(pixels)))
        decode_seconds.append(_seconds(lambda: all_of(decode)))
        prepare_seconds.append(_seconds(lambda: all_of(prepare)))
        reports.append(_index(folder, encoder))
    best = max(reports, key=lambda report: report.images_per_second)
    return Speed(
        encode=len(files) / min(encode_seconds),
        decode=len(files) / min(decode_seconds),
        prepare=len(files) / min(prepare_seconds),
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
