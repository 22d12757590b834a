"""Settings and fixtures for all tests, including those of the plugins."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from hypothesis import settings

# A busy machine makes a fast example slow; the timeout of each test bounds its time.
settings.register_profile("memobench", deadline=None)
settings.load_profile("memobench")

# Shells start background jobs with Ctrl-C ignored, which the commands under test would inherit.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def drawn(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The built-in portraits, drawn once and kept from one run of the tests to the next; returns the folder of caches."""
    assert request.config.cache is not None
    folder = request.config.cache.mkdir("portraits")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder
