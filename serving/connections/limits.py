"""How many connections a server takes, and how long it waits for each. Plain numbers."""

from __future__ import annotations

from dataclasses import dataclass

MOST_CONNECTIONS = 1_000
"""More people than one machine answers; the oldest idle connection goes where more come."""

FEWEST_CONNECTIONS = 8
"""Below these a browser alone, which opens six, would close its own."""

RESERVED_FILES = 64
"""Open files that are no connections: the catalog, vectors, libraries, pictures being decoded."""

FILES_EACH = 2
"""Open files of a connection: itself, and the photo that is being sent over it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Deadlines in seconds, and the number of connections."""

    head: float = 10.0
    """For the head of a request, from its connection or from the end of the answer before it."""
    body: float = 20.0
    """In which the next `body_bytes` of an upload must come: a slow network is waited for."""
    body_bytes: int = 4_096
    answer: float = 60.0
    """In which a client must take something of the answer that waits for it."""
    connections: int = MOST_CONNECTIONS

    @property
    def look(self) -> float:
        """Seconds from one look at all connections to the next: a deadline is late by as much."""
        return min(1.0, min(self.head, self.body, self.answer) / 4)


def connections_for(open_files: int) -> int:
    """How many connections fit into the limit of open files.

    >>> connections_for(256), connections_for(1_048_576)
    (96, 1000)
    """
    fitting = (open_files - RESERVED_FILES) // FILES_EACH
    return max(FEWEST_CONNECTIONS, min(fitting, MOST_CONNECTIONS))


def limits_here() -> Limits:
    """The limits for this process, as many files as it may open."""
    try:
        import resource
    except ImportError:  # not on Windows, which has no such limit
        return Limits()
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    is_unlimited = soft == resource.RLIM_INFINITY
    return Limits(connections=MOST_CONNECTIONS if is_unlimited else connections_for(soft))
