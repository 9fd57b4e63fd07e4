"""Sets of rows against Python's own sets."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from searchengine.vectors.rowset import RowSet

COUNTS = st.integers(0, 200)


@given(COUNTS, st.data())
def test_it_is_the_set_that_python_makes(count: int, data: st.DataObject) -> None:
    rows = st.sets(st.integers(0, max(0, count - 1)), max_size=count)
    some, others, below = data.draw(rows), data.draw(rows), data.draw(st.integers(0, 220))
    one, other = RowSet.of(array(some), count), RowSet.of(array(others), count)
    assert one.numbers().tolist() == sorted(some)
    assert (one.size, one.is_every) == (len(some), len(some) == count)
    assert one[np.arange(count)].tolist() == [row in some for row in range(count)]
    assert one.below(below) == sum(row < below for row in some)
    assert (one & other).numbers().tolist() == sorted(some & others)
    assert one.without(array(others)).numbers().tolist() == sorted(some - others)
    assert one.numbers().tolist() == sorted(some), "what was made of it changed it"


@given(COUNTS, st.integers(0, 40))
def test_bits_behind_the_last_row_are_not_in_it(count: int, behind: int) -> None:
    more = RowSet.every(count + behind)
    first = RowSet.up_to(more.bits, count)
    assert first.is_every
    assert first.numbers().tolist() == RowSet.every(count).numbers().tolist() == [*range(count)]
    assert (first & RowSet.every(count)).size == count


def array(rows: set[int]) -> np.ndarray:
    return np.array(sorted(rows), dtype=np.int64)
