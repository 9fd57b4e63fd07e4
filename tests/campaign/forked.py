"""Commands as forks of this process, which has loaded what they need: a start takes milliseconds.

A campaign runs in a process of its own (`restarted`), without threads, as those would be lost.
Needs a system that forks.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.support.places import ROOT

PATIENCE_S = 900
"""A command that takes longer hangs, also on a machine with ten other things to do."""

_STARTED = "CLIPSEEK_CAMPAIGN"
_LEFT_OUT = ("openvino", "triton", "torch.", "torchvision", "open_clip", "timm")
"""Modules that start a thread when they are imported, or talk when the process ends."""

_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def is_restarted() -> bool:
    """Whether this process is the one that `restarted` made."""
    return _STARTED in os.environ


def restarted(module: str, directory: Path, preload: Path | None = None) -> int:
    """Run the module as a command of the same arguments, fit to be forked; its exit code."""
    environment = {
        **os.environ, **dict.fromkeys(_ONE_THREAD, "1"), _STARTED: "1", "PYTHONPATH": str(ROOT),
        "HF_HUB_OFFLINE": "1", "XDG_CACHE_HOME": str(directory / "cache"),
        "CLIPSEEK_LIBRARY": str(directory / "nowhere"),
        **({"LD_PRELOAD": str(preload)} if preload else {}),
    }  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", module, *sys.argv[1:]], cwd=ROOT, env=environment
    )
    with suppress(KeyboardInterrupt):  # it has got it too, and says what there is
        return process.wait()
    return process.wait()


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended."""

    code: int
    """Negative: by that signal."""
    out: str
    err: str


class Fork:
    """A command under way in a child, its outputs in files."""

    def __init__(
        self, work: Callable[[], None], outputs: Path, environment: dict[str, str] | None = None
    ) -> None:
        """`work` ends as a command does, with SystemExit or an exception of any kind."""
        self._out, self._err = Path(f"{outputs}.out"), Path(f"{outputs}.err")
        self._code: int | None = None
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            _become(work, self._out, self._err, environment or {})

    def ended(self) -> bool:
        """Whether it has come to its end."""
        if self._code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self._code = os.waitstatus_to_exitcode(status) if pid else None
        return self._code is not None

    def signal(self, number: int) -> None:
        """Send it a signal, where it is still there."""
        if not self.ended():
            os.kill(self.pid, number)

    def wait(self) -> Done:
        """Its end. Raises TimeoutError where it hangs."""
        until, pause = time.monotonic() + PATIENCE_S, 0.001
        while not self.ended():
            if time.monotonic() > until:
                self.signal(signal.SIGKILL)
                raise TimeoutError(self._err.read_text("utf-8"))
            time.sleep(pause)
            pause = min(1.5 * pause, 0.02)
        assert self._code is not None
        out, err = (path.read_text("utf-8") for path in (self._out, self._err))
        return Done(self._code, out, err)


def warm_up(names: list[str]) -> None:
    """Import what children imported, so that the next ones find it. Leaves no thread."""
    for name in names:
        if name.startswith(_LEFT_OUT):
            continue
        with suppress(Exception):  # parts of packages that only they themselves can import
            importlib.import_module(name)
    assert len(os.listdir("/proc/self/task")) == 1, "a thread: it would be lost"
    gc.collect()
    gc.freeze()


def _become(work: Callable[[], None], out: Path, err: Path, environment: dict[str, str]) -> None:
    code = 70
    try:
        os.environ.update(environment)
        for path, descriptor in ((out, 1), (err, 2)):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        _tell_faults("faults_begin")
        try:
            work()
            code = 0
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
        sys.stdout.flush()
    except BaseException:
        traceback.print_exc()
    finally:
        with suppress(BaseException):
            sys.stderr.flush()
            _tell_faults("faults_end")
        os._exit(code)


def _tell_faults(name: str) -> None:
    """To the library that makes faults, where it is preloaded."""
    with suppress(AttributeError):
        getattr(ctypes.CDLL(None), name)()
