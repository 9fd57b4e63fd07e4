"""The real encoders: open_clip models on torch.

Loading goes in steps: the name is resolved to files (`sources.py`), open_clip builds the model
from them (`build.py`), the weights are fingerprinted as they came, and only then cast to the
precision and moved to the device (`precision.py`). Batches come and go by `transfers.py`. These
five are the home of torch and open_clip, which they import late. How many items go through at once
is in `batches.py`, and on CUDA, of pictures, what `doubling.py` finds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from searchengine.devices import choose_device
from searchengine.encoders.batches import BatchLimit, BatchTooLargeError, Item
from searchengine.encoders.interface import require_finite
from searchengine.encoders.names import canonical_name
from searchengine.encoders.openclip.build import ClipModel, build, fingerprint, quiet
from searchengine.encoders.openclip.doubling import FIRST, batch_by_doubling
from searchengine.encoders.openclip.precision import PRECISIONS, normalised, place
from searchengine.encoders.openclip.sources import find_source
from searchengine.encoders.openclip.transfers import Transfers
from searchengine.encoders.preprocess import Preprocessing
from searchengine.errors import EncoderError
from searchengine.types import Pixels, Vectors

if TYPE_CHECKING:
    import torch

MAX_BATCH = 256
"""Pictures or texts that go through the model at once, where no size is measured."""

MAX_PICTURES_ON_CPU = 16
"""Pictures that go through the model at once on a CPU: the maps of more outgrow the allocator's
reuse in a convolutional tower, and a transformer gains nothing (measured)."""

TRIALS = 3
"""Batches that a size is timed with."""


@dataclass(frozen=True, eq=False)
class ClipEncoder:
    """An open_clip model as a `searchengine.encoders.interface.Encoder`; made by `load_encoder`."""

    name: str
    dim: int
    input_size: int
    logit_scale: float
    device: str
    precision: str
    fingerprint: str
    files: Sequence[Path]
    """What it was loaded from."""
    model: ClipModel = field(repr=False)
    """In evaluation mode, on the device, in the precision."""
    preprocessing: Preprocessing = field(repr=False)
    tokenizer: Callable[[list[str]], Any] = field(repr=False)
    text_limit: BatchLimit = field(
        default_factory=lambda: BatchLimit(MAX_BATCH), init=False, repr=False
    )
    _few_limit: BatchLimit = field(
        default_factory=lambda: BatchLimit(FIRST), init=False, repr=False
    )

    @cached_property
    def picture_limit(self) -> BatchLimit:
        """How many pictures go through at once. On CUDA this is measured, for a second or two."""
        if self.device == "cuda":
            return BatchLimit(batch_by_doubling(self.rate))
        return BatchLimit(MAX_PICTURES_ON_CPU if self.device == "cpu" else MAX_BATCH)

    def rate(self, size: int) -> float:
        """Pictures a second in batches of `size`; 0 where there is no memory for one."""
        pictures = [np.zeros((*self.preprocessing.size, 3), np.uint8)] * (TRIALS * size)
        self._encode_in(pictures[:size], BatchLimit(size))  # prepares for this size
        limit, started = BatchLimit(size), time.perf_counter()
        self._encode_in(pictures, limit)
        seconds = time.perf_counter() - started
        return len(pictures) / seconds if limit.size == size else 0.0

    def preprocess(self, image: Image.Image) -> Pixels:
        """One picture of any size to the model's input size, shape (h, w, 3), uint8.

        Equal to the picture half of open_clip's own validation transform. Thread-safe. Raises
        UnreadableImageError for strips hundreds of times longer than wide.
        """
        return self.preprocessing(image)

    def encode_pixels(self, pixels: Sequence[Pixels]) -> Vectors:
        """Preprocessed pictures to unit rows, shape (n, d), float32."""
        measured = self.device != "cuda" or len(pixels) > FIRST  # a query would wait for it
        return self._encode_in(pixels, self.picture_limit if measured else self._few_limit)

    def encode_images(self, images: Sequence[Image.Image]) -> Vectors:
        """Pictures to unit rows, shape (n, d), float32."""
        return self.encode_pixels([self.preprocess(image) for image in images])

    def tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of texts, cut at the context."""
        rows: list[list[int]] = self.tokenizer(list(texts)).tolist()
        return rows

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Texts to unit rows, shape (n, d), float32. Texts beyond the context are cut."""
        return self._in_batches(texts, self._embed_texts, self.text_limit)

    def _encode_in(self, pixels: Sequence[Pixels], limit: BatchLimit) -> Vectors:
        return self._in_batches(pixels, self._embed_pixels, limit)

    def _in_batches(
        self,
        items: Sequence[Item],
        embed: Callable[[Sequence[Item]], torch.Tensor],
        limit: BatchLimit,
    ) -> Vectors:
        import torch

        try:
            with torch.inference_mode():
                return limit.embed_ahead(items, self.dim, lambda part: self._begin(embed(part)))
        except BatchTooLargeError as error:
            way_out = "" if self.device == "cpu" else ", or use --device cpu"
            raise EncoderError(
                f"not enough free memory on {self.device} for {self.name}; free some{way_out}"
            ) from error

    def _embed_pixels(self, pixels: Sequence[Pixels]) -> torch.Tensor:
        import torch

        dtype = getattr(torch, self.precision)
        batch = normalised(self._transfers.to_device(pixels), self.preprocessing).to(dtype)
        return self.model.encode_image(batch)

    def _embed_texts(self, texts: Sequence[str]) -> torch.Tensor:
        tokens = self.tokenizer(list(texts)).to(self.device)
        return self.model.encode_text(tokens)

    def _begin(self, embedded: torch.Tensor) -> Callable[[], Vectors]:
        """What waits for rows of length 1, in float32 whatever the model's precision.

        It refuses NaN and zeros.
        """
        rows = embedded.float()
        fetch = self._transfers.from_device(rows / rows.norm(dim=-1, keepdim=True))

        def wait() -> Vectors:
            unit = fetch()
            require_finite(unit, self.name, self.precision)
            return unit

        return wait

    @cached_property
    def _transfers(self) -> Transfers:
        return Transfers(self.device)


def load_encoder(name: str, *, device: str = "auto", precision: str = "auto") -> ClipEncoder:
    """The encoder of this name, ready to encode.

    `name` is one of the forms in `searchengine.encoders.names`; `device` is "auto", "cuda", "mps"
    or "cpu"; `precision` is "auto", "float32", "bfloat16" or "float16". `auto` takes a GPU where
    there is one; half precision on CUDA; on a CPU bfloat16 where a measurement shows it faster
    and equal; float32 otherwise.

    Weights in the local cache are loaded without any network call, others are downloaded.

    Raises UnknownEncoderError, EncoderUnavailableError (within 5 s where the hub does not
    answer), DeviceUnavailableError, PathNotFoundError for a checkpoint that is not there, and
    EncoderError for one that does not fit.
    """
    name = canonical_name(name)
    if precision not in ("auto", *PRECISIONS):
        raise EncoderError(f"unknown precision {precision!r}; choose auto, {', '.join(PRECISIONS)}")
    import torch

    with quiet(), torch.inference_mode(False):  # whatever the caller is in
        device = choose_device(device)  # before a download that would be for nothing
        source = find_source(name)
        parts = build(name, source)
        mark = fingerprint(parts.model.state_dict())
        model, precision = place(parts, device, precision, mark)
    return ClipEncoder(
        name=name,
        dim=parts.dim,
        input_size=parts.input_size,
        logit_scale=parts.logit_scale,
        device=device,
        precision=precision,
        fingerprint=mark,
        files=source.files,
        model=model,
        preprocessing=parts.preprocessing,
        tokenizer=parts.tokenizer,
    )
