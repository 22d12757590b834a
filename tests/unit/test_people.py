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
from helpers.results import lines

from harness.datasets.ratings import RaterAnswers, read_ratings
from harness.errors import BadData
from harness.results import HumanAgreement
from harness.scoring.human import compared_samples, describe, rating_columns
from harness.scoring.ppi import calibrated
from harness.scoring.rows import Rows
from harness.scoring.stored import StoredSample
from harness.tasks.answers import ParsedReply
from harness.tasks.spec import Answer
from harness.types import Sample

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


def described(given: RaterAnswers) -> HumanAgreement:
    """What people said of all samples that they rated."""
    samples = [Sample(name, name) for name in given.samples]
    return describe(given, compared_samples(given, samples))


def test_people_who_all_agree_have_the_highest_ceiling(tmp_path: Path) -> None:
    rows = [
        (f"s{i}", f"r{r}", "emotion", ("happy", "sad", "angry")[i % 3]) for i in range(6) for r in range(3)
    ]
    found = described(read_ratings(write(tmp_path, rows))["emotion"])
    assert (found.answers, found.samples, found.raters) == (18, 6, 3)
    assert found.alpha == pytest.approx(1.0)
    ceiling = found.ceiling
    assert (ceiling.metric, ceiling.value, ceiling.high, ceiling.raters) == ("accuracy", 1.0, 1.0, 3)
    assert ceiling.method == "leave one rater out; interval over samples, for these 3 raters"
    assert ceiling.low is not None
    assert 0.5 < ceiling.low < 0.9, "six samples without a disagreement do not prove that there is none"


def test_one_rater_has_no_agreement(tmp_path: Path) -> None:
    found = described(
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
        harness(
            "run", "--task", "coarse_emotion", "--model", "echo", "--data", data, "--out", "run", "--full"
        )
        .ok()
        .out
    )
    entry = json.loads(Path("run/results.json").read_text())["tasks"][0]
    ceiling = entry["people"]["ceiling"]
    # The first two are compared with one who agrees and one who does not: a tie, half right. The third is always wrong.
    # The judge says the label: half right against each of the two ties, right without the third.
    assert (ceiling["metric"], entry["people"]["raters"], ceiling["samples"]) == ("accuracy", 3, 12)
    assert ceiling["value"] == pytest.approx(1 / 3)
    assert ceiling["judge"]["value"] == pytest.approx(2 / 3)
    assert ceiling["difference"]["value"] == pytest.approx(1 / 3)
    assert entry["people"]["labels"] == {"samples": 12, "differ": 0, "srcc": None}
    assert "human" not in {b["name"] for b in entry["baselines"]}, "people have no value against the labels"
    said = "coarse_emotion: one person reaches accuracy 0.333 against the others, the judge 0.667 against the same people"
    assert said in " ".join(out.split()).replace("note: ", "")
    assert "accuracy, one left out" in out
    assert "judge against the same people" in out
    assert "people: the ceiling is about these 3 raters, not about people" in entry["warnings"]
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
    assert "calibrated" in harness("show", "run", "--full").ok().out


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


EMOTION_OF = "happy", "sad", "angry", "surprise", "worry", "neutral"


def samples_of(data: Path) -> list[dict[str, str]]:
    with (data / "manifest.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def crowd(data: Path, raters: int, wrong: Callable[[int, int], bool]) -> None:
    """Each rater says each sample's label, or the next emotion where `wrong(sample, rater)`."""
    rows = []
    for number, sample in enumerate(samples_of(data)):
        label = EMOTION_OF.index(sample["emotion"])
        for rater in range(raters):
            said = EMOTION_OF[(label + wrong(number, rater)) % 6]
            rows.append((sample["id"], f"r{rater}", "emotion", said))
    write(data, rows)


def test_people_and_judge_are_measured_on_the_same_samples_against_one_truth(
    harness: InProcess, make_data: Callable[..., Path]
) -> None:
    """Everybody sees something else than the label on the first ten of 60 samples."""
    data = make_data(60)
    crowd(data, 12, lambda sample, rater: sample < 10 or (sample + rater) % 12 == 0)
    run = ("run", "--task", "coarse_emotion", "--model", "echo", "--data", data, "--out", "run")
    entry = harness(*run, "--limit", "30", "--json").ok().task
    people = entry["people"]
    ceiling = people["ceiling"]
    assert (people["samples"], ceiling["samples"], ceiling["raters"], ceiling["over_raters"]) == (
        30,
        30,
        12,
        True,
    )
    differ = sum(
        row["id"] in {s["id"] for s in samples_of(data)[:10]} for row in lines(Path("run/samples.jsonl"))
    )
    assert people["labels"] == {"samples": 30, "differ": differ, "srcc": None}
    # The judge says the label.
    assert next(m["value"] for m in entry["metrics"] if m["name"] == "accuracy") == 1.0
    assert ceiling["judge"]["value"] == pytest.approx(1 - differ / 30)
    assert ceiling["difference"]["value"] == pytest.approx(ceiling["judge"]["value"] - ceiling["value"])
    assert ceiling["difference"]["low"] < ceiling["difference"]["value"] < ceiling["difference"]["high"]
    (note,) = (w for w in entry["warnings"] if w.startswith("people: "))
    assert note.startswith(f"people: on {differ} of 30 samples the label is not what most people say")
    assert harness(*run, "--limit", "60", "--json").ok().task["people"]["ceiling"]["samples"] == 60
    shown = harness("data", "people", data).ok().out
    assert "on 10 of 60 samples the label is not what most people say" in shown


def test_ratings_of_people_stay_with_the_run(harness: InProcess, make_data: Callable[..., Path]) -> None:
    data = make_data(12)
    crowd(data, 5, lambda sample, rater: sample == rater)
    harness(
        "run", "--task", "coarse_emotion,nuance_confusable", "--model", "echo", "--data", data, "--out", "run"
    ).ok()
    before = json.loads(Path("run/results.json").read_text())["tasks"]
    ceiling = before[1]["people"]["ceiling"]
    assert (ceiling["value"], ceiling["method"]) == (
        None, "none: people chose among all options, the judge among those shown"
    )  # fmt: skip
    (data / "ratings.csv").unlink()
    harness("score", "run").ok()
    assert json.loads(Path("run/results.json").read_text())["tasks"] == before


def test_folders_of_earlier_versions_keep_their_ceiling(
    harness: InProcess, make_data: Callable[..., Path]
) -> None:
    data = make_data(12)
    crowd(data, 5, lambda sample, rater: sample == rater)
    harness("run", "--task", "coarse_emotion", "--model", "echo", "--data", data, "--out", "run").ok()
    Path("run/ratings.jsonl").unlink()
    run = json.loads(Path("run/run.json").read_text())
    ceiling = {
        "value": 0.9,
        "low": 0.8,
        "high": 1.0,
        "metric": "accuracy",
        "raters": 5,
        "method": "leave one rater out",
    }
    run["people"] = {data.name: {"coarse_emotion": {"question": "emotion", "answers": 60, "samples": 12, "raters": 5,
                                                    "not_used": {}, "ceiling": ceiling}}}  # fmt: skip
    Path("run/run.json").write_text(json.dumps(run))
    harness("score", "run").ok()
    (entry,) = json.loads(Path("run/results.json").read_text())["tasks"]
    assert (entry["people"]["ceiling"]["value"], entry["people"]["ceiling"]["judge"]) == (0.9, None)
    assert any("resume the run to add them" in w for w in entry["warnings"])
    harness("run", "--task", "coarse_emotion", "--model", "echo", "--data", data, "--out", "run").ok()
    (entry,) = json.loads(Path("run/results.json").read_text())["tasks"]
    assert entry["people"]["ceiling"]["judge"] is not None


def test_refused_ratings_leave_people_and_judge_on_the_same_samples(
    harness: InProcess, make_data: Callable[..., Path]
) -> None:
    data = make_data(24)
    rated_samples = [s for s in samples_of(data) if s["intensity"]]
    rows = [
        (s["id"], f"r{r}", "intensity", min(5, max(1, float(s["intensity"]) + (n + r) % 3 - 1)))
        for n, s in enumerate(rated_samples)
        for r in range(4)
    ]
    write(data, rows)
    replies = [{"id": s["id"], "text": "I cannot say." if n < 6 else s["intensity"]} for n, s in enumerate(samples_of(data))]  # fmt: skip
    Path("replies.jsonl").write_text("".join(json.dumps(r) + "\n" for r in replies))
    entry = harness("run", "--task", "fine_intensity", "--model", "echo", "-o", "replies=replies.jsonl",
                    "--data", data, "--json").ok().task  # fmt: skip
    ceiling = entry["people"]["ceiling"]
    assert entry["unparsed"] > 0
    assert (ceiling["metric"], ceiling["samples"]) == ("srcc", entry["answered"] - entry["unparsed"])
    assert ceiling["judge"]["value"] > ceiling["value"]
    assert entry["people"]["labels"]["srcc"] > 0.5


def test_pictures_that_were_not_delivered_are_part_of_the_calibrated_interval() -> None:
    answer = Answer.model_validate({"kind": "choice", "options": EMOTION_OF, "truth": {"field": "emotion"}})
    given = RaterAnswers("emotion", raters={f"r{i}": i for i in range(5)})

    def rows(missing: int) -> Rows:
        found = Rows(answer, question="q")
        for number in range(100):
            sample = StoredSample(number, f"s{number}", 0, "sad", None, None, {}, {}, ())
            if number < missing:
                found.add_missed(sample, "sad")
            else:
                found.add(sample, "sad", ParsedReply("sad"))
        return found

    for number in range(100):
        given.samples[f"s{number}"] = number
        for rater in range(5):
            given.sample.append(number)
            given.rater.append(rater)
            given.value.append(float(EMOTION_OF.index("sad")))
    (everything,) = calibrated("q", rows(0), "", {"emotion": given})
    (some,) = calibrated("q", rows(20), "", {"emotion": given})
    assert (everything.value, some.value, some.judge_alone) == (1.0, 0.8, 0.8)
    assert everything.low is not None
    assert 0.95 < everything.low < 0.97, "a hundred pictures without an error do not prove that there is none"
    # Everybody agrees on everything that was delivered: only the delivery varies.
    half_width = 1.99 * np.sqrt(0.8 * 0.2 / 99)
    assert (some.low, some.high) == pytest.approx((0.8 - half_width, 0.8 + half_width), abs=1e-3)
    assert (some.people_alone.low, some.people_alone.high) == pytest.approx((some.low, some.high))
    assert some.method.endswith("for these 5 raters")
