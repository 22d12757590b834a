"""Tasks that compare two pictures: both orders, broken pictures, limits, killed runs."""

from __future__ import annotations

import ast
import json
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from helpers import data, plugins
from helpers.command import SCRIPT, InProcess
from helpers.people import PEOPLE
from helpers.plugins import Install
from helpers.results import lines, replies, value

ECHO = ("--model", "echo")


def paired(harness: InProcess, *more: object) -> dict[str, Any]:
    return harness("run", "--task", "nuance_pairs", *ECHO, "--data", "people", "--json", *more).ok().task


@pytest.mark.usefixtures("people")
def test_pairs_are_asked_in_both_orders(harness: InProcess) -> None:
    entry = paired(harness, "--out", "run")
    # Two pairs of each of two emotions of each person, twice.
    assert (entry["n"], entry["answered"], entry["data"]["n"]) == (2 * 2 * PEOPLE * 2,) * 3
    assert (value(entry, "accuracy"), value(entry, "consistency"), value(entry, "first_share")) == (1, 1, 0.5)
    assert {b["name"]: b["value"] for b in entry["baselines"]} == {"chance": 0.5, "majority": 0.5}
    samples = lines(Path("run/samples.jsonl"))
    assert len({s["digest"] for s in samples}) == len(samples), "the order is part of the digest"
    by_pair = Counter(s["attributes"]["pair"] for s in samples)
    assert set(by_pair.values()) == {2}
    for sample in samples:
        first, second = sample["pictures"]
        assert sample["id"].startswith(f"{first['id']}+{second['id']}")
        assert first["digest"] != second["digest"]
    assert {m["group"]["emotion"] for m in entry["metrics"] if "emotion" in m["group"]} == {"worry", "happy"}
    assert not [w for w in entry["warnings"] if "not asked" in w]


@pytest.mark.parametrize(
    ("options", "accuracy", "consistency", "first"),
    [(["-o", "text=first"], 0.5, 0.0, 1.0), (["-o", "text=the second"], 0.5, 0.0, 0.0), (["-o", "text=both"], 0.0, 0.0, None)],
)  # fmt: skip
@pytest.mark.usefixtures("people")
def test_position_bias_is_exposed(
    harness: InProcess, options: list[str], accuracy: float, consistency: float, first: float | None
) -> None:
    entry = paired(harness, *options)
    assert (value(entry, "accuracy"), value(entry, "consistency")) == (accuracy, consistency)
    assert next(m["value"] for m in entry["metrics"] if m["name"] == "first_share") == first
    assert entry["unparsed"] == (entry["n"] if first is None else 0)


def test_a_judge_is_shown_both_pictures_and_no_label(
    harness: InProcess, install: Install, people: Path
) -> None:
    install(
        "mine",
        plugins.judge(
            "mine",
            """
from harness import Capability
capabilities = frozenset({Capability.TEXT, Capability.MULTI_IMAGE})

def judge(self, batch):
    for r in batch:
        with open("seen", "a") as log:
            parts = [p.image for m in r.messages for p in m.parts if p.image is not None]
            log.write(repr((r.sample_id, r.question.kind, parts, [i.image.getpixel((0, 0))[0] for i in r.images])) + chr(10))
        one, two = (i.image.getpixel((0, 0))[0] for i in r.images)
        yield JudgeReply(r.id, text="second" if two > one else "first")
""",
        ),
    )
    done = harness("run", "--task", "nuance_pairs", "--model", "mine", "--data", people, "--json").ok()
    # The red of each picture is its number, which grows with intensity: comparing them gives the right answer.
    assert value(done.task, "accuracy") == 1.0
    for line in Path("seen").read_text().splitlines():
        sample, kind, parts, _ = ast.literal_eval(line)
        assert (kind, parts) == ("pair", [0, 1])
        assert "+" not in sample, "ids of both pictures in order might reveal which is stronger"


def test_broken_pictures_fail_both_orders(harness: InProcess, people: Path) -> None:
    assert paired(harness, "--out", "whole")["n"] == 32
    named = lines(Path("whole/samples.jsonl"))[0]["pictures"]
    (people / named[0]["image"]).unlink()
    (people / named[1]["image"]).write_bytes(b"no picture")
    other = next(
        s["pictures"]
        for s in lines(Path("whole/samples.jsonl"))
        if s["pictures"][0]["id"] not in {p["id"] for p in named}
    )
    (people / other[0]["image"]).write_bytes(b"no picture")
    failed = harness("run", "--task", "nuance_pairs", *ECHO, "--data", "people", "--out", "run", "--json")
    failed.fails(3)
    entry = failed.task
    assert (entry["n"], entry["answered"], entry["failed"]) == (32, 28, 4)
    assert next(m["n"] for m in entry["metrics"] if m["name"] == "consistency") == 14
    kinds = Counter(f["error"]["kind"] for f in lines(Path("run/failures.jsonl")))
    assert kinds == {"missing": 2, "not_a_picture": 2}
    shown = harness("show", "run", "--samples", "--failed").ok().out
    assert other[0]["image"] in shown
    data.picture(people / other[0]["image"], 500)
    again = harness("run", "--task", "nuance_pairs", *ECHO, "--data", "people", "--out", "run", "--json")
    assert again.fails(3).task["failed"] == 2


@pytest.mark.usefixtures("people")
def test_limits_repeats_and_samples_of_pairs(harness: InProcess) -> None:
    small = paired(harness, "--limit", 3, "--out", "run")
    assert small["n"] == 6
    kept = set(replies("run"))
    large = paired(harness, "--limit", 5, "--out", "run")
    assert large["n"] == 10
    assert kept < set(replies("run"))
    twice = paired(harness, "--limit", 5, "--repeats", 2, "-o", "accuracy=0.5", "--out", "twice")
    assert (twice["n"], twice["data"]["n"]) == (20, 10)
    assert next(m["n"] for m in twice["metrics"] if m["name"] == "consistency") == 10
    shown = harness("show", "twice", "--samples", "--json").ok().out.splitlines()
    row = json.loads(shown[0])
    assert row["sample"].endswith("@nuance_pairs")
    assert row["truth"] in ("first", "second")
    assert "nuance_pairs" in harness("show", "twice", "--samples", "--wrong").ok().out


@pytest.mark.usefixtures("people")
def test_a_dry_run_counts_pairs_and_shows_both_pictures(harness: InProcess) -> None:
    out = (
        harness(
            "run",
            "--task",
            "comprehension",
            *ECHO,
            "--data",
            "people",
            "--prompt-variants",
            "all",
            "--dry-run",
        )
        .ok()
        .out
    )
    assert "pictures: 44" in out
    assert "pairs of pictures: 16" in out
    assert "nuance_pairs: 64 requests" in out
    assert out.count("<image>\n  <image>") == 2
    assert not Path("runs").exists()


def test_data_without_pairs_are_refused(harness: InProcess, faces: Path) -> None:
    refused = harness("run", "--task", "nuance_pairs", *ECHO, "--data", faces)
    assert refused.refuses(2, "no two pictures of faces have the same emotion and intensity at least 1 apart")


@pytest.mark.e2e
def test_killed_and_resumed_pairs_give_the_same_results(
    harness: InProcess, people: Path, tmp_path: Path
) -> None:
    run = [
        "run",
        "--task",
        "nuance_pairs",
        *ECHO,
        "-o",
        "accuracy=0.7",
        "--data",
        str(people),
        "--repeats",
        "2",
    ]
    whole = harness(*run, "--json", "--out", "whole").ok().task
    slow = [str(SCRIPT), *run, "-o", "delay=0.05", "--out", "killed"]
    process = subprocess.Popen(slow, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    stored = tmp_path / "killed" / "replies.jsonl"
    end = time.monotonic() + 60
    while not (stored.exists() and stored.read_bytes().count(b"\n") >= 5):
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    left = stored.read_bytes().count(b"\n")
    assert left < whole["n"]
    resumed = harness(*run, "--json", "--out", "killed").ok().task
    for entry in (whole, resumed):
        del entry["timings"]
    assert resumed == whole
    assert {i: r["text"] for i, r in replies("killed").items()} == {
        i: r["text"] for i, r in replies("whole").items()
    }
