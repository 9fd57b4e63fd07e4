"""clipseek as a library: open one, load an encoder, search.

The names below are imported when they are first used, so that `import searchengine.errors`, which
every command does, costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from searchengine.encoders.loading import load_encoder
    from searchengine.library.library import Library, open_library
    from searchengine.retrieval.hits import SearchHit
    from searchengine.types import Filter, TextHit

__all__ = ["Filter", "Library", "SearchHit", "TextHit", "load_encoder", "open_library"]

_HOMES = {
    "load_encoder": "searchengine.encoders.loading",
    "Library": "searchengine.library.library",
    "open_library": "searchengine.library.library",
    "Filter": "searchengine.types",
    "SearchHit": "searchengine.retrieval.hits",
    "TextHit": "searchengine.types",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - PEP 562
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
