"""Where pictures were taken: countries, and their places with a picture of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from searchengine.catalog.gathered.places import PlaceCount
from searchengine.errors import ClipseekError
from searchengine.library.learned.located import require_places
from searchengine.library.library import Library
from serving.api import base_of, service_of
from serving.pages.rendering import render
from serving.problems import problem_of
from serving.question import Question


@dataclass(frozen=True, slots=True)
class PlaceCard:
    """A place with its last picture."""

    name: str
    """Without its country."""
    images: int
    href: str
    cover: int


@dataclass(frozen=True, slots=True)
class Country:
    """The places of a country, most pictures first."""

    name: str
    images: int
    href: str
    places: list[PlaceCard]


async def places(request: Request) -> Response:
    """Every place with pictures, by country."""

    def look(library: Library) -> tuple[list[PlaceCount], int]:
        return library.places(), library.catalog.located()

    found, located = await service_of(request).on_library(look)
    return render(
        "places.html",
        base=base_of(request),
        question=Question(),
        countries=by_country(found),
        why_none=None if found else _why_none(located),
    )


def by_country(found: Sequence[PlaceCount]) -> list[Country]:
    """The places by the last part of their names; the country with most pictures first."""
    totals: Counter[str] = Counter()
    cards: dict[str, list[PlaceCard]] = {}
    for place in found:
        rest, _, country = place.place.rpartition(", ")
        totals[country] += place.images
        card = PlaceCard(rest or country, place.images, _href(place.place), place.image)
        cards.setdefault(country, []).append(card)
    return [
        Country(country, images, _href(country), cards[country])
        for country, images in totals.most_common()
    ]


def _href(place: str) -> str:
    return f"/?{urlencode({'place': place})}"


def _why_none(located: int) -> str:
    try:
        require_places(located)
    except ClipseekError as error:
        return problem_of(error).detail
    return "no picture of the library says where it was taken"


ROUTES = [Route("/places", places)]
