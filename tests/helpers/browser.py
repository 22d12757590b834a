"""A headless Chromium without network, for pages that must hold on their own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium() -> str:
    """The path of the browser. Without one a test is skipped, and in continuous integration it fails."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        missing = f"no browser ({', '.join(NAMES)}): apt-get install chromium"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return found


class Opened:
    """A page of a browser, with everything that it said and asked for."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.console: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda message: self.console.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.console.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (self.console.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda request: self.requests.append(request.url))

    def quiet(self) -> None:
        """Check that nothing was said, and that no file was asked for but the page itself."""
        assert self.console == []
        beyond = [url for url in self.requests if not url.startswith(("data:", "blob:"))]
        assert beyond == [self.page.url.partition("#")[0]], beyond


@contextmanager
def opened(path: Path, **context: Any) -> Iterator[Opened]:
    """Open a file with the network off, and wait until all of it is drawn."""
    from playwright.sync_api import sync_playwright

    executable = chromium()
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        page = browser.new_context(offline=True, **context).new_page()
        found = Opened(page)
        page.goto(path.absolute().as_uri())
        page.wait_for_selector("html[data-ready=yes][data-charts=drawn]", state="attached", timeout=60_000)
        yield found
        browser.close()
