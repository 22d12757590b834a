"""The display of progress that fits standard error."""

from __future__ import annotations

import sys

from harness.cli.streams import takes_escapes
from harness.run.progress import LiveWatch, PlainWatch
from harness.run.watch import Watch


def make_watch() -> Watch:
    """What fits standard error: a live bar on a terminal that can redraw it, else plain lines."""
    return LiveWatch() if takes_escapes(sys.stderr) else PlainWatch()
