"""Inspect logs of memobench runs."""

__version__ = "0.1.0"
