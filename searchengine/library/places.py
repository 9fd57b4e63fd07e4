"""Places that people name, and the spelling under which a library lists them.

An index run lists images under the one spelling of its roots (`searchengine.paths.Places`). What a
person types, what a caption file holds and what an older library lists may be another spelling.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from searchengine.catalog.catalog import Catalog, CatalogReads
from searchengine.errors import InputError, NothingListedError, NotListedError
from searchengine.paths import Places, absolute, composed, is_at_or_below, url_spelling
from searchengine.types import Filter, listed_path

LINKS = "links"
"""The setting with the links that images are or were listed through: a JSON object of the link's
path and where it leads."""

ROOTS = "roots"
"""The setting with the folders that index runs have gone through: a JSON list, none in another."""

MOUNTS = "mounts"
"""The setting with the directories below these that were on a device of their own: a JSON list."""

NEAR = 3
"""Folders that are named where one was not found."""


def named(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
) -> Iterator[str | os.PathLike[str]]:
    """The paths that somebody names: one on its own is one, and not its letters.

    Raises InputError for an empty one, by which nobody means the working directory.
    """
    for path in [paths] if isinstance(paths, str | os.PathLike) else paths:
        if not os.fspath(path):
            raise InputError("an empty path names nothing; for the working directory write .")
        yield path


def listed_place(catalog: CatalogReads, path: str | os.PathLike[str]) -> str:
    """The spelling under which images at or under a path are listed.

    Raises NothingListedError, with folders that may have been meant.
    """
    url = url_spelling(path)
    for spelled in dict.fromkeys((url or Places().real(path), absolute(path))):
        if catalog.holds_images(spelled):
            return spelled
    folders = _with_those_above(catalog.folders())
    resolved = Places()
    for written in (Places().real(path), absolute(path)):
        alike = {
            folder
            for folder in folders
            if composed(folder) == composed(written)
            or resolved.resolved_directory(folder) == written
        }
        if len(alike) == 1:
            return alike.pop()
    raise NothingListedError(absolute(path), _near(absolute(path), folders))


def place_to_keep_out(catalog: CatalogReads, path: str | os.PathLike[str]) -> str:
    """The place at a path that index runs are to leave out, whether images are listed there or not.

    Raises NothingListedError where there is nothing on the disk either.
    """
    try:
        return listed_place(catalog, path)
    except NothingListedError:
        place = Places().real(path)
        if not os.path.lexists(place):
            raise
        return place


def listed_images(catalog: CatalogReads, paths: Sequence[str]) -> dict[str, str]:
    """The path under which each of some images is listed, by the path it was asked for.

    Images that are not listed under any spelling are not in it.
    """
    exact = catalog.ids_by_path(paths)
    found = {path: path for path in paths if path in exact}
    places = Places()
    left = {path: places.real(path) for path in paths if path not in found}
    listed = catalog.ids_by_path(list(left.values()))
    found |= {path: spelled for path, spelled in left.items() if spelled in listed}
    odd = {path: composed(spelled) for path, spelled in left.items() if path not in found}
    odd = {path: form for path, form in odd.items() if not form.isascii()}
    if odd:
        alike = catalog.composed_alike(set(odd.values()))
        found |= {
            path: alike[form][0] for path, form in odd.items() if len(alike.get(form, ())) == 1
        }
    return found


def listed_ids(catalog: CatalogReads, paths: Iterable[str | os.PathLike[str]]) -> list[int]:
    """The ids of images, in order, by any spelling of their paths. Raises NotListedError."""
    asked = [absolute(path) for path in named(paths)]
    places = listed_images(catalog, list(dict.fromkeys(asked)))
    for path in asked:
        if path not in places:
            raise NotListedError(path)
    ids = catalog.ids_by_path(list(places.values()))
    return [ids[places[path]] for path in asked]


def take_back(catalog: Catalog, paths: Iterable[str | os.PathLike[str]]) -> int:
    """Let index runs take again what was removed for good at and under `paths`; how much was.

    Raises InputError, with what is left out, where nothing at a path is.
    """
    known = catalog.kept_out()
    places = [Places().real(path) for path in named(paths)]
    for place in places:
        if not any(is_at_or_below(each, place) for each in known):
            there = f"; there is: {', '.join(known[:NEAR])}" if known else ""
            raise InputError(f"{place}: nothing was removed there for good{there}")
    return catalog.take_back(places)


def placed(catalog: CatalogReads, where: Filter) -> Filter:
    """The filter with its folder, album and label as the library has them.

    Raises NothingListedError.
    """
    if where.under is not None:
        where = replace(where, under=listed_path(listed_place(catalog, where.under)))
    if where.album is not None and (album := catalog.album_called(where.album)) is not None:
        where = replace(where, album=album.name)
    if where.label is not None:
        where = replace(where, label=composed(where.label))
    return where


def respell(catalog: Catalog, roots: Sequence[str]) -> None:
    """Bring images that are listed through links to the one spelling of their place.

    Those whose real path is listed too are dropped, and their captions go to the other record; of
    the others, those that are at or under `roots`, real paths, are renamed. A library that knows no
    links yet is of an older version: its folders are all looked at, once.
    """
    links = _known_links(catalog)
    for link in sorted(links, key=len, reverse=True):
        real = links[link]
        if os.path.lexists(link) and os.path.realpath(link) != real:
            continue
        through = catalog.paths_under(link)
        spelled = {path: real + path[len(link) :] for path in through}
        ids = catalog.ids_by_path(list(spelled.values()))
        renamed = [
            (through[path], place)
            for path, place in spelled.items()
            if place not in ids and any(is_at_or_below(place, root) for root in roots)
        ]
        same = [(through[path], ids[place]) for path, place in spelled.items() if place in ids]
        if renamed or same:
            catalog.respell(link, renamed, same)


def remember_links(catalog: Catalog, roots: Sequence[str], seen: Mapping[str, str]) -> None:
    """Keep the links that a walk of `roots` entered, for later runs of the places they lead to."""
    known = _known_links(catalog)
    links = {
        link: real
        for link, real in known.items()
        if os.path.islink(link) or not any(is_at_or_below(link, root) for root in roots)
    }
    links |= seen
    if links != known or catalog.setting(LINKS) is None:
        catalog.set_setting(LINKS, json.dumps(links, sort_keys=True))


def indexed_roots(catalog: CatalogReads, more: Iterable[str] = ()) -> list[str]:
    """The folders that index runs have gone through, by path, with `more` that one does now."""
    known = {*catalog.texts(ROOTS), *more}
    return sorted(
        root
        for root in known
        if not any(root != other and is_at_or_below(root, other) for other in known)
    )


def _known_links(catalog: CatalogReads) -> dict[str, str]:
    if catalog.setting(LINKS) is not None:
        return catalog.text_by_text(LINKS)
    places = Places()
    links: dict[str, str] = {}
    for folder in _with_those_above(catalog.folders()):
        parent, name = os.path.split(folder)
        resolved = places.resolved_directory(folder)
        if name and resolved != os.path.join(places.resolved_directory(parent), name):
            links[folder] = resolved
    return links


def _with_those_above(folders: Mapping[str, int]) -> dict[str, int]:
    """How many images are in and below each folder that holds any, and each one above those."""
    counts: Counter[str] = Counter()
    for folder, number in folders.items():
        for above in (folder, *map(str, Path(folder).parents)):
            counts[above] += number
    return dict(counts)


def _near(path: str, folders: Mapping[str, int]) -> list[str]:
    """Folders that may have been meant: named alike, else the first below the common one."""
    import difflib

    by_name: dict[str, list[str]] = {}
    for folder in folders:
        by_name.setdefault(composed(os.path.basename(folder)).casefold(), []).append(folder)
    name = composed(os.path.basename(path)).casefold()
    alike = difflib.get_close_matches(name, [known for known in by_name if known], n=NEAR)
    near = [
        folder
        for known in alike
        for folder in sorted(
            by_name[known],
            key=lambda one: difflib.SequenceMatcher(None, one, path).ratio(),
            reverse=True,
        )
    ]
    return (near or list(_tops(folders)))[:NEAR]


def _tops(folders: Mapping[str, int]) -> Iterator[str]:
    """The folders right below the deepest one that all images are in, most images first."""
    total = max(folders.values(), default=0)
    common = max((one for one, number in folders.items() if number == total), key=len, default="")
    inside = [
        one for one in folders if one != common and os.path.dirname(one) == common.rstrip("/")
    ] or ([common] if common else [])
    return iter(sorted(inside, key=lambda one: -folders[one]))
