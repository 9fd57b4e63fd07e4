"""What the frames of a Chromium cost, from a trace of its threads. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Event = Mapping[str, Any]
"""As in https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU."""

CATEGORIES = [
    "devtools.timeline",
    "disabled-by-default-devtools.timeline",
    "disabled-by-default-devtools.timeline.frame",
]
"""What is traced."""

KINDS = {
    "FunctionCall": "script",
    "EvaluateScript": "script",
    "v8.callFunction": "script",
    "RunMicrotasks": "script",
    "FireAnimationFrame": "script",
    "TimerFire": "script",
    "EventDispatch": "script",
    "ParseHTML": "parse",
    "MinorGC": "garbage",
    "MajorGC": "garbage",
    "UpdateLayoutTree": "style",
    "Layout": "layout",
    "PrePaint": "paint",
    "Paint": "paint",
    "Layerize": "paint",
    "Commit": "commit",
    "IntersectionObserverController::computeIntersections": "observers",
}
"""What the main thread does; whatever else is "other"."""

TASK, MAIN, LONG = "RunTask", "CrRendererMain", 50.0
"""The name of a whole task, that of the thread, and milliseconds of a task that is felt."""


@dataclass(frozen=True, slots=True)
class Frames:
    """Milliseconds; those of threads are of their processor time."""

    work: list[float]
    """Of the page's main thread, frame by frame."""
    kinds: dict[str, float]
    """All of that by what was done; what is nested counts for itself."""
    long_tasks: int
    """Tasks of the main thread over LONG, as the clock has it."""
    decode: float
    """Pictures to pixels, on threads beside it."""
    raster: float
    """Tiles of the page to pixels, on threads beside it."""
    compositor: float
    """Tiles to the screen, on two more threads; on a GPU where there is one."""


def fold(events: Sequence[Event]) -> Frames:
    """What a trace says of the renderer that had the most frames."""
    names = {
        (event["pid"], event["tid"]): event["args"]["name"]
        for event in events
        if event["name"] == "thread_name"
    }
    frames = [event for event in events if event["name"] == "BeginMainThreadFrame"]
    ((renderer, _),) = Counter(event["pid"] for event in frames).most_common(1)
    begun = sorted(event["ts"] for event in frames if event["pid"] == renderer)
    spans = [event for event in events if event["ph"] == "X"]

    def of(name: str) -> list[Event]:
        return [event for event in spans if names.get((event["pid"], event["tid"])) == name]

    def inside(name: str) -> float:
        mine = (event for event in spans if event["pid"] == renderer and event["name"] == name)
        return sum(map(_spent, mine))

    main = [event for event in of(MAIN) if event["pid"] == renderer]
    tasks = [event for event in main if event["name"] == TASK]
    work = [0.0] * (len(begun) + 1)
    for task in tasks:
        work[bisect_right(begun, task["ts"] + task["dur"])] += _spent(task)
    compositors = [*of("VizCompositorThread"), *of("Compositor"), *of("CrGpuMain")]
    return Frames(
        work=work[1:],
        kinds=_by_kind(main),
        long_tasks=sum(task["dur"] > 1e3 * LONG for task in tasks),
        decode=inside("ImageDecodeTask"),
        raster=inside("RasterTask"),
        compositor=sum(_spent(event) for event in compositors if event["name"] == TASK),
    )


def _spent(event: Event) -> float:
    return float(event.get("tdur", 0)) / 1e3


def _by_kind(spans: Iterable[Event]) -> dict[str, float]:
    """Milliseconds of one thread by kind."""
    kinds: defaultdict[str, float] = defaultdict(float)
    open_spans: list[tuple[float, str]] = []  # their ends and kinds, the innermost last
    for event in sorted(spans, key=lambda event: (event["ts"], -event["dur"])):
        while open_spans and open_spans[-1][0] <= event["ts"]:
            open_spans.pop()
        around = open_spans[-1][1] if open_spans else None
        kind = KINDS.get(event["name"], around or "other")
        kinds[kind] += _spent(event)
        if around is not None:
            kinds[around] -= _spent(event)
        open_spans.append((event["ts"] + event["dur"], kind))
    return dict(kinds)
