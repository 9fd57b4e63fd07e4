"""What is said beside hits: of words that likely mean something else, and of what is left out."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from searchengine.retrieval.hits import Hits
from searchengine.retrieval.query import Kind, Source
from searchengine.texts.words import empty_words

_GLUED = re.compile(r"(?<=\s)([+-])([^\W\d_]\S*)")
_WEIGHED = re.compile(r"(?<=\s)(\d+(?:\.\d*)?:[^\W\d_]\S*)")
_NEGATED = re.compile(r"\b(no|not|without)((?:\s+\w+)+)", re.IGNORECASE)


def notes_on(terms: Sequence[Source], hits: Hits) -> list[str]:
    """All there is to say to a person whose words were read as these terms and found these hits."""
    reasons = [hits.why_none] if hits.why_none else []
    damage = [hits.damage] if hits.damage else []
    return (
        reasons
        + about_spelling(hits)
        + about_language(hits)
        + hints(terms)
        + about_gone(hits)
        + damage
    )


def about_spelling(hits: Hits) -> list[str]:
    """A sentence where misspelt words were put right."""
    if not hits.corrections:
        return []
    used = ", ".join(each.used for each in hits.corrections)
    typed = ", ".join(each.typed for each in hits.corrections)
    return [f"searched for: {used} (typed: {typed})"]


def about_language(hits: Hits) -> list[str]:
    """Sentences where the encoder does not know the query's letters, or read all of its words."""
    return [said for said in (hits.language, hits.unread) if said]


def hints(terms: Sequence[Source]) -> list[str]:
    """Sentences for the person whose words were read as these terms."""
    texts = _texts(terms)
    said = [_about_glued(*found.groups()) for text in texts if (found := _GLUED.search(text))]
    said += [_about_weight(found[1]) for text in texts if (found := _WEIGHED.search(text))]
    said += [_about_not(*negated) for text in texts if (negated := _negated(text))]
    return said


def about_folder(words: Sequence[str], terms: Sequence[Source]) -> list[str]:
    """A sentence for the person who typed the name of a folder here, which was read as a word."""
    if len(words) != 1 or _texts(terms) != list(words) or not os.path.isdir(words[0]):
        return []
    return [f"{words[0]!r} is searched for as a word; to search in the folder: --under {words[0]}"]


def about_gone(hits: Hits) -> list[str]:
    """A sentence where files of hits are gone."""
    if not hits.gone:
        return []
    then = "if no drive is missing, bring the library up to date with: clipseek index PATH"
    if hits and not hits[0].path.is_file():
        return [f"the files of these hits are gone; {then}"]
    are = "hit is" if hits.gone == 1 else "hits are"
    return [f"{hits.gone:,} {are} left out as the files are gone; {then}"]


def _texts(terms: Sequence[Source]) -> list[str]:
    return [term.value for term in terms if term.kind is Kind.TEXT]


def _negated(text: str) -> tuple[str, str] | None:
    """The first "no", "not" or "without" of a text, and the word that it likely means."""
    for no, following in _NEGATED.findall(text):
        for word in following.split():
            if word.lower() not in empty_words():
                return no, word
    return None


def _about_glued(sign: str, word: str) -> str:
    does = "add" if sign == "+" else "subtract"
    return f"'{sign}{word}' is a part of the text; to {does} it, put a space: {sign} {word}"


def _about_weight(word: str) -> str:
    return f"'{word}' is a part of the text; a weight begins a term: A + {word}"


def _about_not(no: str, word: str) -> str:
    return f"encoders hardly read {no.lower()!r}: they find {word}; to have less of it: A - {word}"
