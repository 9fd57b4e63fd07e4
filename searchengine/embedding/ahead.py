"""Results of many jobs in order, worked at in threads a little ahead of who takes them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")


def ahead(
    pool: ThreadPoolExecutor,
    function: Callable[[Job], Result],
    jobs: Iterable[Job],
    depth: Callable[[], int],
    result_of: Callable[[Future[Result]], Result] = Future.result,
) -> Iterator[Result]:
    """The function's results in order, with at most `depth()` of them under way or waiting.

    `result_of` waits for one of them.
    """
    waiting: deque[Future[Result]] = deque()
    for job in jobs:
        waiting.append(pool.submit(function, job))
        while len(waiting) >= depth():
            yield result_of(waiting.popleft())
    while waiting:
        yield result_of(waiting.popleft())
