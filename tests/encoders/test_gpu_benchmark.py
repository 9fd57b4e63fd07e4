"""`python -m benchmarks.gpu`, little of it and on the CPU: it must work where there is a GPU."""

from __future__ import annotations

import re

import pytest

from benchmarks.gpu import Size, measure


def test_the_command_prints_every_rate(capsys: pytest.CaptureFixture[str]) -> None:
    measure("cpu", Size(("starter",), photos=3, pictures=4, seconds=0.0, rows=3_000, queries=3))
    said = capsys.readouterr().out
    number = r"\s+([\d,.]+)"
    rates = [
        float(re.search(what + number, said)[1].replace(",", ""))  # type: ignore[index]
        for what in ("on the device", "decoded pixels", "JPEG files", "3,000 rows", "exact search")
    ]
    assert all(rate > 0 for rate in rates), said
    tensors, decoded, files, *_ = rates
    busy = [int(share) for share in re.findall(r"busy\s+(\d+)%", said)]
    assert busy == pytest.approx([100 * decoded / tensors, 100 * files / tensors], rel=0.5)
