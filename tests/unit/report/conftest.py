"""A run and its page, made once for each module."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers import data
from helpers.report_page import Page

import harness
from harness.report.page import WrittenReport, write_report


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tasks on 60 portraits, some answers wrong."""
    folder = tmp_path_factory.mktemp("report")
    faces = data.make(folder / "faces", 60)
    harness.evaluate(
        ["coarse_emotion", "fine_intensity"],
        model="echo",
        data=faces,
        out=folder / "run",
        options={"accuracy": 0.7},
    )
    return folder / "run"


@pytest.fixture(scope="module")
def written(run: Path) -> WrittenReport:
    return write_report([run], run.parent / "report.html")


@pytest.fixture(scope="module")
def page(written: WrittenReport) -> Page:
    return Page(written.path.read_text(encoding="utf-8"))
