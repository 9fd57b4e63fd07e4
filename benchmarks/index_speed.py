"""How fast an index run is, beside its parts alone, in one run on one machine.

    python -m benchmarks.index_speed --count 200
    python -m benchmarks.index_speed --photos DIR --count 1000

For each folder of photos it prints images/s of the encoder alone, of decoding alone (reading,
decoding and resizing, with the threads the run uses) and of the whole run, the run as a share of
the slower part, and the run's peak memory; then files/s of a run with nothing to do.

Without --photos it generates JPEGs of 12 megapixels and of web size. With it, `count` photos are
made of the ones in DIR: past the last it begins anew, with bytes behind the picture's end that make
the file another one.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from pathlib import Path

import numpy as np
from PIL import Image

from indexers import pipeline
from indexers.run import BATCH_SIZES
from searchengine import load_encoder, open_library
from searchengine.decode import read_image
from searchengine.encoder import Encoder
from searchengine.types import Pixels

SIZES = {"12 megapixels": (4000, 3000), "web size": (640, 480)}
ALONE = 256
"""Pictures that the parts are measured on, at most."""
TINY = 100_000
"""Files of the run with nothing to do."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=200, help="photos in a folder")
    parser.add_argument("--photos", type=Path, help="use the photos in this folder")
    parser.add_argument("--encoder", default="starter")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--rerun-files", type=int, default=TINY, help="0: leave the re-run out")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    parser.add_argument("--run", nargs=2, type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.run:
        _whole_run(*arguments.run, arguments.encoder, arguments.precision)
        return
    print(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, {arguments.encoder}"
    )
    figures: list[dict[str, object]] = []
    encoder = load_encoder(arguments.encoder, precision=arguments.precision)
    with tempfile.TemporaryDirectory() as scratch:
        for name, folder in _folders(Path(scratch), arguments.photos, arguments.count):
            figures.append({"photos": name, **_measure(folder, encoder, arguments)})
            print(_sentence(figures[-1]), flush=True)
        if arguments.rerun_files:
            figures.append(_rerun(Path(scratch) / "tiny", arguments.rerun_files))
            print(f"run with nothing to do: {figures[-1]['files_per_second']:,.0f} files/s")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")


def _folders(scratch: Path, photos: Path | None, count: int) -> Iterable[tuple[str, Path]]:
    if photos is not None:
        yield f"{count:,} of {photos.name}", _multiplied(photos, scratch / "photos", count)
        return
    for name, size in SIZES.items():
        yield f"{count:,} of {name}", _generated(scratch / name.replace(" ", "-"), size, count)


def _multiplied(photos: Path, folder: Path, count: int) -> Path:
    folder.mkdir()
    sources = sorted(path for path in photos.rglob("*") if path.is_file())
    for number, source in enumerate(islice(cycle(sources), count)):
        data = source.read_bytes() + (number // len(sources)).to_bytes(4, "big")
        (folder / f"{number:06}{source.suffix}").write_bytes(data)
    return folder


def _generated(folder: Path, size: tuple[int, int], count: int) -> Path:
    """Pictures with detail at every scale, as photos have (a 1/f spectrum)."""
    folder.mkdir()
    random = np.random.default_rng(1)
    width, height = size
    base = np.zeros((height, width, 3), dtype=np.float32)
    for scale in (4, 16, 64, 256):
        small = random.normal(size=(height // scale + 2, width // scale + 2, 3)) * scale**0.5
        for channel in range(3):
            layer = Image.fromarray(small[:, :, channel].astype(np.float32))
            base[:, :, channel] += np.asarray(layer.resize(size, Image.Resampling.BICUBIC))
    base = 128 + 48 * base / base.std() + random.normal(scale=4, size=base.shape)
    picture = np.clip(base, 0, 255).astype(np.uint8)
    for number in range(count):
        shifted = np.roll(picture, 37 * number, axis=1)
        Image.fromarray(shifted).save(folder / f"{number:06}.jpg", quality=88)
    return folder


def _measure(folder: Path, encoder: Encoder, arguments: argparse.Namespace) -> dict[str, object]:
    sample = sorted(folder.iterdir())[:ALONE]

    def prepare(path: Path) -> Pixels:
        image, _ = read_image(path.read_bytes(), input_size=encoder.input_size, name=path.name)
        return encoder.preprocess(image)

    def decode() -> list[Pixels]:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return list(pool.map(prepare, sample))

    pixels = decode()
    size = BATCH_SIZES[encoder.device]

    def encode() -> None:
        for start in range(0, len(pixels), size):
            encoder.encode_pixels(pixels[start : start + size])

    encode_rate = len(sample) / _best_of_three(encode)
    decode_rate = len(sample) / _best_of_three(decode)
    command = [sys.executable, "-m", "benchmarks.index_speed", "--encoder", arguments.encoder]
    command += ["--precision", arguments.precision, "--run", str(folder), f"{folder}-library"]
    run = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return {
        "encode_alone": encode_rate,
        "decode_alone": decode_rate,
        "share_of_slower": run["images_per_second"] / min(encode_rate, decode_rate),
        **run,
    }


def _best_of_three(work: Callable[[], object]) -> float:
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def _whole_run(folder: Path, library: Path, name: str, precision: str) -> None:
    """The index run in a process of its own; its figures as JSON on stdout."""
    encoder = load_encoder(name, precision=precision)
    with open_library(library, create=True) as opened:
        report = pipeline.index(
            opened, [folder], encoder=encoder.name, load=lambda: encoder, observer=_Nobody()
        )
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    figures = {
        "images_per_second": report.images_per_second,
        "bottleneck": report.bottleneck,
        "peak_gb": peak_kib * 1024 / 1e9,
    }
    print(json.dumps(figures))


def _rerun(folder: Path, count: int) -> dict[str, object]:
    """A run over `count` files in folders of 1,000 that the library lists already."""
    from tests.fake import FakeEncoder

    folder.mkdir()
    picture = folder / "seed.bmp"
    Image.new("RGB", (1, 1)).save(picture)
    data = picture.read_bytes()
    picture.unlink()
    for number in range(count):
        directory = folder / f"{number // 1000:04}"
        directory.mkdir(exist_ok=True)
        (directory / f"IMG_{number:06}.bmp").write_bytes(data + number.to_bytes(4, "big"))
    with open_library(folder.parent / "tiny-library", create=True) as library:
        for _ in range(3):
            report = pipeline.index(
                library, [folder], encoder="fake", load=FakeEncoder, observer=_Nobody()
            )
    assert report.unchanged == count
    return {"rerun_files": count, "files_per_second": count / report.seconds}


class _Nobody:
    def planned(self, total: int) -> None: ...

    def started(self) -> None: ...

    def advanced(self) -> None: ...

    def skipped(self, path: str, reason: str) -> None: ...


def _sentence(figures: dict[str, object]) -> str:
    return (
        "{photos}: encoder alone {encode_alone:.1f}, decode alone {decode_alone:.1f}, whole run "
        "{images_per_second:.1f} images/s = {share_of_slower:.0%} of the slower; limited by "
        "{bottleneck}; peak {peak_gb:.2f} GB"
    ).format(**figures)


if __name__ == "__main__":
    main()
