"""What a `Library` has of all that: mixed into it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from searchengine.catalog.gathered.places import PlaceCount
    from searchengine.library.learned.albums import Albums
    from searchengine.library.learned.align import AlignReport
    from searchengine.library.learned.labels import LabelSets
    from searchengine.library.library import Library


class Learning:
    """Labels, alignment and places of a library."""

    def places(self) -> list[PlaceCount]:
        """The places where images were taken, by name, most images first.

        Index runs name them where the extra `places` is installed.
        """
        return cast("Library", self).catalog.places()

    @property
    def albums(self) -> Albums:
        """Images that were picked by hand, and searches that were saved, by name."""
        from searchengine.library.learned.albums import Albums

        return Albums(cast("Library", self))

    @property
    def label_sets(self) -> LabelSets:
        """Names that images are asked for, and what was found."""
        from searchengine.library.learned.labels import LabelSets

        return LabelSets(cast("Library", self))

    def align(
        self, words: Sequence[str] = ("hub", "ridge"), *, space: str | None = None
    ) -> AlignReport:
        """Learn from the library's captions and keep what passes; see `searchengine.alignment`.

        `words` are hub, ridge, procrustes, low-rank or all: each is tried on photos that it was not
        learned from. What was kept before goes. Raises InputError where fewer than 200 images have
        a caption.
        """
        from searchengine.library.learned.align import align

        return align(cast("Library", self), words, space)
