"""What runs on Ray gives the results of a run in one process."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from harness.testing.command import Shell

pytestmark = pytest.mark.e2e
SEES = """
def judge(self, batch):
    import zlib
    for r in batch:
        assert r.images[0].data is None
        image = r.images[0].image
        yield JudgeReply(r.id, text=f"happy {image.mode} {image.size} {zlib.crc32(image.tobytes())}")
"""
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


def test_pictures_travel_as_files_with_the_same_pixels(
    shell: Shell, mine: Any, cluster: str, faces: Path
) -> None:
    """A judge of pixels sees what it sees in this process, for turned, transparent and deep pictures too."""
    mine.install(SEES)
    data = shell.folder / "odd"
    (data / "happy").mkdir(parents=True)
    picture = Image.radial_gradient("L").resize((40, 30))
    turned = Image.Exif()
    turned[0x0112] = 6
    picture.convert("RGB").save(data / "happy" / "turned.jpg", exif=turned)
    picture.convert("I;16").point(lambda v: v * 257).save(data / "happy" / "deep.png")
    clear = Image.merge("RGBA", (picture,) * 4)
    clear.save(data / "happy" / "clear.webp", lossless=True)
    clear.convert("P").save(data / "happy" / "palette.gif")
    (data / "happy" / "broken.png").write_bytes(b"\x89PNG")
    seen = {}
    for where, address in (("here", None), ("there", cluster)):
        asked = mine.run(address)
        asked[asked.index("--data") + 1], asked[asked.index("--out") + 1] = data, where
        done = shell(*asked, env=mine.env)
        assert done.code == 3, done
        lines = (shell.folder / where / "replies.jsonl").read_text().splitlines()
        seen[where] = {(r := json.loads(line))["id"]: r["text"] for line in lines}
    assert len(set(seen["here"].values())) == 4
    assert seen["there"] == seen["here"]


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
