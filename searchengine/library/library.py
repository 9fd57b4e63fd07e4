"""A library: one directory with everything clipseek knows about a collection of images."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from searchengine.catalog.catalog import Batch, Catalog
from searchengine.encoders.interface import Encoder, TextEncoder
from searchengine.encoders.text.encoder import load_for_texts
from searchengine.errors import (
    EncoderMismatchError,
    InputError,
    LibraryError,
    LibraryLockedError,
    LibraryNotFoundError,
    LibraryUnusableError,
    NothingIndexedError,
    SpaceNotFoundError,
    StorageFullError,
    reason_of,
)
from searchengine.index.types import IndexInfo, Modality
from searchengine.paths import absolute
from searchengine.retrieval import rank as engine
from searchengine.retrieval.hits import Hits
from searchengine.retrieval.terms import Term, compose, modality_of, parse_terms
from searchengine.spaces.space import Space, space_name
from searchengine.types import Failure, Filter, SpaceInfo, TextHit, Vectors

if TYPE_CHECKING:
    from PIL import Image

    from searchengine.tuning.tune import TuneReport

CATALOG = "catalog.sqlite"
LOCK = "write.lock"
PID = "writer.pid"
CAPTION_BATCH = 256
"""Captions encoded and recorded at a time."""

log = logging.getLogger("clipseek")


@dataclass(frozen=True, slots=True)
class SpaceStatus:
    """One space in numbers."""

    name: str
    encoder: str
    dim: int
    precision: str
    images: int
    captions: int
    indexed_rows: int
    """Rows the approximate index covers; 0 where the exact scan serves."""
    index: IndexInfo
    bytes: int


@dataclass(frozen=True, slots=True)
class LibraryInfo:
    """A library in numbers."""

    path: Path
    images: int
    failures: int
    captions: int
    default_space: str | None
    spaces: list[SpaceStatus]
    bytes: int
    """Size on disk of everything in the library."""


def load_for_queries(name: str) -> Encoder:
    """An encoder for a few texts and pictures: float32, which is right everywhere.

    Choosing a faster precision takes a measurement that a query would wait for.
    """
    from searchengine.encoders.openclip import encoder as clip

    return clip.load_encoder(name, precision="float32")


def default_library_path() -> Path:
    """`CLIPSEEK_LIBRARY`, else the user's data directory."""
    if chosen := os.environ.get("CLIPSEEK_LIBRARY"):
        return Path(chosen)
    import platformdirs

    return platformdirs.user_data_path("clipseek", appauthor=False)


def open_library(
    path: str | os.PathLike[str] | None = None,
    *,
    create: bool = False,
    load: Callable[[str], Encoder] = load_for_queries,
) -> Library:
    """The library at `path`, or the default one; made there with `create`.

    `load` turns an encoder's name into the encoder, when it is first needed. Raises
    LibraryNotFoundError, LibraryTooNewError or LibraryDamagedError.
    """
    directory = Path(absolute(default_library_path() if path is None else path))
    if not (directory / CATALOG).is_file():
        if not create:
            raise LibraryNotFoundError(directory)
        _make_directory(directory)
    return Library(directory, load)


def _make_directory(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        strangers = sorted(p.name for p in directory.iterdir() if p.name not in (LOCK, PID))
    except OSError as error:
        raise LibraryError(f"cannot make a library at {directory}: {error.strerror}") from error
    if strangers:
        raise LibraryError(
            f"{directory} is no library and not empty ({strangers[0]}, ...); "
            "give --library an empty or a new directory"
        )


class Library:
    """An open library. Reading is always possible; writing goes through `writing()`."""

    def __init__(self, path: Path, load: Callable[[str], Encoder]) -> None:
        self.path = path
        self.catalog = Catalog(path / CATALOG)
        self._load = load
        self._spaces: dict[int, Space] = {}
        self._encoders: dict[str, Encoder] = {}
        self._text_encoders: dict[str, TextEncoder] = {}

    def close(self) -> None:
        """Close the catalog."""
        self.catalog.close()

    def __enter__(self) -> Library:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # asking

    def search(
        self,
        terms: str | Sequence[Term],
        *,
        k: int = 10,
        offset: int = 0,
        where: Filter | None = None,
        min_score: float | None = None,
        space: str | None = None,
        exact: bool = False,
    ) -> Hits:
        """The k best images for one term (a text, or the path or URL of an image) or for several.

        Several come from `searchengine.retrieval.terms.parse_terms`.
        `space` is the name of a space or of its encoder; without it the default space answers.
        Raises QueryError, SpaceNotFoundError, NothingIndexedError and the encoder's errors.
        """
        if k < 1 or offset < 0:
            raise InputError(f"k must be at least 1 and offset at least 0, not {k} and {offset}")
        chosen = self._searchable(space)
        parsed = parse_terms([terms]) if isinstance(terms, str) else terms
        modality = modality_of(parsed)
        only_texts = modality is Modality.TEXT
        return engine.rank_images(
            chosen,
            compose(
                parsed,
                self.text_encoder(chosen) if only_texts else self.encoder(chosen),
                lambda pictures: self._encode_terms(pictures, chosen),
            ),
            k=k,
            offset=offset,
            where=where,
            min_score=min_score,
            exact=exact,
            modality=modality,
        )

    def _encode_terms(self, pictures: Sequence[Term], space: Space) -> Vectors:
        from searchengine.retrieval.pictures import term_image

        encoder = self.encoder(space)
        return encoder.encode_images([term_image(term, encoder.input_size) for term in pictures])

    def describe(
        self,
        image: str | os.PathLike[str] | Image.Image,
        *,
        texts: Sequence[str] | None = None,
        k: int = 5,
        space: str | None = None,
    ) -> list[TextHit]:
        """The k texts nearest to an image: of `texts`, or of the captions stored in the library.

        Raises PathNotFoundError, ImageError, and InputError where there are no texts.
        """
        from searchengine.retrieval.pictures import open_picture

        chosen = self.space(space)
        encoder = self.encoder(chosen)
        if isinstance(image, str | os.PathLike):
            picture = open_picture(image, encoder.input_size)
        else:
            picture = image
        [vector] = encoder.encode_images([picture])
        if texts is not None:
            return engine.rank_texts(vector, texts, encoder.encode_texts(texts), k=k)
        found = engine.nearest_captions(chosen, vector, k=k)
        if not found:
            raise InputError(
                "the library holds no captions to describe with; give --texts FILE, "
                "or store some with: clipseek captions add FILE"
            )
        return found

    def info(self) -> LibraryInfo:
        """The library in numbers."""
        counts = self.catalog.counts()
        spaces = self.spaces()
        return LibraryInfo(
            path=self.path,
            images=counts["images"],
            failures=counts["failures"],
            captions=counts["captions"],
            default_space=spaces[0].info.name if spaces else None,
            spaces=[self._status(space) for space in spaces],
            bytes=sum(p.stat().st_size for p in self.path.rglob("*") if p.is_file()),
        )

    def _status(self, space: Space) -> SpaceStatus:
        image_vectors, caption_vectors = self.catalog.vector_counts(space.info)
        index = space.index_info()
        return SpaceStatus(
            name=space.info.name,
            encoder=space.info.encoder,
            dim=space.info.dim,
            precision=space.info.precision,
            images=image_vectors,
            captions=caption_vectors,
            indexed_rows=index.index.covered if index.index else 0,
            index=index,
            bytes=space.bytes,
        )

    def index_info(self, space: str | None = None) -> IndexInfo:
        """What the approximate index of a space is, covers, and how it is searched.

        Raises SpaceNotFoundError, and NothingIndexedError where there is no space.
        """
        return self.space(space).index_info()

    def failures(self) -> list[Failure]:
        """Every file that could not be indexed, and why."""
        return self.catalog.failures()

    def tune(
        self,
        *,
        target: float = 0.95,
        k: int = 10,
        queries: Sequence[str] | None = None,
        memory: int | None = None,
        factory: str | None = None,
        space: str | None = None,
        device: str = "auto",
    ) -> TuneReport:
        """Find and keep the quickest settings of the index whose agreement@k is the `target`.

        For text queries and for image queries apart, against the exact answers; what is reported
        was measured on queries that chose nothing. `queries` are texts like those that will be
        asked; without them the captions of the library are taken, or a list that is shipped. The
        index is built first where the library is large enough; `memory` is the most bytes it may
        take, and `factory` asks for another one in FAISS's notation. `device` is where it is built
        and the exact answers are computed; "auto" takes a GPU with CUDA. Where the exact scan
        serves, that is what is reported.

        Raises InputError, NothingIndexedError, SpaceNotFoundError, LibraryLockedError,
        DeviceUnavailableError, MissingExtraError without faiss, and the encoder's errors.
        """
        from searchengine.tuning.tune import tune_space

        chosen = self._searchable(space)
        with self.writing():
            return tune_space(
                chosen,
                lambda texts: self.text_encoder(chosen).encode_texts(texts),
                target=target,
                k=k,
                texts=queries,
                memory=memory,
                factory=factory,
                device=device,
            )

    # spaces and encoders

    def spaces(self) -> list[Space]:
        """Every space, the default one first."""
        return [self._space(info) for info in self.catalog.spaces()]

    def space(self, name: str | None = None) -> Space:
        """The space of this name or of this encoder; the default one without a name.

        Raises SpaceNotFoundError, or NothingIndexedError where there is no space at all.
        """
        infos = self.catalog.spaces()
        if not infos:
            raise NothingIndexedError(self.path)
        for info in infos:
            if name is None or name in (info.name, info.encoder):
                return self._space(info)
        raise SpaceNotFoundError(name or "", [info.name for info in infos])

    def _space(self, info: SpaceInfo) -> Space:
        if info.id not in self._spaces:
            directory = self.path / "spaces" / info.name
            self._spaces[info.id] = Space(info, directory, self.catalog)
        return self._spaces[info.id]

    def _searchable(self, name: str | None) -> Space:
        space = self.space(name)
        if self.catalog.rows(space.info) == 0:
            raise NothingIndexedError(self.path)
        return space

    def encoder(self, space: Space) -> Encoder:
        """The encoder of a space, loaded once. Raises EncoderMismatchError for other weights."""
        if space.info.name not in self._encoders:
            self.use_encoder(self._load(space.info.encoder))
        return self._encoders[space.info.name]

    def text_encoder(self, space: Space) -> TextEncoder:
        """What encodes texts for a space, loaded once: its text tower alone, or all of its encoder.

        The tower loads in milliseconds; the encoder serves where it is loaded already and where
        there is no tower. Raises EncoderMismatchError for other weights.
        """
        name = space.info.name
        if name in self._encoders:
            return self._encoders[name]
        if name not in self._text_encoders:
            light = load_for_texts(space.info, space.directory)
            if light is None:
                return self.encoder(space)
            _require_same(space.info, light)
            self._text_encoders[name] = light
        return self._text_encoders[name]

    def use_encoder(self, encoder: Encoder) -> None:
        """Use an encoder that is loaded already for its space, and keep its text tower there.

        Raises EncoderMismatchError when the space was made with other weights.
        """
        from searchengine.encoders.text.export import keep_text_tower

        for info in self.catalog.spaces():
            if info.encoder == encoder.name:
                _require_same(info, encoder)
                keep_text_tower(encoder, info, self._space(info).directory)
        self._encoders[space_name(encoder.name)] = encoder

    # writing

    @contextmanager
    def writing(self) -> Iterator[Writer]:
        """The one writer. Raises LibraryLockedError at once while another process writes."""
        import filelock

        lock = filelock.FileLock(self.path / LOCK, timeout=0)
        pid = self.path / PID
        try:
            lock.acquire()
        except filelock.Timeout as error:
            holder = pid.read_text(encoding="ascii") if pid.exists() else "unknown"
            raise LibraryLockedError(self.path, holder) from error
        except OSError as error:
            raise LibraryUnusableError(self.path, reason_of(error)) from error
        try:
            _write_pid(pid, self.path)
            yield Writer(self)
        finally:
            pid.unlink(missing_ok=True)
            lock.release()

    def remove(self, paths: Iterable[str | os.PathLike[str]]) -> int:
        """Take images at or under `paths` out of the library; files are not touched.

        Returns how many. Raises InputError, and removes nothing, where a path holds no image.
        """
        with self.writing():
            ids: set[int] = set()
            for path in paths:
                place = absolute(path)
                found = self.catalog.image_ids(place)
                if not found:
                    raise InputError(f"{place}: the library lists no image there")
                ids.update(found)
            self.catalog.record(None, Batch(removed=sorted(ids)), first_row=0)
        return len(ids)

    def add_captions(self, pairs: Sequence[tuple[str, str]]) -> tuple[int, list[str]]:
        """Store (absolute image path, caption) pairs and embed them in the default space.

        Returns how many are new, and the image paths that the library does not list.
        """
        space = self.space()
        with self.writing() as writer:
            added, strangers = self.catalog.add_captions(pairs)
            writer.embed_captions(space)
        return added, strangers


class Writer:
    """What may be done while the library's lock is held."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._catalog = library.catalog

    def space_for(self, encoder: Encoder) -> Space:
        """The space of an encoder, made where there is none.

        Raises EncoderMismatchError when it was made with other weights.
        """
        if all(info.encoder != encoder.name for info in self._catalog.spaces()):
            name = space_name(encoder.name)
            (self._library.path / "spaces" / name).mkdir(parents=True, exist_ok=True)
            self._catalog.add_space(
                name=name,
                encoder=encoder.name,
                dim=encoder.dim,
                precision=encoder.precision,
                fingerprint=encoder.fingerprint,
            )
        self._library.use_encoder(encoder)
        return self._library.space(encoder.name)

    def commit(self, space: Space | None, batch: Batch, vectors: Vectors | None = None) -> None:
        """Make a batch last: first its vectors, shape (len(batch.added), d), then its facts."""
        first_row = 0
        if len(batch.added) != (0 if vectors is None else len(vectors)):
            raise ValueError(
                f"{len(batch.added)} images, {0 if vectors is None else len(vectors)} vectors"
            )
        if space is not None and vectors is not None:
            first_row = self._catalog.rows(space.info)
            space.images.append(vectors, rows=first_row)
        self._catalog.record(None if space is None else space.info, batch, first_row)

    def embed_captions(self, space: Space) -> None:
        """Encode every caption the space has no vector of."""
        while missing := self._catalog.captions_without_vector(space.info, CAPTION_BATCH):
            encoder = self._library.text_encoder(space)
            first_row = self._catalog.caption_rows(space.info)
            space.captions.append(
                encoder.encode_texts([caption.text for caption in missing]), rows=first_row
            )
            self._catalog.record_caption_vectors(
                space.info, [caption.id for caption in missing], first_row
            )


def _require_same(info: SpaceInfo, encoder: TextEncoder) -> None:
    if (info.fingerprint, info.dim) != (encoder.fingerprint, encoder.dim):
        raise EncoderMismatchError(
            info.name,
            f"{info.encoder} with weights {info.fingerprint} ({info.dim} dimensions)",
            f"{encoder.name} with weights {encoder.fingerprint} ({encoder.dim} dimensions)",
        )


def _write_pid(pid: Path, library: Path) -> None:
    try:
        pid.write_text(str(os.getpid()), encoding="ascii")
    except OSError as error:
        raise StorageFullError(library) from error
