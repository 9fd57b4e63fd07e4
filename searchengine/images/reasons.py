"""Why a picture could not be decoded, in plain words, from what a decoder raised."""

from __future__ import annotations

import re

from PIL.Image import DecompressionBombError

MAX_REASON_LENGTH = 200
"""Characters kept of a decoder's message: some quote bytes of the file."""

DAMAGED = "corrupt: the file is damaged"
TRUNCATED = "truncated: the file ends before its picture does"
NOT_RAW = "not a RAW photo this program knows"

_KNOWN = (
    ("not enough memory", "out of memory|[IiUu]nsufficient memory|MemPool"),
    ("too large for the decoder of its format", "exceeds limit of|too big|security limit"),
    (NOT_RAW, "not RAW file"),
    (TRUNCATED, "Input/output error|end of file|EOF|incomplete checksum|^image file is truncated$"),
    (DAMAGED, "not identified by this driver|recursion depth|^None$"),
    (
        "corrupt: broken data stream",
        r"^(encoder|decoder) error|^encoding error|codec configuration|Data error",
    ),
)
"""What is said, and the messages that mean it."""

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9 ,.;:()/'-]*")
_CODE = re.compile(
    r"\bb'|\b(object|NoneType|tuple|list|dict|int|str|bytes-like|argument|arguments|attribute|index"
    r"|iterable|subscriptable|unpack|buffer of|codec|assert|slice|operand|__\w+|[A-Z]\w+Error"
    r"|positional|operation|convert|closed file|byte 0x|literal|module|not supported between)\b"
)
_QUOTED_BYTES = re.compile(r"\s*(?:[(:][^(:]*)?\bb['\"].*$")
_UNSUPPORTED = re.compile(
    r"(?i)\b(unsupported|not (yet )?supported|not implemented|cannot handle)\b"
)
_SAID_BY_PEOPLE = (OSError, SyntaxError, ValueError, RuntimeError)


def decoding_reason(error: BaseException) -> str:
    """One plain line, without a trace of Python: what a person can make of it, or "damaged"."""
    if isinstance(error, MemoryError):
        return "not enough memory"
    text = _message(error)
    for reason, meant in _KNOWN:
        if re.search(meant, text):
            return reason
    if isinstance(error, DecompressionBombError):
        return "too large for the decoder of its format"
    kind = "truncated" if "truncated" in text.lower() else "corrupt"
    if _UNSUPPORTED.search(text):  # a sound file perhaps, of a kind that the decoder lacks
        kind = "not supported"
    text = _QUOTED_BYTES.sub("", text)[:MAX_REASON_LENGTH].rstrip(" :")
    if not _is_plain(error, text):
        return TRUNCATED if kind == "truncated" else DAMAGED
    return f"{kind}: {text}"


def _message(error: BaseException) -> str:
    """What the error says; LibRaw's say it in bytes."""
    said = error.args[0] if len(error.args) == 1 else str(error)
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    return " ".join(text.split())


def _is_plain(error: BaseException, text: str) -> bool:
    # Pillow wraps what its parsers stumble over: an IndexError's words stand in a SyntaxError.
    by_people = isinstance(error, _SAID_BY_PEOPLE) or type(error).__name__.startswith("LibRaw")
    wrapped = error.__cause__
    is_wrapped = wrapped is not None and str(wrapped) == str(error)
    return bool(by_people and not is_wrapped and _PLAIN.fullmatch(text) and not _CODE.search(text))
