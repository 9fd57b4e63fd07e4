"""All connections together: the overdue are ended, and where there are too many the idle give way.

Left alone, asyncio takes connections until no file can be opened any more, and then writes an error
for each one that waits, again and again.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import time
from typing import Protocol

from serving.connections.limits import Limits

OUT_OF_FILES = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)

PAUSE_SECONDS = 0.05
"""Before the next connection is taken where no file could be opened for this one."""

NO_ROOM = (
    b"HTTP/1.1 503 Service Unavailable\r\n"
    b"content-length: 0\r\nretry-after: 5\r\nconnection: close\r\n\r\n"
)


class Connection(Protocol):
    """One connection, as far as the crowd is concerned."""

    @property
    def is_idle(self) -> bool:
        """Whether it has no request under way."""

    def is_overdue(self, now: float) -> bool:
        """Whether it has been waited for too long, at this moment of the loop's clock."""

    def end(self) -> None:
        """Close it, with a word where it is owed one."""

    def drop(self) -> None:
        """Close it at once."""


class Crowd:
    """The open connections, the one that was idle for longest first."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.coming = 0
        """Accepted, and not open yet: the loop has to turn once."""
        self._open: dict[Connection, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_full(self) -> bool:
        """Whether there is no room for one more."""
        return self.coming + len(self._open) >= self.limits.connections

    def add(self, connection: Connection) -> None:
        """A connection is open."""
        self.coming = max(self.coming - 1, 0)
        self._open[connection] = None
        if self._timer is None:
            self._look_later()

    def answered(self, connection: Connection) -> None:
        """A request of this connection is answered: it is the last to give way again."""
        if connection in self._open:
            del self._open[connection]
            self._open[connection] = None

    def discard(self, connection: Connection) -> None:
        """A connection is gone."""
        self._open.pop(connection, None)

    def drop_idle(self) -> bool:
        """Close the connection that was idle for longest; False where none is."""
        idle = next((connection for connection in self._open if connection.is_idle), None)
        if idle is None:
            return False
        idle.drop()
        return True

    def _look_later(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self.limits.look, self._look)

    def _look(self) -> None:
        """End what is overdue, and look again while there is anything to look at."""
        self._timer = None
        now = asyncio.get_running_loop().time()
        for connection in [each for each in self._open if each.is_overdue(now)]:
            connection.end()
        if self._open:
            self._look_later()


class BoundedListener(socket.socket):
    """A listening socket that takes no more connections than there is room for.

    A BlockingIOError tells asyncio that there is none to take now; it asks again in the next turn
    of its loop, when those that were closed are gone.
    """

    def __init__(self, listener: socket.socket, crowd: Crowd) -> None:
        """Takes the place of `listener`, which is of no use afterwards."""
        super().__init__(fileno=listener.detach())
        self._crowd = crowd

    def accept(self) -> tuple[socket.socket, object]:
        """The next connection, if there is room for it."""
        if self._crowd.is_full:
            if not self._crowd.coming and not self._crowd.drop_idle():
                self._turn_away()
            raise BlockingIOError
        try:
            accepted = super().accept()
        except OSError as error:
            if error.errno not in OUT_OF_FILES:
                raise
            self._crowd.drop_idle()
            time.sleep(PAUSE_SECONDS)
            raise BlockingIOError from error
        self._crowd.coming += 1
        return accepted

    def _turn_away(self) -> None:
        refused, _ = super().accept()
        with refused:
            refused.setblocking(False)
            refused.send(NO_ROOM)
