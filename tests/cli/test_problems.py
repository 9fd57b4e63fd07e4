"""Whatever goes wrong, and wherever: one line, exit 1, no traceback."""

from __future__ import annotations

import errno
import http.client
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from searchengine.library import status, writing
from searchengine.library.layout import PID
from tests.conftest import Run, Workbench


def of_system(number: int, *names: str) -> OSError:
    return OSError(number, os.strerror(number), *names)


ERRORS = [
    (of_system(errno.EACCES, "/a/vectors.f16"), "/a/vectors.f16: permission denied; check the"),
    (of_system(errno.EIO), "input/output error; check the disk"),
    (of_system(errno.EMFILE, "x"), "x: too many open files; raise the limit with: ulimit -n"),
    (of_system(errno.ENOSPC, "/a/index.json"), "/a/index.json: no space left on device; free"),
    (TimeoutError("timed out"), "timed out"),
    (MemoryError(), "out of memory; "),
    (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), "out of memory; "),
    (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "out of memory; "),
    (http.client.BadStatusLine("SSH-2.0"), "a server gave an answer that is no HTTP: SSH-2.0"),
    (http.client.IncompleteRead(b"", 5), "a server gave an answer that is no HTTP: "),
    (OverflowError("Python int too large"), "a number is out of range: Python int too large"),
    (RecursionError("maximum recursion depth"), "something that was read is nested too deep"),
    (sqlite3.OperationalError("locking protocol"), "the catalog of the library cannot be used: "),
    (sa.exc.StatementError("odd", "SELECT 1", {}, ValueError("x")), "the catalog of the library"),
    (ModuleNotFoundError("No module named 'x'"), "a part of the installation is missing"),
    (
        AssertionError("two\nlines\x1b[2J"),
        r"this is a bug in clipseek: AssertionError: two lines\x",
    ),
    (TypeError(), "this is a bug in clipseek: TypeError: TypeError; please report it"),
    (KeyError("name"), "this is a bug in clipseek: KeyError: 'name'"),
]


@pytest.mark.parametrize(("error", "line"), ERRORS, ids=lambda value: str(value)[:30])
def test_any_error_is_one_line(
    run: Run, colours: Workbench, monkeypatch: pytest.MonkeyPatch, error: Exception, line: str
) -> None:
    def broken(*_: object) -> None:
        raise error

    monkeypatch.setattr(status, "library_info", broken)
    done = run("info")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"clipseek: {line}")
    assert done.err.count("\n") == 1


@pytest.mark.parametrize("encode", [lambda: "\ud800".encode(), lambda: b"\xff".decode()])
def test_text_that_is_no_unicode(
    run: Run, colours: Workbench, monkeypatch: pytest.MonkeyPatch, encode: Callable[[], object]
) -> None:
    monkeypatch.setattr(status, "library_info", lambda *_: encode())
    assert run("info").err.startswith("clipseek: a text is no Unicode: ")


def test_a_developer_sees_where(
    run: Run, colours: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status, "library_info", lambda *_: 1 / 0)
    assert "CLIPSEEK_TRACEBACK=1" in run("info").err
    monkeypatch.setenv("CLIPSEEK_TRACEBACK", "1")
    err = run("info").err
    assert err.startswith("Traceback")
    assert "ZeroDivisionError" in err.splitlines()[-1]


def test_ctrl_c_has_the_code_of_shells(
    run: Run, colours: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(status, "library_info", stop)
    done = run("info")
    assert (done.code, done.out) == (130, "")
    assert "Traceback" not in done.err


def test_the_lock_is_released_and_hides_nothing(
    colours: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk of the library is pulled while it is written."""
    unlink, is_pulled = Path.unlink, False

    def failing(path: Path, *, missing_ok: bool = False) -> None:
        if path.name == PID and is_pulled:
            raise of_system(errno.EIO, str(path))
        unlink(path, missing_ok=missing_ok)

    def pull() -> None:
        nonlocal is_pulled
        is_pulled = True
        raise ZeroDivisionError

    monkeypatch.setattr(Path, "unlink", failing)
    for _ in range(2):  # the second finds the lock free
        is_pulled = False
        with (
            pytest.raises(ZeroDivisionError),
            writing.lock(colours.library_path),
        ):
            pull()


@pytest.mark.parametrize(("raised", "said"), [("KeyboardInterrupt", 0), ("SystemError('x')", 1)])
def test_ctrl_c_while_a_command_is_loaded_has_nothing_to_tell(raised: str, said: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"import cli; raise {raised}"], capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.stderr.count("Traceback") == said
    assert done.returncode != 0
