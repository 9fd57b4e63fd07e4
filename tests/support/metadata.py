"""Files with metadata, made by specification: XMP packets, IPTC records, tags of EXIF."""

from __future__ import annotations

import struct
from pathlib import Path

from PIL import Image, PngImagePlugin

_NAMESPACES = (
    'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/" '
    'xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" '
    'xmlns:exif="http://ns.adobe.com/exif/1.0/" '
    'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" '
    'xmlns:xmp="http://ns.adobe.com/xap/1.0/" '
    'xmlns:ext="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
    'xmlns:lr="http://ns.adobe.com/lightroom/1.0/" '
    'xmlns:digiKam="http://www.digikam.org/ns/1.0/" '
    'xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/"'
)


def packet(inside: str, attributes: str = "", before: str = "") -> bytes:
    """An XMP packet with these elements and attributes of its description."""
    return (
        f"{before}<?xpacket begin='\ufeff' id='W5M0MpCehiHzreSzNTczkc9d'?>"
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF {_NAMESPACES}>'
        f'<rdf:Description rdf:about="" {attributes}>{inside}</rdf:Description>'
        f"</rdf:RDF></x:xmpmeta>{' ' * 200}<?xpacket end='w'?>"
    ).encode()


def alternatives(name: str, *texts: str) -> str:
    """A property in several languages."""
    items = "".join(f'<rdf:li xml:lang="x-default">{text}</rdf:li>' for text in texts)
    return f"<{name}><rdf:Alt>{items}</rdf:Alt></{name}>"


def bag(name: str, *texts: str) -> str:
    """A property with several values."""
    items = "".join(f"<rdf:li>{text}</rdf:li>" for text in texts)
    return f"<{name}><rdf:Bag>{items}</rdf:Bag></{name}>"


def records(*pairs: tuple[tuple[int, int], bytes]) -> bytes:
    """IPTC records (IIM 4.2, 1.5)."""
    return b"".join(struct.pack(">BBBH", 0x1C, *key, len(value)) + value for key, value in pairs)


def resources(iptc: bytes) -> bytes:
    """Photoshop's resources: one of another kind, with a name, and the records."""
    other = b"8BIM" + struct.pack(">H", 0x03ED) + b"\x03abc" + struct.pack(">I", 3) + b"xyz\0"
    return (
        other + b"8BIM\x04\x04\0\0" + struct.pack(">I", len(iptc)) + iptc + b"\0" * (len(iptc) % 2)
    )


def with_segment(path: Path, marker: int, data: bytes) -> Path:
    """Put a segment behind the start of a JPEG file."""
    whole = path.read_bytes()
    segment = struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data
    path.write_bytes(whole[:2] + segment + whole[2:])
    return path


def with_iptc(path: Path, *pairs: tuple[tuple[int, int], bytes]) -> Path:
    """Put IPTC records into a JPEG file."""
    return with_segment(path, 0xED, b"Photoshop 3.0\0" + resources(records(*pairs)))


def picture(
    path: Path, *, xmp: bytes = b"", exif: dict[int, object] | None = None, **texts: str
) -> Path:
    """A picture with an XMP packet, tags of EXIF, and texts of PNG (`_` for a space)."""
    tags = Image.Exif()
    tags.update(exif or {})
    info = PngImagePlugin.PngInfo()
    for key, text in texts.items():
        info.add_itxt(key.replace("_", " "), text, zip=True)
    named: dict[str, object] = {"exif": tags} if exif else {}
    if xmp and path.suffix == ".png":
        info.add_itxt("XML:com.adobe.xmp", xmp.decode())
    elif xmp and path.suffix == ".tif":
        named["tiffinfo"] = {700: xmp}
    elif xmp:
        named["xmp"] = xmp
    if path.suffix == ".png":
        named["pnginfo"] = info
    colour = tuple(path.name.encode()[:3].ljust(3))
    Image.new("RGB", (40, 30), colour).save(path, **named)  # type: ignore[arg-type]
    if path.suffix == ".gif":  # as an application's extension: the packet lies there as it is
        path.write_bytes(path.read_bytes()[:-1] + b"!\xff\x0bXMP DataXMP" + xmp + b"\0;")
    return path
