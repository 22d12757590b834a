"""Shown and evoked emotion: a field of data sets and tasks, never pooled, never compared without a note."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import data
from helpers.command import InProcess
from helpers.tasks import TASK

Make = Callable[..., Path]


def with_domain(folder: Path, *domains: str) -> Path:
    """Give the samples of a data folder the column `domain`, cycling through these values."""
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return data.manifest(folder, [{**row, "domain": domains[i % len(domains)]} for i, row in enumerate(rows)])


def evoked_task(path: Path, name: str = "mine") -> Path:
    path.write_text(TASK.replace('name = "mine"', f'name = "{name}"\ndomain = "evoked"'), encoding="utf-8")
    return path


def results(folder: Path) -> dict:
    return dict(json.loads((folder / "results.json").read_text(encoding="utf-8")))


def run(harness: InProcess, task: object, folder: object, out: str, *more: object) -> dict:
    harness("run", "--task", task, "--model", "echo", "--data", folder, "--out", out, *more).ok()
    return dict(results(Path(out))["tasks"][0])


def test_the_default_leaves_no_trace_in_what_identifies_a_run(harness: InProcess, make_data: Make) -> None:
    make_data(12)
    Path("mine.toml").write_text(TASK, encoding="utf-8")
    found = run(harness, "mine.toml", "faces", "out")
    assert (found["domain"], found["data"]["domain"]) == ("shown", "shown")
    request = json.loads(Path("out/run.json").read_text(encoding="utf-8"))["request"]
    assert "domains" not in request
    assert "domain" not in request["tasks"]["mine"]
    assert not any("emotion:" in warning for warning in found["warnings"])


def test_a_task_and_data_of_one_domain_need_no_warning(harness: InProcess, make_data: Make) -> None:
    with_domain(make_data(12), "Evoked ")
    found = run(harness, evoked_task(Path("mine.toml")), "faces", "out")
    assert (found["domain"], found["data"]["domain"]) == ("evoked", "evoked")
    request = json.loads(Path("out/run.json").read_text(encoding="utf-8"))["request"]
    assert request["domains"] == {"faces": "evoked"}
    assert not any("may be right" in warning for warning in found["warnings"])
    assert any("Emotion labels are evoked" in warning for warning in found["warnings"])
    assert {"name": "domain", "value": "evoked emotion", "source": "task"} in found["settings"]


@pytest.mark.parametrize("evoked", ["task", "data"])
def test_a_mismatch_of_task_and_data_is_said_everywhere(
    harness: InProcess, make_data: Make, evoked: str
) -> None:
    folder = make_data(12)
    task: Path = Path("mine.toml")
    if evoked == "task":
        evoked_task(task)
    else:
        with_domain(folder, "evoked")
        task.write_text(TASK, encoding="utf-8")
    found = run(harness, task, "faces", "out")
    asked, labels = ("evoked", "shown") if evoked == "task" else ("shown", "evoked")
    note = f"mine asks about {asked} emotion, and the labels of faces are about {labels} emotion"
    assert any(note in warning for warning in found["warnings"])
    run(harness, task, "faces", "again", "--release", "two")
    assert note in harness("compare", "out", "again").ok().out
    assert note in harness("leaderboard", "out", "again", "--json").ok().out
    gated = harness("gate", "again", "--baseline", "out", "--json")
    assert note in gated.out


def test_data_of_two_domains_never_share_a_run(harness: InProcess, make_data: Make) -> None:
    make_data(12)
    with_domain(make_data(12, "felt", offset=100), "evoked")
    done = harness("run", "--task", "coarse_emotion", "--model", "echo", "--data", "faces", "--data", "felt")
    assert done.code == 2
    assert "cannot share a run: faces (shown), felt (evoked)" in done.err


@pytest.mark.parametrize(
    ("domains", "message"),
    [
        (
            ("shown", "evoked"),
            "faces has samples of both domains: 6 of shown emotion and 6 of evoked emotion",
        ),
        (("evoked", ""), "6 of shown emotion"),
        (("evoked", "evokd"), "did you mean 'evoked'?"),
    ],
)
def test_one_data_set_has_one_domain(
    harness: InProcess, make_data: Make, domains: tuple[str, ...], message: str
) -> None:
    with_domain(make_data(12), *domains)
    done = harness("run", "--task", "coarse_emotion", "--model", "echo", "--data", "faces")
    assert done.code == 2
    assert message in done.err


def test_a_column_of_that_name_for_something_else_is_an_attribute(
    harness: InProcess, make_data: Make
) -> None:
    with_domain(make_data(12), "photo", "art")
    found = run(harness, "coarse_emotion", "faces", "out")
    assert found["data"]["domain"] == "shown"


def test_runs_about_different_domains_are_not_compared(harness: InProcess, make_data: Make) -> None:
    folder = make_data(12)
    Path("mine.toml").write_text(TASK, encoding="utf-8")
    run(harness, "mine.toml", "faces", "shown")
    run(harness, evoked_task(Path("mine.toml")), "faces", "felt-task")
    done = harness("compare", "shown", "felt-task")
    assert done.code == 2
    assert "mine asks about shown and evoked emotion" in done.err
    assert (
        "mine asks about shown and evoked emotion"
        in harness("compare", "shown", "felt-task", "--anyway").ok().out
    )
    with_domain(folder, "evoked")
    Path("mine.toml").write_text(TASK, encoding="utf-8")
    run(harness, "mine.toml", "faces", "felt-data")
    assert (
        "the labels of faces are about shown and evoked emotion"
        in harness("compare", "shown", "felt-data").err
    )
    tables = json.loads(harness("leaderboard", "shown", "felt-task", "felt-data", "--json").ok().out)[
        "tables"
    ]
    about = [{(c["domain"], c["data_domain"]) for c in table["columns"]} for table in tables]
    assert sorted(about, key=str) == [{("evoked", "shown")}, {("shown", "evoked")}, {("shown", "shown")}]


def test_a_suite_omits_tasks_about_the_other_domain(harness: InProcess, make_data: Make) -> None:
    with_domain(make_data(12), "evoked")
    evoked_task(Path("mine.toml"))
    Path("both.toml").write_text(
        'kind = "suite"\nname = "both"\ntasks = ["mine.toml", "coarse_emotion"]\n', encoding="utf-8"
    )
    harness("run", "--task", "both.toml", "--model", "echo", "--data", "faces", "--out", "out").ok()
    found = results(Path("out"))
    assert [task["task"] for task in found["tasks"]] == ["mine"]
    assert found["run"]["notes"] == [
        "coarse_emotion is omitted from both: it asks about shown emotion, and faces is about evoked emotion."
    ]


def test_an_import_keeps_the_domain(harness: InProcess, make_data: Make) -> None:
    with_domain(make_data(12), "evoked")
    harness("data", "import", "manifest", "faces", "--label", "perceived", "--name", "felt").ok()
    assert run(harness, "coarse_emotion", "felt", "out")["data"]["domain"] == "evoked"


def test_a_generator_task_asks_about_its_own_domain(harness: InProcess) -> None:
    evoked_task(Path("mine.toml"))
    Path("faces.csv").write_text("prompt,emotion\nA happy baker,happy\n", encoding="utf-8")
    Path("bakers.toml").write_text(
        'name = "bakers"\nrole = "generator"\nstage = "coarse"\nprompt_set = "faces.csv"\nasks = ["mine"]\n'
        '[[metrics]]\nname = "fidelity"\nasks = "mine"\nprimary = true\n',
        encoding="utf-8",
    )
    done = harness("run", "--task", "bakers.toml", "--model", "echo", "--judge", "echo")
    assert done.code == 2
    assert "'mine' asks about evoked emotion, and the task is about shown emotion" in done.err
