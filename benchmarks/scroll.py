"""How smoothly the page of `clipseek serve` scrolls through 100,000 pictures, and what that costs.

    python -m benchmarks.scroll

Chromium without a window, which draws on the processor, scrolls through the hits of a search and
through all pictures by date: as fast as a wheel is turned (3,000 pixels a second, three screens),
as fast as pages come (24,000), and dragged back to the top and down again, through all that came.
The library is that of `benchmarks.serve`. What is printed is how long frames took, of what the main
thread did for each, which is the page's own doing, and what drawing took beside it, which is the
work of a GPU where there is one.

The exit status is 1 where something is over its bound: WORK, INTERVAL and NODES below.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmarks.frames import CATEGORIES, LONG, Frames, fold
from benchmarks.serve import cpu_seconds, make_library, served
from tests.support.chromium import chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser, CDPSession, Page

FloatArray = NDArray[np.float64]

WORK = 16.0
"""Milliseconds of the main thread for a frame, of the 16.7 that a frame has."""

INTERVAL = 34.0
"""Milliseconds between frames: every second one at 60 Hz."""

NODES = 6_000
"""Of the document, however far one has scrolled."""

TICKS = """() => {
  const ticks = (window.ticks = []);
  const tick = (now) => window.ticks === ticks && (ticks.push(now), requestAnimationFrame(tick));
  requestAnimationFrame(tick);
}"""
"""Notes the time of every frame, also where nothing moves."""

PAGES = ("?q=a+dog", "?sort=date")
WHEEL, FAR, DRAG = 3_000, 24_000, 60_000
"""Pixels a second."""

ON_TIME = 17.5
"""Milliseconds of a frame at 60 Hz, and what clocks differ by."""


def main() -> None:
    """Measure, print, and judge."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=10, help="of each way to scroll")
    parser.add_argument("--library", type=Path, help="one that is there, of so many images")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, chromium() as browser:
        library = arguments.library or make_library(Path(scratch), arguments.images)
        with served(library, Path(scratch) / "cache") as (address, server):
            found = [
                wrong
                for path in PAGES
                for wrong in scrolled(browser, f"{address}{path}", server, arguments.seconds)
            ]
    print(*found, sep="\n")
    sys.exit(bool(found))


def scrolled(browser: Browser, address: str, server: int, seconds: float) -> list[str]:
    """Scroll through the hits at an address in three ways, and print; what is over its bound."""
    page = browser.new_page(viewport={"width": 1600, "height": 1000})
    page.set_default_timeout(600_000)
    devtools = page.context.new_cdp_session(page)
    page.goto(address)
    page.wait_for_timeout(1_500)
    wrong = []
    for what, speed, rounds in (
        ("wheel", WHEEL, (1,)),
        ("far", FAR, (1,)),
        ("drag", DRAG, (-1, 1)),
    ):
        pixels = speed * seconds if speed < DRAG else page.evaluate("scrollY")
        before = cpu_seconds(server)
        browser.start_tracing(page=page, categories=CATEGORIES)
        page.evaluate(TICKS)
        for way in rounds:
            turn(devtools, way * pixels, speed)
        intervals = np.diff(page.evaluate("ticks"))
        spent = cpu_seconds(server) - before
        page.evaluate("window.ticks = null")
        frames = fold(json.loads(browser.stop_tracing())["traceEvents"])
        name = f"{address.rpartition('/')[2]} {what}"
        show(name, intervals, frames, spent, page)
        wrong += judged(name, intervals, frames, page)
    page.close()
    return wrong


def turn(devtools: CDPSession, pixels: float, speed: int) -> None:
    """Scroll down by so many pixels, as a wheel does; up where they are negative."""
    devtools.send(
        "Input.synthesizeScrollGesture",
        {
            "x": 800,
            "y": 600,
            "yDistance": -round(pixels),
            "speed": speed,
            "gestureSourceType": "mouse",
            "preventFling": True,
        },
    )


def show(
    what: str, intervals: FloatArray, frames: Frames, served_seconds: float, page: Page
) -> None:
    """What a way to scroll took."""
    count = len(intervals)
    late, stuck = (intervals > ON_TIME).sum(), (intervals > LONG).sum()
    main_thread = sum(frames.work)
    drawing = frames.decode + frames.raster + frames.compositor
    print(f"{what}: {count:,} frames; milliseconds p50 / p95 / most")
    print(f"  from frame to frame {spread(intervals)}; {late} late, {stuck} over {LONG:g} ms")
    print(
        f"  main thread, each frame {spread(frames.work)}; {frames.long_tasks} tasks over "
        f"{LONG:g} ms"
    )
    kinds = sorted(frames.kinds.items(), key=lambda kind: -kind[1])
    print("  of it", ", ".join(f"{kind} {spent / count:.2f}" for kind, spent in kinds))
    print(
        f"  beside it, each frame: decode {frames.decode / count:.1f}, raster "
        f"{frames.raster / count:.1f}, compositing {frames.compositor / count:.1f}, server "
        f"{1e3 * served_seconds / count:.1f}; drawing is "
        f"{drawing / (drawing + main_thread):.0%} of the browser's"
    )
    tiles, nodes = page.evaluate(
        "[document.querySelectorAll('#hits .tile').length, document.querySelectorAll('*').length]"
    )
    height = page.evaluate("document.documentElement.scrollHeight")
    print(f"  {tiles:,} tiles and {nodes:,} elements in {height:,} pixels", flush=True)


def judged(what: str, intervals: FloatArray, frames: Frames, page: Page) -> list[str]:
    """What is over its bound."""
    return [
        f"{what}: {name} is {value:,.1f}, over {bound:,.1f}"
        for name, value, bound in (
            ("main thread's p95", float(np.percentile(frames.work, 95)), WORK),
            ("p95 from frame to frame", float(np.percentile(intervals, 95)), INTERVAL),
            ("elements", float(page.evaluate("document.querySelectorAll('*').length")), NODES),
        )
        if value > bound
    ]


def spread(spent: Sequence[float] | FloatArray) -> str:
    """As figures."""
    return " / ".join(f"{each:.1f}" for each in np.percentile(spent, [50, 95, 100]))


if __name__ == "__main__":
    main()
