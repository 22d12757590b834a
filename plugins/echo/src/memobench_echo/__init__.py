"""A deterministic stand-in for models, so that everything around them can be tried without one."""

from __future__ import annotations

__version__ = "0.1.0"
