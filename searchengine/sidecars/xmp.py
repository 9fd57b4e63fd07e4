"""Keywords in an XMP packet (ISO 16684-1): merged into what stands there, or in a new one.

Two properties, as digiKam writes both: `dc:subject`, a bag of names that every program reads, and
`digiKam:TagsList`, a list of paths such as `animal/dog`. All else stays as it was, in its order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from xml.dom import minidom
from xml.parsers import expat

from searchengine.errors import InputError

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_DC = "http://purl.org/dc/elements/1.1/"
_DIGIKAM = "http://www.digikam.org/ns/1.0/"
_XMLNS = "http://www.w3.org/2000/xmlns/"

_EMPTY = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
    f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{_RDF}">'
    '<rdf:Description rdf:about=""/></rdf:RDF></x:xmpmeta>\n<?xpacket end="w"?>'
)

_LIST, _BAG = "Seq", "Bag"


class UnreadableSidecarError(InputError):
    """What lies beside a picture is no XMP, or more than a photo program writes."""


def with_keywords(
    packet: bytes | None, names: Sequence[str], paths: Sequence[Sequence[str]]
) -> bytes | None:
    """The packet with these names among its keywords, and paths of names among digiKam's tags.

    None where all of them stand there already. Without a packet a new one. Raises
    UnreadableSidecarError.
    """
    document = _parsed(_EMPTY.encode() if packet is None else packet)
    found = document.getElementsByTagNameNS(_RDF, "RDF")
    if not found:
        raise UnreadableSidecarError("it holds no rdf:RDF")
    tags = ["/".join(part.replace("/", "\\") for part in path) for path in paths]
    added = [
        _add(document, found[0], _DC, "dc:subject", _BAG, names),
        _add(document, found[0], _DIGIKAM, "digiKam:TagsList", _LIST, tags),
    ]
    if packet is not None and not any(added):
        return None
    parts = [node.toxml() for node in document.childNodes]
    return ("\n".join(parts) + "\n").encode("utf-8")


def _parsed(packet: bytes) -> minidom.Document:
    _refuse_entities(packet)
    try:
        return minidom.parseString(packet.strip())
    except (expat.ExpatError, ValueError, LookupError, RecursionError) as error:
        raise UnreadableSidecarError(f"it is no XML: {error}") from error


def _refuse_entities(packet: bytes) -> None:
    """Entities may grow without end, and no program for photos writes a document type."""

    def refuse(*_: object) -> None:
        raise UnreadableSidecarError("it declares a document type, as no program for photos does")

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(packet.strip(), True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise UnreadableSidecarError(f"it is no XML: {error}") from error


def _add(
    document: minidom.Document,
    rdf: minidom.Element,
    space: str,
    name: str,
    kind: str,
    wanted: Iterable[str],
) -> bool:
    """Put the texts that are missing at the end of a list of texts; whether any were."""
    local = name.split(":")[1]
    there = rdf.getElementsByTagNameNS(space, local)
    array = _array(there[0]) if there else None
    known = {text.casefold() for text in _texts(array)} if array is not None else set()
    missing = [text for text in dict.fromkeys(wanted) if text.casefold() not in known]
    if not missing:
        return False
    if array is None:
        if there:
            raise UnreadableSidecarError(f"its {name} is no list")
        array = _made(document, _description(document, rdf), space, name, kind)
    for text in missing:
        item = document.createElementNS(_RDF, _prefixed(array, "li"))
        item.appendChild(document.createTextNode(text))
        array.appendChild(item)
    return True


def _array(prop: minidom.Element) -> minidom.Element | None:
    for kind in (_BAG, _LIST, "Alt"):
        found = prop.getElementsByTagNameNS(_RDF, kind)
        if found:
            return found[0]
    return None


def _texts(array: minidom.Element) -> list[str]:
    return [
        "".join(part.data for part in item.childNodes if isinstance(part, minidom.Text)).strip()
        for item in array.getElementsByTagNameNS(_RDF, "li")
    ]


def _description(document: minidom.Document, rdf: minidom.Element) -> minidom.Element:
    found = rdf.getElementsByTagNameNS(_RDF, "Description")
    if found:
        return found[0]
    made = document.createElementNS(_RDF, _prefixed(rdf, "Description"))
    made.setAttributeNS(_RDF, _prefixed(rdf, "about"), "")
    rdf.appendChild(made)
    return made


def _made(
    document: minidom.Document, description: minidom.Element, space: str, name: str, kind: str
) -> minidom.Element:
    """A new property with an empty list, which declares its own namespace."""
    prop = document.createElementNS(space, name)
    prop.setAttributeNS(_XMLNS, f"xmlns:{name.split(':')[0]}", space)
    array = document.createElementNS(_RDF, _prefixed(description, kind))
    prop.appendChild(array)
    description.appendChild(prop)
    return array


def _prefixed(beside: minidom.Element, name: str) -> str:
    """A name of RDF under the prefix that the packet has for it."""
    return f"{beside.prefix}:{name}" if beside.prefix else name
