"""What an encoder reads of a text, told by its tokenizer: not the end of a long one.

A tokenizer cuts what is beyond the context of its tower, so that the vector of a longer text is
that of its beginning. Some have one token for all that they do not know. Both happen in silence.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol, runtime_checkable

from searchengine.encoders.interface import TextEncoder
from searchengine.encoders.languages import about_scripts

Rows = Callable[[Sequence[str]], Sequence[Sequence[int]]]
"""The ids of texts, as the tower gets them."""

SHORT = 30
"""Bytes of a text that every context holds: a token has one at least."""

STRANGE = ("a\ue000", "a\U0010fffd")
"""Two signs that no tokenizer learned, without a byte in common, behind a letter that all did."""

SHOWN = 40
"""Characters of what is not read that are shown."""


@runtime_checkable
class Tokenizing(Protocol):
    """An encoder that says how it reads texts."""

    def tokens(self, texts: Sequence[str]) -> Sequence[Sequence[int]]:
        """The ids of each text as its tower gets them, cut at the context."""


def tokens_of(encoder: object, texts: Sequence[str]) -> Sequence[Sequence[int]]:
    """The ids of texts; of an encoder that does not say, as if it read every byte."""
    if isinstance(encoder, Tokenizing):
        return encoder.tokens(texts)
    return [list(text.encode("utf-8", "surrogatepass")) for text in texts]


def about_texts(encoder: TextEncoder, texts: Sequence[str]) -> str | None:
    """A sentence where an encoder knows no language of a text, or as in `about_reading`."""
    return about_scripts(texts, encoder.name) or about_reading(encoder, texts)


def about_reading(encoder: TextEncoder, texts: Sequence[str]) -> str | None:
    """A sentence where an encoder does not read the whole of a text, or none of a word.

    None where it reads all, and where it does not say. Of several texts it counts them.
    """
    name, tokens = encoder.name, partial(tokens_of, encoder)
    tails = [tail for text in texts if (tail := unread_end(tokens, text))]
    if tails:
        end = tails[0] if len(tails[0]) <= SHOWN else f"{tails[0][:SHOWN]}…"
        if len(texts) == 1:
            return f"{name} reads a text only so far: {end!r} at its end does not count"
        are = "is" if len(tails) == 1 else "are"
        return (
            f"{len(tails):,} of {len(texts):,} texts {are} longer than {name} reads: their ends do "
            f"not count, the first being {end!r}"
        )
    unknown = dict.fromkeys(word for text in texts for word in unknown_words(tokens, text))
    if unknown:
        return f"{name} has no tokens for {', '.join(map(repr, list(unknown)[:3]))}"
    return None


def unread_end(tokens: Rows, text: str) -> str:
    """The words at the end of a text that change nothing of its tokens; "" where all count."""
    words = text.split()
    if len(text.encode("utf-8", "surrogatepass")) <= SHORT or len(words) < 2:
        return ""

    def reads_as_much(count: int) -> bool:
        some, whole = tokens([" ".join(words[:count]), text])
        return list(some) == list(whole)

    if not reads_as_much(len(words) - 1):
        return ""
    least, enough = 0, len(words) - 1
    while enough - least > 1:
        middle = (least + enough) // 2
        least, enough = (least, middle) if reads_as_much(middle) else (middle, enough)
    return " ".join(words[enough:])


def unknown_words(tokens: Rows, text: str) -> list[str]:
    """The words of a text for which there is no token, but the one for all that is not known."""
    if text.isascii():
        return []
    first, second, letter = (set(row) for row in tokens([*STRANGE, "a"]))
    unknown = (first & second) - letter
    words = [word for word in text.split() if not word.isascii()]
    if not unknown:
        return []
    return [word for word, row in zip(words, tokens(words), strict=True) if unknown & set(row)]
