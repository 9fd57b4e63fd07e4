"""What `benchmarks.scroll` makes of a trace, on one made by hand."""

from __future__ import annotations

import pytest

from benchmarks.frames import fold

PAGE, OTHER, SCREEN = 7, 8, 9


def named(process: int, thread: int, name: str) -> dict[str, object]:
    return {
        "ph": "M",
        "name": "thread_name",
        "pid": process,
        "tid": thread,
        "args": {"name": name},
    }


def span(
    name: str, began: float, took: float, worked: float, place: tuple[int, int]
) -> dict[str, object]:
    """Milliseconds, as the trace's microseconds."""
    process, thread = place
    times = {"ts": 1e3 * began, "dur": 1e3 * took, "tdur": 1e3 * worked}
    return {"ph": "X", "name": name, "pid": process, "tid": thread, **times}


def frame(process: int, at: float) -> dict[str, object]:
    return {"ph": "I", "name": "BeginMainThreadFrame", "pid": process, "tid": 1, "ts": 1e3 * at}


def test_work_is_summed_by_frame_and_by_kind() -> None:
    main, worker, screen = (PAGE, 1), (PAGE, 2), (SCREEN, 1)
    found = fold(
        [
            named(*main, "CrRendererMain"),
            named(*worker, "ThreadPoolForegroundWorker"),
            named(*screen, "VizCompositorThread"),
            named(OTHER, 1, "CrRendererMain"),
            span("RunTask", 0, 9, 9, main),  # before the first frame
            frame(PAGE, 11),
            span("RunTask", 10, 8, 6, main),
            span("Layout", 12, 4, 3, main),
            span("FunctionCall", 13, 2, 1, main),
            span("RunTask", 19, 1, 1, main),  # between frames: of the one before
            frame(PAGE, 30),
            span("RunTask", 30, 60, 2, main),  # waited, more than it worked
            frame(OTHER, 5),
            span("RunTask", 5, 90, 90, (OTHER, 1)),
            span("ImageDecodeTask", 5, 4, 4, worker),
            span("RasterTask", 9, 2, 2, worker),
            span("RunTask", 20, 5, 5, screen),
        ]
    )
    assert found.work == [7, 2]
    assert found.kinds == pytest.approx({"other": 15, "layout": 2, "script": 1})
    assert found.long_tasks == 1
    assert (found.decode, found.raster, found.compositor) == (4, 2, 5)
