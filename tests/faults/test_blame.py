"""Who raised what is said, and what a plugin prints reaches standard error, whatever it prints with."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import plugins
from helpers.command import InProcess, Shell
from helpers.plugins import Install

pytestmark = pytest.mark.faults

RAISES = """
def judge(self, batch):
    for n, r in enumerate(batch):
        kinds = [ValueError, KeyError, TypeError, OSError]
        if n % 6 < 5:
            self.fail(kinds[int(r.sample_id[1:]) % 4], r)
        yield JudgeReply(r.id, text="happy")

def fail(self, kind, r):
    if kind is ValueError:
        raise ValueError(f"one {r.sample_id}")
    if kind is KeyError:
        raise KeyError("two")
    if kind is TypeError:
        raise TypeError("three")
    raise OSError("four")
"""
RUN = ("run", "--task", "coarse_emotion", "--model", "mine", "--data", "faces", "--out", "out")
NOISY = """
import os
os.write(1, b"at import\\n")
print("printed at import")
from harness import Capability, Component, Judge, JudgeReply, hookimpl

class Mine(Judge):
    def __init__(self, options=None):
        super().__init__(options)
        os.write(1, b"in __init__\\n")

    def identity(self):
        os.write(1, b"in identity\\n")
        return {"v": "1"}

    def open(self):
        os.write(1, b"in open\\n")
        os.system("echo from a process")

    def judge(self, batch):
        os.write(1, b"in judge\\n")
        print("printed in judge")
        return [JudgeReply(r.id, text="happy") for r in batch]

    def close(self):
        os.write(1, b"in close\\n")

def load():
    os.write(1, b"in load\\n")
    return Mine

@hookimpl
def harness_judges():
    os.write(1, b"in the hook\\n")
    return [Component("mine", load, "noisy")]
"""
SAID = ("at import", "printed at import", "in the hook", "in load", "in __init__", "in identity", "in open",
        "from a process", "in judge", "printed in judge", "in close")  # fmt: skip


def test_what_a_plugin_prints_never_reaches_the_document(install: Install, shell: Shell, faces: Path) -> None:
    install("mine", NOISY)
    done = shell(*RUN, "--json").ok()
    assert json.loads(done.out)["tasks"][0]["n"] == 12
    for text in SAID:
        assert text in done.err
    for arguments in (
        ("list", "models", "--json"),
        ("show", "mine", "--json"),
        ("plugin", "check", "echo", "--static", "--json"),
    ):
        json.loads(shell(*arguments).ok().out)


def test_a_failure_names_method_and_line(install: Install, harness: InProcess, faces: Path) -> None:
    install("mine", plugins.judge("mine", RAISES, batch=1))
    harness(*RUN).fails(3, "KeyError: 'two' (in Mine.judge, mine.py line ")
    stored = [json.loads(line) for line in Path("out", "failures.jsonl").read_text().splitlines()]
    assert {entry["by"] for entry in stored} == {"mine"}
    assert all(
        entry["sample_id"] and "in Mine.judge, mine.py line " in entry["error"]["message"] for entry in stored
    )


@pytest.mark.parametrize("how", ["flag", "environment"])
def test_tracebacks_of_failed_samples(
    how: str, install: Install, harness: InProcess, shell: Shell, faces: Path
) -> None:
    install("mine", plugins.judge("mine", RAISES, batch=1))
    done = (
        harness(*RUN, "--json", "--traceback")
        if how == "flag"
        else shell(*RUN, "--json", env={"MEMOBENCH_DEBUG": "1"})
    )
    assert done.code == 3
    assert json.loads(done.out)["tasks"][0]["failed"] > 4
    assert done.err.count("Traceback (most recent call last)") == 3, "the first three that differ"
    assert done.err.count("in fail") == 3
    assert "mine.py" in done.err


def test_no_traceback_unless_it_is_asked_for(install: Install, shell: Shell, faces: Path) -> None:
    install("mine", plugins.judge("mine", RAISES, batch=1))
    assert "Traceback" not in shell(*RUN, env={"MEMOBENCH_DEBUG": "0"}).err


HURRIED = """
import sys
from harness.components import guest_code
guest_code.LONGEST_IMPORT = 1.0
from harness.cli.main import main
main(sys.argv[1:])
"""


@pytest.mark.parametrize("where", ["import", "hook"])
def test_a_plugin_that_never_ends_its_import_hangs_nobody(
    where: str, install: Install, shell: Shell, faces: Path
) -> None:
    hang = "import time\nwhile True:\n    time.sleep(0.01)\n"
    hook = (
        "import time\nfrom harness import hookimpl\n@hookimpl\ndef harness_judges():\n    time.sleep(1e6)\n"
    )
    install("mine", hang if where == "import" else hook)
    arguments = ["echo" if word == "mine" else word for word in RUN]
    done = subprocess.run(
        [sys.executable, "-c", HURRIED, *arguments],
        cwd=shell.folder,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    listed = subprocess.run(
        [sys.executable, "-c", HURRIED, "list", "plugins"],
        cwd=shell.folder,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "no end within 1 seconds" in " ".join(listed.stdout.split())
