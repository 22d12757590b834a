"""Panels of judges, the test of the valence gap, and judges of the generator's own family."""

from __future__ import annotations

from typing import Any

import pytest

from harness import HypothesisTest
from harness.metrics.interval import Resampling
from harness.registry.factory import make
from harness.registry.registry import registry
from harness.scoring.family import family_warning, maker_of
from harness.scoring.panel import agreement, answers_together, panel_rows
from harness.scoring.rows import Rows
from harness.scoring.run_record import ParticipantRecord
from harness.scoring.stored import StoredSample
from harness.tasks.answers import ParsedReply
from harness.tasks.spec import Answer
from harness.types import EMOTIONS

HOW = Resampling(0, 2_000)
CHOICE = Answer.model_validate({"kind": "choice", "options": list(EMOTIONS), "truth": {"field": "emotion"}})
RATING = Answer.model_validate(
    {"kind": "rating", "options": ["weak", "moderate", "strong"], "low": 1, "truth": {"field": "intensity"}}
)


def sample(number: int, emotion: str = "happy", **attributes: str) -> StoredSample:
    return StoredSample(number, f"s{number}", 0, emotion, 2.0, None, attributes, {}, ())


def rows(answer: Answer, *values: str | float | None, emotions: tuple[str, ...] = ()) -> Rows:
    """One row a value; "" is a reply that cannot be parsed, None a portrait that was not delivered."""
    found = Rows(answer)
    for number, value in enumerate(values):
        emotion = emotions[number] if emotions else "happy"
        row = sample(number, emotion, prompt_id=f"p{number}")
        truth = emotion if answer.kind == "choice" else 2.0
        if value is None:
            found.add_missed(row, truth)
        else:
            found.add(row, truth, ParsedReply(None, "a refusal") if value == "" else ParsedReply(value))
    return found


def answers(joined: Rows) -> list[Any]:
    options = joined.answer.options
    shown = [options[int(c)] if joined.answer.kind == "choice" else c for c in joined.predicted if c == c]
    values = iter(shown)
    return [next(values) if reason == "" else reason for reason in joined.reasons]


def test_a_panel_chooses_the_majority() -> None:
    judges = [rows(CHOICE, "sad", "sad", "", None, "happy"), rows(CHOICE, "sad", "happy", "", None, "worry"),
              rows(CHOICE, "happy", "", "", None, "")]  # fmt: skip
    assert answers(panel_rows(judges)) == [
        "sad",
        "the judges are tied",
        "no judge's reply can be parsed",
        None,
        "the judges are tied",
    ]
    assert answers(panel_rows(judges[2:])) == [
        "happy",
        *["no judge's reply can be parsed"] * 2,
        None,
        "no judge's reply can be parsed",
    ]


def test_a_panel_rates_the_mean() -> None:
    joined = panel_rows([rows(RATING, 1.0, 3.0, ""), rows(RATING, 2.0, "", "")])
    assert answers(joined) == [1.5, 3.0, "no judge's reply can be parsed"]


def test_a_majority_needs_three_judges() -> None:
    assert [answers_together(CHOICE, judges) for judges in (2, 3, 4)] == [False, True, True]
    assert answers_together(RATING, 2)


def test_agreement_names_each_pair_of_judges() -> None:
    a = rows(CHOICE, *["happy", "sad", "angry", "worry"] * 5)
    b = rows(CHOICE, *["happy", "sad", "angry", "sad"] * 5)
    c = rows(CHOICE, *["", "", "", ""] * 5)
    judges = {"a": a, "b": b, "c": c}
    found = agreement("q", judges, panel_rows(list(judges.values())), "", HOW)
    alpha, ab, ac, bc = found
    assert (alpha.name, alpha.judges, alpha.n) == ("alpha", ["a", "b", "c"], 20)
    assert 0 < alpha.low < alpha.value < alpha.high < 1
    assert (ab.name, ab.judges, ab.n) == ("kappa", ["a", "b"], 20)
    assert ab.value == pytest.approx(2 / 3)
    assert (ac.value, ac.n, bc.value) == (None, 0, None), "one of them could never be parsed"


def gap(
    replies: list[str | float | None], emotions: list[str], pairs: list[str] | None
) -> list[HypothesisTest]:
    found = rows(CHOICE, *replies, emotions=tuple(emotions))
    if pairs is not None:
        found.samples = [
            sample(n, e, pair_id=p) for n, (e, p) in enumerate(zip(emotions, pairs, strict=True))
        ]
    metric = make(registry().find("metric", "valence_gap"), {})
    scores = found.scores("" if pairs is None else "pair_id")
    return list(metric.tests(scores, seed=HOW.seed, resamples=HOW.resamples))


def test_the_valence_gap_is_tested_within_pairs() -> None:
    emotions = ["happy", "sad"] * 40
    pairs = [str(n // 2) for n in range(80)]
    [clear] = gap(["happy", "happy"] * 40, emotions, pairs)
    # No permutation is as extreme; the observed one counts.
    assert clear.p == pytest.approx(1 / 2001)
    assert (clear.clusters, clear.n) == (40, 80)
    assert "within pair_id" in clear.method
    [none] = gap(["happy", "sad"] * 40, emotions, pairs)
    assert none.p == 1.0
    [unpaired] = gap(["happy", "sad"] * 40, emotions, None)
    assert "not paired" in unpaired.method
    assert unpaired.clusters == 80
    assert gap(["happy"] * 4, ["happy"] * 4, None) == [], "no negative portraits: no gap"


def test_pairing_sharpens_the_test() -> None:
    # Each pair is generated well or badly as a whole: most variation is between pairs.
    emotions, pairs = ["happy", "sad"] * 40, [str(n // 2) for n in range(80)]
    replies: list[str | float | None] = []
    for pair in range(40):
        good = pair % 2 == 0
        replies += ["happy" if good else "sad", "sad" if good and pair % 8 else "happy"]
    [paired], [loose] = gap(replies, emotions, pairs), gap(replies, emotions, None)
    assert paired.p < loose.p


def participant(name: str, **options: str) -> ParticipantRecord:
    return ParticipantRecord(name, options, {})


@pytest.mark.parametrize(("name", "ref", "maker"), [
    ("openai:gpt-4o", "gpt-4o", "OpenAI"), ("openai-images:gpt-image-1", "gpt-image-1", "OpenAI"),
    ("qwen2.5-vl", "Qwen/Qwen2.5-VL-7B-Instruct", "Alibaba"), ("qwen-image", "Qwen/Qwen-Image", "Alibaba"),
    ("openai:gemini-2.5-pro", "gemini-2.5-pro", "Google"), ("vllm:x", "/models/qwen/mine", None),
    ("fer", None, None), ("portraits", None, None), ("llava", "llava-hf/llava-1.5-7b-hf", None),
])  # fmt: skip
def test_makers_are_inferred_from_names_and_references(name: str, ref: str | None, maker: str | None) -> None:
    assert maker_of(participant(name, **({"ref": ref} if ref else {}))) == maker


def test_a_judge_of_the_generators_family_gives_a_warning() -> None:
    ours, other = participant("qwen2.5-vl", ref="Qwen/Qwen2.5-VL-7B-Instruct"), participant("fer")
    [warning] = family_warning(participant("qwen-image", ref="Qwen/Qwen-Image"), ours)
    assert "Alibaba" in warning
    assert "--judge" in warning
    assert family_warning(participant("qwen-image", ref="Qwen/Qwen-Image"), other) == []
    assert family_warning(participant("portraits"), other) == []
