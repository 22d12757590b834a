"""run.json says on what each attempt ran; answers from two versions of an engine are said in the results."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.command import InProcess
from helpers.plugins import Install

import harness as public
from harness.run import record
from harness.run.command_line import without_secrets
from harness.run.environment import ENGINES

RUN = ("run", "--task", "coarse_emotion", "--model", "echo", "--data", "faces", "--out", "run")


def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path("run/run.json").read_text())
    return found


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """`machine(torch="2.0")`: from now on commands run on a machine with these packages."""
    versions = record.versions

    def of(cpu: str = "cpu", **packages: str) -> None:
        monkeypatch.setattr(record, "versions", lambda: versions() | packages)
        monkeypatch.setattr(record, "hardware", lambda: {"cpu": cpu})

    return of


def test_the_first_attempt_stays_and_others_are_listed(
    harness: InProcess, faces: Path, machine: Callable[..., None]
) -> None:
    machine(torch="2.12.0")
    harness(*RUN, "--limit", "4").ok()
    first = document()
    assert first["command"] == ["harness", *RUN, "--limit", "4"]
    assert [a["replies"] for a in first["attempts"]] == [0]
    harness(*RUN, "--limit", "5").ok()
    assert document()["attempts"] == first["attempts"], "the same machine"
    machine(torch="2.13.0")
    done = harness(*RUN, "--json").ok()
    now = document()
    for key in ("created", "versions", "hardware", "git", "command"):
        assert now[key] == first[key], key
        assert now["attempts"][0][key] == first[key]
    assert [(a["versions"]["torch"], a["replies"]) for a in now["attempts"]] == [("2.12.0", 0), ("2.13.0", 5)]
    assert now["attempts"][1]["command"] == ["harness", *RUN, "--json"]
    assert done.results["run"]["versions"]["torch"] == "2.12.0"
    note = "answers come from two versions of torch: 2.12.0 and 2.13.0"
    assert done.results["run"]["notes"] == [note]
    assert note in harness("show", "run").ok().out
    assert harness("score", "run", "--json").ok().results["run"]["notes"] == [note]


def test_attempts_that_answered_nothing_do_not_count(
    harness: InProcess, faces: Path, machine: Callable[..., None]
) -> None:
    machine(torch="1")
    harness(*RUN).ok()
    machine(torch="2")
    assert harness(*RUN, "--json").ok().results["run"]["notes"] == []
    machine("other cpu", torch="1", numpy="9")
    assert harness(*RUN, "--repeats", "1", "--json").ok().results["run"]["notes"] == []
    assert [a["versions"]["torch"] for a in document()["attempts"]] == ["1", "2", "1"]
    assert [a["hardware"]["cpu"] for a in document()["attempts"]] == ["cpu", "cpu", "other cpu"]


def test_the_plugin_of_the_model_counts_and_others_do_not(
    harness: InProcess, faces: Path, machine: Callable[..., None]
) -> None:
    for number, limit in enumerate((2, 6, 12)):
        machine(
            **{
                "memobench-plugin-echo": f"0.{number}",
                "numpy": f"2.{number}",
                "memobench-plugin-fer": f"{number}",
            }
        )
        harness(*RUN, "--limit", str(limit)).ok()
    notes = harness("score", "run", "--json").ok().results["run"]["notes"]
    assert notes == ["answers come from 3 versions of memobench-plugin-echo: 0.0, 0.1 and 0.2"]


def test_folders_of_earlier_versions_are_resumed(
    harness: InProcess, faces: Path, machine: Callable[..., None]
) -> None:
    harness(*RUN, "--limit", "4").ok()
    old = {k: v for k, v in document().items() if k not in ("attempts", "command", "executor", "detector")}
    old["versions"] = {k: v for k, v in old["versions"].items() if k not in ENGINES}
    Path("run/run.json").write_text(json.dumps(old))
    assert harness("score", "run", "--json").ok().results["run"]["notes"] == []
    machine(torch="2.13.0")
    assert harness(*RUN, "--json").ok().results["run"]["notes"] == [], (
        "the old folder does not say which torch"
    )
    assert [a["replies"] for a in document()["attempts"]] == [0, 4]
    assert (document()["versions"], document()["command"]) == (old["versions"], None)


def test_the_command_is_stored_without_secrets(harness: InProcess, faces: Path) -> None:
    harness(*RUN, "-o", "text=sk-abcdefghijklmnopqrst").fails(2, "looks like a key")
    assert not Path("run").exists()
    given = ["run", "-o", "text=sk-abcdefghijklmnopqrst", "-o", "token=abc", "-o", 'x={"auth": "abc']
    assert without_secrets(given) == ["run", "-o", "text=***", "-o", "token=***", "-o", 'x={"auth": "***"']
    public.evaluate("coarse_emotion", "echo", data=faces, out=Path("other"))
    assert json.loads(Path("other/run.json").read_text())["command"] is None


DETECTOR = """
from harness import Component, Detector, Face, hookimpl

class Eyes(Detector):
    def detect(self, image):
        return [Face(0, 0, 1, 1)] * 2

@hookimpl
def harness_detectors():
    return [Component("an-eye", lambda: Eyes, "a test plugin")]
"""
GENERATE = ("run", "--task", "t2i_emotion", "--model", "echo", "--judge", "echo", "-o", "size=64", "--limit", "6",
            "--out", "run")  # fmt: skip


def test_detector_and_executor_are_recorded(harness: InProcess, faces: Path) -> None:
    harness(*RUN).ok()
    assert (document()["executor"], document()["detector"]) == ("local", None)
    done = harness(*GENERATE, "--fresh").ok()
    found = document()["detector"]
    assert (found["name"], found["plugin"]) == ("tiny-face", "memobench-plugin-fer")
    assert found["identity"]
    assert "Faces are counted by" not in done.out + done.err, "there is one only"


def test_one_of_two_detectors_is_not_chosen_silently(harness: InProcess, install: Install) -> None:
    install("eyes", DETECTOR)
    done = harness(*GENERATE).ok()
    note = "Faces are counted by an-eye (eyes); tiny-face is installed too. The key `detector` of a task chooses."
    assert note in " ".join(done.err.split())
    warnings = harness("show", "run", "--json").ok().results["tasks"][0]["warnings"]
    assert note in warnings
    assert document()["detector"]["name"] == "an-eye"
    assert set(document()["detector"]["identity"]) == {"code", "version"}
    images = harness("generate", "--model", "echo", "--prompts", "emotion_600", "--limit", "3", "-o", "size=64",
                     "--out", "images").ok()  # fmt: skip
    assert note in " ".join(images.err.split())
    made = json.loads(Path("images/run.json").read_text())
    assert (made["detector"]["name"], made["command"][1]) == ("an-eye", "generate")


def test_a_detector_that_draws_on_images_does_not_change_what_is_stored(
    harness: InProcess, install: Install
) -> None:
    def images(folder: str) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in Path(folder, "images").iterdir()}

    harness(*GENERATE[:-1], "whole").ok()
    install(
        "eyes",
        DETECTOR.replace("        return", "        image.paste((0, 0, 0), (0, 0, 50, 50))\n        return"),
    )
    harness(*GENERATE).ok()
    assert document()["detector"]["name"] == "an-eye"
    assert images("run") == images("whole")


def test_a_task_chooses_the_detector(harness: InProcess, install: Install) -> None:
    from harness.tasks import catalog

    install("eyes", DETECTOR)
    text = catalog.load("t2i_emotion")[1].read_text()
    Path("mine.toml").write_text('detector = "tiny-face"\n' + text.replace('"t2i_emotion"', '"mine"', 1))
    done = harness("run", "--task", "mine.toml", *GENERATE[3:]).ok()
    assert document()["detector"]["name"] == "tiny-face"
    assert "installed too" not in done.err
