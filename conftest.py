"""Settings for all tests, including those of the plugins."""

from __future__ import annotations

import signal

from hypothesis import settings

# A busy machine makes a fast example slow; the timeout of each test bounds its time.
settings.register_profile("memobench", deadline=None)
settings.load_profile("memobench")

# Shells start background jobs with Ctrl-C ignored, which the commands under test would inherit.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
