"""Templates of class names: open_clip's, one of one's own, or a file of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from searchengine.datasets.text_files import read_texts
from searchengine.errors import InputError

OPENAI, SIMPLE = "openai", "simple"

SHIPPED = {
    name: Path(__file__).parent.parent / f"templates_{name}.txt" for name in (OPENAI, SIMPLE)
}
"""open_clip's OPENAI_IMAGENET_TEMPLATES (80) and SIMPLE_IMAGENET_TEMPLATES (7)."""

PLACES = ("{}", "{c}")
"""Where the name goes; the second is CLIP_benchmark's."""


@dataclass(frozen=True, slots=True)
class Templates:
    """Sentences around a class name, whose vectors are averaged."""

    name: str
    texts: tuple[str, ...]
    """With {} for the name; `a/an` becomes its article."""


def read_templates(source: str) -> Templates:
    """Those of `SHIPPED` by name, a sentence with {} in it, or a file with one a line.

    Raises InputError where a template has no place for the name, and what reading a file raises.
    """
    if any(place in source for place in PLACES):
        return Templates(source, (source.replace("{c}", "{}"),))
    texts = read_texts(SHIPPED.get(source, Path(source)))
    bad = next((text for text in texts if not any(place in text for place in PLACES)), None)
    if bad is not None:
        raise InputError(f"{source}: the template {bad!r} has no {{}} where the name goes")
    name = source if source in SHIPPED else Path(source).name
    return Templates(name, tuple(text.replace("{c}", "{}") for text in texts))
