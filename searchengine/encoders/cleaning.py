"""Texts as encoders were trained to see them, before they are cut into tokens.

The three ways of open_clip/tokenizer.py (`get_clean_fn`), of which each config names one.
"""

from __future__ import annotations

import string
from collections.abc import Callable

_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


def whitespace(text: str) -> str:
    """Encoding mistakes mended, HTML entities resolved, runs of white space one space."""
    return " ".join(_mended(text).split())


def lower(text: str) -> str:
    """As `whitespace`, in lower case."""
    return whitespace(text).lower()


def canonicalize(text: str) -> str:
    """As `lower`, without ASCII punctuation, and `_` a space: as SigLIP was trained."""
    return " ".join(
        _mended(text).strip().replace("_", " ").translate(_NO_PUNCTUATION).lower().split()
    )


WAYS: dict[str, Callable[[str], str]] = {
    "whitespace": whitespace,
    "lower": lower,
    "canonicalize": canonicalize,
}
"""By the name that open_clip's configs have for it."""


def _mended(text: str) -> str:
    """As open_clip's `basic_clean`, less stripping."""
    if text.isascii() and text.isprintable() and "&" not in text:
        return text  # comes out of ftfy as it went in

    import html

    import ftfy

    return html.unescape(html.unescape(ftfy.fix_text(text)))
