"""Progress as lines and as a bar: what goes on inside a batch is shown too."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from harness.cli.live import LiveWatch
from harness.cli.progress import PlainWatch


def test_lines_come_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    watch = PlainWatch()
    watch.phase("drawing", 8, 2)
    watch.working("step 1 of 30")
    assert capsys.readouterr().err == "drawing: 8 requests, 2 stored already\n"
    watch.every = 0.0
    watch.working("step 2 of 30\x1b[2J")
    told = capsys.readouterr().err
    assert told.startswith("drawing: 2/8, step 2 of 30")
    assert "\x1b" not in told
    assert "s left" not in told, "nothing is known of the speed yet"
    watch.advance()
    assert capsys.readouterr().err.startswith("drawing: 3/8, ")
    watch.working("step 3 of 30")
    assert "s left" in capsys.readouterr().err


def test_the_bar_shows_the_step() -> None:
    stream = io.StringIO()
    watch = LiveWatch(Console(file=stream, force_terminal=True, width=120))
    watch.phase("drawing", 8)
    watch.working("step 7 of 30")
    watch.close()
    assert "step 7 of 30" in stream.getvalue()
