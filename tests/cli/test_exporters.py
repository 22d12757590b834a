"""`harness export` in formats of other tools: what it writes, what it refuses, and what a faulty plugin may not do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers.command import InProcess
from helpers.plugins import Install

RUN = ["run", "--task", "coarse_emotion", "--model", "echo", "--data", "faces", "--out", "run"]
FAULTY = """
from harness import Component, Exporter, hookimpl

class Faulty(Exporter):
    output = "faulty.txt"
    def write(self, source, out):
        raise ValueError("no such colour")

class Full(Exporter):
    output = "nowhere/at/all.txt"
    def write(self, source, out):
        out.write_text("x")
        return [out]

class Fine(Exporter):
    output = "fine.txt"
    def write(self, source, out):
        out.write_text(str(sum(row.state == "right" for row in source.samples())))
        return [out]

@hookimpl
def harness_exporters():
    return [Component("faulty", lambda: Faulty), Component("full", lambda: Full), Component("fine", lambda: Fine)]
"""


@pytest.fixture
def run(harness: InProcess, faces: Path) -> InProcess:
    harness(*RUN).ok()
    return harness


def test_every_eval_ever(run: InProcess) -> None:
    files = run("export", "run", "--format", "every-eval-ever", "--out", "out").ok().out.split()
    assert [Path(f).suffix for f in files] == [".json", ".jsonl"]
    document = json.loads(Path(files[0]).read_bytes())
    results = json.loads(Path("run/results.json").read_bytes())["tasks"][0]["metrics"]
    values = [e["score_details"]["score"] for e in document["evaluation_results"]]
    assert values == [m["value"] for m in results if m["value"] is not None]
    again = run("export", "run", "--format", "every-eval-ever").ok().out.split()
    assert all(name.startswith("run/every_eval_ever/data/memobench/") for name in again)
    assert Path(again[0]).read_bytes() == Path(files[0]).read_bytes()


def test_formats_of_plugins_are_written_and_listed(run: InProcess, install: Install) -> None:
    install("formats", FAULTY)
    assert run("export", "run", "--format", "fine").ok().out == "run/fine.txt\n"
    assert Path("run/fine.txt").read_text() == "12"
    listed = json.loads(run("list", "plugins", "--json").ok().out)
    assert any("fine" in json.dumps(row) for row in listed)
    run("export", "run", "--format", "formats/fine", "--out", "there.txt").ok()
    assert Path("there.txt").is_file()


def test_a_faulty_exporter_is_named(run: InProcess, install: Install) -> None:
    install("formats", FAULTY)
    run("export", "run", "--format", "faulty").fails(3, "'faulty' of formats failed", "no such colour")
    run("export", "run", "--format", "full").fails(2, "nowhere/at/all.txt", "--out")


def test_what_is_refused(run: InProcess) -> None:
    run("export", "run", "--format", "every-eval").fails(2, "'every-eval'", "every-eval-ever", "parquet")
    run("export", "run", "--format", "every-eval-ever", "-o", "organisation=x").fails(2, "'organization'")
    run("export", "run", "--format", "every-eval-ever", "--strict").fails(2, "--strict")
    run("export", "run", "--format", "every-eval-ever", "--out", "-").fails(2, "standard output")
    Path("file").touch()
    run("export", "run", "--format", "every-eval-ever", "--out", "file").fails(2, "cannot be written")


def test_a_baseline_stays_as_it_is(run: InProcess) -> None:
    run("gate", "--bless", "run", "--baseline", "base").ok()
    run("export", "base", "--format", "every-eval-ever").fails(2, "baseline of the gate", "--out")
    assert len(run("export", "base", "--format", "every-eval-ever", "--out", "out").ok().out.split()) == 2
    assert "accuracy" in run("cite", "base").ok().out
