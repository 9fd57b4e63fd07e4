"""What encodes for the spaces of a library: the seam between those who ask and who loads models."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from searchengine.encoders.interface import Encoder, TextEncoder
from searchengine.spaces.space import Space


class SpaceEncoders(Protocol):
    """The encoders of spaces, loaded when they are first needed."""

    def whole(self, space: Space) -> Encoder:
        """The encoder of a space. Raises EncoderMismatchError for other weights."""

    def for_rows(self, space: Space) -> Encoder:
        """The encoder of a space in the precision that rows are made in.

        Raises EncoderMismatchError for other weights.
        """

    def for_texts(self, space: Space) -> TextEncoder:
        """What encodes texts for a space. Raises EncoderMismatchError for other weights."""

    def use(self, encoder: Encoder, spaces: Iterable[Space]) -> None:
        """Use an encoder that is loaded already for its space, one of `spaces` or a new one."""
