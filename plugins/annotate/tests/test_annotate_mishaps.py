"""What happens to studies: odd names, disks that are full or cannot be written, files that are exchanged, slips of the pen."""

from __future__ import annotations

import csv
import io
import itertools
import os
import shutil
import socket
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import uvicorn
from memobench_annotate import connections, database
from memobench_annotate.addresses import base_of
from memobench_annotate.building import build
from memobench_annotate.config import read_config
from memobench_annotate.exporting import export
from memobench_annotate.inviting import invite
from memobench_annotate.people import People
from memobench_annotate.records import Answer
from memobench_annotate.sessions import Sessions
from memobench_annotate.study import Study
from memobench_annotate.tables import csv_text

from harness import BadData, BadOption, JudgeRequest, Picture, Question, RequestError, Scale, StorageError
from harness.tasks.answers import parse_reply
from harness.tasks.catalog import load
from harness.testing import face_picture
from harness.testing.command import Shell

Make = Callable[..., Study]
LEVELS = ("very weak", "weak", "moderate", "strong", "very strong")


def faces(folder: Path, names: list[str], same: int = 10**6) -> Path:
    """Pictures with names, every `same` of them alike, with a manifest."""
    folder.mkdir()
    rows = [["id", "image", "emotion", "intensity"]]
    for number, name in enumerate(names):
        image = face_picture(number % same, 32).image
        assert image is not None
        image.save(folder / name, "PNG")
        rows.append([name.removesuffix(".png"), name, ("happy", "sad")[number % 2], str(1 + number % 3)])
    (folder / "manifest.csv").write_text(csv_text(rows), encoding="utf-8", newline="")
    return folder


def test_equal_means_of_people_are_equal() -> None:
    """Whatever the votes are: a tie that rounding breaks would change rank correlations."""
    answer = load("fine_intensity")[0].answer  # type: ignore[union-attr]
    judge = People(People.Options(ref="nowhere"))
    means: dict[float, set[float]] = {}
    for votes in itertools.product(range(5), repeat=3):
        chosen = Counter(LEVELS[vote] for vote in votes)
        request = JudgeRequest(
            "a", "a", (Picture("d"),), (), Question("rating", LEVELS, None, Scale(LEVELS), "logprobs")
        )
        reply = judge._reply(request, chosen)
        value = parse_reply({"scores": reply.scores}, answer, LEVELS, "logprobs").value
        assert isinstance(value, float)
        means.setdefault(sum(votes), set()).add(value)
    assert [values for values in means.values() if len(values) > 1] == []
    assert means[4] == {1 + 4 / 3} or abs(next(iter(means[4])) - 1 - 4 / 3) < 1e-11


def test_names_with_odd_signs(tmp_path: Path) -> None:
    """Separators of lines of any kind, in ids and files."""
    names = [
        "a\u2028b.png",
        "a\u0085b.png",
        "a\x0bb.png",
        "a\rb.png",
        "a,b.png",
        'a"b.png',
        "=a.png",
        "<b>.png",
    ]
    made = build(tmp_path / "study", str(faces(tmp_path / "data", names)), ["coarse_emotion"], training=0)
    study = Study.open(tmp_path / "study")
    assert {q.sample_id for q in study.rated.values()} == {name.removesuffix(".png") for name in names}
    assert not made.notes
    study.check_pictures()
    sessions = Sessions(study)
    ((name, _),) = invite(study, 1, [], [])
    rater = study.store.rater_by_name(name)
    assert rater is not None
    rater = sessions.checked(sessions.consent(rater, "en"), {})
    while (view := sessions.view(rater := study.store.rater(rater.id))).kind == "trial":
        assert sessions.answer(rater, view.position, view.instructed or view.options[0], 900)
    export(study)
    with (study.folder / "data" / "ratings.csv").open(newline="", encoding="utf-8") as file:
        rated = {row["id"] for row in csv.DictReader(file)}
    assert rated == {name.removesuffix(".png") for name in names}


def test_names_in_no_encoding_are_left_out(tmp_path: Path) -> None:
    data = tmp_path / "data" / "happy"
    data.mkdir(parents=True)
    image = face_picture(1, 32).image
    assert image is not None
    image.save(data / "a.png")
    shutil.copyfile(os.fsencode(data / "a.png"), os.fsencode(data) + b"/\xff\xfe.png")
    made = build(tmp_path / "study", str(tmp_path / "data"), ["coarse_emotion"])
    assert len(made.questions) == 1
    assert any("encoding" in note for note in made.notes)


@pytest.mark.parametrize("title", ["x" * 201, "del\x7f", "\udcff", " "])
def test_titles_that_cannot_be_shown_are_refused_at_once(title: str, tmp_path: Path) -> None:
    data = faces(tmp_path / "data", ["a.png"])
    with pytest.raises(RequestError, match="cannot be the title"):
        build(tmp_path / "study", str(data), ["coarse_emotion"], title=title)
    assert not (tmp_path / "study").exists()


def test_a_title_with_any_signs_is_read_back(tmp_path: Path) -> None:
    title = 'Ä "quoted" \\ 中文 \U0001f600'
    build(tmp_path / "study", str(faces(tmp_path / "data", ["a.png"])), ["coarse_emotion"], title=title)
    assert read_config(tmp_path / "study").title == title


def test_what_trains_is_rated_by_nobody_even_under_another_name(tmp_path: Path) -> None:
    data = faces(tmp_path / "data", [f"{n}.png" for n in range(20)], same=10)
    build(tmp_path / "study", str(data), ["coarse_emotion"])
    study = Study.open(tmp_path / "study")
    trained = {p.digest for name in study.training for p in study.questions[name].pictures}
    assert trained
    assert not trained & {p.digest for q in study.rated.values() for p in q.pictures}


def test_a_study_on_a_read_only_disk_has_all_answers(
    make_study: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = make_study(faces=6)
    invite(study, 1, [], [])
    assert study.store.answer(Answer(1, 0, "happy", 5, 0.0))
    copy = tmp_path / "copy"
    shutil.copytree(study.folder, copy)  # With the log that is not merged, as after a kill.
    assert (copy / "answers.db-wal").stat().st_size
    monkeypatch.setattr(database.os, "access", lambda *_: False)
    found = Study.open(copy)
    assert found.store.answers(1)[0].value == "happy"
    with pytest.raises(StorageError, match="cannot be written"):
        found.store.note("a", None, "b")
    found.store.close()


@pytest.mark.parametrize("way", ["deleted", "replaced"])
def test_no_answer_is_confirmed_that_would_be_lost(make_study: Make, tmp_path: Path, way: str) -> None:
    study = make_study(faces=6)
    file = study.folder / "answers.db"
    shutil.copyfile(file, tmp_path / "older")
    if way == "deleted":
        file.unlink()
    else:
        os.replace(tmp_path / "older", file)
    with pytest.raises(StorageError, match="deleted or replaced"):
        study.store.answer(Answer(1, 0, "happy", 5, 0.0))


def test_a_full_disk_is_not_taken_for_a_broken_file(
    make_study: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_study(faces=6).folder

    def full(*_: object, **__: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr("memobench_annotate.store.connect", full)
    with pytest.raises(StorageError, match="disk I/O error") as caught:
        Study.open(folder)
    assert "Free room" in caught.value.hint


def test_a_place_that_becomes_free_is_taken(make_study: Make) -> None:
    study = make_study(("coarse_emotion",), faces=6, answers=1)
    sessions = Sessions(study)
    raters = []
    for name, _ in invite(study, 2, [], []):
        rater = study.store.rater_by_name(name)
        assert rater is not None
        raters.append(sessions.checked(sessions.consent(rater, "en"), {}))
    assert sessions.view(raters[1]).kind == "full"
    sessions.withdraw(raters[0])
    assert sessions.view(raters[1]).kind == "trial"


def test_a_rest_is_never_longer_than_it_may_be(make_study: Make) -> None:
    """The clock of the machine may be set back."""
    study = make_study(faces=6)
    sessions = Sessions(study)
    ((name, _),) = invite(study, 1, [], [])
    rater = study.store.rater_by_name(name)
    assert rater is not None
    rater = sessions.checked(sessions.consent(rater, "en"), {})
    rater = study.store.update_rater(rater.id, rest_until=time.time() + 10**6)
    assert sessions.view(rater).until <= time.time() + 600


@pytest.mark.parametrize(
    "names", [["Doe", "Doe"], ["new", "r001"], [""], [" a"], ["x" * 101], ["a\nb"], ["\udcff"]], ids=repr
)
def test_names_of_raters_are_all_taken_or_none(make_study: Make, names: list[str]) -> None:
    study = make_study(faces=6)
    invite(study, 1, [], [])
    with pytest.raises(BadData, match=r"already|cannot be the name"):
        invite(study, 3, names, [])
    assert [rater.name for rater in study.store.raters()] == ["r001"]


def test_many_are_invited_in_no_time(make_study: Make) -> None:
    study = make_study(faces=6)
    began = time.monotonic()
    assert len(invite(study, 10_000, [], [])) == 10_000
    assert time.monotonic() - began < 60
    assert len({rater.seed for rater in study.store.raters()}) > 9_990


def test_invitations_are_csv(make_study: Make, tmp_path: Path) -> None:
    study = make_study(faces=6)
    done = Shell(tmp_path)("annotate", "invite", study.folder, "--name", "Doe, Jane", "--name", "=1+1").ok()
    rows = list(csv.reader(io.StringIO(done.out)))
    assert [row[0] for row in rows] == ["rater", "Doe, Jane", "'=1+1"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('gold = ["f1O"]', "gold: the study has no sample 'f1O'; did you mean 'f1"),
        (
            "[widths]\nfine_intensty = 1",
            "widths: the study has no task 'fine_intensty'; did you mean 'fine_intensity'",
        ),
        ("[widths]\nfine_intensity = -1", "widths: fine_intensity: -1.0 is not a width"),
        ("[consent]\nen = ' '", "consent: the text is empty"),
        ("[screening]\nfewest = true", "fewest is true, and not a number"),
        ("[[[[" * 3000, "not valid TOML"),
    ],
)
def test_slips_in_the_settings_are_named(make_study: Make, line: str, message: str) -> None:
    folder = make_study(faces=12).folder
    text = (folder / "study.toml").read_text()
    text = text.replace("gold = []", line) if line.startswith("gold") else f"{text}\n{line}\n"
    (folder / "study.toml").write_text(text)
    with pytest.raises(BadData, match=message.replace("[", r"\[")):
        Study.open(folder)


@pytest.mark.parametrize(
    "url", ["http://[bad", "https://u:p@x.org", "https://x.org:99999", "ftp://x", "https://x.org/a", "x"]
)
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(BadOption, match="not the address of a site"):
        base_of(url)


def test_a_mistyped_subcommand_is_guessed(tmp_path: Path) -> None:
    Shell(tmp_path)("annotate", "exprot", "study").fails(2, "Did you mean 'export'")
    Shell(tmp_path)("annotate", "--port", "9", "nowhere").fails(2, "is not a study")


def test_connections_that_send_nothing_are_closed(place: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "SILENCE", 0.5)
    config = uvicorn.Config(place.app, http=connections.patient_protocol(), log_level="error")  # type: ignore[attr-defined]
    server = uvicorn.Server(config)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            for sent in (b"", b"GET / HTTP/1.1\r\n"):
                with socket.create_connection(listening.getsockname(), timeout=30) as silent:
                    silent.sendall(sent)
                    assert silent.recv(1000) == b"", "closed"
            with socket.create_connection(listening.getsockname(), timeout=30) as talking:
                talking.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:8765\r\n\r\n")
                assert talking.recv(1000).startswith(b"HTTP/1.1 200")
        finally:
            server.should_exit = True
            thread.join(20)
