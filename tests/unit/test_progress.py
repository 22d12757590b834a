"""Progress as lines and as a bar, including steps within a batch."""

from __future__ import annotations

import pytest

from harness.run.progress import LiveWatch, PlainWatch


def test_lines_are_printed_at_intervals(capsys: pytest.CaptureFixture[str]) -> None:
    watch = PlainWatch()
    watch.phase("generating", 8, 2)
    watch.working("step 1 of 30")
    assert capsys.readouterr().err == "generating: 8 requests, 2 already stored\n"
    watch.every = 0.0
    watch.working("step 2 of 30\x1b[2J")
    shown = capsys.readouterr().err
    assert shown.startswith("generating: 2/8, step 2 of 30")
    assert "\x1b" not in shown
    assert "s left" not in shown, "the rate is not known yet"
    watch.advance()
    assert capsys.readouterr().err.startswith("generating: 3/8, ")
    watch.working("step 3 of 30")
    assert "s left" in capsys.readouterr().err


def test_the_bar_shows_the_step(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    watch = LiveWatch()
    watch.phase("generating", 8)
    watch.working("step 7 of 30")
    watch.close()
    assert "step 7 of 30" in capsys.readouterr().err


def test_a_narrow_terminal_leaves_out_the_bar_but_no_count(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    for width in (60, 72, 80, 120):
        monkeypatch.setenv("COLUMNS", str(width))
        watch = LiveWatch()
        watch.phase("judging with vllm:a-maker/a-model-with-a-long-name-8b", 7145, 1200)
        watch.advance(failed=True)
        watch.working("")
        watch.close()
        shown = capsys.readouterr().err
        assert "1201/7145" in shown
        assert "1 failed, 0 unparsed" in shown
        assert "name-8b" in shown
        assert ("\N{BOX DRAWINGS HEAVY HORIZONTAL}" in shown) == (width >= 80)
