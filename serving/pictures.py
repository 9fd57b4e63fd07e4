"""Pictures that people upload to search by: checked, decoded, and held in memory for a while.

They are never written to the disk.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from searchengine.errors import ImageError, TooManyPixelsError
from searchengine.images.decode import read_image
from searchengine.images.thumbnails import make_thumbnail
from serving.problems import PictureForgottenError, UploadRefusedError, UploadTooLargeError

MAX_BYTES = 32 * 2**20
"""Of one request. The largest photos of phones have half of it."""

MAX_MEGAPIXELS = 64.0
"""As RGB in memory this is 0.2 GB."""

DECODE_SIDE = 512
"""Pixels that a decoder need not go below: twice the input of the largest encoders is enough."""

PREVIEW_SIDE = 320
"""Pixels of the longer side of what the page shows of the picture."""

HELD = 256
"""Pictures kept, at some 30 KB each; the back button reaches the last ones."""


@dataclass(frozen=True, slots=True)
class HeldPicture:
    """What is kept of an upload."""

    vector: NDArray[np.float32]
    """Unit vector, shape (d,)."""
    preview: bytes
    """A small JPEG."""
    space: str
    """The name of the space that the vector belongs to."""


def read_upload(data: bytes) -> Image.Image:
    """The picture in an upload, upright and RGB.

    RAW files are not taken: they would be known by a name that the sender chose, and their decoder
    is not made for files of strangers. Raises UploadTooLargeError and UploadRefusedError.
    """
    if len(data) > MAX_BYTES:
        raise too_many_bytes()
    try:
        return read_image(data, input_size=DECODE_SIDE, max_megapixels=MAX_MEGAPIXELS)[0]
    except TooManyPixelsError as error:
        raise UploadTooLargeError(
            f"the picture has over {MAX_MEGAPIXELS:g} megapixels; send a smaller copy"
        ) from error
    except ImageError as error:
        raise UploadRefusedError(
            f"the upload cannot be used: {error}; send a JPEG, PNG, WebP, GIF, AVIF or TIFF file"
        ) from error


def too_many_bytes() -> UploadTooLargeError:
    """The error for a request over MAX_BYTES."""
    return UploadTooLargeError(
        f"the upload is larger than {MAX_BYTES // 2**20} MB; send a smaller copy"
    )


def preview_of(picture: Image.Image) -> bytes:
    """What the page shows of an uploaded picture: a small JPEG."""
    return make_thumbnail(picture, PREVIEW_SIDE).jpeg


class HeldPictures:
    """The last uploads, by a key made of their content. Any thread may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: OrderedDict[str, HeldPicture] = OrderedDict()

    def keep(self, data: bytes, picture: HeldPicture) -> str:
        """Keep what was made of an upload; returns its key, 32 hexadecimal digits."""
        key = hashlib.sha256(data).hexdigest()[:32]
        with self._lock:
            self._held[key] = picture
            self._held.move_to_end(key)
            while len(self._held) > HELD:
                self._held.popitem(last=False)
        return key

    def get(self, key: str) -> HeldPicture:
        """The picture of this key. Raises PictureForgottenError."""
        with self._lock:
            if key not in self._held:
                raise PictureForgottenError
            self._held.move_to_end(key)
            return self._held[key]
