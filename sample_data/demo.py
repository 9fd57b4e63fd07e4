"""`make demo`: index the sample photos with the offline encoder, and search them.

Runs the commands a person would type, in a temporary directory that stays, so that the gallery can
be looked at.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from cli.next_steps import PICTURES, program, shorter

PHOTOS = Path(__file__).parent / "photos"
QUERIES = ("a cup of coffee on a wooden table", "snowy mountains by a lake")
GALLERY = "a waterfall in the forest"


def main() -> None:
    """Index, ask texts and an image, say where the gallery is, and how to go on."""
    scratch = Path(tempfile.mkdtemp(prefix="clipseek-demo-"))
    os.environ["CLIPSEEK_LIBRARY"] = str(scratch / "library")
    os.environ["HF_HUB_OFFLINE"] = "1"
    _run("index", os.path.relpath(PHOTOS), "--model", "starter")
    for query in QUERIES:
        _run("search", query, "--top", "3")
    _run("search", os.path.relpath(PHOTOS / "animals" / "orange-kitten.jpg"), "--top", "3")
    _run("search", GALLERY, "--top", "12", "--html", str(scratch / "hits.html"))
    print(f"\nThe last search as a gallery: {(scratch / 'hits.html').as_uri()}")
    print("\nNow your own photos:")
    print(f"  {program()} index {PICTURES}")
    print(f"  {program()} serve --open")
    print("\n".join(shorter()))


def _run(*arguments: str) -> None:
    print(f"\n$ clipseek {shlex.join(arguments)}", flush=True)
    done = subprocess.run([sys.executable, "-m", "cli", *arguments], check=False)
    if done.returncode:
        sys.exit(done.returncode)


if __name__ == "__main__":
    main()
