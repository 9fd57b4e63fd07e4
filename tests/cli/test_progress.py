"""The bar says what is waited for, and its rate is that of the work."""

from __future__ import annotations

import io

import pytest

from cli.progress import TqdmObserver


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_bar_reads_then_loads_then_encodes(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    with TqdmObserver("indexing") as observer:
        observer.planned(10)
        assert "reading:   0%" in screen.getvalue()
        for _ in range(4):
            observer.advanced()
        observer.loading()
        assert "loading the encoder:  40%" in screen.getvalue()
        observer.started()
        assert "indexing:  40%" in screen.getvalue(), "what was done stays done"
        for _ in range(6):
            observer.advanced()
    assert "indexing: 100%" in screen.getvalue()
    assert "10/10" in screen.getvalue()


def test_a_file_is_skipped_out_loud_once(capsys: pytest.CaptureFixture[str]) -> None:
    with TqdmObserver("indexing") as observer:
        for reason in ("broken link", "broken link", "empty file"):
            observer.skipped("a.jpg", reason)
    assert capsys.readouterr().err == "skipping a.jpg: broken link\nskipping a.jpg: empty file\n"


def test_nothing_to_do_shows_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    with TqdmObserver("indexing") as observer:
        observer.planned(0)
        observer.loading()
        observer.started()
        observer.advanced()
    assert screen.getvalue() == ""
