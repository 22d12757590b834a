"""Each answer is declared or understood from prose; what was cut off or failed in the server is no answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from harness.parsing import Parsed, Unparsed
from harness.results import MetricValue, ReadAs
from harness.scoring.panel import panel_rows
from harness.scoring.reading_notes import Read, cut_off_notes, prose_notes
from harness.scoring.rows import Rows
from harness.scoring.run_record import ParticipantRecord
from harness.scoring.stored import StoredSample
from harness.tasks import answers, catalog
from harness.tasks.answers import ParsedReply, parse_reply, without_prose
from harness.tasks.spec import Answer, MetricSpec

CHOICE = Answer.model_validate(
    {"kind": "choice", "options": ("happy", "sad", "angry"), "truth": {"field": "emotion"}}
)
RATING = Answer.model_validate(
    {"kind": "rating", "options": ("weak", "medium", "strong"), "low": 1, "truth": {"field": "intensity"}}
)
STRICT = CHOICE.model_copy(update={"prose": "unparsed"})
PROSE = "I would say she is sad."
FAILED = (
    "error",
    "ERROR",
    "failed",
    "cancelled",
    "canceled",
    "abort",
    "aborted",
    "insufficient_system_resource",
)


@pytest.fixture(autouse=True)
def _reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that knows three replies, so that these tests concern what is made of its findings."""

    def read(text: str, options: Sequence[str] = (), **more: Any) -> Parsed[Any] | Unparsed:
        known: dict[str, Parsed[Any]] = {"sad": Parsed("sad", "option"), PROSE: Parsed("sad", "prose"),
                                         "2": Parsed(2.0, "number"), "Rather medium.": Parsed(2.0, "prose")}  # fmt: skip
        return known.get(text, Unparsed("no answer"))

    for name in ("read_choice", "read_rating", "read_pair"):
        monkeypatch.setattr(answers, name, read)


def parse(
    text: str | None, answer: Answer = CHOICE, mode: str = "text", limit: int | None = None, **more: Any
) -> ParsedReply:
    reply = more if text is None else {"text": text, **more}
    return parse_reply(reply, answer, answer.options, mode, limit)


def test_texts_are_declared_or_prose() -> None:
    assert parse("sad") == ParsedReply("sad", how="declared")
    assert parse(PROSE) == ParsedReply("sad", how="prose")
    assert parse("2", RATING).how == "declared"
    assert parse("Rather medium.", RATING).how == "prose"
    assert parse("?") == ParsedReply(None, "no answer")


def test_numbers_log_probabilities_and_guided_choices_are_declared() -> None:
    assert parse(None, RATING, "rating", rating=2.5).how == "declared"
    scores = {"happy": -1.0, "sad": -2.0, "angry": -3.0}
    assert parse(None, CHOICE, "logprobs", scores=scores).how == "declared"
    levels = {"weak": -1.0, "medium": -2.0, "strong": -3.0}
    assert parse(None, RATING, "logprobs", scores=levels).how == "declared"
    assert parse("sad", CHOICE, "choice").how == "declared"
    assert parse(None, CHOICE, "logprobs", scores=dict.fromkeys(scores, 0.0)).how == "", "a tie is unparsed"


def test_an_option_letter_by_letter_is_declared_whatever_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "read_choice", lambda *a, **k: Parsed("sad", "prose"))
    lettered = CHOICE.model_copy(update={"labels": "letters"})
    assert parse("sad", CHOICE, "choice").how == parse("sad", CHOICE, "text").how == "declared"
    assert parse("sad", lettered, "choice").how == "declared"
    assert parse("sad", lettered, "text").how == "prose", (
        "where options have labels, a text may be one of them"
    )
    assert parse(PROSE, CHOICE, "choice").how == "prose", "the server did not hold the judge to the options"


def test_a_task_may_take_declared_answers_only() -> None:
    assert parse(PROSE, STRICT) == ParsedReply(None, "understood from prose only")
    assert parse("sad", STRICT).value == "sad"
    assert parse("?", STRICT).reason == "no answer"


@pytest.mark.parametrize("finish", ["length", "MAX_TOKENS"])
def test_a_reply_that_was_cut_off_counts_where_it_declares_an_answer(finish: str) -> None:
    usage = {"completion_tokens": 40, "prompt_tokens": 300}
    assert parse("sad", finish_reason=finish, usage=usage) == ParsedReply("sad", how="declared")
    for text in (PROSE, "?", ""):
        assert parse(text, finish_reason=finish, usage=usage).reason == "cut off at 40 tokens"
        assert parse(text, finish_reason=finish, limit=64).reason == "cut off at 64 tokens"
        assert parse(text, finish_reason=finish).reason == "cut off"
    assert parse(PROSE, STRICT, finish_reason=finish, limit=64).reason == "cut off at 64 tokens"
    assert parse(PROSE, finish_reason="stop", usage=usage).value == "sad"


def test_scores_of_a_single_token_are_not_cut_off() -> None:
    scores = {"happy": -1.0, "sad": -2.0, "angry": -3.0}
    assert parse(None, mode="logprobs", scores=scores, finish_reason="length").value == "happy"


@pytest.mark.parametrize("finish", FAILED)
@pytest.mark.parametrize("mode", ["text", "choice", "logprobs"])
def test_a_stored_reply_that_failed_in_the_server_is_no_answer(finish: str, mode: str) -> None:
    scores = {"happy": -1.0, "sad": -2.0, "angry": -3.0}
    found = parse("sad", mode=mode, finish_reason=finish, scores=scores)
    assert found == ParsedReply(None, "the server reported an error")


def test_what_a_filter_stopped_is_refused() -> None:
    assert parse("sad", finish_reason="content_filter").reason == "refused"


def rows(*texts: str, truth: str | float = "sad", answer: Answer = CHOICE) -> Rows:
    found = Rows(answer, question="q")
    for number, text in enumerate(texts):
        sample = StoredSample(number, f"s{number:03}", 0, "sad", 2.0, None, {}, {}, ())
        found.add(sample, truth, parse(text, answer))
    return found


def test_rows_count_how_they_were_read() -> None:
    found = rows("sad", PROSE, "?", PROSE, "?", "?")
    found.add_missed(found.samples[0], "sad")
    assert found.read_as == ReadAs(declared=1, prose=2, unparsed=3)
    assert found.select([1, 2, 6]).read_as == ReadAs(declared=0, prose=1, unparsed=1)
    assert list(found.select([3, 0]).prose) == [1, 0], "rows keep theirs when they are sorted"


def test_rows_without_prose() -> None:
    found = rows("sad", PROSE, "?")
    strict = found.without_prose()
    assert np.isnan(strict.predicted).tolist() == [False, True, True]
    assert strict.reasons == ["", "understood from prose only", "no answer"]
    assert strict.read_as == ReadAs(declared=1, prose=0, unparsed=2)
    assert found.read_as == ReadAs(declared=1, prose=1, unparsed=1), "the original stays as it is"
    assert len(found.predicted) == len(strict.predicted) == 3
    assert found.predicted[1] == 1.0


ACCURACY = MetricSpec(name="accuracy", primary=True)


def value(number: float) -> MetricValue:
    return MetricValue(name="accuracy", value=number, low=None, high=None, n=1, method=None, direction="higher",
                       primary=True, group={})  # fmt: skip


def test_much_prose_is_noted_with_the_value_without_it() -> None:
    found = rows(*["sad"] * 16, *[PROSE] * 4, *["?"] * 5)
    [note] = prose_notes(Read(found, "text", ""), ACCURACY, value(0.8))
    assert note == (
        "4 of 20 answers (20%) were understood from prose; counted as unparsed, accuracy would be 0.640 instead of 0.800 "
        "(n 25); `harness run --read choice` avoids the question where the judge supports it, "
        "`harness score --strict` counts them as unparsed"
    )
    assert prose_notes(Read(rows(*["sad"] * 19, PROSE), "text", ""), ACCURACY, None) == [], "5% is not more"
    assert prose_notes(Read(rows(*["sad"] * 18, PROSE), "text", ""), ACCURACY, None) != []
    assert prose_notes(Read(rows(), "text", ""), ACCURACY, None) == []


def test_the_advice_fits_the_answer_mode() -> None:
    found = rows(PROSE, "sad")
    [note] = prose_notes(Read(found, "choice", ""), ACCURACY, None)
    assert "--read choice" not in note
    assert "does not hold the judge to the options" in note
    text_only = CHOICE.model_copy(update={"read": ("text",)})
    [note] = prose_notes(Read(rows(PROSE, "sad", answer=text_only), "text", ""), ACCURACY, None)
    assert "--read choice" not in note


def test_ratings_are_noted_with_the_rows_left_and_their_bound() -> None:
    found = Rows(RATING, question="q")
    for number, text in enumerate(["2"] * 6 + ["Rather medium."] * 4):
        sample = StoredSample(number, f"s{number}", 0, "sad", None, None, {}, {}, ())
        found.add(sample, 1.0 if number % 2 else 2.0, parse(text, RATING))
    [note] = prose_notes(Read(found, "text", ""), MetricSpec(name="mae", primary=True), None)
    # Six are left, half of them off by one. Bounded, each of the others is off by 2, or by 1 where the truth is 2.
    assert "4 of 10 answers (40%)" in note
    assert "left out, mae would be 0.500 (n 6), mae_bound 0.900" in note


def test_a_value_that_rests_on_prose_alone() -> None:
    found = rows("Rather medium.", "Rather medium.", truth=2.0, answer=RATING)
    [note] = prose_notes(Read(found, "text", ""), MetricSpec(name="mae", primary=True), None)
    assert "mae would not exist" in note


def test_a_panel_rests_on_prose_where_its_majority_does() -> None:
    three = [rows("sad", "sad", "sad", PROSE), rows("sad", "sad", PROSE, PROSE), rows("sad", "?", PROSE, "?")]
    together = panel_rows(three)
    assert list(together.prose) == [0, 0, 1, 1]
    assert together.read_as == ReadAs(declared=2, prose=2, unparsed=0)
    outvoted = rows("sad")
    outvoted.predicted[0], outvoted.prose[0] = 0.0, 1
    assert list(panel_rows([rows("sad"), rows("sad"), outvoted]).prose) == [0], "its reply does not count"


def test_the_note_on_replies_that_were_cut_off_names_an_option_that_exists() -> None:
    reasons = {"refused": 4, "cut off at 64 tokens": 2, "cut off at 32 tokens": 1}
    plain, limited = (ParticipantRecord("mine", options, {}) for options in ({}, {"max_tokens": 0}))
    [note] = cut_off_notes(reasons, plain, under_test=True)
    assert note.startswith("3 replies were cut off before declaring an answer: max_tokens in the table [samp")
    assert "-o" not in note
    assert "-o max_tokens=N, or max_tokens in" in cut_off_notes(reasons, limited, under_test=True)[0]
    assert "--judge-option mine.max_tokens=N" in cut_off_notes(reasons, limited, under_test=False)[0]
    assert cut_off_notes({"refused": 4}, limited, under_test=True) == []


def test_only_a_changed_setting_is_stored_with_a_task() -> None:
    spec, _ = catalog.load("coarse_emotion")
    assert spec.kind == "task"
    stored = spec.model_dump(mode="json")
    assert "prose" not in stored["answer"], "run folders of earlier versions hold the same request"
    assert type(spec).model_validate(stored) == spec
    strict = without_prose(spec)
    assert strict.answer is not None
    assert strict.model_dump(mode="json")["answer"] == {**stored["answer"], "prose": "unparsed"}
    assert type(spec).model_validate(strict.model_dump(mode="json")) == strict
