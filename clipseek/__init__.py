"""clipseek from Python: open a library, index folders, search, evaluate.

>>> import clipseek
>>> library = clipseek.open_library("library", create=True)  # doctest: +SKIP
>>> clipseek.index_folder(library, "Photos")  # doctest: +SKIP
>>> library.search("a dog on the beach", k=5)  # doctest: +SKIP

The names below are imported when they are first used, so that `import clipseek` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clipseek.evaluation import evaluate
    from clipseek.indexing import index_folder, index_sharded
    from indexers.reading import IndexOptions
    from indexers.sharded.ray_executor import RayExecutor
    from searchengine.encoders.interface import Encoder
    from searchengine.encoders.loading import load_encoder
    from searchengine.errors import ClipseekError
    from searchengine.evaluation.evaluation_set import EvaluationOptions
    from searchengine.gazetteer.lookup import near
    from searchengine.geography import Near
    from searchengine.library.library import Library, open_library
    from searchengine.relevance.bar import Strictness
    from searchengine.retrieval.hits import Hits, Order, SearchHit
    from searchengine.retrieval.query import Kind, Mark, Query, Source
    from searchengine.types import Filter, Orientation, TextHit

__all__ = [
    "ClipseekError",
    "Encoder",
    "EvaluationOptions",
    "Filter",
    "Hits",
    "IndexOptions",
    "Kind",
    "Library",
    "Mark",
    "Near",
    "Order",
    "Orientation",
    "Query",
    "RayExecutor",
    "SearchHit",
    "Source",
    "Strictness",
    "TextHit",
    "__version__",
    "evaluate",
    "index_folder",
    "index_sharded",
    "load_encoder",
    "near",
    "open_library",
]

_HOMES = {
    "ClipseekError": "searchengine.errors",
    "Encoder": "searchengine.encoders.interface",
    "EvaluationOptions": "searchengine.evaluation.evaluation_set",
    "Filter": "searchengine.types",
    "Hits": "searchengine.retrieval.hits",
    "IndexOptions": "indexers.reading",
    "Kind": "searchengine.retrieval.query",
    "Library": "searchengine.library.library",
    "Mark": "searchengine.retrieval.query",
    "Near": "searchengine.geography",
    "Order": "searchengine.retrieval.hits",
    "Orientation": "searchengine.types",
    "Query": "searchengine.retrieval.query",
    "RayExecutor": "indexers.sharded.ray_executor",
    "SearchHit": "searchengine.retrieval.hits",
    "Source": "searchengine.retrieval.query",
    "Strictness": "searchengine.relevance.bar",
    "TextHit": "searchengine.types",
    "evaluate": "clipseek.evaluation",
    "index_folder": "clipseek.indexing",
    "index_sharded": "clipseek.indexing",
    "load_encoder": "searchengine.encoders.loading",
    "near": "searchengine.gazetteer.lookup",
    "open_library": "searchengine.library.library",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - PEP 562
    if name == "__version__":
        from importlib.metadata import version

        return version("clipseek")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
