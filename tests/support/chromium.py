"""A headless Chromium: the system's, or the one that playwright downloads."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Error, Playwright, sync_playwright

SYSTEM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@contextmanager
def chromium() -> Iterator[Browser]:
    """A running browser. Skips the test, out loud, where there is none."""
    with sync_playwright() as playwright:
        browser = _launch(playwright)
        yield browser
        browser.close()


def _launch(playwright: Playwright) -> Browser:
    path = next(filter(None, map(shutil.which, SYSTEM)), None)
    try:
        return playwright.chromium.launch(executable_path=path)
    except Error as error:
        if path is not None:
            raise
        pytest.skip(f"NO BROWSER, the page is not tested: make browser ({str(error)[:60]!r})")
