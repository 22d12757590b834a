"""What people are asked, and what their answers say."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from harness.datasets import read_folder
from harness.errors import BadData, BadTask
from harness.people import Opinion, agreement, as_json, from_json, opinion_columns, shown_file, survey
from harness.scoring.human import rating_columns
from harness.testing import face_picture
from harness.types import EMOTIONS


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data") / "faces"
    root.mkdir()
    with (root / "manifest.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["id", "image", "emotion", "intensity"])
        for number in range(24):
            image = face_picture(number, 32).image
            assert image is not None
            image.save(root / f"{number}.png")
            table.writerow([f"f{number}", f"{number}.png", EMOTIONS[number % 6], 1 + number // 6])
    return root


def test_questions_are_those_of_the_tasks(faces: Path) -> None:
    found = survey(["coarse_emotion", "fine_intensity", "nuance_confusable", "nuance_pairs"], str(faces))
    by_task = {q.task: q for q in found.questions}
    emotion, intensity = by_task["coarse_emotion"], by_task["fine_intensity"]
    assert emotion.text == "Which emotion does the person's face show?"
    assert emotion.options == EMOTIONS
    assert (emotion.column, intensity.column) == ("emotion", "intensity")
    assert intensity.value("very strong") == 5.0
    assert emotion.value("sad") == "sad"
    with pytest.raises(ValueError, match="joyful"):
        emotion.value("joyful")
    assert {q.emotion for q in found.questions if q.task == "fine_intensity"} == {*EMOTIONS} - {"neutral"}
    confusable = by_task["nuance_confusable"]
    assert len(confusable.options) == 2
    assert confusable.truth in confusable.options
    assert confusable.column == "", "people chose among two only"
    pair = by_task["nuance_pairs"]
    assert len(pair.pictures) == 2
    assert pair.emotion is not None
    assert pair.emotion in pair.text
    assert len({q.id for q in found.questions}) == len(found.questions)
    assert [from_json(as_json(q)) for q in found.questions] == list(found.questions)


def test_a_limit_keeps_pairs_together(faces: Path) -> None:
    found = survey(["coarse_emotion", "nuance_pairs"], str(faces), limit=12)
    assert len(found.samples) == 12
    asked = [q for q in found.questions if q.task == "nuance_pairs"]
    assert asked
    known = {sample.path for sample in found.samples}
    assert {p.path for q in asked for p in q.pictures} <= known


def test_a_prompt_that_has_the_options_in_its_only_line_keeps_them(tmp_path: Path, faces: Path) -> None:
    task = Path("tasks/coarse_emotion.toml").read_text()
    task = task.replace(
        "Which emotion does the person's face show?\nAnswer with one of these words and nothing else: {options}.",
        "Is it {options}?",
    )
    (tmp_path / "mine.toml").write_text(task.replace('name = "coarse_emotion"', 'name = "mine"'))
    question = survey([str(tmp_path / "mine.toml")], str(faces), limit=1).questions[0]
    assert question.text == "Is it happy, sad, angry, surprise, worry, neutral?"


def test_what_cannot_be_asked(faces: Path, tmp_path: Path) -> None:
    with pytest.raises(BadTask, match="tests a generator"):
        survey(["t2i_emotion"], str(faces))
    (tmp_path / "manifest.csv").write_text("image\nnone.png\n")
    with pytest.raises(BadData, match=r"none\.png"):
        survey(["coarse_emotion"], str(tmp_path))


def test_a_changed_picture_is_not_shown(faces: Path, tmp_path: Path) -> None:
    found = survey(["coarse_emotion"], str(faces), limit=1).questions[0].pictures[0]
    data, media_type = shown_file(faces / found.path, found.digest)
    assert media_type == "image/png"
    assert data.startswith(b"\x89PNG")
    (tmp_path / "a.png").write_bytes((faces / found.path).read_bytes() + b"x")
    with pytest.raises(BadData, match="not the picture that it was"):
        shown_file(tmp_path / "a.png", found.digest)


def test_opinions_are_those_of_a_ratings_table(faces: Path) -> None:
    rows = [
        Opinion(f"f{n}", f"r{r}", "intensity", 1 + (n + r * n) % 5) for n in range(24) for r in range(5)
    ] + [
        Opinion(f"f{n}", f"r{r}", "emotion", EMOTIONS[(n + (r == n % 5)) % 6])
        for n in range(24)
        for r in range(5)
    ]
    with (faces / "ratings.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("id", "rater", "question", "value"), *rows])
    folder = read_folder(faces)
    assert opinion_columns(rows) == rating_columns(folder.ratings)
    found = agreement(rows, folder.samples)
    assert found["emotion"].raters == 5
    assert found["emotion"].ceiling.value is not None
    (faces / "ratings.csv").unlink()
