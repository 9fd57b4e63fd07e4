"""What a terminal may be sent of a text: nothing that commands it, and how wide it is."""

from __future__ import annotations

import re

_COMMANDS = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # C0, DEL and C1: colours, titles, the clipboard, a new line
    "\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f"  # other directions of writing, and other lines
    "\ud800-\udfff]"  # bytes of names that are no UTF-8, and halves of characters from JSON
)

ELLIPSIS = "..."
"""In ASCII, as a terminal may have nothing else."""

_SHORT = {"\t": r"\t", "\n": r"\n", "\r": r"\r"}


def visible(text: str) -> str:
    r"""The text with what a terminal would obey, and what it cannot show, written out.

    Always one line. Bytes that are no UTF-8 appear as they are in the name: `\xff`.

    >>> visible("rm\x1b[2J.jpg")
    'rm\\x1b[2J.jpg'
    """
    return _COMMANDS.sub(lambda match: _written_out(match[0]), text)


def _written_out(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # how Python holds a byte that is no UTF-8
        code -= 0xDC00
    return _SHORT.get(character) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")


def width(text: str) -> int:
    """Columns of a terminal that a visible text takes: East Asian characters and emoji are wide."""
    if text.isascii():
        return len(text)
    from wcwidth import wcswidth

    return max(0, wcswidth(text))


def shortened(text: str, columns: int) -> str:
    """A visible text in so many columns, 4 at least: what does not fit is left out of its middle.

    >>> shortened("/photos/2011/summer/IMG_1029.jpg", 20)
    '/photos/...G_1029.jpg'
    """
    if width(text) <= columns:
        return text
    room = columns - len(ELLIPSIS)
    end = _fitting(text[::-1], room - room // 2)[::-1]
    return _fitting(text, room // 2) + ELLIPSIS + end


def _fitting(text: str, columns: int) -> str:
    """As much of the start of a text as fits."""
    end = min(len(text), 2 * columns)  # accents of their own take no column
    while width(text[:end]) > columns:
        end -= 1
    return text[:end]


def padded(text: str, columns: int, *, left: bool) -> str:
    """The text with spaces up to so many columns; behind it with `left`, else before it."""
    space = " " * (columns - width(text))
    return text + space if left else space + text


def faint(text: str) -> str:
    """A visible text as what matters less (SGR 2)."""
    return f"\x1b[2m{text}\x1b[0m"


def linked(text: str, address: str) -> str:
    """A visible text that leads to a URL in ASCII, where the terminal follows links (OSC 8)."""
    return f"\x1b]8;;{address}\x1b\\{text}\x1b]8;;\x1b\\"
