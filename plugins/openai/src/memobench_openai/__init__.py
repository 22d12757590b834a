"""Judge and image generator for OpenAI-compatible endpoints."""

from __future__ import annotations

__version__ = "0.1.0"
