"""`clipseek` that stands still where it loads its encoder, until a file is there.

python -m tests.support.held FILE index ...
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from cli import main as program
from searchengine.encoders import loading


def main() -> None:
    """The command, once `FILE` is taken from its arguments."""
    gate = Path(sys.argv.pop(1))
    load = loading.load_encoder

    def held(*given: Any, **named: Any) -> Any:
        while not gate.exists():
            time.sleep(0.05)
        return load(*given, **named)

    loading.load_encoder = held
    program.main()


if __name__ == "__main__":
    main()
