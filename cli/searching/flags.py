"""What the flags of a search say, and wrong usage where they cannot be."""

from __future__ import annotations

from pathlib import Path

import typer

from searchengine.errors import InputError
from searchengine.relevance.bar import Strictness
from searchengine.retrieval.hits import Order
from searchengine.retrieval.query import By
from searchengine.retrieval.where import require_possible
from searchengine.types import Filter


def by_of(*, words_only: bool, pictures_only: bool) -> By:
    """What is compared with the query."""
    if words_only and pictures_only:
        raise typer.BadParameter("--words-only and --pictures-only: choose one")
    return By.WORDS if words_only else By.PICTURES if pictures_only else By.BOTH


def order_of(text: str) -> Order:
    """The order of --sort."""
    try:
        return Order(text)
    except ValueError as error:
        known = ", ".join(order.value for order in Order)
        raise typer.BadParameter(f"--sort must be one of {known}, not {text!r}") from error


def strictness_of(*, matching: bool, strict: bool, loose: bool) -> Strictness | None:
    """What is left out as no match, if it was said."""
    asked = {Strictness.NORMAL: matching, Strictness.STRICT: strict, Strictness.LOOSE: loose}
    chosen = [strictness for strictness, is_set in asked.items() if is_set]
    if len(chosen) > 1:
        raise typer.BadParameter("--matching, --strict and --loose: choose one")
    return chosen[0] if chosen else None


def require_possible_filter(where: Filter, min_score: float | None) -> None:
    """Refuse what no image can pass."""
    try:
        require_possible(where, min_score)
    except InputError as error:
        raise typer.BadParameter(str(error)) from error


def require_places(
    html: Path | None, zip_to: Path | None, copy_to: Path | None, link_to: Path | None
) -> None:
    """Raises InputError for places that cannot be written."""
    if html or zip_to or copy_to or link_to:  # most searches write nothing
        from cli.written import require_writable

        require_writable(html, zip_to, folders=(copy_to, link_to))
