"""Whether an encoder can know the words of a text, told by the script they are written in.

Letters say it for certain where whole scripts are unknown. German in an encoder of English is not
told: its letters are the same, and a short query has no more to go by.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from searchengine.encoders.names import STARTER_SIZES
from searchengine.encoders.table import find_model, knowing

_SCRIPTS: dict[str, tuple[str, ...]] = {
    "CYRILLIC": ("ru", "uk"),
    "GREEK": ("el",),
    "HEBREW": ("he",),
    "ARABIC": ("ar", "fa"),
    "DEVANAGARI": ("hi",),
    "BENGALI": ("bn",),
    "TELUGU": ("te",),
    "THAI": ("th",),
    "HANGUL": ("ko",),
    "HIRAGANA": ("ja",),
    "KATAKANA": ("ja",),
    "CJK": ("zh", "ja"),
}
"""Scripts by the first word of their letters' names in Unicode, and the languages of
Crossmodal-3600 that are written in them."""


def knows_only_english(encoder: str) -> bool:
    """Whether nobody published that an encoder knows words of another language."""
    model = find_model(encoder)
    return model is None or set(model.languages) <= {"en"}


def about_scripts(texts: Sequence[str], encoder: str) -> str | None:
    """A sentence where a text is in a script of languages that the encoder does not know.

    None where it knows one of them, or nobody published what it knows. An encoder that does is
    named.
    """
    model = find_model(encoder)
    if model is None or not model.languages:
        return None
    for script in dict.fromkeys(script for text in texts for script in _scripts_of(text)):
        languages = _SCRIPTS[script]
        if not set(languages) & set(model.languages):
            known = (
                "English" if model.name in STARTER_SIZES else f"{len(model.languages)} languages"
            )
            others = [other.name for language in languages for other in knowing(language)]
            way_out = f"; one that does: {others[0]}" if others else ""
            written = script.capitalize() if script != "CJK" else "Chinese or Japanese"
            return (
                f"{encoder} knows {known} and none that is written in {written} letters: what it "
                f"finds is by chance{way_out}"
            )
    return None


def _scripts_of(text: str) -> list[str]:
    if text.isascii():
        return []
    first = (unicodedata.name(letter, "").partition(" ")[0] for letter in text)
    return [script for script in dict.fromkeys(first) if script in _SCRIPTS]
