"""The run folder: what was asked, what was answered, what failed; safe against being killed at any moment."""

from harness.store.runfolder import RunFolder

__all__ = ["RunFolder"]
