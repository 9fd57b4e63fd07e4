"""Label sets that are learned from examples, and what a person says of labels."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from searchengine.catalog.labels.examples import Example
from searchengine.errors import InputError, NotListedError, UnknownNameError
from searchengine.labels.definition import LIKELY, Lesson, read_definition
from searchengine.labels.names import kept_name
from searchengine.labels.tagging import Tagged, bring_up_to_date
from searchengine.labels.teaching import Prospect, enough, prospect
from searchengine.library.places import listed_place, named
from searchengine.paths import named_alike
from searchengine.types import ImageRecord

if TYPE_CHECKING:
    from searchengine.catalog.labels.sets import StoredSet
    from searchengine.library.library import Library

Paths = Sequence[str | os.PathLike[str]]


@dataclass(frozen=True, slots=True)
class Review:
    """A label that nobody has looked at yet."""

    image: ImageRecord
    label: str
    probability: float
    left: int
    """Labels of the set that nobody has looked at, with this one."""


class Teaching:
    """Examples of label sets: mixed into `LabelSets`."""

    _library: Library

    def prospect(
        self, name: str, yes: Paths = (), no: Paths = (), *, threshold: float = LIKELY
    ) -> Prospect:
        """What examples would teach, and how many images would be labelled; writes nothing.

        As `teach`, whose arguments and errors it has.
        """
        name = kept_name(name)
        examples = self._examples(name, yes, no)
        space, catalog = self._library.space(), self._library.catalog
        return prospect(name, threshold, examples, space, catalog, self._library.encoders)

    def teach(
        self, name: str, yes: Paths = (), no: Paths = (), *, threshold: float = LIKELY
    ) -> Tagged:
        """Learn a name from images that show it and images that do not, and label by it.

        `yes` and `no` are images of the library or folders of them, and join the examples that are
        there. Raises InputError where they are fewer than five of each, where one is both, and
        where the name is that of a list of names; NothingListedError for what the library does not
        list; LibraryLockedError; and the encoder's errors.
        """
        name, library = kept_name(name), self._library
        with library.writing():
            examples = self._examples(name, yes, no)
            space, catalog = library.space(), library.catalog
            enough(name, examples, space, catalog)
            library.encoders.whole(space)  # or its error, with nothing changed
            told = sorted((each.image_id, each.is_right) for each in examples)
            digest = hashlib.sha256(repr(told).encode()).hexdigest()[:16]
            catalog.put_label_set(name, Lesson(name, threshold, digest).to_json())
            stored = self._stored(name)
            catalog.put_examples(stored.id, examples)
            return bring_up_to_date(stored, space, catalog, library.encoders)

    def to_review(self, name: str, skip: int = 0) -> Review | None:
        """The least sure label of a set that nobody has looked at, after `skip` of them.

        None where there is none. Raises InputError where there is no such set.
        """
        with self._library.catalog.snapshot() as now:
            left, found = now.label_to_review(self._stored(name).id, skip)
            if found is None:
                return None
            image = now.images([found.image_id])[found.image_id]
        return Review(image, found.name, found.probability, left)

    def say(self, name: str, image_id: int, label: str, *, is_right: bool) -> None:
        """Keep what a person says of a label, as an example; one that is wrong is taken away.

        Raises InputError where there is no such set or the label is not one of its names,
        NotListedError and LibraryLockedError.
        """
        library = self._library
        with library.writing():
            stored = self._stored(name)
            told = read_definition(library.path, name, stored.definition)
            if label not in {each.name for each in told.names}:
                raise InputError(f"{label!r} is no name of the label set {name!r}")
            if image_id not in library.catalog.images([image_id]):
                raise NotListedError(image_id)
            library.catalog.say_of_label(stored.id, Example(image_id, label, is_right))

    def _examples(self, name: str, yes: Paths, no: Paths) -> list[Example]:
        """Those that are there, and those that are given. Raises InputError for what is both."""
        given: dict[int, bool] = {}
        for paths, is_right in ((yes, True), (no, False)):
            for path in named(paths):
                for image_id in self._ids(path):
                    if given.setdefault(image_id, is_right) != is_right:
                        record = self._library.catalog.images([image_id])[image_id]
                        raise InputError(f"{record.path} is given with --yes and with --no")
        known: dict[int, bool] = {}
        catalog = self._library.catalog
        for stored in catalog.label_sets():
            if stored.name == name:
                told = read_definition(self._library.path, name, stored.definition)
                if not isinstance(told, Lesson):
                    raise InputError(
                        f"{name!r} is a list of names; teach under another name, or take it out: "
                        f"clipseek label remove {name}"
                    )
                known = {each.image_id: each.is_right for each in catalog.label_examples(stored.id)}
        return [Example(image_id, name, said) for image_id, said in {**known, **given}.items()]

    def _ids(self, path: str | os.PathLike[str]) -> list[int]:
        """The images at or under a path. Raises NothingListedError."""
        catalog = self._library.catalog
        return list(catalog.paths_under(listed_place(catalog, path)).values())

    def _stored(self, name: str) -> StoredSet:
        sets = {stored.name: stored for stored in self._library.catalog.label_sets()}
        found = named_alike(name, sets)
        if found is not None:
            return sets[found]
        there = ", ".join(sets) or "none"
        raise UnknownNameError(f"no label set {name!r}; there is: {there}")
