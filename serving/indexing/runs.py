"""Index runs in a process of their own: an encoder at work would hold up who searches."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from serving.apart.process import end, environment
from serving.indexing.run import TELLS, Run, after_end, after_line
from serving.problems import IndexRefusedError, IndexUnderWayError


class IndexRuns:
    """The index runs of a server, one at a time. Any thread may ask."""

    def __init__(self, command: Sequence[str]) -> None:
        """`command` indexes the folders whose paths follow it; empty where none may be indexed."""
        self._command = command
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._run: Run | None = None
        self._began = 0.0
        self._seconds = 0.0
        self._is_stopped = False

    @property
    def are_possible(self) -> bool:
        """Whether this server indexes."""
        return bool(self._command)

    @property
    def last(self) -> Run | None:
        """The run that is under way, or the last one."""
        return self._run

    @property
    def seconds(self) -> float:
        """How long it has gone on, or went on."""
        run = self._run
        return self._seconds if run is None or run.is_over else time.monotonic() - self._began

    def start(self, folder: Path) -> None:
        """Begin to index a folder. Raises IndexUnderWayError, and IndexRefusedError."""
        if not self._command:
            raise IndexRefusedError
        with self._lock:
            if self._run is not None and not self._run.is_over:
                raise IndexUnderWayError(self._run.folder)
            self._process = subprocess.Popen(
                [*self._command, "--", str(folder)],
                env=environment(**{TELLS: "yes"}),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                encoding="utf-8",
                errors="backslashreplace",
                start_new_session=True,  # Ctrl-C is for the server, which ends it
            )
            self._is_stopped = False
            self._run, self._began = Run(str(folder)), time.monotonic()
            self._reader = threading.Thread(
                target=self._follow, args=(self._process,), name="index run", daemon=True
            )
            self._reader.start()

    def stop(self) -> None:
        """Ask the run that is under way to save what it is at and end; nothing without one."""
        with self._lock:
            if self._process is not None and self._process.poll() is None:
                self._is_stopped = True
                self._process.terminate()

    def close(self) -> None:
        """End the run that is under way, and wait for its end."""
        self.stop()
        if self._process is not None and self._reader is not None:
            end(self._process)
            self._reader.join()

    def _follow(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        assert self._run is not None
        with process.stdout as lines:
            for line in lines:
                self._run = after_line(self._run, line)
        code = process.wait()
        self._seconds = time.monotonic() - self._began
        self._run = after_end(self._run, code, stopped=self._is_stopped)
