"""Results as tables, CSV and Markdown: every value is shown, and a missing value never as a number."""

from __future__ import annotations

import copy
import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from helpers import data
from PIL import Image

from harness import Reporter
from harness.registry.factory import make
from harness.registry.registry import registry
from harness.reporters import formatting
from harness.reporters.sheet import write_sheet, write_thumbnails
from harness.results import read_results
from harness.types import EMOTIONS

METRIC = {"name": "accuracy", "value": 0.8125, "low": 0.7, "high": 0.9, "n": 32, "method": "cluster bootstrap",
          "direction": "higher", "primary": True, "group": {}}  # fmt: skip
ENTRY: dict[str, Any] = {
    "task": "coarse_emotion", "version": "1", "stage": "coarse", "role": "judge",
    "data": {"name": "faces", "digest": "d", "n": 33}, "judge": None, "wording": None, "read": "text",
    "settings": [{"name": "wording", "value": "plain", "source": "assumed"}, {"name": "x", "value": "y", "source": "paper"}],
    "n": 33, "answered": 32, "unparsed": 2, "failed": 1, "outcomes": {"ok": 32}, "faces": {},
    "metrics": [METRIC, {**METRIC, "name": "kappa", "value": None, "low": None, "high": None, "primary": False},
                {**METRIC, "value": 0.25, "low": None, "high": None, "n": 4, "primary": False, "group": {"emotion": "sad"}}],
    "baselines": [{"name": "chance", "metric": "accuracy", "value": 0.5}], "tests": [],
    "confusion": {"labels": ["happy", "sad"], "matrix": [[20, 3, 1], [2, 5, 1]]},
    "unparsed_reasons": {"a refusal": 2}, "warnings": ["kappa does not exist: because"],
}  # fmt: skip
RESULTS = {
    "schema": 1,
    "run": {
        "name": "my run",
        "model": "mine",
        "judges": [],
        "created": "now",
        "versions": {},
        "complete": True,
    },
    "tasks": [ENTRY],
}


def render(form: str, results: dict[str, Any] = RESULTS, **options: Any) -> str:
    given = {"full": "true"} if form == "table" else {}
    reporter: Reporter = make(registry().find("reporter", form), given)
    text = reporter.render(read_results(results), **options)
    assert text.endswith("\n")
    assert "nan" not in text.lower().split()
    return text


@pytest.mark.parametrize("form", ["table", "markdown"])
def test_tables_and_markdown_show_the_results(form: str) -> None:
    text = render(form).replace("\\", "")
    for part in (
        "my run",
        "mine",
        "coarse_emotion",
        "faces",
        "n 33",
        "answered 32",
        "unparsed 2",
        "failed 1",
        "0.812",
        "[0.700, 0.900]",
        "chance 0.500",
        "kappa",
        "sad",
        "0.250",
        "kappa does not exist: because",
    ):
        assert part in text, part
    assert "incomplete" not in text
    assert "–" in text, "a value that does not exist is a dash"


def test_tables_show_confusion_reasons_and_assumptions() -> None:
    text = render("table")
    assert "true → predicted" in text
    assert "20" in text
    assert "2 a refusal" in text
    assert "assumed settings: wording" in text
    assert "assumed settings: wording" in render("markdown")


def test_clusters_stand_next_to_n_where_they_are_fewer() -> None:
    metrics = [{**METRIC, "n": 624, "clusters": 24}, {**METRIC, "name": "kappa", "n": 30, "clusters": 30, "primary": False},
               {**METRIC, "n": 104, "clusters": 23, "primary": False, "group": {"emotion": "sad"}}]  # fmt: skip
    results = {
        **RESULTS,
        "tasks": [{**ENTRY, "metrics": metrics}, {**ENTRY, "task": "other", "metrics": metrics}],
    }
    for form in ("table", "markdown"):
        text = render(form, results, width=120)
        assert text.count("624 in 24") == 4  # two tasks, and their summary or ladder
        assert text.count("104 in 23") == 2
        assert "30 in" not in text
    narrow = render("table", results, width=80)
    assert max(map(len, narrow.splitlines())) <= 80
    assert "\N{HORIZONTAL ELLIPSIS}" not in narrow, "nothing is cut off"
    assert "in 24" not in render("table"), "results of earlier versions have no clusters"
    rows = list(csv.DictReader(io.StringIO(render("csv", results))))
    assert [row["clusters"] for row in rows] == ["24", "30", "23"] * 2


def test_incomplete_runs_are_marked() -> None:
    results = copy.deepcopy(RESULTS)
    results["run"]["complete"] = False  # type: ignore[index]
    for form in ("table", "markdown"):
        assert "(incomplete)" in render(form, results)


def test_several_tasks_have_a_summary() -> None:
    results = {**RESULTS, "tasks": [ENTRY, {**ENTRY, "task": "other", "judge": "fer"}]}
    first = render("table", results, width=140).split("coarse_emotion v1")[0]
    assert first.count("\N{BALLOT X} chance 0.500") + first.count("\N{CHECK MARK} chance 0.500") == 2
    assert "prompt variant" not in first, "a column with one value is omitted"
    assert render("markdown", results).split("## Coarse to nuance")[1].count("| coarse |") == 2


def test_the_summary_goes_from_coarse_to_nuance_and_includes_people() -> None:
    people = {"name": "human", "metric": "accuracy", "value": 0.97}
    best = [
        {"name": "majority", "metric": "accuracy", "value": 0.61},
        {"name": "x", "metric": "kappa", "value": 0.9},
    ]
    entries = [{**ENTRY, "task": "c", "stage": "nuance"}, {**ENTRY, "task": "a", "baselines": [*ENTRY["baselines"], *best, people]},
               {**ENTRY, "task": "b", "stage": "fine", "metrics": [{**METRIC, "direction": "lower"}], "baselines": [*ENTRY["baselines"], *best]}]  # fmt: skip
    columns, rows = formatting.summary(read_results({**RESULTS, "tasks": entries}))
    found = [dict(zip(columns, row, strict=True)) for row in rows]
    assert [(t["stage"], t["task"]) for t in found] == [("coarse", "a"), ("fine", "b"), ("nuance", "c")]
    assert [t["best baseline"] for t in found] == ["majority 0.610", "chance 0.500", "chance 0.500"]
    assert [t["people"] for t in found] == ["0.970", "–", "–"]
    assert formatting.summary(read_results(RESULTS)) == ((), [])


def test_people_and_judge_stand_together_against_the_same_people() -> None:
    part = {"value": 0.684, "low": 0.6, "high": 0.75}
    ceiling = {"value": 0.712, "low": 0.65, "high": 0.77, "metric": "accuracy", "raters": 3, "method": "m", "samples": 60,
               "clusters": 20, "judge": part, "difference": {"value": -0.028, "low": -0.1, "high": 0.04}}  # fmt: skip
    people = {
        "question": "emotion",
        "answers": 180,
        "samples": 60,
        "raters": 3,
        "not_used": {},
        "ceiling": ceiling,
    }
    entries = [{**ENTRY, "people": people}, {**ENTRY, "task": "other"}]
    results = read_results({**RESULTS, "tasks": entries})
    columns, rows = formatting.summary(results)
    assert [dict(zip(columns, row, strict=True))["people"] for row in rows] == ["0.712 (judge 0.684)", "–"]
    n = "these 3 raters, 60 samples in 20"
    assert formatting.people(results.tasks[0]) == [
        ("accuracy, one left out", "0.712", "[0.650, 0.770]", n),
        ("accuracy, judge against the same people", "0.684", "[0.600, 0.750]", n),
        ("judge minus one person", "-0.028", "[-0.100, 0.040]", n),
    ]


SPREAD = {
    "metric": "accuracy",
    "values": {"plain": 0.5, "look": 0.625, "list": None},
    "min": 0.5,
    "max": 0.625,
    "sd": 0.0884,
}
MOVED = {"task": "coarse_emotion", "wording": "look", "metric": "accuracy", "direction": "higher", "sets": [
    {"data": "one", "value": 0.75, "low": 0.7, "high": 0.8, "n": 9, "drop": None},
    {"data": "two", "value": 0.5, "low": 0.4, "high": 0.6, "n": 8, "drop": {"value": 0.25, "low": 0.125, "high": 0.375}},
    {"data": "three", "value": None, "low": None, "high": None, "n": 0, "drop": {"value": None, "low": None, "high": None}}]}  # fmt: skip


@pytest.mark.parametrize("form", ["table", "markdown"])
def test_prompt_spread_and_transfer_are_shown_once(form: str) -> None:
    entries = [{**ENTRY, "wording": name, "wordings": SPREAD} for name in ("plain", "look", "list")]
    run = {**RESULTS["run"], "notes": ["x is omitted from y"]}  # type: ignore[dict-item]
    text = render(form, {"schema": 1, "run": run, "tasks": entries, "transfer": [MOVED]}, width=140).replace(
        "\\", ""
    )
    for part in (
        "0.500 (plain)",
        "0.625 (look)",
        "0.088",
        "+0.250",
        "[0.125, 0.375]",
    ):
        assert text.count(part) == 1, part
    assert text.count("x is omitted from y") == (2 if form == "table" else 1), (
        "notes of runs are on the first screen too"
    )
    assert text.count("coarse_emotion (look)") == 3, "a row for each data set"


@pytest.mark.parametrize("width", [60, 80, 100, 160, 200])
def test_tables_fit_their_width(width: int) -> None:
    long = {**ENTRY, "data": {**ENTRY["data"], "name": "x" * 300}, "warnings": ["word " * 200]}
    for line in render("table", {**RESULTS, "tasks": [long]}, width=width).splitlines():
        assert len(line) <= width


def test_colour_only_on_request() -> None:
    assert "\x1b[" not in render("table")
    assert "\x1b[" in render("table", color=True)


def test_csv_has_a_line_for_each_metric_value() -> None:
    rows = list(csv.DictReader(io.StringIO(render("csv"))))
    assert [(r["metric"], r["value"], r["group"]) for r in rows] == [
        ("accuracy", "0.8125", ""),
        ("kappa", "", ""),
        ("accuracy", "0.25", "emotion=sad"),
    ]
    assert {r["model"] for r in rows} == {"mine"}
    assert (rows[0]["low"], rows[0]["high"], rows[0]["n"], rows[0]["unparsed"], rows[0]["failed"]) == (
        "0.7",
        "0.9",
        "32",
        "2",
        "1",
    )


def test_json_is_the_document() -> None:
    assert json.loads(render("json")) == read_results(RESULTS).document()


def test_runs_without_tasks_or_metrics_are_shown() -> None:
    for form in ("table", "csv", "markdown", "json"):
        # The CSV has a line for each metric value, and nothing but its header without any.
        shown = "my run" if form != "csv" else "run,model"
        assert shown in render(form, {**RESULTS, "tasks": []})
        bare = {**ENTRY, "metrics": [], "baselines": [], "confusion": None}
        assert shown in render(form, {**RESULTS, "tasks": [bare]})


def test_markdown_tables_have_equal_columns() -> None:
    evil = {**ENTRY, "metrics": [{**METRIC, "group": {"style|x": "a|b\nc"}}, METRIC], "task": "a|b"}
    lines = [
        line for line in render("markdown", {**RESULTS, "tasks": [evil]}).splitlines() if line.startswith("|")
    ]
    assert len({line.replace("\\|", "").count("|") for line in lines}) == 1


@pytest.mark.parametrize("form", ["table", "markdown"])
def test_tests_and_agreement_are_shown(form: str) -> None:
    test = {"name": "valence_gap", "question": "coarse_emotion", "value": 0.25, "low": 0.1, "high": 0.4, "p": 0.0004,
            "p_adjusted": 0.0123, "n": 40, "clusters": 20, "method": "cluster bootstrap"}  # fmt: skip
    agreed = {"question": "coarse_emotion", "name": "kappa", "judges": ["fer", "na|no"], "value": None, "low": None,
              "high": None, "n": 0}  # fmt: skip
    text = render(form, {**RESULTS, "tasks": [{**ENTRY, "tests": [test], "agreement": [agreed]}]}, width=120)
    for part in (
        "valence_gap",
        "+0.250",
        "[0.100, 0.400]",
        "0.001",
        "0.012",
        "coarse_emotion: kappa",
        "fer, na",
    ):
        assert part in text.replace("\\", ""), part


def test_a_thumbnail_for_each_emotion_at_its_highest_intensity(tmp_path: Path) -> None:
    assert write_thumbnails(tmp_path) == []
    folder = data.make(tmp_path / "faces", 120)
    written = write_thumbnails(folder)
    assert [path.relative_to(folder).as_posix() for path in written] == [
        f"thumbnails/{e}.png" for e in EMOTIONS
    ]
    for path in written:
        with Image.open(path) as picture:
            assert picture.size == (160, 160)


def test_the_contact_sheet_shows_the_portraits(tmp_path: Path) -> None:
    assert write_sheet(tmp_path) is None
    folder = data.make(tmp_path / "faces", 120)
    (folder / data.row(0)["image"]).unlink()
    sheet = write_sheet(folder)
    assert sheet is not None
    with Image.open(sheet) as picture:
        assert picture.width > picture.height > 900, "eight portraits in each of six rows"
        assert len(picture.convert("RGB").getcolors(10**7) or []) > 40


def test_differences_of_prompt_variants_repeats_and_shared_pictures_are_shown() -> None:
    test = {"name": "look - plain", "question": "coarse_emotion", "value": 0.125, "low": 0.05, "high": 0.2, "p": 0.004,
            "p_adjusted": 0.008, "n": 30, "clusters": 5, "method": "paired"}  # fmt: skip
    share = {"value": 0.9, "low": 0.8, "high": 0.95}
    stability = {
        "repeats": 3,
        "n": 31,
        "clusters": 6,
        "agreement": share,
        "flips": {**share, "value": 0.15},
        "method": "m",
    }
    entries = [
        {**ENTRY, "wording": name, "wordings": {**SPREAD, "differences": [test]}}
        for name in ("plain", "look")
    ]
    entries[0]["stability"] = stability
    shared = "3 of 8 pictures of two are in one too"
    document = {**RESULTS, "tasks": entries, "transfer": [{**MOVED, "warnings": [shared]}]}
    for form in ("table", "markdown"):
        text = " ".join(render(form, document, width=180).replace("\\", "").split())
        assert text.count("coarse_emotion: look - plain") == 1
        for part in ("+0.125", "[0.050, 0.200]", "0.004", "0.008"):
            assert part in text, part
        assert f"transfer of coarse_emotion: {shared}" in text
        assert text.count("agreement of 3 repeats") == text.count("samples that flip") == 1
        assert "mean difference" not in text
