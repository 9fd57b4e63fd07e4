"""How to search an index: cells to visit and rows to score again, from numbers alone."""

from __future__ import annotations

from math import ceil

from searchengine.index.types import DEAD_SHARE, IndexFacts, Modality, Setting

PROBED_SHARE = 1 / 16
"""Share of the cells that a query visits until the index is tuned. Measured on text queries at one
million rows: 256 of 4,096 cells with a shortlist of 1,000 agree with the exact top 10 in 92 of 100
places."""


SHORTLIST = 1_000
"""Rows that are scored again exactly until the index is tuned."""


FILTERED_ROWS = 50_000
"""Rows that pass a filter that a query looks at, at least. Measured at a million rows of which 3 or
10 in 100 pass: 98 of 100 of the exact top 10 in 7 ms, where a sixteenth of the cells gives 82 to 93
in 1.5 ms."""


FILTERED_SHORTLIST = 500
"""Rows that are scored again exactly under a filter, at least: 2 of 100 more than with 200."""


IMAGES_A_CAPTION = 4
"""Images of the shortlist for each caption. Captions are of the queries' own kind, and their codes
say nearly all: among 100,000, four times as many captions changed no answer."""

SHORTLIST_PER_HIT = 10
"""Rows that are scored again exactly for each hit of a page, at least."""


def default_setting(cells: int) -> Setting:
    """How an index is searched that is not tuned."""
    return Setting(max(1, round(cells * PROBED_SHARE)), SHORTLIST)


def setting_for(index: IndexFacts, modality: Modality | None) -> Setting:
    """How to search for texts or for images; for both together (None) as the harder one needs."""
    default = default_setting(index.plan.cells)
    text = index.text.setting if index.text else default
    image = index.image.setting if index.image else default
    if modality is None:
        return Setting(max(text.nprobe, image.nprobe), max(text.shortlist, image.shortlist))
    return text if modality is Modality.TEXT else image


def setting_among(setting: Setting, cells: int, listed: int, passing: int) -> Setting:
    """How to search an index of so many cells and rows where so many of the rows may be found.

    Cells enough to look at as many of those as at rows without a filter, and at `FILTERED_ROWS`:
    what passes a filter may lie far from the query, beyond the few cells that were tuned for what
    is nearest. Dead rows alone are no filter.
    """
    if passing == 0:
        return setting
    probes, shortlist = ceil(setting.nprobe * listed / passing), setting.shortlist
    if passing <= (1 - DEAD_SHARE) * listed:
        probes = max(probes, ceil(cells * FILTERED_ROWS / passing))
        shortlist = max(shortlist, FILTERED_SHORTLIST)
    return Setting(min(cells, probes), shortlist)


def shortlist_size(setting: Setting, k: int) -> int:
    """Rows to score again for pages of k hits. Not of the offset: pages must fit each other."""
    return max(setting.shortlist, SHORTLIST_PER_HIT * k)


def captions_beside(size: int) -> int:
    """Captions whose images are scored again beside a shortlist of `size` images."""
    return size // IMAGES_A_CAPTION
