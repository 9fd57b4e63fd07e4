"""The command line: flags in, one call, text out.

A command starts and ends without looking for garbage where there is none: that took a quarter of a
cold search's processor time.
"""

import atexit
import gc
import sys
from types import TracebackType

OBJECTS_BETWEEN_COLLECTIONS = 50_000
"""New objects after which Python looks for garbage. After 700, as it comes, it looks 150 times at
what is being imported."""


def _leave() -> None:
    """All goes with the process: no last look at everything. What comes with torch complains."""
    if "torch" not in sys.modules:
        gc.freeze()


def _end(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """What nobody caught. Ctrl-C while a command is being loaded has nothing to tell."""
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)


sys.excepthook = _end
gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
atexit.register(_leave)
