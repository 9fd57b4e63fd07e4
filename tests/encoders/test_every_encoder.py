"""Encoders of the table through both runtimes: a few here, all by `benchmarks.every_encoder`."""

from __future__ import annotations

import pytest

from benchmarks.every_encoder import through_both

pytest.importorskip("openvino")


@pytest.mark.parametrize(
    "name", ["starter-256", "PE-Core-T-16-384/meta", "MobileCLIP2-S0/dfndr2b"], ids=str
)
def test_a_row_of_the_table_says_the_same_without_torch(name: str) -> None:
    row = through_both(name)
    assert row.is_right, row
    assert row.cold_texts == "numpy"
