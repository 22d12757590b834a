"""Identities: seeded, spread over the factors, and fixed on request."""

from __future__ import annotations

import dataclasses
from collections import Counter

import pytest
from memobench_portraits.identity import ALL_HAIR, CHOICES, DEFAULT_AGE_GROUPS, SKIN_TONES, identity


def test_the_same_seed_is_the_same_person() -> None:
    assert identity(5) == identity(5)
    assert identity(5) != identity(6)


def test_people_are_spread_over_all_factors() -> None:
    people = [identity(seed) for seed in range(600)]
    assert set(Counter(p.age_group for p in people)) == set(DEFAULT_AGE_GROUPS)
    assert set(Counter(p.hair for p in people)) == set(ALL_HAIR)
    for factor, share in (("gender", 0.42), ("skin_tone", 0.11), ("age_group", 0.18)):
        counts = Counter(getattr(p, factor) for p in people)
        assert min(counts.values()) > share * len(people), (factor, counts)


@pytest.mark.parametrize("factor", sorted(CHOICES))
def test_every_value_of_a_factor_can_be_requested(factor: str) -> None:
    for value in CHOICES[factor]:
        assert getattr(identity(3, **{factor: value}), factor) == value


def test_fixing_one_factor_changes_nothing_else() -> None:
    free, fixed = identity(9, gender="man"), identity(9, gender="man", glasses="round")
    assert dataclasses.replace(fixed, glasses=free.glasses) == free


def test_children_have_neither_beards_nor_grey_hair() -> None:
    children = [identity(seed, age_group="child") for seed in range(80)]
    assert {c.beard for c in children} == {"none"}
    assert max(c.grey for c in children) == 0
    assert max(c.age for c in children) <= 12


def test_older_people_have_grey_hair_and_wrinkles() -> None:
    young = [identity(s, age_group="young adult") for s in range(40)]
    old = [identity(s, age_group="older adult") for s in range(40)]
    assert max(p.wrinkles for p in young) < min(p.wrinkles for p in old)
    assert max(p.grey for p in young) == 0 < min(p.grey for p in old)


def test_skin_tones_run_from_light_to_dark() -> None:
    from memobench_portraits.colours import SKINS

    brightness = [sum(int(SKINS[tone].base[i : i + 2], 16) for i in (1, 3, 5)) for tone in SKIN_TONES]
    assert len(brightness) == 6
    assert brightness == sorted(brightness, reverse=True)


@pytest.mark.parametrize(("factor", "value", "hint"), [("hare", "bob", "hair"), ("hair", "bobb", "bob")])
def test_unknown_factors_and_values_are_rejected_with_the_choices(factor: str, value: str, hint: str) -> None:
    with pytest.raises(ValueError, match=hint):
        identity(1, **{factor: value})
