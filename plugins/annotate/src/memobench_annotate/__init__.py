"""memobench-plugin-annotate: people rate portraits in a browser, as judges like any other."""

from __future__ import annotations

__version__ = "0.1.0"
