"""What programs answer, brought to one printable line of bounded length."""

from __future__ import annotations

MAX_ANSWER = 5_000
"""Characters kept: a page of text has some 3,000."""


def cleaned(text: str) -> str:
    """The text on one line, without what a terminal would obey."""
    words = " ".join(text[: 4 * MAX_ANSWER].split())
    return "".join(char for char in words if char.isprintable())[:MAX_ANSWER].strip()
