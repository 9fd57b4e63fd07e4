"""The label sets of a library: made, asked, read and removed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from searchengine.catalog.labels.given import Label
from searchengine.catalog.labels.sets import StoredSet
from searchengine.labels.definition import LIKELY, Definition, Lesson, read_definition
from searchengine.labels.names import Name, kept_name, parse_names, read_names, shipped_names
from searchengine.labels.tagging import Tagged, bring_up_to_date
from searchengine.library.learned.teaching import Teaching

if TYPE_CHECKING:
    from searchengine.library.library import Library


@dataclass(frozen=True, slots=True)
class LabelSet:
    """A label set of a library, in numbers."""

    name: str
    names: tuple[Name, ...]
    threshold: float
    several: bool
    taught: bool
    """Whether it is one name that examples taught."""
    labelled: int
    """Images that have a label by it."""
    examples: int
    """Images of which somebody said that a name is right or wrong."""


@dataclass(frozen=True, slots=True)
class ImageLabels:
    """The labels of an image by a set; none where it shows none of the names."""

    path: Path
    labels: tuple[Label, ...]
    """Most probable first."""


class LabelSets(Teaching):
    """The label sets of a library: names that its images are asked for, and what they answered.

    A set belongs to the library: index runs ask new and changed images too.
    """

    def __init__(self, library: Library) -> None:
        self._library = library

    def __iter__(self) -> Iterator[LabelSet]:
        catalog = self._library.catalog
        for stored in catalog.label_sets():
            told = read_definition(self._library.path, stored.name, stored.definition)
            yield LabelSet(
                stored.name,
                told.names,
                told.threshold,
                told.several,
                isinstance(told, Lesson),
                len(catalog.labels_by_image(stored.id)),
                len(catalog.label_examples(stored.id)),
            )

    def tag(
        self,
        names: str | os.PathLike[str] | Sequence[str],
        *,
        name: str | None = None,
        threshold: float = LIKELY,
        several: bool = False,
    ) -> Tagged:
        """Ask every image for names, or those that were not asked yet where the set is as it was.

        `names` is a path of a file of them, the name of a set that ships, or the lines of such a
        file. `name` is what the set is called: that of the file or of the shipped set without it.
        A label is kept at `threshold` or more, a probability. `several` lets an image have more
        names than one. Raises InputError for what is wrong with the names, LibraryLockedError,
        NothingIndexedError and the encoder's errors.
        """
        usual, words = _named(names)
        called = kept_name(usual if name is None else name)
        definition = Definition(words, threshold, several)
        space = self._library.space()
        with self._library.writing():
            self._library.catalog.put_label_set(called, definition.to_json())
            return self._bring(self._stored(called), space.info.name)

    def bring_up_to_date(self) -> list[Tagged]:
        """Ask images that were not asked yet, by every set; what was done. The lock is held."""
        return [self._bring(stored, None) for stored in self._library.catalog.label_sets()]

    def labels(self, name: str) -> Iterator[ImageLabels]:
        """What a set says of every image, by path. Raises InputError where there is none."""
        catalog = self._library.catalog
        with catalog.snapshot() as now:
            stored = self._stored(name)
            found = now.labels_by_image(stored.id)
            _, ids = now.rows_from(self._library.space().info, 0)
            records = now.images(ids.tolist())
        for record in sorted(records.values(), key=lambda each: each.file.path):
            yield ImageLabels(record.path, tuple(found.get(record.id, ())))

    def remove(self, name: str) -> None:
        """Take a set out, with its labels and examples. Raises InputError where there is none."""
        with self._library.writing():
            stored = self._stored(name)
            self._library.catalog.remove_label_set(stored.id)
            for space in self._library.spaces():
                for left in space.directory.glob(f"names-{stored.id}[-.]*.f16"):
                    left.unlink(missing_ok=True)

    def _bring(self, stored: StoredSet, space: str | None) -> Tagged:
        library = self._library
        return bring_up_to_date(stored, library.space(space), library.catalog, library.encoders)


def _named(names: str | os.PathLike[str] | Sequence[str]) -> tuple[str, tuple[Name, ...]]:
    """What a set is called, and its names."""
    if isinstance(names, os.PathLike):
        return Path(names).stem, read_names(Path(names))
    if isinstance(names, str):
        return names, shipped_names(names)
    return "names", parse_names("\n".join(names))
