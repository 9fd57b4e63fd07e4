"""Names of spaces: the directories in which they lie."""

from __future__ import annotations

import hashlib
import re


def space_name(encoder: str) -> str:
    """A directory-safe name for the space of an encoder, different for different encoders.

    >>> space_name("ViT-B-32/laion2b_s34b_b79k")
    'ViT-B-32__laion2b_s34b_b79k'
    """
    plain = encoder.replace("/", "__", 1)
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", plain)
    if safe == plain and len(safe) <= 100:
        return safe
    return f"{safe[:80]}-{hashlib.sha256(encoder.encode()).hexdigest()[:8]}"
