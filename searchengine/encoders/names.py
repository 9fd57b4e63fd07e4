"""Names of encoders: pure text, no model and no network.

starter-256                      the small encoder that ships with clipseek
starter                          the same, reading pictures at 224 pixels, as it did at first
ViT-B-32/laion2b_s34b_b79k       an open_clip architecture and the tag of its weights
ViT-B-32/path/to/weights.pt      an open_clip architecture and a checkpoint file
hf-hub:org/name                  an open_clip model on the Hugging Face hub
local-dir:/path                  a directory: open_clip_config.json and weights
"""

from __future__ import annotations

import re
from pathlib import Path

from searchengine.paths import at_home

STARTER = "starter"
STARTER_256 = "starter-256"
STARTER_SIZES = {STARTER: 224, STARTER_256: 256}
"""Pixels at which each reads its pictures, with the same weights. Vectors of the two are not mixed:
a library that was made at 224 goes on at that until it is moved."""

STARTER_DIR = Path(__file__).parent / STARTER
"""Where its config and weights lie in the package."""

HUB_PREFIX = "hf-hub:"
DIR_PREFIX = "local-dir:"

_TAG = re.compile(r"[A-Za-z0-9_-]+")
"""What every tag of open_clip looks like; a path has a dot, a slash or a tilde somewhere."""


def canonical_name(name: str) -> str:
    """The one spelling of an encoder's name: paths absolute, tags as open_clip keys them.

    Only looks at the disk for `ARCH/word`, where `word` may be a file of the current directory.
    A name that means nothing comes back unchanged; `load_encoder` says what is wrong with it.
    """
    name = name.strip()
    if name.startswith(HUB_PREFIX):
        return name
    if name.startswith(DIR_PREFIX):
        path = name.removeprefix(DIR_PREFIX)
        return DIR_PREFIX + _absolute(path) if path else name
    arch, rest = split_name(name)
    if not rest:
        return name
    if is_path(rest) or Path(rest).is_file():
        return f"{arch}/{_absolute(rest)}"
    return f"{arch}/{rest.lower().replace('-', '_')}"  # as open_clip's own look-up folds tags


def split_name(name: str) -> tuple[str, str]:
    """Architecture and tag or path of `ARCH/REST` or `ARCH__TAG`; the second is "" without one."""
    arch, _, rest = name.partition("/" if "/" in name else "__")
    return arch, rest


def is_path(rest: str) -> bool:
    """Whether the part after the architecture can only be a path, not a tag."""
    return _TAG.fullmatch(rest) is None


def _absolute(path: str) -> str:
    return str(at_home(path).absolute())
