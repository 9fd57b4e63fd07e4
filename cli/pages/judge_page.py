"""The page on which a person judges what came back: one file, and a script that saves it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from cli.notation import plural
from cli.pages.page import decoders, render, thumbnail_of, write_page
from cli.pages.report_pictures import SIDE
from searchengine.library.judging.pool import Pool


def write_judge_page(path: Path, pool: Pool) -> None:
    """Write the page at `path`; raises InputError where that cannot be."""
    write_page(path, _page(pool), "judge.html")


def _page(pool: Pool) -> Iterator[str]:
    script = files("cli.pages").joinpath("templates/judge.js").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    shown = pool.to_judge()
    paths = list(dict.fromkeys(path for each in shown for path in each))
    with decoders() as threads:
        thumbnails = threads.map(lambda path: thumbnail_of(path, SIDE), paths)
        pictures = dict(zip(paths, thumbnails, strict=True))
    yield from render(
        "judge.html",
        title="Judge your own queries",
        script=script,
        script_sha256=digest,
        counts=(
            f"{plural(len(pool.queries), 'query', 'queries')}, "
            f"{plural(sum(map(len, shown)), 'picture')} of "
            f"{plural(len(pool.ways), 'way to search', 'ways to search')}, mixed"
        ),
        queries=[
            (query, [(path, pictures[path]) for path in each])
            for query, each in zip(pool.queries, shown, strict=True)
        ],
    )
