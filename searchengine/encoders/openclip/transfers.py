"""Batches to a device and their rows back, on CUDA beside what the device computes meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from searchengine.types import Pixels, Vectors

if TYPE_CHECKING:
    import torch


class Transfers:
    """To and from one device. On CUDA in pinned memory, on the way there in a stream of their own.

    torch hands a pinned block or a tensor of the device out again only when the copies that were
    begun with it are done; so none is written while it is read.
    """

    def __init__(self, device: str) -> None:
        import torch

        self._device = device
        self._copies = torch.cuda.Stream() if device == "cuda" else None  # type: ignore[no-untyped-call]

    def to_device(self, pixels: Sequence[Pixels]) -> torch.Tensor:
        """Pictures of one size as bytes (n, h, w, 3) on the device.

        What is computed with them there waits for the copy; this returns before.
        """
        import torch

        pinned = self._copies is not None
        staged = torch.empty((len(pixels), *pixels[0].shape), dtype=torch.uint8, pin_memory=pinned)
        np.stack(pixels, out=staged.numpy())
        if self._copies is None:
            return staged.to(self._device)
        with torch.cuda.stream(self._copies):
            moved = staged.to(self._device, non_blocking=True)
        computing = torch.cuda.current_stream()
        computing.wait_stream(self._copies)
        moved.record_stream(computing)
        return moved

    def from_device(self, rows: torch.Tensor) -> Callable[[], Vectors]:
        """Rows in float32: what is returned waits for them. On CUDA others may be begun before."""
        import torch

        if self._copies is None:
            fetched: Vectors = rows.cpu().numpy()
            return lambda: fetched
        staged = torch.empty(rows.shape, dtype=torch.float32, pin_memory=True)
        staged.copy_(rows, non_blocking=True)
        done = torch.cuda.Event()  # type: ignore[no-untyped-call]
        done.record()

        def wait() -> Vectors:
            done.synchronize()
            arrived: Vectors = staged.numpy()
            return arrived

        return wait
