"""Which place a name means, and which place is at a point, with GeoNames' own data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from searchengine.errors import InputError, MissingExtraError
from searchengine.gazetteer import kept
from searchengine.gazetteer.lookup import at, meant, near
from searchengine.gazetteer.places import folded
from searchengine.geography import Near

pytestmark = pytest.mark.usefixtures("gazetteer")


@pytest.mark.parametrize(
    ("text", "north", "east", "radius"),
    [
        ("Lisbon", 38.72, -9.14, 10_000),
        ("lissabon", 38.72, -9.14, 10_000),
        ("LISBOA, 3km", 38.72, -9.14, 3_000),
        ("Köln", 50.94, 6.96, 10_000),
        ("koln, Germany", 50.94, 6.96, 10_000),
        ("東京", 35.69, 139.69, 32_000),
        ("Paris", 48.85, 2.35, 15_000),
        ("Paris, Texas", 33.66, -95.56, 10_000),
        ("Paris, TX, 20km", 33.66, -95.56, 20_000),
        ("London, Canada", 42.98, -81.23, 10_000),
        ("London, UK", 51.51, -0.13, 31_000),
        ("Hallstatt", 47.56, 13.65, 10_000),
    ],
)
def test_a_name_means_its_largest_place(
    text: str, north: float, east: float, radius: float
) -> None:
    found = near(text)
    assert (found.latitude, found.longitude) == pytest.approx((north, east), abs=0.03)
    assert found.radius == pytest.approx(radius, abs=1_100)


def test_it_is_said_which_place_was_taken_and_which_others_there_are() -> None:
    said = meant("Springfield, Missouri").said
    assert said is not None
    assert said.startswith("near Springfield, Missouri, United States: 37.2")
    assert "not" not in said
    many = meant("Springfield").said
    assert many is not None
    assert "; not Springfield, Massachusetts, United States; " in many
    assert many.endswith(" more")
    assert meant("52.1,4.3").said is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Lisbonn", "called 'Lisbonn'; did you mean Lisbon"),
        ("Amsterdaam", "did you mean Amsterdam"),
        ("Qxzqxzqxzq", "write coordinates"),
        ("Springfield, Portugal", "no Springfield is in Portugal; there is: Springfield, Missouri"),
        ("Portugal", "Portugal is no town.*--words-only"),
    ],
)
def test_what_is_no_place_is_said_with_what_may_be(text: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        meant(text)


@pytest.mark.parametrize(
    ("north", "east", "place"),
    [
        (38.6916, -9.2160, "Lisbon, Portugal"),  # the tower of Belém
        (38.7970, -9.3900, "Sintra, Portugal"),
        (52.4990, 13.4030, "Berlin, Germany"),  # Kreuzberg is a part of it
        (42.3100, -83.0400, "Windsor, Canada"),  # across the river from the larger Detroit
        (33.6609, -95.5555, "Paris, Texas, United States"),
        (-33.8567, 151.2152, "Sydney, Australia"),
        (-22.9519, -43.2105, "Rio de Janeiro, Brazil"),
        (1.2900, 103.8500, "Singapore"),
        (-16.7800, 179.5000, "Savusavu, Fiji"),
        (0.0, 0.0, None),
        (-90.0, 0.0, None),
        (90.0, 12.0, None),
        (23.0, 10.0, None),  # the Sahara
    ],
)
def test_which_place_is_at_a_point(north: float, east: float, place: str | None) -> None:
    [found] = at(np.array([[north, east]]))
    assert (found.text if found else None) == place


def test_points_come_back_in_their_order() -> None:
    points = np.array([[48.8534, 2.3488], [0, 0], [38.7251, -9.1498], [48.8534, 2.3488]])
    found = [place.name if place else None for place in at(points)]
    assert found == ["Paris", None, "Lisbon", "Paris"]


def test_names_are_compared_without_accents_case_and_punctuation() -> None:
    assert folded("São Tomé") == folded("SAO-TOME") == "sao tome"
    assert folded("St. John's") == "st john s"
    assert folded("東京") == "東京"


def test_what_is_kept_is_read_again_and_made_anew_where_it_is_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    towns = kept.read_towns()
    made: list[kept.Towns] = []

    def make() -> kept.Towns:
        made.append(towns)
        return towns

    monkeypatch.setattr(kept, "user_cache", lambda name: tmp_path / name)
    monkeypatch.setattr(kept, "_made", make)
    try:
        for _ in range(2):
            kept.read_towns.cache_clear()
            assert kept.read_towns().keys.tolist()[:99] == towns.keys.tolist()[:99]
        assert len(made) == 1
        [file] = tmp_path.glob("places-*.npz")
        file.write_bytes(file.read_bytes()[:1_000])
        kept.read_towns.cache_clear()
        assert len(kept.read_towns().latitudes) == len(towns.latitudes)
        assert len(made) == 2
    finally:
        monkeypatch.undo()
        kept.read_towns.cache_clear()
        kept.read_towns()


def test_without_the_package_coordinates_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    kept.read_towns.cache_clear()
    monkeypatch.setattr(kept, "state", lambda: None)
    assert near("52.1,4.3,5km") == Near(52.1, 4.3, 5_000)
    with pytest.raises(MissingExtraError, match=r"clipseek\[places\]"):
        near("Lisbon")
