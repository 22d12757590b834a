"""`harness score --group-by`: metric values by any column of the data, and by several at once."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

from helpers.command import InProcess


def with_columns(data: Path) -> Path:
    """Add columns: sex alternates; half of the rows are young, except for the first, which is old."""
    manifest = data / "manifest.csv"
    with manifest.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for number, row in enumerate(rows):
        age = "old" if number == 0 else "young" if 2 * number < len(rows) else "middle"
        row |= {"sex": "mf"[number % 2], "age": age}
    with manifest.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    return data


def test_values_are_shown_by_columns_and_their_combinations(
    harness: InProcess, make_data: Callable[..., Path]
) -> None:
    data = with_columns(make_data(48))
    harness("run", "--task", "coarse_emotion", "--model", "echo", "--data", data, "--out", "run").ok()
    before = json.loads(Path("run/results.json").read_text())
    task = Path("run/run.json").read_bytes()
    harness("score", "run", "--group-by", "absent").fails(2, "Unknown column 'absent'", "age")
    done = harness("score", "run", "--group-by", "sex", "--group-by", "sex*age").ok()
    assert "files    results.by-sex+sex-x-age.json\n" in done.out
    out = done.out
    assert json.loads(Path("run/results.json").read_text()) == before, "the results of the run stay"
    [entry] = json.loads(Path("run/results.by-sex+sex-x-age.json").read_text())["tasks"]
    groups = {tuple(m["group"].items()): m["n"] for m in entry["metrics"] if "sex" in m["group"]}
    assert groups[("sex", "f"),] == groups[("sex", "m"),] == 24
    assert not any(len(group) == 2 for group in groups), "no combination has 20 portraits"
    [small] = [w for w in entry["warnings"] if w.startswith("not shown")]
    assert "sex=m, age=old (1)" in small
    assert "by sex" in out
    assert harness("score", "run").ok()
    assert json.loads(Path("run/results.json").read_text()) == before
    assert Path("run/run.json").read_bytes() == task


def test_combinations_that_are_large_enough_share_one_table(
    harness: InProcess, make_data: Callable[..., Path]
) -> None:
    data = with_columns(make_data(96))
    harness("run", "--task", "coarse_emotion", "--model", "echo", "--data", data, "--out", "run").ok()
    out = harness("score", "run", "--group-by", "sex*age").ok().out
    entry = json.loads(Path("run/results.by-sex-x-age.json").read_text())["tasks"][0]
    shown = {tuple(m["group"].values()): m["n"] for m in entry["metrics"] if len(m["group"]) == 2}
    assert shown == {("f", "middle"): 24, ("f", "young"): 24, ("m", "middle"): 24, ("m", "young"): 23}
    assert "by sex \N{MULTIPLICATION SIGN} age" in out
    assert "f, middle" in out


def test_columns_that_cannot_be_grouped_by_are_named(
    harness: InProcess, make_data: Callable[..., Path]
) -> None:
    data = make_data(60)
    manifest = data / "manifest.csv"
    with manifest.open(encoding="utf-8") as file:
        rows = [row | {"note": f"n{number}x"} for number, row in enumerate(csv.DictReader(file))]
    with manifest.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    harness("run", "--task", "coarse_emotion", "--model", "echo", "--data", data, "--out", "run").ok()
    harness("score", "run", "--group-by", "note").ok()
    [entry] = json.loads(Path("run/results.by-note.json").read_text())["tasks"]
    assert "not grouped by note: more than 50 different values" in entry["warnings"]
    for nameless in ("*", "note*"):
        found = harness("score", "run", "--group-by", nameless)
        assert found.code == 2
        assert "contains an empty column name" in found.err


def test_columns_of_people_are_tested_once_each_and_small_groups_are_not_shown(
    harness: InProcess, make_data: Callable[..., Path]
) -> None:
    data = with_columns(make_data(60))
    run = (
        "run",
        "--task",
        "coarse_emotion,fine_intensity",
        "--model",
        "echo",
        "--data",
        data,
        "--out",
        "run",
    )
    harness(*run, "-o", "accuracy=0.5").ok()
    done = harness("score", "run", "--group-by", "sex", "--group-by", "age", "--group-by", "emotion").ok()
    path = Path("run/results.by-sex+age+emotion.json")
    choice, rating = json.loads(path.read_text())["tasks"]
    assert [t["name"] for t in choice["tests"]] == [
        f"{choice['metrics'][0]['name']} by {column}" for column in ("sex", "age")
    ], "emotion is a label, not a group of people"
    for test in choice["tests"]:
        assert test["p"] <= test["p_adjusted"] <= 1
        assert (test["question"], test["clusters"]) == ("coarse_emotion", 10)
    by_sex, by_age = choice["tests"]
    assert by_sex["method"].startswith("omnibus permutation of samples within subject")
    assert by_age["method"].startswith("omnibus permutation of each subject between groups")
    assert [t["n"] for t in choice["tests"]] == [60, 59], "a group that is not shown does not enter"
    assert "accuracy by sex" in done.out
    ages = {m["group"]["age"] for m in choice["metrics"] if "age" in m["group"]}
    assert ages == {"middle", "young"}
    assert "not shown, with fewer than 20 rows: age=old (1)" in choice["warnings"]
    assert sum("emotion" in m["group"] and m["n"] < 20 for m in choice["metrics"]), "labels are all shown"
    assert rating["tests"] == []
    [note] = [w for w in rating["warnings"] if "are not tested" in w]
    assert note.startswith("groups by sex, age are not tested: srcc")
