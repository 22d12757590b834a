"""Action units and their effect on the landmarks."""

from __future__ import annotations

import itertools

import pytest
from memobench_portraits.anatomy import Anatomy, anatomy
from memobench_portraits.expression import EMOTIONS, PROTOTYPES, action_units, activation
from memobench_portraits.face.head import forehead_top
from memobench_portraits.hair import STYLES
from memobench_portraits.identity import ALL_HAIR, identity

WHO = identity(11, gender="woman", hair="bob", glasses="none", age_group="adult")


def face(emotion: str, strength: float = 5.0) -> Anatomy:
    return anatomy(WHO, action_units(emotion, strength))


def corners(shown: Anatomy) -> float:
    """Height of the mouth's corners above the middle of the upper lip."""
    lips = shown.mouth
    return lips.upper[len(lips.upper) // 2][1] - (lips.left[1] + lips.right[1]) / 2


def opening(shown: Anatomy) -> float:
    return sum(max(p[1] for p in eye.lower) - min(p[1] for p in eye.upper) for eye in shown.eyes) / 2


def test_activation_increases_with_strength_up_to_the_prototype() -> None:
    levels = [activation(s) for s in (0, 1, 2, 3, 4, 5)]
    assert levels[0] == 0
    assert levels[-1] == 1
    assert all(b - a > 0.1 for a, b in itertools.pairwise(levels))
    assert activation(2.5) == pytest.approx((activation(2) + activation(3)) / 2)
    for emotion in EMOTIONS:
        assert {u: v for u, v in action_units(emotion, 5).items() if v} == dict(PROTOTYPES[emotion])


def test_an_unknown_emotion_is_rejected() -> None:
    with pytest.raises(ValueError, match=r"bored.*worry"):
        action_units("bored", 3)


def test_strength_zero_is_the_neutral_face() -> None:
    assert all(face(emotion, 0).mouth == face("neutral").mouth for emotion in EMOTIONS)


def test_each_emotion_moves_the_face_as_its_action_units_specify() -> None:
    rest = face("neutral")
    assert corners(face("happy")) > corners(rest) + 5 > corners(face("sad")) + 5
    assert face("happy").mouth.half_width > rest.mouth.half_width + 10
    assert face("surprise").mouth.gap > 25
    assert face("surprise").chin > rest.chin + 20
    assert opening(face("surprise")) > opening(rest) + 5
    assert opening(face("sad")) < opening(rest) - 3
    assert opening(face("happy")) < opening(rest) - 3
    angry = anatomy(WHO, action_units("angry", 5))
    assert angry.brows[0][0][1] > rest.brows[0][0][1] + 10
    assert angry.mouth.gap < 1.5
    assert anatomy(WHO, action_units("angry", 5, shouts=True)).mouth.gap > 12


def test_worry_differs_from_sadness_and_surprise() -> None:
    rest, worry, sad, surprise = (face(e) for e in ("neutral", "worry", "sad", "surprise"))

    def knit(f: Anatomy) -> float:
        return f.brows[1][0][0] - f.brows[0][0][0]

    assert knit(worry) < knit(rest) - 8
    assert knit(worry) < knit(surprise) - 8
    assert worry.brows[0][0][1] < rest.brows[0][0][1] - 8
    assert opening(worry) > opening(sad) + 6
    assert worry.mouth.half_width > sad.mouth.half_width + 6
    assert worry.mouth.half_width > surprise.mouth.half_width + 12
    assert 3 < worry.mouth.gap < surprise.mouth.gap - 10


@pytest.mark.parametrize("emotion", [e for e in EMOTIONS if e != "neutral"])
def test_each_strength_changes_the_face_more(emotion: str) -> None:
    rest = face("neutral")

    def change(strength: int) -> float:
        shown = face(emotion, strength)
        moved = zip(shown.brows[0] + shown.mouth.bottom, rest.brows[0] + rest.mouth.bottom, strict=True)
        return sum(abs(a[0] - b[0]) + abs(a[1] - b[1]) for a, b in moved)

    steps = [change(s) for s in range(6)]
    assert all(b > a for a, b in itertools.pairwise(steps)), steps


@pytest.mark.parametrize("hair", ALL_HAIR)
def test_there_is_room_for_forehead_lines(hair: str) -> None:
    who = identity(4, hair=hair)
    shown = anatomy(who, action_units("surprise", 5))
    assert min(y for brow in shown.brows for _, y in brow) > forehead_top(shown)
    assert all(shown.half_width_at(y) > 60 for y in range(int(forehead_top(shown)), 240, 10))


def test_every_hair_style_is_implemented() -> None:
    assert set(STYLES) == set(ALL_HAIR)


def test_the_face_fills_the_frame() -> None:
    for seed in range(20):
        shown = anatomy(identity(seed), action_units("neutral", 0))
        height = shown.chin - min(y for _, y in shown.outline)
        assert 0.58 < height / 512 < 0.68


def covered(shown: Anatomy) -> list[float]:
    """The share of each iris that the upper lid covers; negative if white shows above it."""
    return [
        (min(y for _, y in eye.upper) - eye.iris[1] + eye.iris_radius) / (2 * eye.iris_radius)
        for eye in shown.eyes
    ]


@pytest.mark.parametrize("seed", range(0, 120, 6))
def test_lids_rest_on_the_iris_and_open_less_in_worry_than_in_surprise(seed: int) -> None:
    who = identity(seed)

    def shown(emotion: str) -> list[float]:
        return covered(anatomy(who, action_units(emotion, 5)))

    assert all(0.1 < share < 0.3 for share in shown("neutral"))
    assert all(s < w - 0.12 for s, w in zip(shown("surprise"), shown("worry"), strict=True))
    assert all(w < n for w, n in zip(shown("worry"), shown("neutral"), strict=True))
    assert all(d > n + 0.04 for d, n in zip(shown("sad"), shown("neutral"), strict=True))


def test_anger_narrows_the_eye_under_a_lowered_brow() -> None:
    rest, angry = face("neutral"), face("angry")
    assert opening(angry) < opening(rest) - 3
    for eye, brow, calm in zip(angry.eyes, angry.brows, rest.brows, strict=True):
        assert all(y > before + 2 for (_, y), (_, before) in zip(brow, calm, strict=True))
        assert brow[0][1] == max(y for _, y in brow[:12])
        assert min(y for _, y in eye.upper) - brow[0][1] < 12


def test_brows_slope_outward_in_worry_and_inward_in_anger() -> None:
    for emotion, sign in (("worry", 1), ("sad", 1), ("angry", -1)):
        for line in face(emotion).brows:
            assert sign * (line[10][1] - line[0][1]) > 1.5, emotion


@pytest.mark.parametrize("emotion", [e for e in EMOTIONS if e != "neutral"])
@pytest.mark.parametrize("shouts", [False, True])
def test_steps_of_strength_are_similar(emotion: str, shouts: bool) -> None:
    """Steps of 0.18 to 0.22 in activation move the landmarks by 0.12 to 0.3 of the total distance."""
    frames = [anatomy(WHO, action_units(emotion, s, shouts=shouts)) for s in range(6)]

    def distance(one: Anatomy, other: Anatomy) -> float:
        pairs = zip(
            one.brows[0] + one.mouth.top + one.eyes[0].upper + one.mouth.bottom,
            other.brows[0] + other.mouth.top + other.eyes[0].upper + other.mouth.bottom,
            strict=True,
        )
        return sum(abs(a[0] - b[0]) + abs(a[1] - b[1]) for a, b in pairs)

    total = distance(frames[0], frames[5])
    steps = [distance(a, b) / total for a, b in itertools.pairwise(frames)]
    assert all(0.12 < step < 0.3 for step in steps), steps
