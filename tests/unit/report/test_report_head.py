"""What the head, the charts and the tables of a page say of its runs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from helpers import data
from helpers.report_page import Page

import harness
from harness.ranking.records import BoardColumn, BoardRow, BoardTable
from harness.report.board import board_table
from harness.report.origin import short_time
from harness.report.page import write_report


@pytest.mark.slow
def test_charts_and_tables_of_several_runs_say_which_run_they_are_of(run: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(run, copy)
    page = Page(write_report([run, copy], tmp_path / "both.html").path.read_text(encoding="utf-8"))
    charts = [tag["aria-label"] or "" for tag in page.all("div") if "data-chart" in tag]
    assert len(charts) == len({*charts}) == 7, charts
    of_one = [label for label in charts if "in each group" in label or "Strength read" in label]
    assert [label.partition(": ")[0].partition(" \N{MIDDLE DOT} ")[2] for label in of_one] == [
        *["1 echo (run)", "2 echo (run)"] * 3
    ]
    regions = [tag["aria-label"] for tag in page.all("div") if tag.get("role") == "region"]
    assert len(regions) == len({*regions})
    assert "Difference: on the samples that both have answered." in page.text


def test_the_leaderboard_of_the_page_names_all_data_of_a_table() -> None:
    about = {"version": "1", "stage": "coarse", "role": "generator", "digest": "abc", "seed": 0, "asked": "1", "metric": "fidelity",
             "direction": "higher", "ranked": 1, "pairs": 0, "paired": 0}  # fmt: skip
    asked = [("t2i_emotion", "emotion_600", "choice"), ("t2i_intensity", "intensity_250", "text")]
    found = [
        BoardColumn(task=task, data=data, answer_mode=mode, judge="fer", **about)  # type: ignore[arg-type]
        for task, data, mode in asked
    ]
    rows = [BoardRow(model="a", label="a", values=[None, None])]
    table = board_table(BoardTable(columns=found, rows=rows, pairs=[[], []]))
    assert table.caption == "emotion_600 and intensity_250, answer mode choice or text"


@pytest.mark.slow
def test_the_head_of_many_runs_counts_runs(run: Path, tmp_path: Path) -> None:
    for name in "abc":
        shutil.copytree(run, tmp_path / name)
    runs = [run, *(tmp_path / name for name in "abc")]
    page = Page(write_report(runs, tmp_path / "four.html", embed=0).path.read_text(encoding="utf-8"))
    assert "4 runs" in page.text
    assert "4 models" not in page.text


def test_regions_have_names_of_their_own(page: Page) -> None:
    regions = [tag["aria-label"] for tag in page.all("div") if tag.get("role") == "region"]
    assert len(regions) == len({*regions}), regions


def test_times_and_rates_have_the_digits_that_they_are_worth(run: Path, page: Page) -> None:
    [pace] = json.loads((run / "run.json").read_bytes())["pace"]
    shown = {float(tag["value"] or "nan") for tag in page.all("data")}
    assert {pace["seconds"], pace["requests"] / pace["seconds"]} <= shown
    for value, text in ((322.756, "323"), (1234.5, "1,234"), (15.55, "15.6"), (0.333, "0.33"), (0.0, "0.00")):
        figure = short_time(value).figure
        assert figure is not None
        assert (figure.text, figure.value) == (text, value)


def test_the_head_counts_pictures_where_pairs_are_asked_about_too(tmp_path: Path) -> None:
    faces = data.make(tmp_path / "faces", 150)
    harness.evaluate(
        ["coarse_emotion", "nuance_pairs"], model="echo", data=faces, limit=40, out=tmp_path / "run"
    )
    [_, pairs] = json.loads((tmp_path / "run" / "results.json").read_bytes())["tasks"]
    assert pairs["data"]["n"] > 40
    page = write_report([tmp_path / "run"], tmp_path / "report.html")
    assert "2 tasks on faces (40)." in Page(page.path.read_text(encoding="utf-8")).text


@pytest.mark.slow
def test_matrices_of_judges_and_generators_are_called_what_they_are(run: Path, tmp_path: Path) -> None:
    harness.evaluate(
        "t2i_emotion", "echo", judge="echo", out=tmp_path / "drawn", limit=6, options={"size": 32}
    )
    titles = {}
    for name, runs in {
        "judge": [run],
        "generator": [tmp_path / "drawn"],
        "both": [run, tmp_path / "drawn"],
    }.items():
        written = write_report(runs, tmp_path / f"{name}.html")
        titles[name] = [title for title in ("Confusion and fidelity", "Confusion", "Fidelity")
                        if f">{title}</h2>" in written.path.read_text(encoding="utf-8")]  # fmt: skip
    assert titles == {"judge": ["Confusion"], "generator": ["Fidelity"], "both": ["Confusion and fidelity"]}
