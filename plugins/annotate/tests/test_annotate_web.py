"""The pages of a study: the way through them, what they say, and what raters must not see."""

from __future__ import annotations

import html
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from memobench_annotate import plates
from memobench_annotate.sessions import Sessions

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&{{ 7*7 }}"


# The way through


def test_a_whole_session_without_javascript(make_place: Any) -> None:
    place = make_place(
        ('contact = ""', 'contact = ""\ncompletion_url = "https://example.org/end?cc={code}&x=<1>"')
    )
    device = place.device(**{"accept-language": "en-GB"}).enter()
    assert "Taking part" in device.page
    assert place.rater().state == "invited"
    device.send("/consent")
    device.send("/check", screen="800,600,2,1600,1200,24", dark="7", light="999", plate1="3", plate2=HOSTILE)
    check = place.rater().display["check"]
    assert (check["width"], check["ratio"], check["dark_steps"], check["light_steps"]) == (800, 2, 7, None)
    shown = plates.numbers(place.rater().seed)
    assert [plate["shown"] for plate in check["plates"]] == list(shown)
    assert check["plates"][0]["right"] == (shown[0] == "3")
    assert not check["plates"][1]["right"]
    device.rate()
    rater = place.rater()
    assert rater.state == "done"
    assert rater.code in device.page
    assert f'href="https://example.org/end?cc={rater.code}&amp;x=&lt;1&gt;"' in device.page
    assert len(place.study.store.answers(rater.id)) == len(place.study.store.trials(rater.id))
    assert {a.ms for a in place.study.store.answers(rater.id).values()} == {900}
    device.get("/")
    assert rater.code in device.page


def test_a_link_is_opened_on_one_device(place: Any) -> None:
    link = place.link()
    for _ in range(3):  # Previews of links, and curious people.
        assert "Begin" in place.device().get(link)
    first, second = place.device(), place.device(**{"user-agent": f"Phone {HOSTILE}"})
    first.enter(link)
    assert "open on another device" in second.post("/enter", 403, token=link.rpartition("/")[2])
    assert second.http.cookies == {}
    event = place.study.store.events()[-1]
    assert (event.kind, event.rater) == ("link_reused", place.rater().id)
    assert "testclient: Phone <script>" in event.text
    first.enter(link)
    assert "Taking part" in first.page
    second.get("/", 403)
    second.get("/r/wrong", 404)
    second.post("/enter", 404, token="wrong")
    second.post("/enter", 404)


def test_one_device_wins_when_two_enter_at_once(place: Any) -> None:
    token = place.link().rpartition("/")[2]
    devices = [place.device() for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(lambda d: d.http.post("/enter", data={"token": token}).status_code, devices))
    assert sorted(codes) == [200] + [403] * 7


def test_people_from_elsewhere(make_place: Any) -> None:
    closed = make_place()
    closed.device().get("/join?rater=anna", 404)
    closed.device().post("/enter", 404, rater="anna")
    place = make_place(("open = false", "open = true"))
    place.link()
    first, second = place.device(), place.device()
    assert "the id anna" in first.get("/join?rater=anna")
    assert place.study.store.rater_by_name("anna") is None
    first.post("/enter", rater=first.field("rater"))
    assert "Taking part" in first.page
    assert place.rater("anna").external
    assert "another device" in second.post("/enter", 403, rater="anna")
    second.post("/enter", 404, rater="r001")  # Has a personal link.
    for bad in ("", " ", "a" * 101, "a%0Ab", "a%00"):
        place.device().get(f"/join?rater={bad}", 404)
    for name in ("PROLIFIC_PID", "participantId"):
        assert "the id p&lt;1&gt;" in place.device().get(f"/join?{name}=p%3C1%3E")


def test_an_answer_counts_once(place: Any) -> None:
    device = place.device().begin()
    at, first, other = device.position, device.options[0], device.options[1]
    device.send("/answer", position=at, value=first, ms="500")
    device.send("/answer", position=at, value=other, ms="600")
    answers = place.study.store.answers(place.rater().id)
    assert [(a.value, a.ms, a.changes) for a in answers.values()] == [(first, 500, 0)]


def test_many_at_once_store_one_answer(place: Any) -> None:
    device = place.device().begin()
    fields = {"form_key": device.key, "position": device.position, "ms": "1"}

    def answer(option: str) -> int:
        return int(device.http.post("/answer", data={**fields, "value": option}).status_code)

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(answer, device.options)) == {200}
    (found,) = place.study.store.answers(place.rater().id).values()
    assert found.changes == 0


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"value": "joyful"}, 200), ({"value": ""}, 200), ({}, 200), ({"value": "sad", "position": "99"}, 200),
        ({"value": "sad", "position": "-1"}, 200), ({"value": "sad", "position": "x"}, 200),
        ({"value": "sad", "position": "9" * 30}, 200), ({"value": "sad", "position": "\u0663"}, 200),
        ({"value": "sad", "form_key": "wrong"}, 403), ({"value": "sad", "form_key": "\u00e9"}, 403), ({"value": "!what"}, 200),
    ],
)  # fmt: skip
def test_what_is_no_answer_is_not_stored(place: Any, fields: dict[str, str], status: int) -> None:
    device = place.device().begin()
    device.post(
        "/answer", status, **{"form_key": device.key, "position": device.position, "ms": "1", **fields}
    )
    assert place.study.store.answers(place.rater().id) == {}


@pytest.mark.parametrize(
    ("ms", "stored"), [("", 0), ("-5", 0), ("1e9", 0), ("nan", 0), ("999999999", 3_600_000), ("321", 321)]
)
def test_times_are_bounded(place: Any, ms: str, stored: int) -> None:
    device = place.device().begin()
    device.send("/answer", position=device.position, value="!cannot_tell", ms=ms)
    (found,) = place.study.store.answers(place.rater().id).values()
    assert (found.value, found.ms) == ("!cannot_tell", stored)


def test_going_back_by_one(make_place: Any) -> None:
    place = make_place(("attention = 0.03", "attention = 0"))
    device = place.device().begin()
    while "Practice" in device.page or 'id="go_on"' in device.page:
        device.rate(1)
    assert 'id="back"' not in device.page
    at, first, other = device.position, device.options[0], device.options[1]
    device.send("/answer", position=at, value=first, ms="500")
    device.send("/back", position=device.position)
    assert device.position == at
    assert f'value="{first}" aria-current="true"' in device.page
    assert "your answer before" in device.page
    assert 'id="back"' not in device.page
    device.send("/answer", position=at, value=other, ms="700")
    found = place.study.store.answers(place.rater().id)[int(at)]
    assert (found.value, found.changes) == (other, 1)


def test_feedback_stands_in_the_practice_only(place: Any) -> None:
    device = place.device().begin()
    expected = {
        t.position: t.expected for t in place.study.store.trials(place.rater().id) if t.part == "training"
    }
    assert len(expected) == 2
    assert "Practice" in device.page
    device.send("/answer", position=device.position, value=str(expected[0]), ms="1")
    assert "Correct" in device.page
    device.send("/answer", position="1", value="sad", ms="1")  # Not while feedback is shown.
    assert "Correct" in device.page
    device.send("/go_on", position=device.position)
    wrong = next(o for o in device.options if o != expected[1])
    device.send("/answer", position=device.position, value=wrong, ms="1")
    assert f"You chose “{wrong}”. The expected answer is “{expected[1]}”." in html.unescape(device.page)
    device.send("/go_on", position=device.position)
    assert "Practice" not in device.page
    device.send("/answer", position=device.position, value=device.options[0], ms="1")
    assert 'id="trial"' in device.page


def test_attention_trials_say_what_to_choose(make_place: Any) -> None:
    place = make_place(("attention = 0.03", "attention = 0.5"))
    device = place.device().begin().rate()
    rater = place.rater()
    asked = [t for t in place.study.store.trials(rater.id) if t.part == "attention"]
    answers = place.study.store.answers(rater.id)
    assert asked
    assert all(answers[t.position].value == t.expected for t in asked)
    assert device.place.rater().state == "done"


def test_pause_break_and_rest(make_place: Any) -> None:
    place = make_place(
        ("break_every = 50", "break_every = 6"),
        ("minutes = 30", "minutes = 0.00001"),
        ("rest_minutes = 10", "rest_minutes = 5"),
    )
    device = place.device().begin()
    device.send("/pause")
    assert "Ready when you are" in device.page
    device.get("/")
    device.send("/go_on", position=device.position)
    device.rate(1)
    assert "Please rest" in device.page
    assert re.search(r'data-seconds="(29\d|300)"', device.page)
    assert '<noscript><meta http-equiv="refresh"' in device.page
    assert 'id="go_on"' not in device.page
    device.post("/go_on", form_key=place.rater().form_key, position="0")
    assert "Please rest" in device.page
    place.study.store.update_rater(place.rater().id, rest_until=1.0)
    device.get("/")
    assert "Ready when you are" in device.page
    device.send("/go_on", position=device.position)
    assert place.rater().session == 2


def test_breaks_are_offered(make_place: Any) -> None:
    place = make_place(("break_every = 50", "break_every = 6"))
    device = place.device().begin().rate()
    assert "Time for a break" in device.page
    assert "You have answered 6 of" in device.page
    device.send("/go_on", position=device.position)
    assert 'id="trial"' in device.page


def test_withdrawing_deletes(place: Any) -> None:
    device = place.device().begin().rate(4)
    assert place.study.store.answers(place.rater().id)
    device.get("/withdraw")
    assert "cannot be undone" in device.page
    assert place.study.store.answers(place.rater().id)
    device.post("/withdraw", 403, form_key="wrong")
    device.get("/withdraw")
    device.send("/withdraw")
    assert "You have withdrawn" in device.page
    assert place.study.store.answers(place.rater().id) == {}
    assert "withdrawn" in place.kinds()
    device.get("/withdraw")
    assert "You have withdrawn" in device.page


def test_withdrawing_is_possible_at_the_end_too(place: Any) -> None:
    device = place.device().begin().rate()
    while device.place.rater().state != "done":
        device.send("/go_on", position=device.position)
        device.rate()
    assert 'href="/withdraw"' in device.page
    device.get("/withdraw")
    device.send("/withdraw")
    assert "You have withdrawn" in device.page
    assert not place.study.store.answers(place.rater().id)


def test_a_full_study_says_so(make_place: Any) -> None:
    place = make_place(("answers = 15", "answers = 1"))
    place.device().begin().rate()
    device = place.device().begin()
    assert "All places are taken" in device.page


# What raters must not see


def test_nothing_names_a_picture(make_place: Any) -> None:
    place = make_place(("attention = 0.03", "attention = 0"))
    device = place.device().begin()
    trials = {t.position: t for t in place.study.store.trials(place.rater().id)}
    for _ in range(100):
        if 'id="trial"' in device.page:
            trial = trials[int(device.position)]
            question = place.study.questions[trial.question]
            rest = re.sub(r"<button.*?</button>", "", device.page, flags=re.DOTALL)
            assert str(question.truth) not in rest.replace(place.study.config.title, "")
        device.rate(1)
        if place.rater().state == "done":
            break
    everything = "".join(device.seen)
    for word in ("secretid", "secretfile", "coarse_emotion", *place.study.questions):
        assert word not in everything, word
    for question in place.study.questions.values():
        assert not any(picture.digest in everything for picture in question.pictures)


def test_pictures_are_those_of_the_rater(place: Any) -> None:
    first, second = place.device().begin(), place.device().begin()
    response = first.http.get(first.pictures[0])
    assert response.status_code == 200
    assert response.headers["content-type"] == "image/png"
    assert response.headers["cache-control"].startswith("private")
    assert response.headers["x-content-type-options"] == "nosniff"
    later = re.search('data-next="([^"]*)"', first.page)
    assert later is not None
    assert later[1]
    for key in later[1].split():
        assert first.http.get(f"/picture/{key}").status_code == 200
    sessions, rater = Sessions(place.study), place.rater()
    last = place.study.store.trials(rater.id)[-1]
    far = sessions._key(rater, place.study.questions[last.question].pictures[0].digest)
    for path in (
        second.pictures[0],
        f"/picture/{far}",
        "/picture/" + "0" * 32,
        "/picture/%C3%A9",
        "/picture/x",
        "/picture/../x",
    ):
        assert first.http.get(path).status_code == 404, path
    assert place.device().http.get(first.pictures[0]).status_code == 404


def test_a_picture_that_changed_is_not_shown(place: Any) -> None:
    device = place.device().begin()
    for path in place.study.folder.rglob("*.png"):
        path.write_bytes(path.read_bytes() + b"x")
    assert device.http.get(device.pictures[0]).status_code == 500
    assert "picture_changed" in place.kinds()


def test_markup_is_text(make_place: Any) -> None:
    place = make_place(
        ('title = "', 'title = "<script>alert(1)</script><img src=x onerror=a()>{{ 7*7 }}'),
        ("open = false", "open = true"),
    )
    device = place.device()
    device.get("/join", 404)
    device.get("/join?" + "rater=" + "%3Cscript%3Ealert(2)%3C/script%3E")
    device.post("/enter", rater=device.field("rater"))
    device.send("/consent")
    device.send("/check")
    live = place.device(**{"user-agent": HOSTILE})
    live.post("/enter", 403, rater="<script>alert(2)</script>")
    live.get(f"/live/{place.study.new_live_token()}")
    live.post("/live/enter", token=live.field("token"))
    for page in (*device.seen, live.page):
        assert "<script>" not in page
        assert "<img src=x" not in page
        assert "{{ 7*7 }}" in page or not page.startswith("<!doctype")
    assert "alert(2)" in live.page


# The experimenter


def test_the_experimenters_page(place: Any) -> None:
    rater = place.device().begin().rate(6)
    token = place.study.new_live_token()
    first, second = place.device(), place.device()
    first.get("/live", 403)
    first.get("/live/wrong", 404)
    first.post("/live/enter", 404, token="wrong")
    assert "Begin" in second.get(f"/live/{token}")
    first.post("/live/enter", token=token)
    assert "How the study goes" in first.page
    assert "r001" in first.page
    first.get("/live")
    second.post("/live/enter", 403, token=token)
    second.get("/live", 403)
    rater.get("/live", 403)
    assert place.kinds() == ["link_reused"]
    place.study.new_live_token()
    first.get("/live", 403)
