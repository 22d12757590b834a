"""Several models in one command."""

from __future__ import annotations

import json
from pathlib import Path

from helpers import plugins
from helpers.command import InProcess
from helpers.plugins import Install

RUN = ("run", "--task", "coarse_emotion", "--data", "faces")


def test_a_folder_each_and_one_table(harness: InProcess, faces: Path) -> None:
    done = harness(*RUN, "--model", "echo,fer", "-o", "echo.accuracy=0.5", "--out", "both").ok()
    folders = sorted(Path("both").iterdir())
    assert [json.loads((f / "run.json").read_text())["request"]["model"]["name"] for f in folders] == [
        "echo",
        "fer",
    ]
    assert "fer" in done.out
    assert "echo" in done.out
    for folder in folders:
        assert str(folder) in done.out
    options = json.loads((folders[0] / "run.json").read_text())["request"]["model"]["options"]
    assert options["accuracy"] == 0.5
    again = harness(*RUN, "--model", "echo,fer", "-o", "echo.accuracy=0.5", "--out", "both", "--json").ok()
    models = [document["run"]["model"] for document in json.loads(again.out)]
    assert models == ["echo", "fer"]
    assert sorted(Path("both").iterdir()) == folders, "the same command resumes"


def test_a_model_that_fails_does_not_stop_the_others(
    harness: InProcess, install: Install, faces: Path
) -> None:
    install("bad", plugins.judge("bad", "def open(self):\n    raise RuntimeError('no weights')"))
    done = harness(*RUN, "--model", "bad,echo").fails(3, "bad: error: The judge 'bad' could not be started")
    assert "echo: runs/" in done.out
    complete = [
        json.loads(p.read_text())["run"]["complete"] for p in sorted(Path("runs").glob("*/results.json"))
    ]
    assert complete == [False, True], "bad, then echo"


def test_generators_have_their_contact_sheets(harness: InProcess, tmp_path: Path) -> None:
    run = ("run", "--task", "t2i_emotion", "--judge", "echo", "--limit", "4", "--out", "both")
    harness(*run, "--model", "echo,portraits").ok()
    assert len(list(Path("both").glob("*/sheet.png"))) == 2


def test_what_is_wrong_is_said_before_anything_is_asked(harness: InProcess, faces: Path) -> None:
    refused = {
        ("--model", "echo,fre"): "Unknown judge 'fre'",
        ("--model", "echo,echo"): "'echo' is given twice",
        ("--model", "echo,fer", "-o", "nano.x=1"): "'nano' is not one of the models",
        ("--model", "echo,fer", "-o", "fer.accuracy=1"): "no option 'accuracy'",
        ("--model", "echo,fer", "--release", "v1"): "--release is about one model",
        ("--model", "echo,fer", "--gate", "x"): "--gate is about one model",
        ("--model", "echo,fer", "--dry-run"): "A dry run is of one model",
    }
    for arguments, message in refused.items():
        harness(*RUN, *arguments).refuses(2, message)
        assert not Path("runs").exists()
