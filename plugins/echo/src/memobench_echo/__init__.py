"""memobench-plugin-echo: deterministic stand-ins for a judge and a generator, for tests and examples."""

from __future__ import annotations

__version__ = "0.1.0"
