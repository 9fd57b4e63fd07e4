"""What is written in files and beside them: found in every format, cleaned and bounded."""

from __future__ import annotations

import io
import os
import random
import struct
import time
import zlib
from datetime import datetime
from pathlib import Path

import pytest

from indexers.sidecars import Sidecars
from searchengine.files import file_state
from searchengine.metadata.blocks import find_blocks
from searchengine.metadata.cleaning import said
from searchengine.metadata.dates import date_in_name, iptc_date, iso_date, mail_date
from searchengine.metadata.read import read_written, read_written_file
from searchengine.metadata.xmp import read_xmp
from searchengine.types import FileState, Written
from tests.support.metadata import (
    alternatives,
    bag,
    packet,
    picture,
    records,
    resources,
    with_iptc,
    with_segment,
)

TITLED = packet(
    alternatives("dc:title", "Ilse&apos;s 80th", "Ilses 80.")
    + alternatives("dc:description", "The whole family\n at the lake.")
    + bag("dc:subject", "Kragerø", "birthday", "kragerø")
    + bag("ext:PersonInImage", "Aunt Ilse")
    + '<mwg-rs:Regions><rdf:Bag><rdf:li mwg-rs:Name="Fulgencio" mwg-rs:Type="Face"/></rdf:Bag>'
    + "</mwg-rs:Regions>",
    'photoshop:City="Trogir" exif:DateTimeOriginal="2019-07-21T10:11:12.5+02:00" '
    'xmp:CreateDate="2020-01-01"',
)
SENTENCES = ["Ilse's 80th", "Ilses 80.", "The whole family at the lake."]
KEYWORDS = "Trogir, Kragerø, birthday, Aunt Ilse, Fulgencio"


def written(path: Path, sidecar: Path | None = None) -> Written:
    state = file_state(str(path), path.stat())
    return read_written_file(state, None if sidecar is None else str(sidecar))


def texts(found: Written) -> list[tuple[str, str]]:
    return [(text.source, text.text) for text in found.texts]


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".gif", ".avif"])
def test_xmp_is_found_in_every_format(tmp_path: Path, suffix: str) -> None:
    found = written(picture(tmp_path / f"a{suffix}", xmp=TITLED))
    assert texts(found) == [("xmp", text) for text in SENTENCES] + [("xmp keywords", KEYWORDS)]
    assert (found.taken_at, found.taken_from) == (datetime(2019, 7, 21, 10, 11, 12), "xmp")


def test_a_sidecar_comes_before_the_file_and_says_nothing_twice(tmp_path: Path) -> None:
    path = picture(tmp_path / "a.jpg", xmp=TITLED)
    beside = tmp_path / "a.xmp"
    beside.write_bytes(
        packet(
            alternatives("dc:description", "ilse's 80TH", "Corrected"),
            'photoshop:DateCreated="2019-07-22"',
        )
    )
    found = written(path, beside)
    assert texts(found) == [
        ("sidecar", "ilse's 80TH"),
        ("sidecar", "Corrected"),
        ("xmp", SENTENCES[1]),
        ("xmp", SENTENCES[2]),
        ("xmp keywords", KEYWORDS),
    ]
    assert (found.taken_at, found.taken_from) == (datetime(2019, 7, 22), "sidecar")


@pytest.mark.parametrize(
    ("name", "element"),
    [
        ("a.xmp", bag("lr:hierarchicalSubject", "Animals|Dogs|Rex", "Places|Oslo|Park", "||")),
        ("a.jpg.xmp", bag("digiKam:TagsList", "Animals/Dogs/Rex", "Places/Oslo/Park")),
    ],
    ids=["Lightroom", "digiKam"],
)
def test_keywords_come_with_those_above_them(tmp_path: Path, name: str, element: str) -> None:
    path = picture(tmp_path / "a.jpg")
    (tmp_path / name).write_bytes(packet(bag("dc:subject", "rex", "Park") + element))
    sidecar = Sidecars()(str(path)).path
    assert sidecar == str(tmp_path / name)
    found = written(path, Path(sidecar))
    assert texts(found) == [("sidecar keywords", "rex, Park, Animals, Dogs, Places, Oslo")]


@pytest.mark.parametrize(
    ("latitude", "longitude", "expected"),
    [
        ("48,8.5N", "11,34.8E", (48 + 8.5 / 60, 11.58)),
        ("33,51,24.12S", "70,40,12W", (-33.8567, -70.67)),
        ("0,0N", "9,7.74W", (0.0, -9.129)),
        ("33,51.4s", "70,40.2w", (-33.8567, -70.67)),
        ("-33.8567", "151.2152", (-33.8567, 151.2152)),
        ("48,60N", "11,34.8E", (49.0, 11.58)),
        ("48,99N", "11,34.8E", None),
        ("48,8,99N", "11,34.8E", None),
        ("48,8.5E", "11,34.8N", None),
        ("48,8.5", "11,34.8", None),
        ("98,8.5N", "11,34.8E", None),
        ("48,8.5N", "", None),
        ("0,0N", "0,0E", None),
        ("nanN", "infE", None),
    ],
)
def test_where_xmp_says_a_picture_was_taken(
    latitude: str, longitude: str, expected: tuple[float, float] | None
) -> None:
    found = read_xmp(packet("", f'exif:GPSLatitude="{latitude}" exif:GPSLongitude="{longitude}"'))
    assert found.position == (expected and pytest.approx(expected))


def test_letters_beside_coordinates_and_places_that_are_shown() -> None:
    apart = "".join(
        f"<exif:GPS{name}>{value}</exif:GPS{name}>"
        for name, value in {
            "LatitudeRef": "S", "Latitude": "33.85", "Longitude": "70.67", "LongitudeRef": "W",
        }.items()
    )  # fmt: skip
    assert read_xmp(packet(apart)).position == (-33.85, -70.67)
    shown = (
        "<ext:LocationShown><rdf:Bag><rdf:li exif:GPSLatitude='1,2N' exif:GPSLongitude='3,4E'/>"
        "</rdf:Bag></ext:LocationShown>"
    )
    assert read_xmp(packet(shown)).position is None
    assert read_xmp(packet(shown + apart)).position == (-33.85, -70.67)


IPTC = (
    ((2, 5), "Zürich".encode("latin-1")),
    ((2, 120), b"At the station"),
    ((2, 25), b"train"),
    ((2, 25), b"Oma"),
    ((2, 90), b"Paris"),
    ((2, 55), b"20180203"),
    ((2, 60), b"040506+0100"),
)


def test_iptc_of_any_encoding(tmp_path: Path) -> None:
    found = written(with_iptc(picture(tmp_path / "a.jpg"), *IPTC))
    assert texts(found) == [
        ("iptc", "Zürich"),
        ("iptc", "At the station"),
        ("iptc keywords", "train, Oma, Paris"),
    ]
    assert (found.taken_at, found.taken_from) == (datetime(2018, 2, 3, 4, 5, 6), "iptc")
    marked = ((1, 90), b"\x1b%G"), ((2, 5), "Kragerø 京都".encode())
    assert texts(written(with_iptc(picture(tmp_path / "b.jpg"), *marked))) == [
        ("iptc", "Kragerø 京都")
    ]


def test_iptc_that_spans_segments_or_lies_in_a_png(tmp_path: Path) -> None:
    whole = resources(records(((2, 120), b"a long story " * 100)))
    path = picture(tmp_path / "a.jpg")
    with_segment(path, 0xED, b"Photoshop 3.0\0" + whole[700:])
    with_segment(path, 0xED, b"Photoshop 3.0\0" + whole[:700])
    expected = ("a long story " * 100).strip()
    assert texts(written(path)) == [("iptc", expected)]
    profile = f"\nIPTC profile\n {len(whole):7}\n{whole.hex()}\n"
    path = picture(tmp_path / "b.png", Raw_profile_type_iptc=profile)
    assert texts(written(path)) == [("iptc", expected)]


def test_exif_and_what_windows_writes(tmp_path: Path) -> None:
    tags: dict[int, object] = {
        270: "A café\0".encode(),
        0x9C9B: "Überschrift\0".encode("utf-16-le"),
        0x9C9E: "Oma;Opa\0".encode("utf-16-le"),
        0x8769: {0x9286: b"UNICODE\0" + "一言".encode("utf-16-be")},
    }
    for suffix in (".jpg", ".png", ".webp"):
        found = written(picture(tmp_path / f"a{suffix}", exif=tags))
        assert texts(found) == [
            ("exif", "Überschrift"),
            ("exif", "A café"),
            ("exif", "一言"),
            ("exif keywords", "Oma, Opa"),
        ], suffix


@pytest.mark.parametrize("order", ["utf-16-le", "utf-16-be"])
def test_a_comment_in_the_other_order_of_bytes(tmp_path: Path, order: str) -> None:
    comment = b"UNICODE\0" + ("Ein schöner Abend" + "\0" * 99).encode(order)
    found = written(picture(tmp_path / "a.jpg", exif={0x8769: {0x9286: comment}}))
    assert texts(found) == [("exif", "Ein schöner Abend")]


def test_exif_as_other_programs_store_it(tmp_path: Path) -> None:
    jpeg = picture(tmp_path / "a.jpg", exif={270: b"A dog\0"})
    data = jpeg.read_bytes()
    segment = data.index(b"\xff\xe1")
    jpeg.write_bytes(data[:segment] + b"\xff" * 5 + data[segment:])
    tiff = data[data.index(b"Exif\0\0") + 6 :]
    png = picture(tmp_path / "b.png")
    chunk = b"eXIf" + b"Exif\0\0" + tiff
    whole = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    png.write_bytes(png.read_bytes()[:33] + whole + png.read_bytes()[33:])
    heif = tmp_path / "c.heic"  # as libheif writes it, without a word before the block
    heif.write_bytes(b"\0\0\0\x18ftypheic" + bytes(12) + b"mdat" + bytes(4) + tiff)
    for path in (jpeg, png, heif):
        assert texts(written(path)) == [("exif", "A dog")], path.name


def test_texts_and_the_date_of_png(tmp_path: Path) -> None:
    path = picture(
        tmp_path / "a.png",
        Title="Chart",
        Comment="Created with GIMP",
        Creation_Time="Tue, 03 Feb 2004 05:06:07 +0100",
    )
    found = written(path)
    assert texts(found) == [("png", "Chart")]
    assert (found.taken_at, found.taken_from) == (datetime(2004, 2, 3, 5, 6, 7), "png")


@pytest.mark.parametrize(
    ("name", "date"),
    [
        ("IMG_20190721", datetime(2019, 7, 21)),
        ("PXL_20210102_030405678", datetime(2021, 1, 2, 3, 4, 5)),
        ("IMG-20190721-WA0001", datetime(2019, 7, 21)),
        ("2019-07-21 10.11.12", datetime(2019, 7, 21, 10, 11, 12)),
        ("Screenshot_2019-07-21-10-11-12", datetime(2019, 7, 21, 10, 11, 12)),
        ("Screenshot 2019-07-21 at 10.11.12", datetime(2019, 7, 21, 10, 11, 12)),
        ("20190721101112", datetime(2019, 7, 21, 10, 11, 12)),
        ("20190721_995959", datetime(2019, 7, 21)),
        ("IMG_20191321", None),
        ("IMG_20190231", None),
        ("IMG_20230101", None),
        ("DSC_0042", None),
        ("1563703872000", None),
        ("120190721", None),
        ("19000101", None),
    ],
)
def test_a_date_in_a_name(name: str, date: datetime | None) -> None:
    assert date_in_name(name, modified_at=datetime(2022, 1, 1)) == date


def test_dates_are_read_or_none() -> None:
    assert iso_date("2019-07-21T10:11:12.345+02:00") == datetime(2019, 7, 21, 10, 11, 12)
    assert iso_date("2019-07-21T10:11Z") == datetime(2019, 7, 21, 10, 11)
    for bad in ("", "2019", "2019-07", "2019-13-01", "0000:00:00 00:00", "20190721", "0001-01-01"):
        assert iso_date(bad) is None, bad
    assert iptc_date("20190721", "") == datetime(2019, 7, 21)
    assert iptc_date("20190721", "256161") == datetime(2019, 7, 21)
    for date, clock in (("00000000", ""), ("2019", "101112"), ("00010101", "000000")):
        assert iptc_date(date, clock) is None
    assert mail_date("yesterday") is None


@pytest.mark.parametrize(
    "text",
    ["OLYMPUS DIGITAL CAMERA         ", "SONY DSC", "DCIM\\100GOPRO\\GOPR01.JPG", "untitled",
     "Exif_JPEG_PICTURE", "Created with GIMP", "DSC_0042.JPG", "  \n ", "hdrpl", "\x00\x01",
     "http://www.example.org", "www.example.org"],
)  # fmt: skip
def test_what_cameras_and_programs_put_in_is_no_description(text: str) -> None:
    assert said(text) == ""


def test_control_characters_and_length_are_bounded() -> None:
    assert said("a \x1b[31mred\u202e\u200b\ud800 box\r\n\tnow") == "a [31mred box now"
    assert len(said("very " * 10_000)) <= 2_000
    many = packet(bag("dc:subject", *(f"word{number}" for number in range(5_000))))
    found = read_written(FileState("/a.gif", 1, 0), io.BytesIO(b"GIF89a" + many), None)
    [keywords] = found.texts
    assert keywords.text.count(",") == 99


BOMB = (
    '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">'
    + "".join(
        f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    + "]>"
)


def test_entities_are_never_expanded() -> None:
    started = time.process_time()
    for bomb in (
        BOMB,
        '<!DOCTYPE x [<!ENTITY i SYSTEM "file:///etc/hostname">]>',
        '<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">',
    ):
        found = read_xmp(packet(alternatives("dc:title", "&i;"), before=bomb))
        assert (found.sentences, found.keywords) == ([], [])
    assert time.process_time() - started < 1


def test_odd_packets_say_what_they_can() -> None:
    titled = packet(alternatives("dc:title", "Grüße"))
    assert read_xmp(titled[: titled.index(b"</dc:title>") + 11]).sentences == ["Grüße"]
    assert read_xmp(titled + b"\0" * 50).sentences == ["Grüße"]
    assert read_xmp(titled.decode().encode("latin-1", "ignore")).sentences == ["Grüße"]
    assert read_xmp(titled.decode().encode("utf-16")).sentences == ["Grüße"]
    assert read_xmp(b'<?xml version="1.0" encoding="nothing"?>' + titled).sentences == []
    deep = packet("<dc:a>" * 5_000 + "</dc:a>" * 5_000 + alternatives("dc:title", "below"))
    assert read_xmp(deep).sentences == []
    assert read_xmp(b" " * 16_000_001 + titled).sentences == []


def test_a_broken_file_says_nothing_and_never_raises(tmp_path: Path) -> None:
    """Bytes turned over, cut and put in, in every format: whatever it says is text."""
    chance = random.Random(7)
    files = [
        picture(tmp_path / "a.jpg", xmp=TITLED, exif={270: "A café", 0x9C9E: b"O\0;\0P\0"}),
        picture(tmp_path / "a.png", xmp=TITLED, exif={270: "A café"}, Title="t" * 500),
        picture(tmp_path / "a.webp", xmp=TITLED, exif={270: "A café"}),
        picture(tmp_path / "a.tif", xmp=TITLED),
        picture(tmp_path / "a.avif", xmp=TITLED),
    ]
    with_iptc(files[0], *IPTC)
    for path in files:
        whole = path.read_bytes()
        state = file_state(str(path), path.stat())
        for _ in range(150):
            data = bytearray(whole)
            for _ in range(chance.choice((1, 3, 20))):
                data[chance.randrange(min(len(data), 4_000))] = chance.randrange(256)
            cut = (
                bytes(data[: chance.randrange(len(data))]) if chance.random() < 0.5 else bytes(data)
            )
            for text in read_written(state, io.BytesIO(cut), None).texts:
                assert text.text
                assert text.text.isprintable()


class Counted(io.FileIO):
    """A file, and how many bytes of it were read."""

    taken = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data: bytes = super().read(-1 if size is None else size)
        self.taken += len(data)
        return data


def test_the_pixels_of_a_large_file_are_not_read(tmp_path: Path) -> None:
    path = picture(tmp_path / "a.png", xmp=TITLED)
    head = path.read_bytes()
    where = head.index(b"IDAT") - 4
    with path.open("wb") as file:  # 300 MB between the texts and the end, of which no block exists
        file.write(head[:where] + (300_000_000).to_bytes(4, "big") + b"IDAT")
        file.seek(300_000_004, os.SEEK_CUR)
        file.write(b"\0\0\0\0IEND\xaeB`\x82")
    with Counted(path) as source:
        assert find_blocks(source).xmp == TITLED
    assert source.taken < 100_000
