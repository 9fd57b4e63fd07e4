"""A library: one directory with everything clipseek knows about a collection of images."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from searchengine.catalog.catalog import Catalog
from searchengine.encoders.interface import Encoder
from searchengine.encoders.reading import about_texts
from searchengine.errors import InputError, LibraryClosedError
from searchengine.index.types import IndexInfo
from searchengine.library.encoders import LoadedEncoders, load_for_queries
from searchengine.library.layout import CATALOG, find_directory, url_of
from searchengine.library.learned.front import Learning
from searchengine.library.open_spaces import OpenSpaces
from searchengine.library.places import listed_ids, placed, take_back
from searchengine.retrieval.answer import answer, describe
from searchengine.retrieval.asked import as_filter, as_query
from searchengine.retrieval.compose import encoded_part, listed_part, read_part, unit
from searchengine.retrieval.hits import Hits
from searchengine.retrieval.rank import nearest_captions
from searchengine.spaces.encoders import SpaceEncoders
from searchengine.spaces.space import Space
from searchengine.types import Excluded, Failure, Filter, TextHit, Vectors
from searchengine.vectors.file import Rows

if TYPE_CHECKING:
    from searchengine.embedding.outcomes import Observer
    from searchengine.library.check import CheckReport
    from searchengine.library.status import LibraryInfo
    from searchengine.library.writing import Writer
    from searchengine.retrieval.asked import Asked
    from searchengine.tuning.tune import TuneReport


def open_library(
    path: str | os.PathLike[str] | None = None,
    *,
    create: bool = False,
    load: Callable[[str], Encoder] = load_for_queries,
) -> Library:
    """The library at `path`, or the default one; made there with `create`.

    A URL is that of a library in parts, of which the newest snapshot is copied to this machine's
    cache. `load` turns an encoder's name into the encoder, when it is first needed. Raises
    LibraryNotFoundError, LibraryTooNewError, LibraryUnusableError or LibraryDamagedError; for a URL
    StorageError and NothingIndexedError.
    """
    if (url := url_of(path)) is not None:
        from searchengine.library.cached.opening import open_copy

        return open_copy(url, load=load)
    return Library(find_directory(path, create=create), LoadedEncoders(load))


class Library(Learning):
    """An open library. Reading is always possible; writing goes through `writing()`."""

    def __init__(self, path: Path, encoders: SpaceEncoders) -> None:
        self.path = path
        self.catalog = Catalog(path / CATALOG)
        self.encoders = encoders
        self._spaces = OpenSpaces(path, self.catalog)

    def close(self) -> None:
        """Close the catalog."""
        self.catalog.close()

    def __enter__(self) -> Library:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __bool__(self) -> bool:
        return True  # an empty library is one

    def __len__(self) -> int:
        """How many images are listed."""
        return self.catalog.counts()["images"]

    def __repr__(self) -> str:
        try:
            spaces = ", ".join(info.name for info in self.catalog.spaces()) or "none"
            return f"<Library {self.path}: {len(self):,} images, spaces: {spaces}>"
        except LibraryClosedError:
            return f"<Library {self.path}: closed>"

    # asking

    def search(
        self,
        query: Asked,
        *,
        k: int = 10,
        offset: int = 0,
        where: Filter | None = None,
        min_score: float | None = None,
        space: str | None = None,
        exact: bool = False,
        present_only: bool = False,
        fold: bool = False,
    ) -> Hits:
        """The images at ranks offset + 1 to offset + k for a query.

        `query` is a text, the path or URL of an image, a PIL image, a vector of shape (d,), a list
        of these, or a `Query`, which can weigh them. `space` is the name of a space or its encoder;
        without it the default one answers. `exact` compares with every vector where an index would
        answer. All that is answered is of one moment, whatever others write meanwhile.

        The query's own pictures are no hits: images of the same path or the same content.
        `present_only` leaves out images whose files are gone since, up to a thousand of them, for
        the next ones; `gone` of the hits says how many. Where all are, they are the hits.

        `fold` makes one hit of copies and of pictures of one moment; its `stack` has the others.

        Raises InputError and QueryError for what makes no query, NothingListedError where nothing
        is listed in the folder of the filter, NotListedError, SpaceNotFoundError,
        NothingIndexedError and the encoder's errors.
        """
        if k < 1 or offset < 0:
            raise InputError(f"k must be at least 1 and offset at least 0, not {k} and {offset}")
        return answer(
            as_query(query),
            self._spaces.searchable(space),
            self.catalog,
            self.encoders,
            k=k,
            offset=offset,
            where=placed(self.catalog, as_filter(where)),
            min_score=min_score,
            exact=exact,
            present_only=present_only,
            fold=fold,
        )

    def nearest_captions(
        self, query: Asked, *, k: int = 5, space: str | None = None
    ) -> list[TextHit]:
        """The k captions stored in the library that are nearest to a query; none without any.

        Raises as `search`.
        """
        asked, chosen = as_query(query), self.space(space)
        encoded = encoded_part(asked, read_part(asked), chosen, self.encoders)
        with self.catalog.snapshot() as now:
            vector = unit(encoded + listed_part(asked, chosen, now))
            return nearest_captions(chosen, now, vector, k=k)

    def describe(
        self,
        image: Asked,
        *,
        texts: Sequence[str] | None = None,
        k: int = 5,
        space: str | None = None,
        source: str | None = None,
    ) -> list[TextHit]:
        """The k texts nearest to an image: of `texts`, or of the captions stored in the library.

        Those of models only where `source` names one. `image` is a path, or what else `search`
        takes. Raises PathNotFoundError, ImageError, and InputError where there are no texts.
        """
        asked = as_query(Path(image) if isinstance(image, str) else image)
        return describe(
            asked, self.space(space), self.catalog, self.encoders, texts=texts, k=k, source=source
        )

    def about_reading(self, texts: Sequence[str], *, space: str | None = None) -> str | None:
        """A sentence where an encoder does not know or not read all of texts; else None."""
        return about_texts(self.encoders.for_texts(self.space(space)), texts)

    def vectors(
        self, paths: Sequence[str | os.PathLike[str]], *, space: str | None = None
    ) -> Vectors:
        """The stored vectors of the images at `paths`, in order: unit rows, shape (n, d), float32.

        Raises NotListedError for a path that is not listed or has no vector in the space.
        """
        chosen = self.space(space)
        with self.catalog.snapshot() as now:
            return chosen.vectors_of_images(now, listed_ids(now, paths))

    def stored_vectors(self, space: str | None = None) -> tuple[list[Path], Rows]:
        """Every image that has a vector in a space: its path, and its row as it is stored.

        Rows have shape (n, d), float16; those that are damaged are left out. Raises
        NothingIndexedError and SpaceNotFoundError.
        """
        with self.catalog.snapshot() as now:
            return self.space(space).stored_vectors(now)

    def info(self) -> LibraryInfo:
        """The library in numbers."""
        from searchengine.library.status import library_info

        return library_info(self.path, self.catalog, self.spaces())

    def index_info(self, space: str | None = None) -> IndexInfo:
        """What the approximate index of a space is, covers, and how it is searched."""
        return self.space(space).index_info()

    def failures(self) -> list[Failure]:
        """Every file that could not be indexed, and why."""
        return self.catalog.failures()

    def excluded(self) -> list[Excluded]:
        """Every picture and folder that the last index runs left out, and the rule that did it."""
        return self.catalog.excluded()

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

        `queries` are texts like those that will be asked; None takes the library's captions, or
        texts that ship. A large library's index is built first, on `device`, of `memory` bytes at
        most or as `factory` says. Raises as `searchengine.tuning.tune`, and LibraryLockedError.
        """
        from searchengine.tuning.tune import tune_space

        chosen = self._spaces.searchable(space)
        with self.writing():
            return tune_space(
                chosen,
                lambda texts: self.encoders.for_texts(chosen).encode_texts(texts),
                target=target,
                k=k,
                texts=queries,
                memory=memory,
                factory=factory,
                device=device,
            )

    def check(
        self, *, read_data: bool = False, repair: bool = False, observer: Observer | None = None
    ) -> CheckReport:
        """Whether the library is what was written, down to every row; nothing is changed.

        `read_data` also holds the file of every image against what was indexed. `repair` first
        encodes damaged vectors again from unchanged pictures, and makes anew what is derived.
        `observer` is told how either goes. Raises LibraryLockedError and the encoder's errors.
        """
        from searchengine.library.check import check

        return check(self, read_data=read_data, repair=repair, observer=observer)

    # spaces and encoders

    def spaces(self) -> list[Space]:
        """Every space, the default one first."""
        return self._spaces.all()

    def space(self, name: str | None = None) -> Space:
        """The space of this name or of this encoder; the default one without a name.

        Raises SpaceNotFoundError, or NothingIndexedError where there is no space at all.
        """
        return self._spaces.named(name)

    def use_encoder(self, encoder: Encoder) -> None:
        """Use an encoder that is loaded already for its space, and keep its text tower there.

        Raises EncoderMismatchError when the space was made with other weights.
        """
        self.encoders.use(encoder, self.spaces())

    # writing

    @contextmanager
    def writing(self) -> Iterator[Writer]:
        """The one writer. Raises LibraryLockedError at once while another process writes.

        Where somebody has taken the lock file away meanwhile, the next write raises
        LibraryUnusableError and changes nothing.
        """
        from searchengine.library.writing import writer_of

        with writer_of(self) as writer:
            yield writer

    def remove(self, paths: Iterable[str | os.PathLike[str]], *, forever: bool = False) -> int:
        """Take images at or under `paths` out of the library; files are not touched.

        With `forever` later index runs leave out what is there, listed or not. Returns how many.
        Raises NothingListedError, and removes nothing, where a path holds none, or else nothing.
        """
        with self.writing() as writer:
            return writer.remove(paths, forever=forever)

    def take_back(self, paths: Iterable[str | os.PathLike[str]]) -> int:
        """Let index runs take again what was removed forever; how much that was, or InputError."""
        with self.writing():
            return take_back(self.catalog, paths)

    def add_captions(self, pairs: Sequence[tuple[str, str]]) -> tuple[int, list[str]]:
        """Store (image path, caption) pairs and embed them in the default space.

        Returns how many are new, and the image paths that the library does not list.
        """
        space = self.space()
        with self.writing() as writer:
            return writer.add_captions(space, pairs)
