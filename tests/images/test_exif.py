from __future__ import annotations

import io
import json
import sqlite3
from contextlib import closing
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.ExifTags import GPS, IFD, Base
from PIL.TiffImagePlugin import IFDRational

from searchengine.cameras import MAX_CAMERA_LENGTH, join_camera
from searchengine.images.exif import (
    parse_date,
    read_exif,
    read_facts,
    read_orientation,
    read_raw_exif,
)
from searchengine.types import ImageFacts


def stored(
    main: dict[int, Any], details: dict[int, Any] | None = None, gps: dict[int, Any] | None = None
) -> Image.Exif:
    """The EXIF as it comes back from a JPEG file."""
    exif = Image.Exif()
    exif.update(main)
    exif.get_ifd(IFD.Exif).update(details or {})
    exif.get_ifd(IFD.GPSInfo).update(gps or {})
    buffer = io.BytesIO()
    Image.new("L", (8, 8)).save(buffer, "JPEG", exif=exif)
    return read_exif(Image.open(buffer))


def facts_of(*directories: Any) -> ImageFacts:
    return read_facts(stored(*directories), (8, 6), "JPEG")


def test_everything_a_camera_writes() -> None:
    facts = facts_of(
        {
            Base.Make: "Canon\0\0",
            Base.Model: "Canon EOS 5D  ",
            Base.DateTime: "2020:01:01 00:00:00",
        },
        {
            Base.DateTimeOriginal: "2012:07:15 18:30:59",
            Base.DateTimeDigitized: "2013:01:01 00:00:00",
        },
        {
            GPS.GPSLatitudeRef: "S",
            GPS.GPSLatitude: (33.0, 51.0, 24.12),
            GPS.GPSLongitudeRef: "E",
            GPS.GPSLongitude: (151.0, 12.0, 54.9),
        },
    )
    assert replace(facts, latitude=None, longitude=None) == ImageFacts(
        width=8,
        height=6,
        format="JPEG",
        taken_at=datetime(2012, 7, 15, 18, 30, 59),
        camera="Canon EOS 5D",
        taken_from="exif",
    )
    assert facts.latitude == pytest.approx(-33.8567)
    assert facts.longitude == pytest.approx(151.21525)


def test_no_exif() -> None:
    assert facts_of({}) == ImageFacts(8, 6, "JPEG")


def test_the_second_best_date_where_the_best_is_malformed() -> None:
    details = {Base.DateTimeOriginal: "0000:00:00 00:00:00", Base.DateTimeDigitized: "    "}
    facts = facts_of({Base.DateTime: "2020:02:29 23:59:59"}, details)
    assert facts.taken_at == datetime(2020, 2, 29, 23, 59, 59)


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("2024:05:01 13:37:00", datetime(2024, 5, 1, 13, 37)),
        ("2024-05-01T13:37:05Z", datetime(2024, 5, 1, 13, 37, 5)),
        ("2024/5/1  9:07", datetime(2024, 5, 1, 9, 7)),
        (b"2024:05:01 13:37:00\0", datetime(2024, 5, 1, 13, 37)),
        ("1985:07:04   :  :  ", datetime(1985, 7, 4)),
        ("1985:07:04", datetime(1985, 7, 4)),
        ("1985:07:041", None),
        ("2023:01:01 24:05:10", datetime(2023, 1, 1)),
        ("0000:00:00 00:00:00", None),
        ("0001:01:01 00:00:00", None),
        ("2023:02:29 00:00:00", None),
        ("                   ", None),
        ("    :  :     :  :  ", None),
        ("", None),
        (None, None),
        (20240501, None),
        ((2024, 5), None),
    ],
)
def test_dates(text: object, date: datetime | None) -> None:
    assert parse_date(text) == date


@pytest.mark.parametrize(
    ("maker", "model", "camera"),
    [
        ("Canon", "Canon EOS 5D", "Canon EOS 5D"),
        ("NIKON CORPORATION", "NIKON D90", "NIKON D90"),
        ("EASTMAN KODAK COMPANY", "KODAK DX4330", "KODAK DX4330"),
        ("LG Electronics", "LG-H870", "LG-H870"),
        ("Apple", "iPhone 12", "Apple iPhone 12"),
        ("SONY", "DSC-RX100", "SONY DSC-RX100"),
        ("SONY", "", "SONY"),
        ("", "EX-Z1000", "EX-Z1000"),
        ("", "", None),
        ("x" * 500, "y", "x" * MAX_CAMERA_LENGTH),
    ],
)
def test_cameras(maker: str, model: str, camera: str | None) -> None:
    assert join_camera(maker, model) == camera


def test_a_camera_cannot_write_control_characters() -> None:
    assert facts_of({Base.Model: "X\x1b[31m  \n100\0garbage"}).camera == "X[31m 100"


NORTH_EAST: dict[int, Any] = {
    GPS.GPSLatitudeRef: "N",
    GPS.GPSLatitude: (10.0, 30.0, 0.0),
    GPS.GPSLongitudeRef: "E",
    GPS.GPSLongitude: (20.0, 15.0, 36.0),
}


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({}, (10.5, 20.26)),
        ({GPS.GPSLatitudeRef: "s", GPS.GPSLongitudeRef: "W\0"}, (-10.5, -20.26)),
        ({GPS.GPSLatitude: (0.0, 0.0, 0.0), GPS.GPSLongitude: (180.0, 0.0, 0.0)}, (0.0, 180.0)),
        ({GPS.GPSLatitude: (91.0, 0.0, 0.0)}, None),
        ({GPS.GPSLongitude: (180.0, 0.0, 1.0)}, None),
        ({GPS.GPSLatitude: (10.0, 29.0, 60.0)}, (10.5, 20.26)),
        ({GPS.GPSLatitude: (10.0, 99.0, 0.0)}, None),
        ({GPS.GPSLongitude: (20.0, 15.0, 99.0)}, None),
        ({GPS.GPSLatitudeRef: "E"}, None),
        ({GPS.GPSLatitudeRef: ""}, None),
        ({GPS.GPSLatitude: (10.0, 30.0)}, None),
        ({GPS.GPSLatitude: 10.0}, None),
    ],
)
def test_positions(change: dict[int, Any], place: tuple[float, float] | None) -> None:
    facts = facts_of({}, {}, NORTH_EAST | change)
    found = None if facts.latitude is None else (facts.latitude, facts.longitude)
    assert found == (None if place is None else pytest.approx(place))
    assert (facts.latitude is None) == (facts.longitude is None)


def test_a_zero_denominator_is_no_position() -> None:
    exif = stored({}, {}, NORTH_EAST)
    data = exif.tobytes()
    thirty = b"\x1e\0\0\0\x01\0\0\0" if exif.endian == "<" else b"\0\0\0\x1e\0\0\0\x01"
    assert data.count(thirty) == 1
    broken = Image.Exif()
    broken.load(data.replace(thirty, thirty.replace(b"\x01", b"\0")))
    facts = read_facts(broken, (8, 6), "JPEG")
    assert (facts.latitude, facts.longitude) == (None, None)


@pytest.mark.parametrize(("value", "expected"), [(6, 6), (0, 1), (9, 1), ("6", 1), ((3, 4), 1)])
def test_orientations(value: Any, expected: int) -> None:
    exif = Image.Exif()
    exif[Base.Orientation] = value
    assert read_orientation(exif) == expected


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_exif_cut_anywhere_or_scrambled_never_raises() -> None:
    data = stored(
        {Base.Make: "Canon", Base.Model: "EOS", Base.Orientation: 6},
        {Base.DateTimeOriginal: "2012:07:15 18:30:59"},
        NORTH_EAST,
    ).tobytes()
    variants = [data[:length] for length in range(len(data))]
    variants += [data[:at] + b"\xff" + data[at + 1 :] for at in range(6, len(data))]
    for variant in variants:
        image = Image.new("L", (8, 8))
        image.info["exif"] = variant
        exif = read_exif(image)
        assert 1 <= read_orientation(exif) <= 8
        assert read_facts(exif, (8, 8), "JPEG").width == 8


def test_raw_containers() -> None:
    exif = stored({Base.Make: "OLYMPUS", Base.Model: "E-M5"})
    tiff = exif.tobytes().removeprefix(b"Exif\0\0")
    assert read_facts(read_raw_exif(tiff), (8, 8), "DNG").camera == "OLYMPUS E-M5"
    if tiff.startswith(b"II"):
        orf = b"IIRO" + tiff[4:]
        assert read_facts(read_raw_exif(orf), (8, 8), "ORF").camera == "OLYMPUS E-M5"
    assert len(read_raw_exif(b"FUJIFILMCCD-RAW 0201")) == 0


ODD_VALUES = st.one_of(
    st.none(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(alphabet=st.characters(), max_size=40),
    st.text(alphabet=st.characters(categories=["Cs", "Cc", "Cf", "Nd", "Lu"]), max_size=40),
    st.binary(max_size=40),
    st.builds(IFDRational, st.integers(-9, 2**40), st.integers(-2, 9)),
    st.from_regex(r"\d{1,5}[:-]\d\d?[:-]\d\d? \d\d?:\d\d?:\d\d?", fullmatch=True),
    st.sampled_from(["N", "S", "E", "W", "NS", b"N\0"]),
)
ODD_TAGS = st.dictionaries(
    st.sampled_from([*Base, *range(8)]),
    st.one_of(ODD_VALUES, st.lists(ODD_VALUES, min_size=1, max_size=4).map(tuple)),
)


@settings(max_examples=120)
@given(main=ODD_TAGS, details=ODD_TAGS, gps=ODD_TAGS)
def test_every_fact_fits_the_catalog_and_json(
    main: dict[int, Any], details: dict[int, Any], gps: dict[int, Any]
) -> None:
    exif = Image.Exif()
    exif.update(main)
    exif._ifds[IFD.Exif], exif._ifds[IFD.GPSInfo] = details, gps
    facts = read_facts(exif, (8, 6), "JPEG")
    values = {**asdict(facts), "taken_at": facts.taken_at and facts.taken_at.isoformat(" ")}
    assert json.loads(json.dumps(values, allow_nan=False)) == values
    with closing(sqlite3.connect(":memory:")) as catalog:
        marks = ", ".join("?" * len(values))
        row = catalog.execute(f"SELECT {marks}", [*values.values()]).fetchone()
    assert row == tuple(values.values())
    if facts.camera is not None:
        assert facts.camera.isprintable()
        assert 0 < len(facts.camera) <= MAX_CAMERA_LENGTH
        assert facts.camera == facts.camera.strip()
        facts.camera.encode()
    if facts.taken_at is not None:
        assert 1 <= facts.taken_at.year <= 9999
        assert facts.taken_at.tzinfo is None
    assert (facts.latitude is None) == (facts.longitude is None)
    if facts.latitude is not None and facts.longitude is not None:
        assert abs(facts.latitude) <= 90
        assert abs(facts.longitude) <= 180


@pytest.mark.parametrize(
    ("text", "camera"),
    [
        ("Cam\ud800era", "Camera"),
        ("\u202egnp.exe", "gnp.exe"),
        ("\x9b31mred", "31mred"),
        ("\ud800", None),
        ("\x07\x1b", None),
        ("\u3000 Leica\u00a0M6", "Leica M6"),
        (b"\xffCamera", "\ufffdCamera"),
    ],
)
def test_a_camera_is_clean_text(text: Any, camera: str | None) -> None:
    exif = Image.Exif()
    exif[Base.Model] = text
    assert read_facts(exif, (8, 6), "JPEG").camera == camera
