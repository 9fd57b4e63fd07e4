"""The encoders of a library's spaces, loaded when they are first needed and never mixed."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from searchengine.encoders.interface import Encoder, TextEncoder
from searchengine.encoders.text.encoder import load_for_texts
from searchengine.errors import EncoderMismatchError
from searchengine.spaces.names import space_name
from searchengine.spaces.space import Space
from searchengine.types import SpaceInfo


def load_for_queries(name: str) -> Encoder:
    """An encoder for a few texts and pictures. See `searchengine.encoders.loading`."""
    from searchengine.encoders import loading

    return loading.load_for_queries(name)


class LoadedEncoders:
    """A `SpaceEncoders`: each loaded once, in this process; one thread at a time."""

    def __init__(self, load: Callable[[str], Encoder]) -> None:
        self.load = load
        """Turns an encoder's name into the encoder."""
        self._whole: dict[str, Encoder] = {}
        self._for_texts: dict[str, TextEncoder] = {}

    def whole(self, space: Space) -> Encoder:
        """The encoder of a space, loaded once. Raises EncoderMismatchError for other weights."""
        if space.info.name not in self._whole:
            from searchengine.embedding.crops import with_crops

            self.use(with_crops(self.load(space.info.encoder), space.crops), [space])
        return self._whole[space.info.name]

    def for_texts(self, space: Space) -> TextEncoder:
        """What encodes texts for a space, loaded once: its text tower alone, or all of its encoder.

        The tower loads in milliseconds; the encoder serves where it is loaded already and where
        there is no tower. Raises EncoderMismatchError for other weights.
        """
        name = space.info.name
        if name in self._whole:
            return self._whole[name]
        if name not in self._for_texts:
            light = load_for_texts(space.info, space.directory)
            if light is None:
                return self.whole(space)
            _require_same(space.info, light)
            self._for_texts[name] = light
        return self._for_texts[name]

    def use(self, encoder: Encoder, spaces: Iterable[Space]) -> None:
        """Use an encoder that is loaded already, and keep its text tower in its space, if any.

        Raises EncoderMismatchError when the space was made with other weights.
        """
        from searchengine.embedding.crops import without_crops
        from searchengine.encoders.text.export import keep_text_tower

        for space in spaces:
            if space.info.encoder == encoder.name:
                _require_same(space.info, encoder)
                keep_text_tower(without_crops(encoder), space.info, space.directory)
        self._whole[space_name(encoder.name)] = encoder


def _require_same(info: SpaceInfo, encoder: TextEncoder) -> None:
    if (info.fingerprint, info.dim) != (encoder.fingerprint, encoder.dim):
        raise EncoderMismatchError(
            info.name,
            f"{info.encoder} with weights {info.fingerprint} ({info.dim} dimensions)",
            f"{encoder.name} with weights {encoder.fingerprint} ({encoder.dim} dimensions)",
        )
