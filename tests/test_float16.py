"""float16 to float32 by moving bits, against numpy."""

from __future__ import annotations

import numpy as np
import pytest

from searchengine import float16 as halves
from searchengine.float16 import widened


def test_every_finite_half(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(halves, "BLOCK", 1000)
    every = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    finite = every[np.isfinite(every)]
    wide = widened(finite)
    assert wide.dtype == np.float32
    np.testing.assert_array_equal(wide, finite.astype(np.float32))
    np.testing.assert_array_equal(np.signbit(wide), np.signbit(finite))


def test_what_is_not_finite_is_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(halves, "BLOCK", 1000)
    every = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    np.testing.assert_array_equal(np.isnan(widened(every)), ~np.isfinite(every))
    for value in (np.inf, -np.inf, np.nan, -np.nan):
        one = np.array([1, value, 2], dtype=np.float16)
        np.testing.assert_array_equal(widened(one), np.array([1, np.nan, 2], dtype=np.float32))


def test_shapes_and_other_types() -> None:
    rows = np.arange(24, dtype=np.float16).reshape(2, 3, 4)
    for view in (rows, rows[:, ::2], rows.swapaxes(0, 1), rows[:0]):
        np.testing.assert_array_equal(widened(view), view.astype(np.float32))
    single = np.ones((2, 2), dtype=np.float32)
    assert widened(single) is single
    np.testing.assert_array_equal(widened(single.astype(np.float64)), single)
