"""What the system says of changes in folders: that there was one, and where. Watchfiles' home."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Sequence

from indexers.left_out.ignore_files import ignore_files_among
from searchengine.images.formats import is_image_name
from searchengine.paths import is_at_or_below

QUIET_MS, LONGEST_MS = 200, 800
"""Changes are told when so long nothing more changed, and after so long in any case."""

TICK_MS = 500
"""How soon the thread notices that it is to end."""

log = logging.getLogger("clipseek")


class Changes:
    """What changed at and under some places since it was asked last.

    A thread listens. Where the system tells nothing - it has no more watches, or none at all - that
    is said once, and `are_told` is False: then somebody has to look from time to time.
    """

    def __init__(self, places: Sequence[str], apart: str) -> None:
        """`apart` is a folder whose changes are none, the library's own."""
        self.are_told = True
        self._apart = apart
        self._places = places
        self._changed = threading.Event()
        self._paths = set[str]()
        self._lock = threading.Lock()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="watching", daemon=True)
        if places:
            self._thread.start()

    def wait(self, seconds: float) -> bool:
        """Whether anything has changed, as soon as it has, after so long otherwise."""
        changed = self._changed.wait(seconds)
        self._changed.clear()
        return changed

    def told(self) -> set[str]:
        """The paths that changes were told of since this was asked last."""
        with self._lock:
            paths, self._paths = self._paths, set()
        return paths.difference(self._places)

    def close(self) -> None:
        """Listen no more."""
        self._end.set()
        if self._places:
            self._thread.join()

    def _listen(self) -> None:
        import watchfiles

        is_heard = False
        try:
            for changed in watchfiles.watch(
                *self._places,
                watch_filter=self._matters,
                debounce=LONGEST_MS,
                step=QUIET_MS,
                rust_timeout=TICK_MS,
                yield_on_timeout=True,
                stop_event=self._end,
                raise_interrupt=False,
                force_polling=False,
                ignore_permission_denied=True,
            ):
                if changed or not is_heard:  # what came before anybody listened is not told
                    with self._lock:
                        self._paths.update(path for _, path in changed)
                    self._changed.set()
                is_heard = True
        except Exception as error:  # of a system that has none, or no more of them
            self.are_told = False
            log.warning(
                "the system does not tell of changes (%s): the folders are looked through from "
                "time to time",
                error,
            )

    def _matters(self, _change: object, path: str) -> bool:
        """Whether a change may be one of pictures: of one, of what says something of one, a folder.

        What is gone may have been a folder, whatever its name.
        """
        if is_at_or_below(path, self._apart):
            return False
        name = os.path.basename(path)
        if is_image_name(name) or name.lower().endswith(".xmp") or ignore_files_among([name]):
            return True
        return not os.path.isfile(path)
