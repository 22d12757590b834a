"""Emotion and strength as facial action units (AU) of the Facial Action Coding System.

Prototypes follow EMFACS (Ekman and Friesen) for the basic emotions; worry has fear's
brows and stretched lips, with milder eyes. Activations run from 0 (rest) to 1 (full).
"""

from __future__ import annotations

from collections.abc import Mapping

EMOTIONS: tuple[str, ...] = ("happy", "sad", "angry", "surprise", "worry", "neutral")

PROTOTYPES: Mapping[str, Mapping[int, float]] = {
    "neutral": {},
    "happy": {6: 1.0, 12: 1.0, 25: 1.0, 26: 0.2},
    "sad": {1: 1.0, 4: 0.6, 15: 1.0, 17: 0.8, 43: 0.6, 64: 0.5},
    "angry": {4: 1.0, 5: 0.4, 7: 1.0, 9: 0.4, 10: 0.15, 15: 0.5, 17: 0.5, 23: 1.0, 24: 1.0, 38: 1.0},
    "surprise": {1: 1.0, 2: 1.0, 5: 1.0, 25: 1.0, 26: 1.0},
    "worry": {1: 1.0, 2: 0.25, 4: 0.9, 5: 0.5, 7: 0.4, 15: 0.3, 20: 1.0, 25: 0.7},
}
"""The AUs of each emotion at full strength.

1 inner brow raised, 2 outer brow raised, 4 brows lowered and drawn together, 5 upper lid raised,
6 cheek raised, 7 lids tightened, 9 nose wrinkled, 10 upper lip raised, 12 lip corners pulled up,
15 lip corners pulled down, 16 lower lip lowered, 17 chin raised, 20 lips stretched,
22 lips funnelled, 23 lips tightened, 24 lips pressed, 25 lips parted, 26 jaw dropped,
38 nostrils flared, 43 eyes closing, 64 gaze lowered.
"""

SHOUT: Mapping[int, float] = {
    4: 1.0,
    5: 0.45,
    7: 1.0,
    9: 0.7,
    10: 0.9,
    16: 0.9,
    22: 0.8,
    25: 1.0,
    26: 0.3,
    38: 1.0,
}
"""A second prototype of anger, with a square open mouth and bared teeth."""

ACTIVATION: Mapping[int, float] = {1: 0.22, 2: 0.42, 3: 0.62, 4: 0.82, 5: 1.0}
"""Activation of the prototype at each strength, from 1 (very weak) to 5 (very strong)."""

UNITS: tuple[int, ...] = (1, 2, 4, 5, 6, 7, 9, 10, 12, 15, 16, 17, 20, 22, 23, 24, 25, 26, 38, 43, 64)


def action_units(emotion: str, strength: float, *, shouts: bool = False) -> dict[int, float]:
    """All AUs with their activations, 0 to 1, of ``emotion`` at ``strength`` 0 to 5.

    Fractional strengths are interpolated. ``shouts`` selects anger with an open mouth.
    Raises ``ValueError`` for an unknown emotion.
    """
    if emotion not in PROTOTYPES:
        raise ValueError(f"unknown emotion {emotion!r}; choose from {', '.join(EMOTIONS)}")
    prototype = SHOUT if emotion == "angry" and shouts else PROTOTYPES[emotion]
    share = activation(strength)
    return {unit: prototype.get(unit, 0.0) * share for unit in UNITS}


def activation(strength: float) -> float:
    """The share of the full prototype at a strength from 0 (none) to 5 (full)."""
    strength = min(max(strength, 0.0), 5.0)
    low = min(int(strength), 4)
    below, above = ACTIVATION.get(low, 0.0), ACTIVATION[low + 1]
    return below + (above - below) * (strength - low)
