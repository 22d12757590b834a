"""Evaluates a model: accuracy, and rank correlation of expected levels with strength within each emotion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from instruction_tuning import option_scores
from memobench_portraits.expression import EMOTIONS
from pictures import Pictures
from questions import Question
from scipy.stats import spearmanr


def evaluate(model: Any, pictures: Pictures, questions: Sequence[Question], side: int) -> dict[str, float]:
    """Metric values of each prompt variant, by name. The model's training mode is restored."""
    training = model.training
    model.eval()
    found = {}
    for question in questions:
        strengths = pictures.strength
        truths = [
            question.truth(EMOTIONS[e], int(s)) for e, s in zip(pictures.emotion, strengths, strict=True)
        ]
        kept = np.array([truth is not None for truth in truths])
        subset = Pictures(pictures.pixels[kept], pictures.emotion[kept], strengths[kept])
        scores = option_scores(model, subset, question, side)
        truth = np.array([question.answer.options.index(a) for a in truths if a is not None])
        found[f"{question.name} accuracy"] = float((scores.argmax(1) == truth).mean())
        if question.answer.kind == "rating":
            levels = expected_level(scores)
            found[f"{question.name} srcc within emotion"] = srcc_within(levels, subset)
            found[f"{question.name} mae"] = float(np.abs(levels - subset.strength).mean())
    model.train(training)
    return found


def expected_level(scores: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The expected level, 1 to 5, from the renormalised log-probabilities of the levels: (n,) from (n, 5)."""
    shares = np.exp(scores - scores.max(1, keepdims=True))
    mean: np.ndarray[Any, Any] = (shares / shares.sum(1, keepdims=True)) @ np.arange(1, 6)
    return mean


def srcc_within(levels: np.ndarray[Any, Any], pictures: Pictures) -> float:
    """Spearman's correlation of levels with strength within each emotion, averaged by Fisher's z."""
    found = []
    for emotion in np.unique(pictures.emotion):
        mask = pictures.emotion == emotion
        found.append(spearmanr(levels[mask], pictures.strength[mask])[0])
    return float(np.tanh(np.mean(np.arctanh(found))))
