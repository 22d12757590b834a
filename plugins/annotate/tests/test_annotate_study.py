"""A study: how it is made, what each rater gets, and what an answer does."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from memobench_annotate.building import build
from memobench_annotate.config import read_config
from memobench_annotate.inviting import invite
from memobench_annotate.records import CANNOT_TELL, Answer, Rater, Trial
from memobench_annotate.sessions import Sessions, View, last_planned
from memobench_annotate.study import Study

from harness import BadData, RequestError, UnknownName
from harness.testing import face_picture

TASKS = ("coarse_emotion", "fine_intensity", "nuance_pairs")
EMOTIONS = ("happy", "sad", "angry", "surprise", "worry", "neutral")


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """36 faces of six emotions with intensities from 1 to 3, of six people."""
    root = tmp_path_factory.mktemp("data") / "faces"
    root.mkdir()
    rows = ["id,image,emotion,intensity,subject"]
    for number in range(36):
        image = face_picture(number, 48).image
        assert image is not None
        image.save(root / f"{number}.png")
        rows.append(f"f{number},{number}.png,{EMOTIONS[number % 6]},{1 + number // 6 % 3},s{number % 6}")
    (root / "manifest.csv").write_text("\n".join(rows))
    return root


@pytest.fixture
def study(faces: Path, tmp_path: Path) -> Study:
    build(tmp_path / "study", str(faces), TASKS, per_rater=30)
    return Study.open(tmp_path / "study")


def started(study: Study, sessions: Sessions, count: int = 1) -> list[Rater]:
    """Raters who have seen everything that comes before the first trial."""
    found = []
    for name, _ in list(invite(study, count, [], [])):
        rater = study.store.rater_by_name(name)
        assert rater is not None
        assert sessions.view(rater).kind == "consent"
        rater = sessions.consent(rater, "en")
        assert sessions.view(rater).kind == "check"
        found.append(sessions.checked(rater, {"width": 800}))
    return found


def rate_all(study: Study, sessions: Sessions, rater: Rater, most: int = 10_000) -> list[View]:
    """Answer with the first option, or as instructed, until the end."""
    seen = []
    for _ in range(most):
        rater = study.store.rater(rater.id)
        view = sessions.view(rater)
        seen.append(view)
        if view.kind == "done":
            break
        if view.kind == "trial":
            assert sessions.answer(rater, view.position, view.instructed or view.options[0], 900)
        else:
            sessions.go_on(rater, view.position)
    return seen


class Clock:
    def __init__(self) -> None:
        self.time = time.time()

    def __call__(self) -> float:
        return self.time


def test_people_are_asked_what_a_judge_of_the_same_data_is(study: Study, faces: Path) -> None:
    """Same pictures, pairs and orders, wordings and options: the study's data set is complete in itself."""
    from harness.people import survey

    again = survey(TASKS, str(study.folder / "data"))
    assert {q.id for q in again.questions} == set(study.rated)
    assert {q.task for q in study.rated.values()} == set(TASKS)
    rated = {p.digest for q in study.rated.values() for p in q.pictures}
    trained = {p.digest for name in study.training for p in study.questions[name].pictures}
    assert trained
    assert not rated & trained, "what trains is not rated"
    rows = list(csv.DictReader((study.folder / "data" / "manifest.csv").open()))
    assert len(rows) == 32
    for row in rows:
        assert (study.folder / "data" / row["image"]).read_bytes() == (faces / row["image"]).read_bytes()
        assert row["subject"]
    assert {q.text for q in study.rated.values() if q.task == "coarse_emotion"} == {
        "Which emotion does the person's face show?"
    }


def test_pictures_without_labels_can_be_rated(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    image = face_picture(1, 48).image
    assert image is not None
    image.save(tmp_path / "data" / "a.png")
    (tmp_path / "data" / "broken.png").write_bytes(b"no picture")
    (tmp_path / "data" / "manifest.csv").write_text("image\na.png\nbroken.png\n")
    made = build(tmp_path / "study", str(tmp_path / "data"), ["coarse_emotion", "fine_quality"])
    assert [q.task for q in made.questions] == ["coarse_emotion", "fine_quality"]
    assert any("1 samples are left out" in note and "broken.png" in note for note in made.notes)
    with pytest.raises(RequestError, match="exists"):
        build(tmp_path / "study", str(tmp_path / "data"), ["fine_quality"])


def test_nothing_is_left_of_a_study_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "manifest.csv").write_text("image\nmissing.png\n")
    with pytest.raises(BadData, match=r"nothing to ask.*missing\.png"):
        build(tmp_path / "study", str(tmp_path / "data"), ["coarse_emotion"])
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_changed_pictures_and_questions_are_refused(study: Study) -> None:
    study.check_pictures()
    path = next((study.folder / "data").glob("*.png"))
    before = path.read_bytes()
    path.write_bytes(before + b"x")
    with pytest.raises(BadData, match=f"1 of 36 pictures.*{path.name}"):
        study.check_pictures()
    digest = next(d for d, p in study._paths.items() if p == path)
    with pytest.raises(BadData, match="not the picture that it was"):
        study.shown(digest)
    path.unlink()
    with pytest.raises(BadData, match="missing"):
        study.check_pictures()
    questions = study.folder / "questions.jsonl"
    questions.write_text(questions.read_text().replace("Which emotion", "What emotion"))
    with pytest.raises(BadData, match="not what it was"):
        Study.open(study.folder)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("titel = 'x'", "unknown key 'titel' \\(did you mean 'title'\\?\\)"),
        ("[design]\nanswer = 3", "unknown key 'design.answer' \\(did you mean 'answers'\\?\\)"),
        ("[design]\nrepeats = 2", "design.repeats: input should be less than or equal to 0.5"),
        ("[consent]\nxx = 'y'", "consent: 'xx' is none of en"),
        ("title", "not valid TOML"),
    ],
)
def test_settings_that_are_wrong_are_named(line: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text(f"title = 'a'\ntasks = ['b']\ndata = 'c'\n{line}\n")
    with pytest.raises(BadData, match=message):
        read_config(tmp_path)


def test_what_is_no_study_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadData, match="is not a study"):
        Study.open(tmp_path / "nothing")
    (tmp_path / "study.toml").write_text("title = 'a'\ntasks = ['b']\ndata = 'c'\n")
    with pytest.raises(BadData, match=r"answers\.db is missing"):
        Study.open(tmp_path)
    (tmp_path / "answers.db").write_text("no database")
    with pytest.raises(BadData, match="not the database of a study"):
        Study.open(tmp_path)


def test_a_rater_from_beginning_to_end(study: Study) -> None:
    sessions = Sessions(study)
    (rater,) = started(study, sessions)
    seen = rate_all(study, sessions, rater)
    kinds = Counter(view.kind for view in seen)
    assert kinds["feedback"] == sum(view.part == "training" and view.kind == "trial" for view in seen)
    assert seen[-1].code == study.store.rater(rater.id).code
    trials, answers = study.store.trials(rater.id), study.store.answers(rater.id)
    assert sorted(answers) == [t.position for t in trials]
    positions = [view.position for view in seen if view.kind == "trial"]
    assert positions == sorted(positions)


def test_an_answer_counts_once(study: Study) -> None:
    sessions = Sessions(study)
    (rater,) = started(study, sessions)
    rate_all(study, sessions, rater, most=40)
    rater = study.store.rater(rater.id)
    view = sessions.view(rater)
    assert view.kind == "trial"
    assert not sessions.answer(rater, view.position, "no option", 5)
    assert not sessions.answer(rater, view.position + 1, view.options[0], 5)
    assert sessions.answer(rater, view.position, CANNOT_TELL, 5)
    assert not sessions.answer(study.store.rater(rater.id), view.position, view.options[0], 5), "another tab"
    assert study.store.answers(rater.id)[view.position].value == CANNOT_TELL


def test_one_step_back(study: Study) -> None:
    sessions = Sessions(study)
    (rater,) = started(study, sessions)
    while not (view := sessions.view(rater)).can_go_back:
        rate_all(study, sessions, rater, most=1)
        rater = study.store.rater(rater.id)
    rater = sessions.back(rater, view.position)
    before = sessions.view(rater)
    assert before.position == view.position - 1
    assert before.answered == study.store.answers(rater.id)[before.position].value
    assert not before.can_go_back, "one step only"
    assert sessions.back(rater, before.position) == rater
    other = next(option for option in before.options if option != before.answered)
    assert sessions.answer(rater, before.position, other, 700)
    changed = study.store.answers(rater.id)[before.position]
    assert (changed.value, changed.changes) == (other, 1)
    assert sessions.view(study.store.rater(rater.id)).position == view.position


def test_a_session_ends_and_the_next_one_opens_with_discarded_trials(study: Study) -> None:
    clock = Clock()
    sessions = Sessions(study, clock)
    (rater,) = started(study, sessions)
    rate_all(study, sessions, rater, most=40)
    planned = study.store.trials(rater.id)
    clock.time += 100
    while sessions.view(rater := study.store.rater(rater.id)).kind != "rest":
        clock.time += 100
        rate_all(study, sessions, rater, most=1)
    view = sessions.view(rater)
    assert view.until > clock.time
    assert sessions.go_on(rater, view.position) == rater, "not before the rest is over"
    clock.time = view.until + 1
    rater = sessions.go_on(rater, view.position)
    assert rater.session == 2
    added = study.store.trials(rater.id)[len(planned) :]
    assert len(added) == 5
    assert {t.part for t in added} == {"opening"}
    seen = [view for view in rate_all(study, sessions, rater) if view.kind == "trial"]
    assert [v.part for v in seen[:5]] == ["opening"] * 5
    assert seen[0].position > last_planned(study.store.trials(rater.id))
    answers = study.store.answers(rater.id)
    assert len(answers) == len(study.store.trials(rater.id))
    assert {a.session for a in answers.values()} == {1, 2}


def test_time_away_is_no_session(study: Study) -> None:
    clock = Clock()
    sessions = Sessions(study, clock)
    (rater,) = started(study, sessions)
    rate_all(study, sessions, rater, most=20)
    clock.time += 86_400
    rate_all(study, sessions, study.store.rater(rater.id), most=2)
    rater = study.store.rater(rater.id)
    assert rater.rest_until is None
    assert rater.session == 2


def test_a_pause_and_breaks(study: Study) -> None:
    sessions = Sessions(study)
    (rater,) = started(study, sessions)
    rater = sessions.pause(rater)
    assert sessions.view(rater).kind == "break"
    assert not sessions.answer(rater, 0, "happy", 5)
    rater = sessions.go_on(rater, -1)
    assert sessions.view(rater).kind == "trial"
    rater = study.store.update_rater(rater.id, rest_until=time.time() + 60)
    assert sessions.pause(rater) == rater, "a rest is a pause already"


def test_withdrawal_deletes_the_answers(study: Study) -> None:
    sessions = Sessions(study)
    one, other = started(study, sessions, 2)
    for rater in (one, other):
        rate_all(study, sessions, rater, most=30)
    kept = study.store.answers(other.id)
    one = sessions.withdraw(study.store.rater(one.id))
    assert sessions.view(one).kind == "withdrawn"
    assert not study.store.answers(one.id)
    assert not study.store.trials(one.id)
    assert {row.rater for row in study.store.rows()} == {other.id}
    assert study.store.answers(other.id) == kept
    assert not sessions.answer(one, 0, "happy", 5)


def test_pictures_of_others_are_out_of_reach(study: Study) -> None:
    sessions = Sessions(study)
    one, other = started(study, sessions, 2)
    (key, *_) = sessions.upcoming(one)
    assert sessions.picture(one, key) is not None
    assert sessions.picture(other, key) is None
    assert sessions.picture(one, "../../study.toml") is None
    assert sessions.picture(one, "0" * 32) is None
    assert sessions.picture(one, "\u00e9" * 32) is None
    late = study.questions[study.store.trials(one.id)[-1].question].pictures[0].digest
    assert sessions.picture(one, sessions._key(one, late)) is None, "not before its turn"


def test_what_a_rater_left_is_given_to_others(study: Study) -> None:
    """Questions wait for somebody who is at it, and are free again after some hours."""
    clock = Clock()
    (rater,) = started(study, Sessions(study, clock))
    waiting: list[Counter[str]] = []

    def look(assigned: Counter[str]) -> list[Trial]:
        waiting.append(assigned)
        return []

    study.store.plan(10**6, look)
    study.store.update_rater(rater.id, started=time.time() - 86_400)
    study.store.plan(10**6, look)
    assert [found.total() for found in waiting] == [30, 0]


def test_links_are_random_and_stored_hashed(study: Study) -> None:
    pairs = list(invite(study, 2, ["Ann"], []))
    assert [name for name, _ in pairs] == ["Ann", "r001", "r002"]
    stored = (study.folder / "answers.db").read_bytes() + (study.folder / "answers.db-wal").read_bytes()
    for _, token in pairs:
        assert len(token) >= 20
        assert token.encode() not in stored
    with pytest.raises(BadData, match="'Ann' already"):
        list(invite(study, 0, ["Ann"], []))
    with pytest.raises(UnknownName, match="Did you mean 'Ann'"):
        list(invite(study, 0, [], ["Amn"]))
    ((_, again),) = list(invite(study, 0, [], ["Ann"]))
    assert again != pairs[0][1]


WRITER = """
import sys
from pathlib import Path
from memobench_annotate.records import Answer
from memobench_annotate.study import Study
study = Study.open(Path(sys.argv[1]))
for position in range(10**6):
    assert study.store.answer(Answer(1, position, "happy", 5, 0.0))
    print(position, flush=True)
"""


def test_what_was_confirmed_survives_a_kill(study: Study) -> None:
    for _ in range(3):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, study.folder], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        for _ in range(20):
            last = int(process.stdout.readline())
        os.kill(process.pid, signal.SIGKILL)
        rest = process.communicate()[0].split()
        last = int(rest[-1]) if rest and rest[-1].isdigit() else last
        found = Study.open(study.folder).store.answers(1)
        assert set(range(last + 1)) <= set(found)
        assert len(found) <= last + 2
        study.store._db.execute("delete from answer")


def test_an_answer_and_what_follows_it_are_stored_together(study: Study) -> None:
    (rater,) = started(study, Sessions(study))
    with pytest.raises(TypeError, match="nonsense"):
        study.store.answer(Answer(rater.id, 0, "happy", 5, 0.0), nonsense=1)
    assert not study.store.answers(rater.id)
    assert study.store.answer(Answer(rater.id, 0, "happy", 5, 0.0), display={"wait": 0})
    assert study.store.rater(rater.id).display == {"wait": 0}
    assert json.loads(json.dumps(dict(study.store.rater(rater.id).display))) == {"wait": 0}
