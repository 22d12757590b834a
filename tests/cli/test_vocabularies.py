"""Tasks with emotions other than the six: named vocabularies, labels of data, mappings that are counted, ratings on a scale."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers.command import InProcess
from helpers.own_columns import make, metric

MIKELS = ("amusement", "awe", "contentment", "excitement", "anger", "disgust", "fear", "sadness")


def evoked(n: int = 24, **more: str) -> list[dict[str, str]]:
    return [{"category": MIKELS[i % 8], "domain": "evoked", **more} for i in range(n)]


def run(harness: InProcess, task: object, *more: object) -> dict:
    harness("run", "--task", task, "--model", "echo", "--data", "felt", "--out", "out", *more).ok()
    return dict(json.loads(Path("out/results.json").read_text(encoding="utf-8")))


def test_the_eight_emotions_of_mikels(harness: InProcess) -> None:
    make(Path("felt"), evoked())
    found = run(harness, "evoked_emotion", "-o", "accuracy=1")["tasks"][0]
    assert (found["n"], metric(found, "accuracy")["value"]) == (24, 1)
    assert found["confusion"]["labels"] == list(MIKELS)
    assert found["domain"] == "evoked"


def test_labels_are_found_without_case_and_by_synonyms_and_others_are_named(harness: InProcess) -> None:
    rows = evoked(8)
    rows[0]["category"], rows[1]["category"], rows[2]["category"] = "Amused", "AWE", "contentmnt"
    make(Path("felt"), rows)
    results = run(harness, "evoked_emotion", "-o", "accuracy=1")
    [found] = results["tasks"]
    assert (found["n"], metric(found, "accuracy")["value"]) == (7, 1)
    assert results["run"]["notes"] == [
        "evoked_emotion does not ask about samples of felt with these labels: contentmnt (1); "
        "did you mean 'contentment' instead of 'contentmnt'?"
    ]


POLARITY = """
name = "polarity"
role = "judge"
stage = "coarse"
domain = "evoked"
[answer]
kind = "choice"
vocabulary = "mikels-8"
options = ["pleasant", "unpleasant", "anger"]
[answer.truth]
field = "category"
[answer.truth.mapping]
amusement = "pleasant"
awe = "pleasant"
fear = "unpleasant"
[[prompts]]
name = "plain"
text = "Which? {options}"
[[metrics]]
name = "accuracy"
primary = true
"""


def test_a_mapping_that_merges_labels_is_counted_and_what_has_no_option_is_named(harness: InProcess) -> None:
    make(Path("felt"), evoked())
    Path("polarity.toml").write_text(POLARITY, encoding="utf-8")
    results = run(harness, "polarity.toml", "--repeats", "2")
    [found] = results["tasks"]
    assert found["n"] == 2 * 12
    [note] = [warning for warning in found["warnings"] if "loses information" in warning]
    assert note == (
        "labels are mapped, which loses information: amusement counts as pleasant (3 pictures); "
        "awe counts as pleasant (3 pictures)"
    ), "fear alone is unpleasant: nothing is merged there"
    assert results["run"]["notes"] == [
        "polarity does not ask about samples of felt with these labels: "
        "contentment (3), excitement (3), disgust (3), sadness (3)"
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"mikels-8"', '"mikels-9"', "there is no vocabulary 'mikels-9'; did you mean 'mikels-8'?"),
        ("awe =", "aww =", "'aww' is not in the vocabulary; did you mean 'awe'?"),
        (
            'field = "category"',
            'field = "category"\nsynonyms = { awe = ["fear"] }\nvocabulary = ["awe", "fear", "amusement"]',
            "'fear' names both 'awe' and 'fear'",
        ),
        ('field = "category"', 'field = "emotion"\nvocabulary = ["a", "b"]', "has no other vocabulary"),
        ('field = "category"', 'field = "category"\nscale = [1, 2]', "only a rating has a scale"),
        (
            'vocabulary = "mikels-8"\noptions = ["pleasant", "unpleasant", "anger"]',
            "",
            "'options' is missing",
        ),
    ],
)
def test_wrong_vocabularies_are_refused(harness: InProcess, old: str, new: str, message: str) -> None:
    assert old in POLARITY
    Path("polarity.toml").write_text(POLARITY.replace(old, new), encoding="utf-8")
    done = harness("show", "polarity.toml")
    assert done.code == 2
    assert message in done.err


def test_valence_is_rated_from_a_column_of_numbers(harness: InProcess) -> None:
    make(Path("felt"), [{**row, "valence": f"{1 + i % 9}"} for i, row in enumerate(evoked(27))])
    found = run(harness, "evoked_valence", "-o", "accuracy=1")["tasks"][0]
    assert (found["n"], metric(found, "ccc")["value"]) == (27, pytest.approx(1))
    assert metric(found, "srcc")["value"] == pytest.approx(1)


def test_another_scale_is_mapped_to_that_of_the_task(harness: InProcess, tmp_path: Path) -> None:
    rows = [{**row, "valence": f"{i % 9 / 4 - 1:g}"} for i, row in enumerate(evoked(27))]
    make(Path("felt"), rows)
    own = (Path(__file__).parents[2] / "tasks" / "evoked_valence.toml").read_text(encoding="utf-8")
    own = own.replace('field = "valence"', 'field = "valence"\nscale = [-1, 1]')
    Path("mine.toml").write_text(own.replace('"evoked_valence"', '"mine"'), encoding="utf-8")
    found = run(harness, "mine.toml", "-o", "accuracy=1")["tasks"][0]
    assert metric(found, "ccc")["value"] == pytest.approx(1)
    assert metric(found, "mae")["value"] == pytest.approx(0)
    assert not any("outside the scale" in warning for warning in found["warnings"])
    plain = run(harness, "evoked_valence", "-o", "accuracy=1", "--fresh")["tasks"][0]
    assert any("outside the scale" in warning for warning in plain["warnings"])


def test_ids_that_name_the_category_are_hidden_from_judges() -> None:
    from harness.run.judge_requests import visible_id
    from harness.run.schedule import Job
    from harness.types import Sample

    sample = Sample("Awe/01", "x.png", attributes={"category": "awe"})
    job = Job(sample, "felt", "", {"evoked_emotion": "awe"})
    assert visible_id(job) == "Awe/01"
    assert "we" not in visible_id(job, ["category"])
