"""What a kill leaves behind is removed or put back; pictures that were deleted or exchanged are never scored as if they were not."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.command import InProcess, generate_command
from helpers.results import lines
from PIL import Image

from harness.datasets import exchange
from harness.datasets.home import data_home
from harness.store import files

pytestmark = pytest.mark.faults
Make = Callable[..., Path]

IMPORT = ["data", "import", "manifest", "--label", "perceived", "--name", "mine", "--copy"]
KILLED = """
import os, shutil, signal, sys
from harness.datasets import exchange

steps = int(sys.argv[1])

def counted(call):
    def step(*arguments, **options):
        global steps
        if steps == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        steps -= 1
        return call(*arguments, **options)
    return step

if {aside}:
    exchange._exchanged = lambda one, other: False
else:
    exchange._exchanged = counted(exchange._exchanged)
os.replace, shutil.rmtree = counted(os.replace), counted(shutil.rmtree)
from harness.cli.main import main
main(sys.argv[2:])
"""


def killed(aside: bool, steps: int, *arguments: str) -> bool:
    """Run a command that is killed before its `steps`-th rename or removal; False where it ended before."""
    code = KILLED.format(aside=aside)
    done = subprocess.run(
        [sys.executable, "-c", code, str(steps), *arguments], capture_output=True, text=True, timeout=100
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode != 0


def pictures(name: str = "mine") -> list[str]:
    return sorted(hashlib.sha256(p.read_bytes()).hexdigest() for p in (data_home() / name).rglob("*.png"))


@pytest.mark.parametrize("aside", [False, True], ids=["in one step", "by two renames"])
def test_a_replaced_set_survives_a_kill_at_each_step(
    aside: bool, harness: InProcess, make_data: Make
) -> None:
    make_data(3, "old")
    make_data(3, "new", offset=100)
    harness(*IMPORT, "new").ok()
    new = pictures()
    shutil.rmtree(data_home())
    harness(*IMPORT, "old").ok()
    old = pictures()
    assert old != new
    steps = kills = 0
    while killed(aside, steps, *IMPORT, "new", "--replace"):
        kills += 1
        assert "mine" in harness("list", "data").ok().out, f"lost by a kill at step {steps}"
        assert pictures() in (old, new)
        harness("data", "verify", "mine").ok()
        harness("run", "--task", "coarse_emotion", "--model", "echo", "--data", "mine", "--dry-run").ok()
        harness(*IMPORT, "old", "--replace").ok()
        assert [p.name for p in data_home().iterdir()] == ["mine"], f"left by a kill at step {steps}"
        steps += 1
    assert kills >= 2
    assert pictures() == new
    assert [p.name for p in data_home().iterdir()] == ["mine"]


def test_a_killed_import_is_swept_and_a_living_one_is_not(
    harness: InProcess, make_data: Make, tmp_path: Path
) -> None:
    make_data(3, "old")
    home = data_home()
    code = (
        "import os, sys; from pathlib import Path; from harness.store.owners import new_folder_aside\n"
        "(new_folder_aside(Path(sys.argv[1])) / 'half.png').touch(); print(os.getpid(), flush=True); sys.stdin.read()"
    )
    home.mkdir(parents=True)
    living = subprocess.Popen(
        [sys.executable, "-c", code, str(home / "mine")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert living.stdout is not None
    living.stdout.readline()
    harness(*IMPORT, "old").ok()
    assert len(list(home.glob(".*.tmp"))) == 1, "another process is writing it"
    living.kill()
    living.communicate()
    harness(*IMPORT, "old", "--replace").ok()
    assert [p.name for p in home.iterdir()] == ["mine"]


def recorded(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The names of what is flushed, renamed and exchanged from now on."""
    steps: list[tuple[str, str]] = []
    fsync, replace, exchanged = os.fsync, os.replace, exchange._exchanged

    def flushed(fd: int) -> None:
        steps.append(("flush", os.readlink(f"/proc/self/fd/{fd}")))
        fsync(fd)

    def renamed(one: Path, other: Path, **options: int) -> None:
        steps.append(("rename", str(other)))
        replace(one, other, **options)

    def swapped(one: Path, other: Path) -> bool:
        steps.append(("rename", str(other)))
        return exchanged(one, other)

    monkeypatch.setattr(os, "fsync", flushed)
    monkeypatch.setattr(os, "replace", renamed)
    monkeypatch.setattr(exchange, "_exchanged", swapped)
    monkeypatch.setattr(exchange, "_flushed_file_system", lambda folder: False)
    return steps


def test_documents_are_flushed_before_they_are_renamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = recorded(monkeypatch)
    files.write_json(tmp_path / "run.json", {})
    assert [step for step, _ in steps] == ["flush", "rename"]


def test_imports_are_flushed_before_they_are_renamed(
    harness: InProcess, make_data: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_data(3, "old")
    steps = recorded(monkeypatch)
    for options in ([], ["--replace"]):
        steps.clear()
        harness(*IMPORT, "old", *options).ok()
        at = steps.index(("rename", str(data_home() / "mine")))
        flushed = {Path(path).name for step, path in steps[:at] if step == "flush"}
        assert {"manifest.csv", "checksums.sha256", "00000.png", "00002.png"} <= flushed
        assert ("flush", str(data_home())) in steps[at:], "the new name is flushed, too"


GENERATOR = [
    "run",
    "--task",
    "t2i_emotion",
    "--model",
    "echo",
    "-o",
    "size=64",
    "--limit",
    "3",
    "--judge",
    "echo",
    "--out",
    "run",
]


def exchanged(path: Path) -> None:
    Image.new("RGB", (64, 64), "red").save(path)


LOST = {
    "deleted": Path.unlink,
    "exchanged": exchanged,
    "emptied": lambda path: path.write_bytes(b""),
    "a link": lambda path: (path.unlink(), path.symlink_to("/dev/zero")),
}


def stable(document: dict[str, object]) -> object:
    return [{k: v for k, v in task.items() if k != "timings"} for task in document["tasks"]]  # type: ignore[attr-defined]


@pytest.mark.parametrize("lose", LOST.values(), ids=LOST.keys())
def test_a_generated_picture_is_generated_again(lose: Callable[[Path], object], harness: InProcess) -> None:
    first = harness(*GENERATOR, "--json")
    images = sorted(Path("run/images").iterdir())
    digests = {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in images}
    lose(images[0])
    found = harness("verify", "run")
    assert found.code == 2
    assert f"images/{images[0].name}: " in found.out
    again = harness(*GENERATOR, "--json")
    if again.code == 2:  # A link is refused: who put it there may mean something else.
        again.refuses(2, images[0].name, "is a link")
        return
    assert stable(again.results) == stable(first.results)
    assert {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in images} == digests
    harness("verify", "run").ok()
    records = [r for r in lines(Path("run/replies.jsonl")) if r.get("outcome") == "ok"]
    assert {r["picture"] for r in records} == set(digests.values())


@pytest.mark.parametrize("lose", [Path.unlink, exchanged], ids=["deleted", "exchanged"])
def test_a_picture_that_was_not_judged_yet_is_generated_again(
    lose: Callable[[Path], object], harness: InProcess
) -> None:
    """The judge failed, the picture was exchanged, the run is resumed."""
    whole = harness(*GENERATOR, "--json").results
    shutil.rmtree("run")
    harness(*GENERATOR, "--json")
    replies = Path("run/replies.jsonl")
    kept = [line for line in replies.read_text().splitlines(keepends=True) if '"outcome"' in line]
    assert 0 < len(kept) < len(replies.read_text().splitlines())
    replies.write_text("".join(kept))
    for path in Path("run/images").iterdir():
        lose(path)
    assert stable(harness(*GENERATOR, "--json").results) == stable(whole)
    harness("verify", "run").ok()


@pytest.mark.parametrize("lose", [Path.unlink, exchanged], ids=["deleted", "exchanged"])
def test_pictures_of_a_generated_data_set_are_checked(
    lose: Callable[[Path], object], harness: InProcess
) -> None:
    harness(*generate_command(3), "drawn").ok()
    path = min(Path("drawn/images").iterdir())
    lose(path)
    assert f"images/{path.name}: " in harness("verify", "drawn").out
    judge = ["run", "--task", "coarse_emotion", "--model", "echo", "--data", "drawn", "--out", "run"]
    harness(*judge).fails(3, "1 images of drawn were deleted or exchanged after being generated")
    judged = [r["sample_id"] for r in lines(Path("run/replies.jsonl"))]
    assert len(judged) == 2
    assert path.stem not in judged
    harness(*generate_command(3), "drawn").ok()
    harness("verify", "drawn").ok()
    harness(*judge).ok()
    assert len(lines(Path("run/replies.jsonl"))) == 3


def leave_temporary(path: Path) -> None:
    """What a process leaves that was killed while it wrote `path`."""
    code = "import sys; from pathlib import Path; from harness.store.owners import temporary_path as t; t(Path(sys.argv[1])).touch()"
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)


WRITING = {
    "run/results.by-subject.json": ("score", "run", "--group-by", "subject"),
    "run/results.json": ("score", "run"),
    "out/report.html": ("report", "run", "--out", "out/report.html"),
    "out/chart.svg": ("plot", "run", "--kind", "confusion", "--out", "out/chart.svg"),
    "out/board.md": ("leaderboard", "run", "--format", "markdown", "--out", "out/board.md"),
}
"""Files, and the commands that write them."""


def test_what_a_killed_command_left_is_removed_by_the_next(harness: InProcess, faces: Path) -> None:
    judge = ("--model", "echo", "-o", "text=happy")  # Answers from the truth are never ranked.
    harness("run", "--task", "coarse_emotion", *judge, "--data", "faces", "--out", "run").ok()
    Path("out").mkdir()
    for written, arguments in WRITING.items():
        leave_temporary(Path(written))
        assert list(Path(written).parent.glob(".*.tmp"))
        harness(*arguments).ok()
        assert not list(Path(written).parent.glob(".*.tmp")), arguments


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_what_a_killed_export_left_is_removed_by_the_next(
    form: str, harness: InProcess, faces: Path, tmp_path: Path
) -> None:
    harness("run", "--task", "coarse_emotion", "--model", "echo", "--data", "faces", "--out", "run").ok()
    out = tmp_path / "out"
    out.mkdir()
    leave_temporary(out / "x")
    mine = out / ".notes.tmp"
    mine.touch()
    harness("export", "run", "--format", form, "--out", out / f"x.{form}").ok()
    left = [p.name for p in out.rglob("*.tmp")]
    assert left == [mine.name], "what nobody of us wrote stays"
