"""The real server on a socket, in a process of its own, and plain connections to it.

`python -m tests.support.served LIBRARY DEADLINE [CONNECTIONS]` serves with short deadlines. Seconds
on its stdin stop the clock of its event loop, and then pass on it, until stdin ends.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.places import ROOT


@dataclass
class Served:
    """A running server."""

    port: int
    process: subprocess.Popen[str]
    log: Path
    """Its stderr."""

    def connect(self) -> socket.socket:
        """A connection; what is read from it must come within a minute."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)

    def let_pass(self, seconds: float) -> None:
        """From the first call on the server's time is what passes so, however long it takes."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{seconds}\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "passed\n"

    def head(self, method: str, path: str, **headers: str) -> bytes:
        """The head of a request."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, "", ""]).encode()

    def status(self, path: str = "/api/health") -> int:
        """The status of an answer on a connection of its own; 0 where there is none."""
        try:
            with self.connect() as connection:
                connection.sendall(self.head("GET", path, Connection="close"))
                answer = read_to_end(connection)
        except OSError:
            return 0
        return int(answer.split(b" ", 2)[1]) if answer else 0

    def memory(self) -> int:
        """Bytes of memory of the process."""
        fields = Path(f"/proc/{self.process.pid}/statm").read_text("ascii").split()
        return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def served(
    library: Path,
    *,
    deadline: float = 60.0,
    connections: int = 0,
    open_files: int | None = None,
) -> Iterator[Served]:
    """A server over a library; `open_files` limits what it may open."""
    log = library.parent / "stderr.txt"
    limit = f"ulimit -n {open_files}; " if open_files else ""
    command = f'{limit}exec "$0" -m tests.support.served "$@"'
    given = [str(library), str(deadline), str(connections)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with (
        log.open("w") as stderr,
        subprocess.Popen(
            ["/bin/sh", "-c", command, sys.executable, *given],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None
        port = int(process.stdout.readline().rpartition(":")[2].strip("/\n"))
        try:
            yield Served(port, process, log)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.terminate()
            process.wait(60)


def read_to_end(connection: socket.socket) -> bytes:
    """All that comes until the other side closes."""
    pieces = []
    while piece := connection.recv(2**16):
        pieces.append(piece)
    return b"".join(pieces)


def is_closed(connection: socket.socket) -> bool:
    """Whether the other side closes within a minute, whatever it says before."""
    try:
        read_to_end(connection)
    except ConnectionError:
        return True
    except TimeoutError:
        return False
    return True


class Clock:
    """The time of an event loop: the system's, until somebody says how it passes."""

    def __init__(self) -> None:
        self._stands_at: float | None = None
        self._loop = Future[asyncio.BaseEventLoop]()

    def time(self, loop: asyncio.BaseEventLoop) -> float:
        """What the loop takes for its time."""
        if not self._loop.done():
            self._loop.set_result(loop)
        return time.monotonic() if self._stands_at is None else self._stands_at

    def follow(self) -> None:
        """Let the seconds pass that come on stdin, each in a turn of the loop."""
        for line in sys.stdin:
            self._loop.result().call_soon_threadsafe(self._pass, float(line))
        self._stands_at = None

    def _pass(self, seconds: float) -> None:
        now = time.monotonic() if self._stands_at is None else self._stands_at
        self._stands_at = now + seconds
        print("passed", flush=True)


def _main() -> None:
    from searchengine.encoders import loading
    from serving.connections.limits import Limits, limits_here
    from serving.server import serve
    from tests.support.fake import FakeEncoder

    loading.load_for_queries = lambda _name: FakeEncoder()  # type: ignore[assignment]

    library, deadline, connections = sys.argv[1:]
    seconds = float(deadline)
    limits = Limits(
        head=seconds,
        body=seconds,
        answer=seconds,
        connections=int(connections) or limits_here().connections,
    )

    clock = Clock()
    asyncio.BaseEventLoop.time = lambda self: clock.time(self)  # type: ignore[method-assign]
    threading.Thread(target=clock.follow, daemon=True).start()

    def listening(address: str) -> None:
        print(address, flush=True)

    serve(Path(library), host="127.0.0.1", port=0, listening=listening, limits=limits)


if __name__ == "__main__":
    _main()
