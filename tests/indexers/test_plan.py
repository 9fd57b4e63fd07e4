"""The plan against a slow, obvious second version, on random disks and catalogs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexers import plan as planning
from indexers.plan import make_plan
from indexers.sidecars import NO_SIDECAR
from searchengine.catalog.records import FailedFile, Known
from searchengine.types import FailureKind, FileState

PATHS = [f"/p/{letter}" for letter in "abcdefgh"]
states = st.tuples(st.integers(1, 3), st.integers(1, 3))
disks = st.dictionaries(st.sampled_from(PATHS), states)
catalogs = st.dictionaries(st.sampled_from(PATHS), st.tuples(states, st.booleans()))


@pytest.fixture(scope="module", autouse=True)
def _runs_of_three() -> Iterator[None]:
    """Files are looked up three at a time, so that most disks here take several look-ups."""
    with pytest.MonkeyPatch.context() as changed:
        changed.setattr(planning, "AT_A_TIME", 3)
        yield


@given(disk=disks, listed=catalogs, failed=disks, retry=st.booleans())
def test_every_file_is_sorted_once_and_rightly(
    disk: dict[str, tuple[int, int]],
    listed: dict[str, tuple[tuple[int, int], bool]],
    failed: dict[str, tuple[int, int]],
    retry: bool,
) -> None:
    known = {
        path: Known(number, *state, has_vector)
        for number, (path, (state, has_vector)) in enumerate(listed.items(), start=1)
    }
    failures = {
        path: FailedFile(FileState(path, *state), FailureKind.UNREADABLE, "broken")
        for path, state in failed.items()
    }
    asked: list[str] = []

    def known_at(paths: Sequence[str]) -> dict[str, Known]:
        asked.extend(paths)
        return {path: known[path] for path in paths if path in known}

    plan = make_plan(
        [FileState(path, *state) for path, state in disk.items()],
        known_at,
        failures,
        lambda before, now: before.file != now or retry,
        lambda _: NO_SIDECAR,
    )
    waiting = {p for p, s in disk.items() if failed.get(p) == s and not retry}
    unchanged = {p for p, s in disk.items() if p not in waiting and listed.get(p) == (s, True)}
    jobs = set(disk) - waiting - unchanged
    assert {job.file.path for job in plan.jobs} == jobs
    assert len(plan.jobs) == len(jobs)
    assert plan.unchanged == len(unchanged)
    assert sorted(failure.file.path for failure in plan.still_failed) == sorted(waiting)
    assert len(plan.jobs) + plan.unchanged + len(plan.still_failed) == len(disk)
    assert asked == list(disk)
    assert sorted(plan.seen) == sorted(known[path].id for path in set(listed) & set(disk))
    assert plan.failed_paths == set(failed) & set(disk)
    for job in plan.jobs:
        expected = known[job.file.path].id if job.file.path in known else None
        assert job.image_id == expected
