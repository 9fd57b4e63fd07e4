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


def load_for_rows(name: str) -> Encoder:
    """An encoder in the precision of index runs. Nothing is downloaded."""
    from searchengine.encoders import hub, loading

    with hub.without_downloads():
        return loading.load_encoder(name)


class LoadedEncoders:
    """A `SpaceEncoders`: each loaded once, in this process; one thread at a time."""

    def __init__(self, load: Callable[[str], Encoder]) -> None:
        self.load = load
        """Turns an encoder's name into the encoder."""
        self._whole: dict[str, Encoder] = {}
        self._for_rows: dict[str, Encoder] = {}
        self._for_texts: dict[str, TextEncoder] = {}

    def whole(self, space: Space) -> Encoder:
        """The encoder of a space, loaded once. Raises EncoderMismatchError for other weights."""
        name = space.info.name
        if name not in self._whole:
            self._whole[name] = self._loaded(self.load, space)
        return self._whole[name]

    def for_rows(self, space: Space) -> Encoder:
        """The encoder of a space in the precision that rows are made in, loaded once.

        Raises EncoderMismatchError for other weights.
        """
        if self.load is not load_for_queries:  # its owner knows what it is for
            return self.whole(space)
        name = space.info.name
        if name not in self._for_rows:
            self._whole[name] = self._for_rows[name] = self._loaded(load_for_rows, space)
        return self._for_rows[name]

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
        for space in spaces:
            if space.info.encoder == encoder.name:
                _keep_text_tower(encoder, space)
        name = space_name(encoder.name)
        self._whole[name] = self._for_rows[name] = encoder

    def _loaded(self, load: Callable[[str], Encoder], space: Space) -> Encoder:
        from searchengine.embedding.crops import with_crops

        encoder = with_crops(load(space.info.encoder), space.crops)
        _keep_text_tower(encoder, space)
        return encoder


def _keep_text_tower(encoder: Encoder, space: Space) -> None:
    from searchengine.embedding.crops import without_crops
    from searchengine.encoders.text.export import keep_text_tower

    _require_same(space.info, encoder)
    keep_text_tower(without_crops(encoder), space.info, space.directory)


def _require_same(info: SpaceInfo, encoder: TextEncoder) -> None:
    if (info.fingerprint, info.dim) != (encoder.fingerprint, encoder.dim):
        raise EncoderMismatchError(
            info.name,
            f"{info.encoder} with weights {info.fingerprint} ({info.dim} dimensions)",
            f"{encoder.name} with weights {encoder.fingerprint} ({encoder.dim} dimensions)",
        )
