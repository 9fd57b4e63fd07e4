"""Where images were taken, by the names of places that index runs have given them."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from searchengine.catalog.sqlite.connection import Reads, chunks
from searchengine.catalog.sqlite.schema import captions, images, is_located, is_place, readings
from searchengine.types import PLACE


@dataclass(frozen=True, slots=True)
class PlaceCount:
    """A place with images."""

    place: str
    """Its whole name, as "Paris, Texas, United States"."""
    images: int
    latitude: float | None
    """Degrees north, of the image that was added last."""
    longitude: float | None
    image: int
    """The id of that image."""


class PlaceReads(Reads):
    """What can be asked about places."""

    def places(self) -> list[PlaceCount]:
        """Every place with images, most images first."""
        number, last = sa.func.count(), sa.func.max(captions.c.image_id)
        query = sa.select(captions.c.text, number, last).where(is_place).group_by(captions.c.text)
        with self._reading() as connection:
            found = connection.execute(query.order_by(number.desc(), captions.c.text)).all()
            points: dict[int, tuple[float | None, float | None]] = {}
            for chunk in chunks([image_id for *_, image_id in found]):
                these = sa.select(images.c.id, images.c.latitude, images.c.longitude)
                for image_id, *point in connection.execute(these.where(images.c.id.in_(chunk))):
                    points[image_id] = point[0], point[1]
        return [
            PlaceCount(place, count, *points.get(image_id, (None, None)), image_id)
            for place, count, image_id in found
        ]

    def located(self) -> int:
        """How many images say where they were taken."""
        query = sa.select(sa.func.count()).select_from(images).where(is_located)
        with self._reading() as connection:
            return int(connection.execute(query).scalar_one())

    def unplaced(self, state: str) -> list[tuple[int, float, float]]:
        """Images that say where they were taken and were not given a place in this state.

        Their ids, and degrees north and east.
        """
        is_given = sa.exists().where(
            readings.c.image_id == images.c.id,
            readings.c.reader == PLACE,
            readings.c.state == state,
        )
        query = sa.select(images.c.id, images.c.latitude, images.c.longitude)
        query = query.where(is_located, images.c.longitude.is_not(None), ~is_given)
        with self._reading() as connection:
            found = connection.execute(query.order_by(images.c.id))
            return [(image_id, north, east) for image_id, north, east in found]

    def images_at_places_with(self, word: str) -> int:
        """How many images were taken at places with this word, as `words_of` gives it."""
        whole = sa.func.lower(" " + sa.func.replace(captions.c.text, ",", "") + " ")
        query = sa.select(sa.func.count()).where(is_place, sa.func.instr(whole, f" {word} ") > 0)
        with self._reading() as connection:
            return int(connection.execute(query).scalar_one())
