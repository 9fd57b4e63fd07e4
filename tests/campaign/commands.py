"""The commands that write to a library, as a process of its own with the fake encoder.

python -m tests.campaign.commands index PHOTOS --library DIR
"""

from __future__ import annotations

import sys
from typing import Any

from cli import main as cli_main
from searchengine.catalog.sqlite import connection
from searchengine.encoders import names
from searchengine.encoders.openclip import encoder as openclip
from tests.support.fake import FakeEncoder


def main() -> None:
    """`clipseek` with the arguments given, an encoder that takes no time, and short waits."""
    catalog: Any = connection
    catalog.BUSY_SECONDS = 1
    models: Any = openclip
    models.load_encoder = lambda _name, **_: FakeEncoder()
    spellings: Any = names
    spellings.canonical_name = lambda name: name
    cli_main.main()


if __name__ == "__main__":
    sys.argv[0] = "clipseek"
    main()
