"""Distances, boxes around places, and places as people write them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from searchengine.errors import InputError
from searchengine.geography import (
    FARTHEST,
    Named,
    Near,
    boxes,
    distance,
    near_text,
    read_near,
)

latitudes = st.floats(-90, 90)
longitudes = st.floats(-180, 180)


@pytest.mark.parametrize(
    ("one", "other", "kilometres"),
    [
        # Great-circle distances between airports, as the Great Circle Mapper has them.
        ((51.4775, -0.461389), (40.639722, -73.778889), 5_555),  # LHR, JFK, on an ellipsoid
        ((-33.946111, 151.177222), (-33.392778, -70.785556), 11_346),  # SYD, SCL
        ((52.1, 4.3), (52.1, 4.3), 0),
        ((0, 179.5), (0, -179.5), 111.2),
        ((90, 0), (90, 123), 0),
        ((89.5, 0), (89.5, 180), 111.2),
        ((0, 0), (0, 180), 20_015.1),
    ],
)
def test_distances(one: tuple[float, float], other: tuple[float, float], kilometres: float) -> None:
    assert distance(*one, *other) / 1_000 == pytest.approx(kilometres, rel=0.006, abs=1e-6)


@given(latitudes, longitudes, latitudes, longitudes)
def test_a_distance_is_that_of_the_angle_between_two_directions(
    north: float, east: float, other: float, other_east: float
) -> None:
    def direction(latitude: float, longitude: float) -> tuple[float, float, float]:
        phi, lam = math.radians(latitude), math.radians(longitude)
        return math.cos(phi) * math.cos(lam), math.cos(phi) * math.sin(lam), math.sin(phi)

    chord = math.dist(direction(north, east), direction(other, other_east))
    along = 2 * math.asin(min(1.0, chord / 2)) * 6_371_008.8
    assert distance(north, east, other, other_east) == pytest.approx(along, abs=1)


@given(latitudes, longitudes, st.floats(1, FARTHEST), latitudes, longitudes)
def test_what_is_near_is_in_a_box(
    north: float, east: float, radius: float, other: float, other_east: float
) -> None:
    near = Near(north, east, radius)
    found = list(boxes(near))
    assert all(box.west <= box.east and box.south <= box.north for box in found)
    if distance(north, east, other, other_east) <= radius * (1 - 1e-9):
        slack = 1e-6
        assert any(
            box.south - slack <= other <= box.north + slack
            and box.west - slack <= other_east <= box.east + slack
            for box in found
        )


def test_boxes_are_no_larger_than_they_need_be() -> None:
    [box] = boxes(Near(60, 10, 111_195))
    assert (box.south, box.north) == pytest.approx((59, 61), abs=1e-3)
    assert (box.west, box.east) == pytest.approx((8, 12), abs=1e-2)
    left, right = boxes(Near(-17, 179.9, 50_000))
    assert (left.west, right.east) == (-180, 180)
    assert [round(each.east - each.west, 2) for each in (left, right)] == [0.37, 0.57]
    [pole] = boxes(Near(-89.9, 77, 50_000))
    assert (pole.south, pole.west, pole.east) == (-90, -180, 180)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("52.1,4.3", Near(52.1, 4.3, 10_000)),
        ("52.1, 4.3 , 5km", Near(52.1, 4.3, 5_000)),
        ("-33.8567,151.21,800 m", Near(-33.8567, 151.21, 800)),
        ("+1.5,-.5,2MI", Near(1.5, -0.5, 3_218.688)),
        ("0,0", Near(0, 0)),
        ("Lisbon", Named("Lisbon")),
        ("  Lisbon ,20km", Named("Lisbon", (), 20_000)),
        ("Paris, Texas, 1.5 mi", Named("Paris", ("Texas",), 2_414.016)),
        ("São  Paulo,Brazil", Named("São Paulo", ("Brazil",))),
        ("100 Mile House", Named("100 Mile House")),
    ],
)
def test_places_as_people_write_them(text: str, place: Near | Named) -> None:
    assert read_near(text) == place


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("52.1,4.3,5", "a distance has a unit"),
        ("Lisbon, 20", "a distance has a unit"),
        ("4.3,152.1,5km,7", "is no place"),
        ("152.1,4.3", "latitude comes first"),
        ("52.1,181", "latitude comes first"),
        ("52.1", "is no place"),
        ("5km", "is no place"),
        ("", "is no place"),
        (" , ", "is no place"),
        ("nan,4", "a distance has a unit"),
        ("52.1,4.3,0km", "that far away"),
        ("52.1,4.3,20016km", "that far away"),
        ("52,1,4,3", "is no place"),
    ],
)
def test_what_is_no_place(text: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        read_near(text)


@given(latitudes, longitudes, st.floats(1, FARTHEST))
def test_a_place_is_read_as_it_is_written(north: float, east: float, radius: float) -> None:
    near = Near(round(north, 6), round(east, 6), float(round(radius)))
    read = read_near(near_text(near))
    assert isinstance(read, Near)
    assert (read.latitude, read.longitude) == pytest.approx((near.latitude, near.longitude))
    assert read.radius == pytest.approx(near.radius, rel=1e-3)
