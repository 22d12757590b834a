"""The panel of judges: majority choice of three or more, mean rating, and how far the judges agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np

from harness.arrays import Floats
from harness.components.metric import Scores
from harness.metrics.base import cluster_sums
from harness.metrics.interval import Resampling, estimates
from harness.registry.factory import make
from harness.registry.registry import registry
from harness.results import JudgeAgreement
from harness.scoring.rows import Rows
from harness.scoring.stored import StoredSample
from harness.stats.agreement import interval_alpha, interval_columns, nominal_alpha, nominal_columns
from harness.stats.intervals import percentile_interval
from harness.stats.weights import cluster_weights
from harness.tasks.answers import How, ParsedReply
from harness.tasks.spec import Answer

PANEL = "panel"
MAJORITY = 3
"""How many judges a majority needs. What two have in common is right less often than either: it measures their agreement."""
RULE = "the option that most of three or more judges chose, ties are unparsed; ratings are averaged"
_PAIRWISE = {"choice": "kappa", "rating": "srcc"}


def answers_together(answer: Answer, judges: int) -> bool:
    """Whether so many judges have one answer to a question: always a mean rating, but only three or more a majority."""
    return answer.kind == "rating" or judges >= MAJORITY


def no_majority(questions: Sequence[str]) -> list[str]:
    """Says for which questions the panel has no answer of its own."""
    if not questions:
        return []
    return [f"two judges have no majority: their agreement alone is shown for {', '.join(questions)}"]


def panel_rows(judges: Sequence[Rows]) -> Rows:
    """One row for each portrait, from the judges whose replies could be parsed.

    A choice is the option that more judges chose than any other, a rating the mean. Where the judges are tied, or no
    reply could be parsed, the row is unparsed with that reason. It counts as prose where a reply that it rests on does.
    """
    answer = judges[0].answer
    codes: dict[str, list[tuple[float, bool]]] = {}
    samples: dict[str, tuple[StoredSample, Any, bool]] = {}
    for rows in judges:
        for sample, truth, code, reason, prose in zip(
            rows.samples, rows.truths, rows.predicted, rows.reasons, rows.prose, strict=True
        ):
            answered = reason is not None or samples.get(sample.id, (sample, truth, False))[2]
            samples[sample.id] = (sample, truth, answered)
            codes.setdefault(sample.id, []).extend([(code, bool(prose))] if np.isfinite(code) else [])
    joined = Rows(answer, question=judges[0].question)
    for id_, (sample, truth, answered) in samples.items():
        if answered:
            joined.add(sample, truth, _combined(codes[id_], answer))
        else:
            joined.add_missed(sample, truth)
    return joined


def _combined(given: Sequence[tuple[float, bool]], answer: Answer) -> ParsedReply:
    """One answer from the judges' codes; with each, whether it was understood from prose."""
    if not given:
        return ParsedReply(None, "no judge's reply can be parsed")
    codes = [code for code, _ in given]
    if answer.kind == "rating":
        return ParsedReply(float(np.mean(codes)), how=_how(prose for _, prose in given))
    ranked = Counter(codes).most_common(2)
    if len(ranked) > 1 and ranked[0][1] == ranked[1][1]:
        return ParsedReply(None, "the judges are tied")
    most = ranked[0][0]
    return ParsedReply(answer.options[int(most)], how=_how(prose for code, prose in given if code == most))


def _how(prose: Iterable[bool]) -> How:
    return "prose" if any(prose) else "declared"


def agreement(
    question: str, judges: Mapping[str, Rows], together: Rows, cluster: str, how: Resampling
) -> list[JudgeAgreement]:
    """How far the judges agree on one question, with intervals by cluster.

    `together` are their `panel_rows`. Krippendorff's alpha of all judges (nominal for a choice, interval for a
    rating), and for each two of them Cohen's kappa or Spearman's correlation over the portraits that both answered.
    """
    names, scores = list(judges), together.scores(cluster)
    place = {sample.id: number for number, sample in enumerate(together.samples)}
    predicted = np.full((len(place), len(names)), np.nan)
    for number, rows in enumerate(judges.values()):
        predicted[[place[sample.id] for sample in rows.samples], number] = rows.predicted
    found = [_alpha(question, names, predicted, scores, how)]
    metric = make(registry().find("metric", _PAIRWISE[scores.kind]), {})
    for one, other in combinations(range(len(names)), 2):
        both = np.isfinite(predicted[:, [one, other]]).all(axis=1)
        pair = replace(scores.where(both), truth=predicted[both, one], predicted=predicted[both, other])
        [estimate] = estimates(pair, [metric], how)
        found.append(
            JudgeAgreement(
                question=question,
                name=_PAIRWISE[scores.kind],
                judges=[names[one], names[other]],
                value=estimate.value,
                low=estimate.low,
                high=estimate.high,
                n=pair.n,
            )
        )
    return found


def _alpha(
    question: str, names: list[str], predicted: Floats, scores: Scores, how: Resampling
) -> JudgeAgreement:
    nominal = scores.kind == "choice"
    table = nominal_columns(predicted, len(scores.options)) if nominal else interval_columns(predicted)
    alpha = nominal_alpha if nominal else interval_alpha
    sums = cluster_sums(table, scores.cluster, scores.clusters)
    found = JudgeAgreement(
        question=question,
        name="alpha",
        judges=names,
        value=alpha(sums.sum(axis=0)[None])[0] if scores.n else None,
        low=None,
        high=None,
        n=int((table[:, 0] > 0).sum()),
    )
    if found.value is not None:
        ones = np.ones(len(sums), np.int64)
        weights = cluster_weights(ones, how.resamples, how.seed, len(sums))
        resamples = np.concatenate([alpha(block @ sums) for block in weights])
        found.low, found.high = percentile_interval(resamples, how.level) or (None, None)
    return found
