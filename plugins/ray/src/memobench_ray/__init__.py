"""memobench-plugin-ray: runs judges and generators on Ray."""

from __future__ import annotations

__version__ = "0.1.0"
