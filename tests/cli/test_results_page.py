"""docs/results.md works as written: its commands and its Python, from top to bottom, in one folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "results.md"
COMMON = {"PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])}


def blocks() -> list[tuple[str, str]]:
    """Language ("" for commands) and text of each code block of the page, in order."""
    found = re.findall(r"^```(\w*)\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [(language, text) for language, text in found if language in ("", "python")]


@pytest.mark.e2e
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_page_works(tmp_path: Path) -> None:
    environment = os.environ | COMMON
    assert {"", "python"} <= {language for language, _ in blocks()}
    for language, text in blocks():
        lines = [line for line in text.splitlines() if line.startswith("harness ")]
        steps = (
            [[sys.executable, "-c", text]] if language == "python" else [["sh", "-c", line] for line in lines]
        )
        for step in steps:
            done = subprocess.run(
                step, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=240
            )
            assert done.returncode == 0, f"{step[-1]}\n{done.stderr[-2000:]}"
