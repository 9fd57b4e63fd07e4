"""Everything that a person waits for, in one table: indexing beside its parts, searching, growth.

    python -m benchmarks.run
    python -m benchmarks.run --quick --json figures.json
    python -m benchmarks.run --photos DIR

Compare ratios within one run: absolute figures move with whatever else the machine does. Each part
runs in a process of its own. On a CPU, decoding and encoding share the cores, so that a run cannot
come near the slower of them where both cost alike; the bound 1 / (1/encode + 1/decode) is what is
left, and the table says how much of it is reached; then the same where decoding counts with all
else that a run does of each file: its hash, what is written in it, what it looks like.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from benchmarks.cold_search import TIMES, cold_search, line
from benchmarks.encoder_speed import BATCHES, encoder_speed
from benchmarks.growth import SIZES as LIBRARY_SIZES
from benchmarks.growth import growth
from benchmarks.index_speed import index_speed
from benchmarks.machine import machine
from benchmarks.photos import SIZES, generated, multiplied
from benchmarks.vit import make_vit

COUNT, QUICK_COUNT = 200, 48
"""Photos in a folder."""


def main() -> None:
    """Measure, print as it goes, and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer photos, sizes and processes")
    parser.add_argument("--photos", type=Path, help="measure on the photos in this folder instead")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    arguments = parser.parse_args()
    figures: dict[str, object] = {"machine": machine()}
    print(figures["machine"])
    with tempfile.TemporaryDirectory() as path:
        scratch = Path(path)
        encoders = {"starter": "starter", "ViT-B/32": make_vit(scratch)}
        figures["encoders"] = list(_encoders(encoders))
        figures["indexing"] = list(_indexing(scratch, encoders, arguments))
        figures["searching"] = list(_searching(scratch, quick=arguments.quick))
        figures["growth"] = list(_growth(scratch, quick=arguments.quick))
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")


def _encoders(encoders: dict[str, str]) -> Iterator[dict[str, object]]:
    print(f"\nEncoder alone, images/s in batches of {', '.join(map(str, BATCHES))}")
    for short, name in encoders.items():
        speed = encoder_speed(name)
        for way, rates in speed.rates.items():
            print(f"{short:10} {way:10}" + "".join(f"{rate:8.1f}" for rate in rates))
        print(f"{short:10} chosen: {speed.chosen}, {speed.gain:.2f} x plain", flush=True)
        yield {"encoder": short, "batches": BATCHES, **asdict(speed), "gain": speed.gain}


def _indexing(
    scratch: Path, encoders: dict[str, str], arguments: argparse.Namespace
) -> Iterator[dict[str, object]]:
    print(
        "\nIndexing, images/s                  encode  decode  encode/decode   whole  "
        "of slower  bound  of bound  prepare  of bound  peak GB"
    )
    for photos, folder in _folders(scratch, arguments):
        for short, name in encoders.items():
            speed = index_speed(folder, name)
            print(
                f"{photos:24} {short:10}{speed.encode:8.1f}{speed.decode:8.1f}"
                f"{speed.encode / speed.decode:12.2f}{speed.whole:11.1f}"
                f"{speed.whole / speed.slower:10.0%}{speed.bound:9.1f}"
                f"{speed.whole / speed.bound:8.0%}{speed.prepare:11.1f}"
                f"{speed.whole / speed.whole_bound:8.0%}{speed.peak_gb:9.2f}"
                f"  {speed.precision}, {speed.batch} at a time, limited by {speed.bottleneck}",
                flush=True,
            )
            yield {"photos": photos, "encoder": short, **asdict(speed), "bound": speed.bound}


def _folders(scratch: Path, arguments: argparse.Namespace) -> Iterator[tuple[str, Path]]:
    count = QUICK_COUNT if arguments.quick else COUNT
    if arguments.photos is not None:
        folder = multiplied(arguments.photos, scratch / "photos", count)
        yield f"{count} of {arguments.photos.name}", folder
        return
    for name, size in SIZES.items():
        folder = scratch / name.replace(" ", "-")
        yield f"{count} of {name}", generated(folder, size, count)


def _searching(scratch: Path, *, quick: bool) -> Iterator[dict[str, object]]:
    print("\nSearching among 10,000 images, and a run with nothing to do: least, median")
    times, files = (3, 10_000) if quick else (TIMES, 100_000)
    (scratch / "search").mkdir()
    for figure in cold_search(scratch / "search", 10_000, times=times, files=files):
        print(line(figure), flush=True)
        yield asdict(figure)
    print(f"so {files / figure.least:,.0f} files/s")


def _growth(scratch: Path, *, quick: bool) -> Iterator[dict[str, object]]:
    sizes = LIBRARY_SIZES[:2] if quick else LIBRARY_SIZES
    print(f"\nGrowth, ms at {', '.join(f'{size:,}' for size in sizes)} images; last over first")
    for row in growth(scratch, sizes):
        times = [row.milliseconds[size] for size in sizes]
        print(
            f"{row.operation:40}" + "".join(f"{it:10.2f}" for it in times),
            f"{times[-1] / times[0]:8.1f} x",
        )
        yield asdict(row)


if __name__ == "__main__":
    main()
