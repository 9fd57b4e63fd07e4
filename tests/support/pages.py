"""A page of HTML as a tree, parsed strictly."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

from PIL import Image

VOID = {"meta", "img", "wbr", "link", "input"}


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    text: str = ""
    inside: list[Element] = field(default_factory=list)

    def all(self, tag: str) -> list[Element]:
        found = [self] if self.tag == tag else []
        return found + [match for child in self.inside for match in child.all(tag)]

    def one(self, tag: str) -> Element:
        (found,) = self.all(tag)
        return found

    def by_id(self, name: str) -> Element:
        (found,) = self._with_id(name)
        return found

    def _with_id(self, name: str) -> list[Element]:
        found = [self] if self.attributes.get("id") == name else []
        return found + [match for child in self.inside for match in child._with_id(name)]

    def hidden(self) -> dict[str, str]:
        """The hidden values of a form."""
        inputs = [i.attributes for i in self.all("input") if i.attributes.get("type") == "hidden"]
        return {each["name"]: each["value"] for each in inputs}


class Parser(HTMLParser):
    """A tree of elements; fails where tags do not nest."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Element("root", {})
        self.open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].inside.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        for element in self.open:
            element.text += data


def parse(path: Path) -> Element:
    """The file as a tree; fails where a tag is left open."""
    return parse_text(path.read_text("utf-8"))


def parse_text(text: str) -> Element:
    """A page as a tree; fails where a tag is left open."""
    parser = Parser()
    parser.feed(text)
    parser.close()
    assert parser.open == [parser.root]
    return parser.root


def thumbnail(image: Element) -> Image.Image:
    """The picture inside an `img`."""
    kind, data = image.attributes["src"].split(",")
    assert kind == "data:image/jpeg;base64"
    return Image.open(io.BytesIO(base64.b64decode(data, validate=True)))
