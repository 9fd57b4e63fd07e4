"""Bring the pages up to date and build the site; see the package."""

from __future__ import annotations

import shutil
import sys

from tests.support.documents import made, site
from tests.support.places import ROOT


def main() -> None:
    """Write the pages that are made, then the site."""
    made.write()
    directory = ROOT / "build" / "docs"
    shutil.rmtree(directory, ignore_errors=True)
    site.gather(directory)
    done = site.build(directory)
    if done.returncode:
        sys.exit(done.stdout)
    if gone := site.missing(directory):
        sys.exit("not there: " + ", ".join(gone))
    print(f"the site: {(directory / 'site' / 'index.html').as_uri()}")


if __name__ == "__main__":
    main()
