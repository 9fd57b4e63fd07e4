"""A headless Chromium: the system's, or the one that playwright downloads."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Error, Playwright, expect, sync_playwright

SYSTEM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


PATIENCE = 60_000
"""Milliseconds for what is expected: the machine may be busy. Playwright gives it 5,000."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """A running browser. Skips the test, out loud, where there is none."""
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = _launch(playwright)
        yield browser
        browser.close()


def _launch(playwright: Playwright) -> Browser:
    path = next(filter(None, map(shutil.which, SYSTEM)), None)
    try:
        return playwright.chromium.launch(executable_path=path, timeout=2 * PATIENCE)
    except Error as error:
        if path is not None:
            raise
        pytest.skip(f"NO BROWSER, the page is not tested: make browser ({str(error)[:60]!r})")
