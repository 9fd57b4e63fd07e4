"""FAISS, which an extra brings."""

from __future__ import annotations

from typing import Any

from searchengine.errors import MissingExtraError


def load_faiss() -> Any:  # noqa: ANN401 - faiss is untyped
    """The module, imported late. Raises MissingExtraError where it is not installed."""
    try:
        import faiss
    except ImportError as error:
        raise MissingExtraError(
            "faiss is not installed, so large libraries are searched by scanning every vector",
            "cpu",
        ) from error
    return faiss
