"""People's ratings: read from ratings.csv, reported next to a judge's metrics, used to calibrate a judge."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from helpers.command import InProcess
from helpers.data import picture

from harness.datasets.ratings import read_ratings
from harness.errors import BadData
from harness.scoring.human import describe, rating_columns

HEADER = ("id", "rater", "question", "value")


def write(folder: Path, rows: Sequence[Sequence[object]], header: Sequence[str] = HEADER) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "ratings.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return folder


def test_answers_are_parsed_and_skipped_ones_are_counted(tmp_path: Path) -> None:
    found = read_ratings(
        write(
            tmp_path,
            [
                ("a", "r1", "emotion", "Happiness"),
                ("a", "r2", "emotion", "bored"),
                ("b", "r1", "emotion", ""),
                ("a", "r1", "Intensity", "4.5"),
                ("a", "r2", "intensity", "nan"),
                ("", "r2", "intensity", "3"),
            ],
        )
    )
    assert list(found) == ["emotion", "intensity"]
    assert list(found["emotion"].value) == [0.0]
    assert found["emotion"].skipped == {"the answer cannot be read": 1, "the answer is empty": 1}
    assert (list(found["intensity"].value), list(found["intensity"].samples)) == ([4.5], ["a"])
    assert found["intensity"].skipped == {"the answer cannot be read": 1, "no sample or rater is named": 1}


def test_alternative_and_wrong_column_names(tmp_path: Path) -> None:
    found = read_ratings(
        write(tmp_path / "a", [("a", "r", "quality", 3)], ("sample_id", "Annotator", "task", "score"))
    )
    assert list(found["quality"].value) == [3.0]
    with pytest.raises(BadData, match="no column 'rater'"):
        read_ratings(write(tmp_path / "b", [("a", "r", "quality", 3)], ("id", "ratter", "question", "value")))
    assert read_ratings(tmp_path) == {}


def test_people_who_all_agree_have_the_highest_ceiling(tmp_path: Path) -> None:
    rows = [
        (f"s{i}", f"r{r}", "emotion", ("happy", "sad", "angry")[i % 3]) for i in range(6) for r in range(3)
    ]
    found = describe(read_ratings(write(tmp_path, rows))["emotion"])
    assert (found.answers, found.samples, found.raters) == (18, 6, 3)
    assert found.alpha == pytest.approx(1.0)
    assert found.ceiling.model_dump() == {
        "metric": "accuracy",
        "value": 1.0,
        "low": 1.0,
        "high": 1.0,
        "raters": 3,
        "method": "leave one rater out",
    }


def test_one_rater_has_no_agreement(tmp_path: Path) -> None:
    found = describe(
        read_ratings(write(tmp_path, [("a", "r", "intensity", 3), ("b", "r", "intensity", 4)]))["intensity"]
    )
    assert found.icc_2k is not None
    assert (found.alpha, found.ceiling.value, found.icc_2k.value) == (None, None, None)


def test_votes_and_means_of_each_sample(tmp_path: Path) -> None:
    rows = [("a", "r1", "emotion", "sad"), ("a", "r2", "emotion", "worry"), ("b", "r1", "emotion", "sad")]
    rows += [
        ("a", "r1", "intensity", "1"),
        ("b", "r1", "intensity", "3"),
        ("a", "r2", "intensity", "2"),
        ("b", "r2", "intensity", "4"),
    ]
    found = rating_columns(read_ratings(write(tmp_path, rows)))
    assert (found["a"]["votes_sad"], found["a"]["votes_worry"], found["b"]["votes_sad"]) == (0.5, 0.5, 1.0)
    assert (found["a"]["intensity_mean"], found["b"]["intensity_mean"]) == (1.5, 3.5)
    z = 1 / np.sqrt(2)
    assert found["a"]["intensity_mos"] == pytest.approx(100 * (3 - z) / 6, abs=1e-6)


def rated(folder: Path, ids: Sequence[str], emotions: Sequence[str]) -> None:
    """Three raters of whom the third is always wrong."""
    rows = []
    for id_, emotion in zip(ids, emotions, strict=True):
        rows += [(id_, "r1", "emotion", emotion), (id_, "r2", "emotion", emotion)]
        rows += [(id_, "r3", "emotion", "sad" if emotion == "happy" else "happy")]
    write(folder, rows)


def test_a_ceiling_is_shown_next_to_a_judges_metrics(
    harness: InProcess, make_data: Callable[..., Path]
) -> None:
    data = make_data(12)
    with (data / "manifest.csv").open(encoding="utf-8") as file:
        samples = list(csv.DictReader(file))
    rated(data, [s["id"] for s in samples], [s["emotion"] for s in samples])
    out = (
        harness("run", "--task", "coarse_emotion", "--model", "echo", "--data", data, "--out", "run").ok().out
    )
    entry = json.loads(Path("run/results.json").read_text())["tasks"][0]
    ceiling = entry["people"]["ceiling"]
    # Each of the first two is compared with one who agrees and one who does not: ties do not count.
    assert (ceiling["metric"], ceiling["value"], entry["people"]["raters"]) == ("accuracy", 0.0, 3)
    assert {"name": "human", "metric": "accuracy", "value": 0.0} in entry["baselines"]
    assert "accuracy, one left out" in out
    assert not any("human baseline" in warning for warning in entry["warnings"])
    assert "alpha (nominal)" in harness("data", "people", data).ok().out
    assert (
        json.loads(harness("data", "people", data, "--json").ok().out)["questions"]["emotion"]["answers"]
        == 36
    )
    assert (
        "no ratings by individual people"
        in harness("data", "people", make_data(6, name="plain")).refuses(2).err
    )


def test_people_who_rated_some_portraits_calibrate_the_judge(
    harness: InProcess, make_data: Callable[..., Path]
) -> None:
    data = make_data(48)
    with (data / "manifest.csv").open(encoding="utf-8") as file:
        samples = list(csv.DictReader(file))[:16]
    rated(data, [s["id"] for s in samples], [s["emotion"] for s in samples])
    harness(
        "run", "--task", "t2i_emotion", "--model", f"folder:{data}", "--judge", "echo", "--out", "run"
    ).ok()
    entry = json.loads(Path("run/results.json").read_text())["tasks"][0]
    (value,) = entry["calibrated"]
    assert (value["labelled"], value["unlabelled"], value["raters"]) == (16, 32, 3)
    # The judge is always right by construction, people agree with the request two times in three.
    assert value["judge_alone"] == 1.0
    assert value["value"] == pytest.approx(2 / 3)
    assert value["people_alone"]["value"] == pytest.approx(2 / 3)
    assert [need["width"] for need in value["labels_needed"]] == [0.2, 0.1, 0.05]
    assert "calibrated" in harness("show", "run").ok().out


def test_one_rater_has_one_vote(tmp_path: Path) -> None:
    (tmp_path / "ratings.csv").write_text(
        "id,rater,question,value\na,r1,emotion,happy\na,r1,emotion,sad\na,r2,emotion,sad\n", encoding="utf-8"
    )
    found = read_ratings(tmp_path)["emotion"]
    assert len(found) == 2
    assert found.skipped == {"the rater answered before": 1}


STRAY = "id,rater,question,value\n007,r1,emotion,happy\n7,r1,emotion,sad\na.png,r2,emotion,sad\nx,r3,intensity,2\n"


def test_ratings_of_ids_that_no_sample_has_are_not_used(harness: InProcess, tmp_path: Path) -> None:
    """In `data people`, runs of judges, runs of generators, exports and imports alike."""
    folder = tmp_path / "faces"
    for number, name in enumerate(("007.png", "a.png")):
        picture(folder / name, number)
    (folder / "manifest.csv").write_text("image,emotion\n007.png,happy\na.png,sad\n")
    (folder / "ratings.csv").write_text(STRAY)
    said = "ratings.csv: 4 ratings, not used: 3: no sample has this id 3 (line 5: 'x', but samples are named like '007')."
    found = json.loads(harness("data", "people", "faces", "--json").ok().out)
    assert (list(found["questions"]), found["notes"]) == (["emotion"], [said])
    emotion = found["questions"]["emotion"]
    assert (emotion["answers"], emotion["samples"], emotion["raters"]) == (1, 1, 1)
    assert emotion["not_used"] == {"no sample has this id": 2}
    assert said in harness("data", "people", "faces", "--out", "x.csv").ok().out
    assert [row.split(",")[0] for row in Path("x.csv").read_text().splitlines()] == ["id", "007"]
    run = harness("run", "--task", "coarse_emotion", "--model", "echo", "--data", "faces", "--json").ok()
    assert said in run.task["warnings"]
    assert (run.task["people"]["samples"], run.task["people"]["not_used"]) == (
        1,
        {"no sample has this id": 2},
    )
    made = harness(
        "run", "--task", "t2i_emotion", "--model", "folder:faces", "--judge", "echo", "--json"
    ).ok()
    assert said in made.task["warnings"]
    assert [(value["labelled"], value["raters"]) for value in made.task["calibrated"]] == [(1, 1)]
    assert said in harness("data", "export", "faces", "--out", "x.parquet").ok().out
    out = harness("data", "import", "manifest", "faces", "--label", "intended").ok().out
    assert "ratings.csv: 4 rows, not used: 3 (rating of an unused sample 3)" in out
    (folder / "ratings.csv").write_text("id,rater,question,value\n7,r1,emotion,sad\n")
    harness("data", "people", "faces").refuses(2, "no sample has this id 1 (line 2: '7'")
