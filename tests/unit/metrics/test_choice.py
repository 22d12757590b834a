import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from harness.components.metric import Scores
from harness.metrics.choice import (
    Accuracy,
    BalancedAccuracy,
    Fidelity,
    Kappa,
    MacroF1,
    UnparsedRate,
)
from harness.metrics.valence_gap import ValenceGap
from harness.types import EMOTIONS

NAN = float("nan")
answers = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from([0.0, 1.0, 2.0, 3.0, NAN])), min_size=1, max_size=30
)


def choice(truth, predicted, cluster=None, options=("a", "b", "c", "d"), emotion=None, emotions=EMOTIONS):
    truth = np.array(truth, float)
    emotion = np.full(len(truth), -1) if emotion is None else np.array(emotion)
    cluster = np.arange(len(truth)) if cluster is None else np.array(cluster)
    return Scores("choice", truth, np.array(predicted, float), cluster, emotion, options, emotions)


def value(metric, scores):
    return metric.estimate(scores, np.ones((1, scores.clusters), np.int64))[0]


@settings(max_examples=60, deadline=None)
@given(answers)
def test_equal_to_scikit_learn_with_unparsed_as_wrong(rows):
    truth, predicted = zip(*rows, strict=True)
    scores = choice(truth, predicted)
    true, guess = np.array(truth), np.nan_to_num(np.array(predicted), nan=9).astype(int)
    assert value(Accuracy(), scores) == pytest.approx(reference.accuracy_score(true, guess), abs=1e-12)
    recall = reference.recall_score(true, guess, labels=np.unique(true), average="macro", zero_division=0)
    assert value(BalancedAccuracy(), scores) == pytest.approx(recall, abs=1e-12)
    labels = sorted(set(true))
    f1 = reference.f1_score(true, guess, labels=labels, average="macro", zero_division=0)
    assert value(MacroF1(), scores) == pytest.approx(f1, abs=1e-12)
    if len(set(true) | set(guess)) > 1:
        assert value(Kappa(), scores) == pytest.approx(reference.cohen_kappa_score(true, guess), abs=1e-12)
    else:
        assert np.isnan(value(Kappa(), scores))
    assert value(UnparsedRate(), scores) == pytest.approx((guess == 9).mean(), abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(answers, st.integers(0, 1000))
@pytest.mark.parametrize("metric", [Accuracy(), BalancedAccuracy(), MacroF1(), Kappa(), UnparsedRate()])
def test_weights_are_repetitions_of_clusters(metric, rows, seed):
    truth, predicted = (np.array(column) for column in zip(*rows, strict=True))
    rng = np.random.default_rng(seed)
    cluster = np.unique(rng.integers(0, 5, len(truth)), return_inverse=True)[1]
    weights = rng.integers(0, 4, (3, cluster.max() + 1))
    found = metric.estimate(choice(truth, predicted, cluster), weights)
    for resample in range(3):
        repeat = weights[resample][cluster]
        expected = value(metric, choice(np.repeat(truth, repeat), np.repeat(predicted, repeat)))
        assert found[resample] == pytest.approx(expected, abs=1e-12, nan_ok=True)


def test_fidelity_is_accuracy():
    scores = choice([0, 1, 1], [0, 1, NAN])
    assert value(Fidelity(), scores) == value(Accuracy(), scores) == pytest.approx(2 / 3)


def test_valence_gap_weights_each_emotion_equally():
    happy, sad, angry, surprise = (EMOTIONS.index(name) for name in ("happy", "sad", "angry", "surprise"))
    truth = [happy] * 4 + [sad] * 6 + [angry] * 2 + [surprise]
    predicted = [happy] * 3 + [sad] + [sad] * 3 + [angry] * 3 + [angry] + [NAN] + [surprise]
    scores = choice(truth, predicted, options=EMOTIONS, emotion=truth)
    assert value(ValenceGap(), scores) == pytest.approx(0.75 - 0.5)
    assert ValenceGap().entered(scores).sum() == 12
    wide = ValenceGap(ValenceGap.Options(positive=("happy", "surprise")))
    assert value(wide, scores) == pytest.approx(0.875 - 0.5)


def test_valence_gap_needs_both_sides():
    scores = choice([0, 0], [0, 0], options=EMOTIONS, emotion=[0, 0])
    assert np.isnan(value(ValenceGap(), scores))
    assert "negative" in ValenceGap().missing(scores)


def test_all_rows_of_a_choice_enter():
    assert Accuracy().entered(choice([0, 1], [NAN, 1])).all()
