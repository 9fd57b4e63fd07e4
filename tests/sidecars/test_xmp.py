"""Keywords in XMP: what was there stays, what is missing comes, and another program reads it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from searchengine.errors import InputError
from searchengine.sidecars.write import add_keywords, sidecar_of
from searchengine.sidecars.xmp import UnreadableSidecarError, with_keywords

LIGHTROOM = b"""<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="Adobe XMP Core 7.0">
 <!-- kept -->
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:crs="http://ns.adobe.com/camera-raw-settings/1.0/"
    xmp:Rating="4" crs:Exposure2012="+0.35">
   <dc:subject>
    <rdf:Bag><rdf:li>Ilse &amp; Karl</rdf:li><rdf:li>Beach</rdf:li></rdf:Bag>
   </dc:subject>
   <crs:ToneCurve><rdf:Seq><rdf:li>0, 0</rdf:li><rdf:li>255, 255</rdf:li></rdf:Seq></crs:ToneCurve>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"""


def read(packet: bytes, where: Path) -> dict[str, Any]:
    """What exiftool reads in a packet."""
    if shutil.which("exiftool") is None:
        pytest.skip("exiftool is not installed: no second opinion on XMP")
    path = where / "read.xmp"
    path.write_bytes(packet)
    done = subprocess.run(
        ["exiftool", "-json", "-struct", "-XMP:all", str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    [told] = json.loads(done.stdout)
    return dict(told)


def test_another_program_reads_a_new_packet(tmp_path: Path) -> None:
    packet = with_keywords(None, ["dog", "a <b> & 写真"], [["animal", "dog"], ["a <b> & 写真"]])
    assert packet is not None
    told = read(packet, tmp_path)
    assert told["Subject"] == ["dog", "a <b> & 写真"]
    assert told["TagsList"] == ["animal/dog", "a <b> & 写真"]


def test_what_another_program_wrote_stays(tmp_path: Path) -> None:
    before = read(LIGHTROOM, tmp_path)
    packet = with_keywords(LIGHTROOM, ["dog", "beach"], [["dog"]])
    assert packet is not None
    after = read(packet, tmp_path)
    assert after["Subject"] == ["Ilse & Karl", "Beach", "dog"], "beach is there already"
    assert after.pop("TagsList") == ["dog"]
    changing = {"Subject", "SourceFile"}
    assert {k: v for k, v in after.items() if k not in changing} == {
        k: v for k, v in before.items() if k not in changing
    }
    assert b"<!-- kept -->" in packet
    assert packet.count(b"xpacket") == 2


def test_what_exiftool_wrote_is_added_to(tmp_path: Path) -> None:
    if shutil.which("exiftool") is None:
        pytest.skip("exiftool is not installed: no second opinion on XMP")
    path = tmp_path / "made.xmp"
    made = ["exiftool", "-q", "-XMP-dc:Subject=sea", "-XMP-dc:Title=Trogir", str(path)]
    subprocess.run(made, check=True)
    packet = with_keywords(path.read_bytes(), ["sea", "boat"], [])
    assert packet is not None
    told = read(packet, tmp_path)
    assert (told["Subject"], told["Title"]) == (["sea", "boat"], "Trogir")


def test_twice_is_once() -> None:
    packet = with_keywords(LIGHTROOM, ["dog"], [["animal", "dog"]])
    assert packet is not None
    assert with_keywords(packet, ["dog"], [["animal", "dog"]]) is None


@pytest.mark.parametrize(
    ("packet", "message"),
    [
        (b"", "it is no XML"),
        (b"no xml", "it is no XML"),
        (b"<a/>", "it holds no rdf:RDF"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "it declares a document type"),
        (LIGHTROOM[:600], "it is no XML"),
        (LIGHTROOM.replace(b"rdf:Bag", b"rdf:Other"), "its dc:subject is no list"),
    ],
)
def test_what_cannot_be_read_is_left_alone(packet: bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(UnreadableSidecarError, match=message):
        with_keywords(packet, ["dog"], [])
    picture = tmp_path / "a.jpg"
    picture.touch()
    sidecar_of(picture).write_bytes(packet)
    with pytest.raises(InputError, match=r"a\.jpg\.xmp: .*; it stays as it is"):
        add_keywords(picture, ["dog"], [])
    assert sidecar_of(picture).read_bytes() == packet


def test_the_sidecar_that_is_there_is_the_one(tmp_path: Path) -> None:
    picture = tmp_path / "IMG_1.NEF"
    picture.touch()
    assert sidecar_of(picture).name == "IMG_1.NEF.xmp"
    (tmp_path / "IMG_1.xmp").write_bytes(LIGHTROOM)
    assert sidecar_of(picture).name == "IMG_1.xmp"
    assert add_keywords(picture, ["dog"], [])
    assert not add_keywords(picture, ["dog"], [])
    assert b"Exposure2012" in (tmp_path / "IMG_1.xmp").read_bytes()
    (tmp_path / "IMG_1.NEF.xmp").write_bytes(LIGHTROOM)
    assert sidecar_of(picture).name == "IMG_1.NEF.xmp"
    names = ["IMG_1.NEF", "IMG_1.NEF.xmp", "IMG_1.xmp"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
