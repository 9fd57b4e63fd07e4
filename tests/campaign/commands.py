"""The commands of the program with the fake encoder, as a process is asked to run them.

python -m tests.campaign.commands index PHOTOS --library DIR
"""

from __future__ import annotations

import sys
from typing import Any

from cli import main as cli_main
from indexers import reading
from searchengine.catalog.sqlite import connection
from searchengine.encoders import loading, names
from tests.support.fake import FakeEncoder


def run(*arguments: str) -> None:
    """`clipseek` with these arguments, an encoder that takes no time, and short waits.

    How often it writes is decided by no clock: what a fault is to hit was counted before.
    """
    catalog: Any = connection
    catalog.BUSY_SECONDS = 1
    reader: Any = reading
    reader.SAVE_SECONDS = float("inf")
    models: Any = loading
    models.load_encoder = models.load_for_queries = lambda _name, **_: FakeEncoder()
    spellings: Any = names
    spellings.canonical_name = lambda name: name
    sys.argv = ["clipseek", *arguments]
    cli_main.main()


if __name__ == "__main__":
    run(*sys.argv[1:])
