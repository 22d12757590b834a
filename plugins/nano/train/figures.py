"""How well a model answers: accuracy of words, and how well expected levels follow strength within each emotion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from answering import option_scores
from memobench_portraits.expression import EMOTIONS
from pictures import Pictures
from questions import Question
from scipy.stats import spearmanr


def figures(model: Any, pictures: Pictures, questions: Sequence[Question], side: int) -> dict[str, float]:
    """The figures of each wording on some pictures, by name; the model is left in training mode if it was."""
    training = model.training
    model.eval()
    found = {}
    for question in questions:
        strengths = pictures.strength
        asked = [
            question.truth(EMOTIONS[e], int(s)) for e, s in zip(pictures.emotion, strengths, strict=True)
        ]
        kept = np.array([truth is not None for truth in asked])
        some = Pictures(pictures.pixels[kept], pictures.emotion[kept], strengths[kept])
        scores = option_scores(model, some, question, side)
        truth = np.array([question.answer.options.index(a) for a in asked if a is not None])
        found[f"{question.name} accuracy"] = float((scores.argmax(1) == truth).mean())
        if question.answer.kind == "rating":
            levels = expected_level(scores)
            found[f"{question.name} srcc within emotion"] = srcc_within(levels, some)
            found[f"{question.name} mae"] = float(np.abs(levels - some.strength).mean())
    model.train(training)
    return found


def expected_level(scores: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The expected level, 1 to 5, from the levels' log-probabilities renormalised: (n,) from (n, 5)."""
    shares = np.exp(scores - scores.max(1, keepdims=True))
    mean: np.ndarray[Any, Any] = (shares / shares.sum(1, keepdims=True)) @ np.arange(1, 6)
    return mean


def srcc_within(levels: np.ndarray[Any, Any], pictures: Pictures) -> float:
    """Spearman's correlation of levels with strength in each emotion, averaged by Fisher's z."""
    found = []
    for emotion in np.unique(pictures.emotion):
        mine = pictures.emotion == emotion
        found.append(spearmanr(levels[mine], pictures.strength[mine])[0])
    return float(np.tanh(np.mean(np.arctanh(found))))
