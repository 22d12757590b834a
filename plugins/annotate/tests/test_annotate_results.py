"""What the answers of a study say: rows, verdicts, agreement so far, who is needed, and the files of an export."""

from __future__ import annotations

import csv
import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from memobench_annotate import results
from memobench_annotate.exporting import export
from memobench_annotate.records import CANNOT_TELL, NOT_A_FACE, Answer, Rater, Trial
from memobench_annotate.results import consensus, key_of, live, rejections, rows, verdicts
from memobench_annotate.study import Study
from scipy.stats import spearmanr, t

from harness import StorageError
from harness.people import Opinion, SurveyQuestion, agreement, opinion_columns

Make = Callable[..., Study]
Rate = Callable[..., list[Rater]]
EXACT = 1e-9


def honest(seed: int, skill: float = 0.75, noise: float = 0.6) -> Callable[[Trial, SurveyQuestion], str]:
    rng = np.random.default_rng(seed)

    def answer(trial: Trial, question: SurveyQuestion) -> str:
        if trial.expected is not None:
            return trial.expected
        if question.kind == "rating":
            seen = 2 * float(question.truth or 2) - 1 + rng.normal(0, noise)
            return question.options[int(np.clip(round(seen), 1, 5)) - 1]
        right = str(question.truth)
        return right if rng.random() < skill else str(rng.choice(question.options))

    return answer


def guess(seed: int) -> Callable[[Trial, SurveyQuestion], str]:
    rng = np.random.default_rng(seed)
    return lambda trial, question: str(rng.choice(question.options))


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def table(opinions: Iterable[Opinion], question: str) -> dict[str, dict[str, Any]]:
    """Sample -> rater -> value."""
    found: dict[str, dict[str, Any]] = defaultdict(dict)
    for opinion in opinions:
        if opinion.question == question:
            found[opinion.sample][opinion.rater] = opinion.value
    return found


def test_rows_are_answers_about_pictures_of_kept_raters(make_study: Make, rate: Rate) -> None:
    study = make_study(per_rater=40)
    people = {f"p{n}": honest(n) for n in range(8)} | {"bot": guess(1)}

    sure = honest(9)

    def unsure(trial: Trial, question: SurveyQuestion) -> str:
        if trial.part == "main" and trial.position % 8 == 0:
            return (CANNOT_TELL, NOT_A_FACE)[trial.position // 8 % 2]
        return sure(trial, question)

    rate(study, people | {"unsure": unsure})
    found = rows(study)
    assert {o.rater for o in found} == {*people, "unsure"} - {"bot"}
    assert "bot" in {o.rater for o in rows(study, kept_only=False)}
    expected = set()
    for rater in study.store.raters():
        answers = study.store.answers(rater.id)
        for trial in study.store.trials(rater.id):
            value, question = answers[trial.position].value, study.questions[trial.question]
            if trial.part in ("main", "gold") and value in question.options and rater.name != "bot":
                number = question.options.index(value) + 1.0 if question.kind == "rating" else value
                expected.add((question.sample_id, rater.name, question.target, number))
    assert set(found) == expected
    assert len(found) == len(expected)


def test_a_pair_is_no_label(make_study: Make, rate: Rate) -> None:
    study = make_study(("coarse_emotion", "nuance_pairs"), per_rater=30)
    rate(study, {f"p{n}": honest(n) for n in range(4)})
    assert {o.question for o in rows(study)} == {"emotion"}
    assert [task for task, _ in live(study).agreement] == ["emotion", "nuance_pairs"]
    assert "two raters give the same answer in" in dict(live(study).agreement)["nuance_pairs"]


def rejected_by_bt500(given: Mapping[str, Mapping[str, float]]) -> set[str]:
    """ITU-R BT.500-13, annex 2, section 2.3.1."""
    high, low, n = defaultdict(int), defaultdict(int), defaultdict(int)
    for votes in given.values():
        x = np.array([*votes.values()])
        mean, second = x.mean(), ((x - x.mean()) ** 2).mean()
        for rater, value in votes.items():
            n[rater] += 1
            if second > 0:
                kurtosis = ((x - mean) ** 4).mean() / second**2
                edge = x.std(ddof=1) * (2 if 2 <= kurtosis <= 4 else math.sqrt(20))
                high[rater] += value >= mean + edge
                low[rater] += value <= mean - edge
    return {r for r in n if (p := high[r] + low[r]) and p / n[r] > 0.05 and abs(high[r] - low[r]) / p < 0.3}


def test_scores_and_ceilings_are_those_of_the_formulas(make_study: Make, rate: Rate) -> None:
    """MOS of BT.500, and each person against the others, computed here."""
    study = make_study(per_rater=48)
    people = {f"p{n}": honest(n, noise=0.8) for n in range(12)}
    calm = honest(50, noise=0)

    def erratic(trial: Trial, question: SurveyQuestion) -> str:
        """Sees emotions, but rates what is moderate as the weakest and the strongest in turn."""
        if question.kind == "rating" and question.truth == 2 and trial.part != "attention":
            return question.options[4 * (int(question.sample_id[1:]) % 2)]
        return calm(trial, question)

    rate(study, people | {"erratic": erratic})
    assert not any(verdict.excluded for verdict in verdicts(study).values())
    given = rows(study)
    ratings, emotions = table(given, "intensity"), table(given, "emotion")
    rejected = rejected_by_bt500(ratings)
    assert "erratic" in rejected
    assert rejected == rejections(study)["intensity"]
    reasons = {verdict.name: verdict.reasons for verdict in verdicts(study).values()}
    assert "rejected by ITU-R BT.500 for intensity" in reasons["erratic"]
    kept = {s: {r: v for r, v in votes.items() if r not in rejected} for s, votes in ratings.items()}

    columns = opinion_columns(given)
    own = {r: np.array([v[r] for v in kept.values() if r in v]) for r in {*people, "erratic"} - rejected}
    for sample, votes in kept.items():
        z = [(v - own[r].mean()) / own[r].std(ddof=1) for r, v in votes.items()]
        assert columns[sample]["intensity_mos"] == pytest.approx(100 * (np.mean(z) + 3) / 6, abs=EXACT)
        assert columns[sample]["intensity_mean"] == pytest.approx(np.mean([*votes.values()]), abs=EXACT)

    found = agreement(given, study.samples)
    single = [
        spearmanr(*zip(*[
            (votes[r], round(np.mean([v for o, v in votes.items() if o != r]), 9)) for votes in kept.values() if r in votes
        ], strict=True)).statistic
        for r in {*people, "erratic"} - rejected
    ]  # fmt: skip
    assert found["intensity"].ceiling.value == pytest.approx(np.mean(single), abs=EXACT)
    right = []
    for rater in [*people, "erratic"]:
        credit = []
        for votes in emotions.values():
            others = [v for r, v in votes.items() if r != rater]
            top = [o for o in set(others) if others.count(o) == max(map(others.count, others))]
            credit.append(votes[rater] in top and 1 / len(top))
        right.append(np.mean(credit))
    assert found["emotion"].ceiling.value == pytest.approx(np.mean(right), abs=EXACT)
    ceiling = found["emotion"].ceiling
    text = dict(live(study).agreement)["emotion"]
    assert (
        f"ceiling (accuracy of one person) {ceiling.value:.2f} [{ceiling.low:.2f}, {ceiling.high:.2f}]"
        in text
    )

    # The judge answers with exactly these means.
    votes_of = consensus(study)
    for question in study.rated.values():
        if question.kind == "rating":
            chosen = votes_of[key_of(question)][question.sample_id]
            assert np.mean([question.options.index(v) + 1 for v in chosen.values()]) == pytest.approx(
                columns[question.sample_id]["intensity_mean"], abs=EXACT
            )


def test_the_page_of_the_experimenter(make_study: Make, rate: Rate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "STALE", 0.0)
    study = make_study(
        per_rater=24, answers=4, toml="\n[widths]\nfine_intensity = 1.0\ncoarse_emotion = 1.0\n"
    )
    empty = live(study)
    assert empty.progress == [("coarse_emotion", 0, 96), ("fine_intensity", 0, 80)]
    assert (empty.per_minute, empty.agreement, empty.raters, empty.events) == (0, [], [], [])
    assert len(empty.needed) == 20
    assert empty.needed[0] == ("coarse_emotion", "f0", "0 of 4 answers")
    assert dict(empty.more)["fine_intensity"].startswith("not known yet")

    now = time.time()
    raters = rate(study, {f"p{n}": honest(n) for n in range(6)}, ms=6000, began=now - 600)
    study.store.note("wrong_origin", raters[2].id, "first")
    study.store.note("rate_limited", None, "second")
    seen = live(study, now)
    stored = study.store.rows()
    counted = [row for row in stored if row.part in ("main", "gold")]
    assert sum(answers for _, answers, _ in seen.progress) == len(counted) == 6 * 24
    assert seen.per_minute == sum(row.answered > now - 300 for row in stored) / 5
    assert [line.name for line in seen.raters] == [f"p{n}" for n in range(6)]
    trials = len(study.store.trials(raters[0].id))
    assert (seen.raters[0].state, seen.raters[0].done, seen.raters[0].total) == ("invited", trials, trials)
    assert seen.raters[0].verdict == "kept"
    assert [event[1:] for event in seen.events] == [
        ("rate_limited", "", "second"),
        ("wrong_origin", "p2", "first"),
    ]
    assert "agreement" in " ".join(seen.rules)
    counts = [int(reason.split()[0]) for _, _, reason in seen.needed]
    assert counts == sorted(counts)
    assert "no rating" in dict(seen.more)["coarse_emotion"]


def test_new_answers_and_withdrawn_raters_are_seen(make_study: Make, rate: Rate) -> None:
    study = make_study(per_rater=24)
    first, *_ = rate(study, {f"p{n}": honest(n) for n in range(4)})
    before = rows(study)
    position = next(trial.position for trial in study.store.trials(first.id) if trial.part == "main")
    study.store.answer(Answer(first.id, position, CANNOT_TELL, 900, time.time()), change=True)
    assert len(rows(study)) == len(before) - 1
    study.store.withdraw(first.id)
    assert {o.rater for o in rows(study)} == {"p1", "p2", "p3"}
    assert verdicts(study)[first.id].reasons == ["not tested: few answers (0 of 20)"]


def wanted(values: Sequence[Sequence[float]], width: float) -> tuple[int, int]:
    """Answers to each picture and more of them in all, by trying every number."""
    pooled = math.sqrt(sum(np.var(v) * len(v) for v in values) / sum(len(v) - 1 for v in values))
    least = 2
    while True:
        sizes = [max(len(v), least) for v in values]
        if np.mean([2 * t.ppf(0.975, n - 1) * pooled / math.sqrt(n) for n in sizes]) <= width:
            return least, sum(max(0, least - len(v)) for v in values)
        least += 1


def test_how_many_more_answers_a_width_takes(make_study: Make, rate: Rate) -> None:
    study = make_study(
        ("fine_intensity",), per_rater=16, answers=30, toml="\n[widths]\nfine_intensity = 0.4\n"
    )
    rate(study, {f"p{n}": honest(n, noise=1) for n in range(9)})
    values = [[*votes.values()] for votes in table(rows(study), "intensity").values()]
    each, more = wanted(values, 0.4)
    ((_, text),) = live(study).more
    assert text.startswith(f"about {more} more answers, {each} in all to each picture")


def test_an_export_is_read_back(make_study: Make, rate: Rate) -> None:
    study = make_study(per_rater=40)
    people = {f"p{n}": honest(n) for n in range(7)} | {"=cmd|' /C calc'!A0": honest(7), "bot": guess(2)}
    raters = rate(study, people)
    study.store.update_rater(raters[0].id, state="done", language="de")
    (study.folder / "raters.csv").write_text("old")
    ratings, listed, answers = export(study)
    assert [p.relative_to(study.folder).as_posix() for p in (ratings, listed, answers)] == [
        "data/ratings.csv",
        "raters.csv",
        "answers.csv",
    ]
    assert [Opinion(*row.values()) for row in read(ratings)] == [
        o._replace(value=f"{o.value:g}" if isinstance(o.value, float) else o.value) for o in rows(study)
    ]
    assert "=cmd|' /C calc'!A0" in {row["rater"] for row in read(ratings)}
    by_name = {row["rater"]: row for row in read(listed)}
    assert "'=cmd|' /C calc'!A0" in by_name
    assert (by_name["p0"]["state"], by_name["p0"]["language"], by_name["p0"]["verdict"]) == (
        "done",
        "de",
        "kept",
    )
    assert by_name["bot"]["verdict"] == "excluded"
    assert by_name["bot"]["reasons"] == "; ".join(verdicts(study)[raters[-1].id].reasons)
    assert (by_name["bot"]["bt500_intensity"], by_name["p0"]["bt500_intensity"]) == ("", "kept")
    stored = study.store.rows()
    every = read(answers)
    assert len(every) == len(stored)
    assert {row["rater"] for row in every} == set(by_name)
    assert (every[0]["time"], every[0]["part"], every[0]["ms"]) == (
        "2023-11-14T22:13:20+00:00",
        stored[0].part,
        "1500",
    )
    assert not [path for path in study.folder.rglob(".*") if path.is_file()]
    # What was exported is the same as before, byte for byte.
    before = ratings.read_bytes()
    export(study)
    assert ratings.read_bytes() == before


def test_an_export_without_answers(make_study: Make) -> None:
    study = make_study()
    for path in export(study):
        assert len(path.read_text().splitlines()) == 1


def test_an_export_that_cannot_be_written(make_study: Make) -> None:
    study = make_study()
    (study.folder / "answers.csv").mkdir()
    with pytest.raises(StorageError, match="cannot be written"):
        export(study)
    assert not list(study.folder.rglob(".answers*"))


def test_gold_questions_are_checked_and_counted(make_study: Make, rate: Rate) -> None:
    study = make_study(("coarse_emotion",), per_rater=24, toml="")
    config = study.folder / "study.toml"
    config.write_text(config.read_text().replace("gold = []", 'gold = ["f0", "f1", "f2", "f3"]'))
    study = Study.open(study.folder)

    def blind(trial: Trial, question: SurveyQuestion) -> str:
        return "neutral" if trial.part == "gold" else honest(77)(trial, question)

    rate(study, {f"p{n}": honest(n, skill=0.95) for n in range(5)} | {"blind": blind})
    found = {verdict.name: verdict for verdict in verdicts(study).values()}
    asked = found["blind"].figures["gold_asked"]
    assert asked
    assert found["blind"].excluded is (asked >= 3)
    assert any(o.sample in config.read_text() for o in rows(study) if o.rater == "p0")
