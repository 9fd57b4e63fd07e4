"""Items through a device in batches: one is begun before the rows of the one before are fetched."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch

from searchengine.encoders.batches import BatchLimit, BatchTooLargeError
from searchengine.encoders.openclip import doubling
from searchengine.encoders.openclip.doubling import batch_by_doubling
from searchengine.encoders.openclip.encoder import ClipEncoder, load_encoder
from searchengine.encoders.openclip.transfers import Transfers
from searchengine.types import Vectors
from tests.support.models import make_model


class Device:
    """Computes the square of numbers, says when, and has room for so many at once."""

    def __init__(self, room: int) -> None:
        self.said: list[str] = []
        self._room = room

    def begin(self, part: Sequence[int]) -> Callable[[], Vectors]:
        name = ",".join(map(str, part))
        if len(part) > self._room:
            self.said.append(f"no room for {name}")
            raise MemoryError
        self.said.append(f"begin {name}")

        def wait() -> Vectors:
            self.said.append(f"fetch {name}")
            return np.array([[number**2] for number in part], dtype=np.float32)

        return wait


def test_a_batch_is_begun_before_the_one_before_is_fetched() -> None:
    device = Device(room=2)
    rows = BatchLimit(2).embed_ahead(range(5), 1, device.begin)
    assert rows[:, 0].tolist() == [0, 1, 4, 9, 16]
    assert device.said == ["begin 0,1", "begin 2,3", "fetch 0,1", "begin 4", "fetch 2,3", "fetch 4"]


def test_where_there_is_no_room_what_is_under_way_is_fetched_first() -> None:
    """It holds memory; and its rows are not lost when the batch is halved."""
    device = Device(room=4)
    limit = BatchLimit(4)

    def begin(part: Sequence[int]) -> Callable[[], Vectors]:
        device._room = 4 if part[0] == 0 else 2  # another program took half
        return device.begin(part)

    rows = limit.embed_ahead(range(7), 1, begin)
    assert rows[:, 0].tolist() == [number**2 for number in range(7)]
    assert limit.size == 1
    said = ["begin 0,1,2,3", "no room for 4,5,6", "fetch 0,1,2,3", "begin 4", "begin 5"]
    assert device.said[:5] == said
    with pytest.raises(BatchTooLargeError):
        BatchLimit(4).embed_ahead(range(3), 1, Device(room=0).begin)


@pytest.mark.parametrize(
    ("rates", "best"),
    [
        ({32: 100, 64: 190, 128: 350, 256: 360, 512: 1000}, 128),
        ({32: 100, 64: 104}, 32),
        ({32: 100, 64: 200, 128: 0}, 64),
        ({32: 0, 64: 0}, 32),
        ({size: float(size) for size in (32, 64, 128, 256, 512, 1024)}, 1024),
    ],
)
def test_batches_are_doubled_until_the_rate_is_flat(rates: dict[int, float], best: int) -> None:
    assert batch_by_doubling(rates.__getitem__) == best


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    return make_model(tmp_path_factory.mktemp("models") / "tiny", {})


def pictures(encoder: ClipEncoder, count: int) -> list[np.ndarray]:
    random = np.random.default_rng(0)
    shape = (count, *encoder.preprocessing.size, 3)
    return list(random.integers(0, 256, shape, dtype=np.uint8))


def test_rows_in_batches_are_those_of_each_picture(tiny: str) -> None:
    encoder = load_encoder(tiny, device="cpu", precision="float32")
    many = pictures(encoder, 2 * encoder.picture_limit.size + 3)
    alone = np.concatenate([encoder.encode_pixels([picture]) for picture in many])
    np.testing.assert_allclose(encoder.encode_pixels(many), alone, atol=1e-5)


def test_a_rate_is_measured_where_there_is_memory(
    tiny: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = load_encoder(tiny, device="cpu", precision="float32")
    assert encoder.rate(4) > 0
    whole = encoder.model.encode_image

    def greedy(batch: torch.Tensor) -> torch.Tensor:
        if len(batch) > 32:
            raise MemoryError
        return whole(batch)

    monkeypatch.setattr(encoder.model, "encode_image", greedy)
    assert encoder.rate(64) == 0
    assert batch_by_doubling(encoder.rate) == doubling.FIRST


def test_bytes_go_to_the_cpu_and_rows_come_back() -> None:
    transfers = Transfers("cpu")
    pixels = [np.full((2, 3, 3), number, dtype=np.uint8) for number in range(4)]
    np.testing.assert_array_equal(transfers.to_device(pixels).numpy(), np.stack(pixels))
    rows = torch.arange(6, dtype=torch.float32).reshape(2, 3)
    np.testing.assert_array_equal(transfers.from_device(rows)(), rows.numpy())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="NO GPU: copies beside computing")
def test_rows_of_a_gpu_are_those_of_the_cpu(tiny: str) -> None:
    on_cpu = load_encoder(tiny, device="cpu", precision="float32")
    on_gpu = load_encoder(tiny, device="cuda", precision="float32")
    many = pictures(on_cpu, 5_000)
    cosines = (on_cpu.encode_pixels(many) * on_gpu.encode_pixels(many)).sum(axis=1)
    assert cosines.min() > 0.9999
