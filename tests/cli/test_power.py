"""`harness power`: its output, and refused requests."""

from __future__ import annotations

import json
from functools import partial

import pytest
from helpers.command import InProcess


@pytest.fixture
def power(harness: InProcess):
    return partial(harness, "power")


def document(power, *arguments):
    found = power(*arguments, "--json")
    assert found.code == 0, found.err
    return json.loads(found.out)


def test_smallest_difference_detectable_with_600_answers(power):
    found = document(power, "--metric", "accuracy", "--n", 600, "--baseline", 0.8)
    assert found["smallest"]["drop"] == pytest.approx(-0.0684, abs=1e-4)
    assert found["smallest"]["gain"] == pytest.approx(0.0607, abs=1e-4)
    assert found["n_needed"] is None
    text = power("--metric", "accuracy", "--n", 600, "--baseline", 0.8).out
    assert "0.0684" in text
    assert "two-sided, alpha 0.05, power 0.8, baseline 0.8" in text


def test_n_needed_accounts_for_clusters(power):
    plain = document(power, "--metric", "srcc", "--difference", 0.05, "--baseline", 0.6)
    clustered = document(
        power,
        "--metric",
        "srcc",
        "--difference",
        -0.05,
        "--baseline",
        0.6,
        "--icc",
        0.1,
        "--cluster-size",
        11,
    )
    assert clustered["design_effect"] == pytest.approx(2)
    assert clustered["n_needed"] == 2 * plain["n_needed"]
    back = document(
        power, "--metric", "srcc", "--n", plain["n_needed"], "--difference", 0.05, "--baseline", 0.6
    )
    assert back["power_at_n"] == pytest.approx(0.8, abs=1e-3)
    assert abs(back["smallest"]["drop"]) == pytest.approx(0.05, abs=1e-4)


def test_paired_designs_detect_more(power):
    paired = document(power, "--metric", "accuracy", "--n", 600, "--discordant", 0.1, "--paired")
    assert paired["smallest"]["gain"] == pytest.approx(-paired["smallest"]["drop"])
    assert paired["smallest"]["gain"] < 0.04
    mean = document(power, "--metric", "mae", "--n", 600, "--sd", 0.5, "--paired", "--difference", 0.05)
    assert mean["smallest"]["gain"] == pytest.approx(0.0573, abs=5e-4)
    assert mean["n_needed"] == 787


def test_a_paired_mean_needs_the_spread_of_the_differences(power):
    plan = ["--metric", "mae", "--n", 600, "--sd", 0.9, "--paired"]
    assumed = document(power, *plan)
    assert assumed["sd_of_differences"] == 0.9
    assert any("if it is that of one answer, the plan needs --correlation too" in n for n in assumed["notes"])
    unpaired = document(power, *plan[:-1])
    assert (unpaired["sd_of_differences"], unpaired["notes"]) == (None, [])
    for correlation, sd in ((0.0, 0.9 * 2**0.5), (0.5, 0.9), (0.92, 0.36)):
        found = document(power, *plan, "--correlation", correlation)
        assert found["sd_of_differences"] == pytest.approx(sd)
        given = document(power, "--metric", "mae", "--n", 600, "--sd", sd, "--paired")
        assert found["smallest"]["gain"] == pytest.approx(given["smallest"]["gain"])
    independent = document(power, *plan, "--correlation", 0)["smallest"]["gain"]
    assert independent == pytest.approx(unpaired["smallest"]["gain"], rel=0.01)
    assert "standard deviation of 0.36" in power(*plan, "--correlation", 0.92).out


def test_impossible_differences_are_null_with_a_note(power):
    found = document(power, "--metric", "accuracy", "--n", 8, "--discordant", 0.1, "--difference", 0.3)
    assert found["smallest"] == {"drop": None, "gain": None}
    assert (found["power_at_n"], found["n_needed"]) == (None, None)
    assert any("is not possible here" in note for note in found["notes"])
    few = power("--metric", "accuracy", "--n", 40, "--icc", 0.2, "--cluster-size", 10)
    assert "note: few clusters (4)" in few.out
    assert "worth 14 independent ones" in few.out


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--metric", "acuracy", "--n", 9], "Did you mean 'accuracy'?"),
        (["--metric", "accuracy"], "Neither --n nor --difference"),
        (["--metric", "accuracy", "--n", 9, "--power", 1.2], "is not a probability"),
        (["--metric", "accuracy", "--n", 9, "--power", 0.05], "is not above --alpha"),
        (["--metric", "accuracy", "--n", 9, "--baseline", 80], "lies between 0 and 1"),
        (["--metric", "accuracy", "--n", 9, "--paired"], "--paired needs --discordant"),
        (["--metric", "accuracy", "--n", 9, "--discordant", 2], "--discordant is the share"),
        (["--metric", "accuracy", "--n", 9, "--sd", 2], "has no --sd"),
        (["--metric", "accuracy", "--n", 1], "--n"),
        (["--metric", "accuracy", "--difference", 0], "other than 0"),
        (["--metric", "accuracy", "--difference", "nan"], "other than 0"),
        (["--metric", "mae", "--n", 9], "--sd must be the standard deviation"),
        (["--metric", "srcc", "--n", 9, "--paired"], "needs the correlation of the errors of both runs"),
        (["--metric", "mae", "--n", 9, "--sd", 1, "--correlation", 1], "From -1 to below 1"),
        (["--metric", "mae", "--n", 9, "--sd", 1, "--correlation", "nan"], "From -1 to below 1"),
        (["--metric", "accuracy", "--n", 9, "--correlation", 0.5], "a share takes --discordant"),
        (["--metric", "srcc", "--n", 9, "--baseline", "nan"], "lies between -1 and 1"),
    ],
)
def test_plans_that_make_no_sense_are_refused(power, arguments, expected):
    found = power(*arguments)
    assert found.code == 2
    assert expected in found.err
    assert "Traceback" not in found.err
    assert found.out == ""


@pytest.mark.parametrize(
    "option", [("--alpha", "1e-17"), ("--icc", "nan"), ("--cluster-size", "inf"), ("--cluster-size", "nan")]
)
def test_out_of_range_numbers_are_refused(power, option):
    found = power("--metric", "accuracy", "--n", 600, *option)
    assert found.code == 2
    assert option[0] in found.err


def test_a_one_sided_test_finds_smaller_drops(power):
    plan = ("--metric", "accuracy", "--n", "600", "--paired", "--discordant", "0.1")
    two, one, wide = (document(power, *plan, *more) for more in ((), ("--one-sided",), ("--alpha", "0.1")))
    assert one["one_sided"]
    assert not two["one_sided"]
    assert one["smallest"] == wide["smallest"], "5% on one side are 10% on two"
    assert abs(next(iter(one["smallest"].values()))) < abs(next(iter(two["smallest"].values())))
