"""How strongly a text is seen at each place of a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from searchengine.embedding.crops import without_crops
from searchengine.encoders.interface import Encoder
from searchengine.errors import InputError

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True, slots=True, eq=False)
class Heat:
    """A map of a picture for one text."""

    values: NDArray[np.float32]
    """Cosines of the places with the text, shape (lines, columns), in [-1, 1]."""

    @property
    def most(self) -> tuple[float, float]:
        """The middle of the strongest place: shares of the width and of the height."""
        line, column = np.unravel_index(int(self.values.argmax()), self.values.shape)
        lines, columns = self.values.shape
        return (int(column) + 0.5) / columns, (int(line) + 0.5) / lines

    @property
    def strength(self) -> NDArray[np.float32]:
        """From 0 where it is seen no more than at half of the places to 1 at the strongest."""
        middle, top = float(np.median(self.values)), float(self.values.max())
        strength = (self.values - middle).clip(min=0) / max(top - middle, 1e-6)
        return strength.astype(np.float32)


def heat_of(encoder: Encoder, picture: Image.Image, text: str) -> Heat:
    """The map of a picture for a text. Raises InputError where the encoder has none."""
    bare: Any = without_crops(encoder)
    places = bare.encode_map(picture) if hasattr(bare, "encode_map") else None
    if places is None:
        raise InputError(
            f"{encoder.name} on {encoder.device} has no map of a picture: encoders have one whose "
            "trunk takes the mean of its last map, such as starter, on a CPU"
        )
    return Heat(places @ encoder.encode_texts([text])[0])
