"""Settings of all tests, those of the plugins included."""

from __future__ import annotations

from hypothesis import settings

# A busy machine makes a quick example slow; how long tests may take is bounded by their timeout.
settings.register_profile("memobench", deadline=None)
settings.load_profile("memobench")
