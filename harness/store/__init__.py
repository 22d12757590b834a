"""Crash-safe run folders: requests, replies and failures on disk."""

from harness.store.runfolder import RunFolder

__all__ = ["RunFolder"]
