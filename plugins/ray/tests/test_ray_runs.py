"""What runs on Ray gives the results of a run in one process."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.testing.command import Shell

pytestmark = pytest.mark.e2e
RAY = ("--executor", "ray", "--executor-option")


@pytest.mark.parametrize(
    "asked",
    [
        ("run", "--task", "comprehension", "--model", "echo", "-o", "accuracy=0.8"),
        ("run", "--task", "coarse_emotion", "--model", "fer"),
    ],
    ids=["echo", "fer"],
)
def test_judges(
    asked: tuple[str, ...], shell: Shell, cluster: str, faces: Path, timeless: Callable[[Path], Any]
) -> None:
    asked = (*asked, "--data", str(faces))
    shell(*asked, "--out", "here").ok()
    done = shell(*asked, "--out", "there", *RAY, f"address={cluster}", "--executor-option", "replicas=2").ok()
    assert timeless(shell.folder / "there") == timeless(shell.folder / "here")
    assert "raylet" not in done.out


def test_generators(shell: Shell, cluster: str, timeless: Callable[[Path], Any]) -> None:
    asked = ("run", "--task", "t2i_emotion", "--model", "portraits", "--judge", "echo", "--limit", "6")
    shell(*asked, "--out", "here").ok()
    shell(*asked, "--out", "there", *RAY, f"address={cluster}").ok()
    assert timeless(shell.folder / "there") == timeless(shell.folder / "here")
    images = [p.name for p in sorted((shell.folder / "here" / "images").glob("*.png"))]
    assert len(images) == 6
    for name in images:
        one, other = (shell.folder / where / "images" / name for where in ("here", "there"))
        assert one.read_bytes() == other.read_bytes()


def processes(parent: int) -> list[int]:
    """A process and all that it started, however deep."""
    found, known = [parent], {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            known[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    for pid in found:
        found.extend(child for child, of in known.items() if of == pid)
    return found


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["ctrl-c", "kill-9"])
def test_a_ray_that_was_started_here_ends_with_the_command_and_the_run_resumes(
    number: signal.Signals, shell: Shell, mine: Any, stored: Callable[[Path], list[str]]
) -> None:
    mine.install("def before(self, r):\n    time.sleep(float(os.environ.get('SLOW', 0)))")
    run = shell.folder / "run"
    process = shell.start(*mine.run(""), env={**mine.env, "SLOW": "0.15"}, start_new_session=True)
    until = time.monotonic() + 90
    while len(stored(run)) < 8 and time.monotonic() < until and process.poll() is None:
        time.sleep(0.05)
    started = processes(process.pid)
    assert len(started) > 4, process.communicate(timeout=20)
    os.kill(process.pid, number)
    _, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    until = time.monotonic() + 30
    while any(map(alive, started)) and time.monotonic() < until:
        time.sleep(0.1)
    assert not [pid for pid in started if alive(pid)]
    kept = set(stored(run))
    assert 8 <= len(kept) < 60
    for path in mine.notes.iterdir():
        path.unlink()
    shell(*mine.run(None), env=mine.env).ok()
    assert not kept & set(mine.asked()), "what was stored is not asked again"
    assert len(stored(run)) == len(set(stored(run))) == 60
