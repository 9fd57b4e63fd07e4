"""Index runs of one command: each into the library as it is then, with an encoder loaded once."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from searchengine import Library
from searchengine.encoders.choice import choose_encoder

if TYPE_CHECKING:
    from cli.progress import TqdmObserver
    from cli.staying.telling import LineObserver
    from indexers.arrivals import Told
    from indexers.pipeline import IndexReport
    from indexers.reading import IndexOptions
    from searchengine.encoders.interface import Encoder

log = logging.getLogger("clipseek")


@dataclass(slots=True)
class Runs:
    """What is the same in all of them, as it was typed."""

    model: str
    device: str
    precision: str
    observer: TqdmObserver | LineObserver
    _loaded: dict[str, Encoder] = field(default_factory=dict)

    def run(
        self, library: Library, roots: list[Path], options: IndexOptions, told: Told | None = None
    ) -> IndexReport:
        """Bring a library up to date; raises what `pipeline.index` does."""
        from indexers import pipeline

        name = self._encoder_name(library)
        report = pipeline.index(
            library,
            roots,
            encoder=name,
            load=lambda: self._load(name, library),
            observer=self.observer,
            options=options,
            told=told,
        )
        self.observer.close()
        return report

    def _encoder_name(self, library: Library) -> str:
        """The one asked for, the library's, or the default for a new one."""
        known = [space.info.encoder for space in library.spaces()]
        choice = choose_encoder(self.model, known, device=self.device)
        if choice.note is not None:
            log.warning("%s", choice.note)
        return choice.name

    def _load(self, name: str, library: Library) -> Encoder:
        if name not in self._loaded:
            from searchengine import load_encoder

            self.observer.loading()
            loaded = load_encoder(name, device=self.device, precision=self.precision)
            self._loaded = {name: loaded}
        _warn_of_second_space(library, name)
        return self._loaded[name]


def _warn_of_second_space(library: Library, encoder: str) -> None:
    known = [space.info.encoder for space in library.spaces()]
    if known and encoder not in known:
        log.warning(
            "%s becomes a second space beside that of %s, which answers searches until: "
            "clipseek use %s",
            encoder,
            known[0],
            encoder,
        )
