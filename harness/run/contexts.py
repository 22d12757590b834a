"""The context in which a run opens a component: its folder in the run folder, and its logger."""

from __future__ import annotations

import hashlib
import logging
import re
from pathlib import Path

from harness.components.context import Context
from harness.run.watch import Watch
from harness.store.regular import subfolder

STATES = "state"
"""The folder in a run folder with a folder for each component that asks for one."""


def context_for(folder: Path, name: str, watch: Watch) -> Context:
    """The context of a component with this name (of a model, with its reference) in a run."""
    return Context(_logger(name, watch), folder=lambda: _state(folder, name))


def _state(folder: Path, name: str) -> Path:
    readable = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")[:40]
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return subfolder(subfolder(folder, STATES), f"{readable}-{digest}")


def _logger(name: str, watch: Watch) -> logging.Logger:
    # Not registered: a second run in this process has another watch.
    logger = logging.Logger(f"memobench.{name}", logging.INFO)
    logger.addHandler(_ToWatch(name, watch))
    return logger


class _ToWatch(logging.Handler):
    def __init__(self, name: str, watch: Watch) -> None:
        super().__init__()
        self._by, self._watch = name, watch

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._watch.note(f"{self._by}: {record.getMessage()}")
        except Exception:
            self.handleError(record)
