"""Seeded people: everything about a face except its expression."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from memobench_portraits.colours import SCHEMES, SKINS

AGE_GROUPS: Mapping[str, tuple[int, int]] = {
    "child": (8, 12),
    "young adult": (19, 29),
    "adult": (30, 44),
    "middle-aged adult": (45, 61),
    "older adult": (64, 82),
}
"""Range of apparent age in years."""
DEFAULT_AGE_GROUPS: tuple[str, ...] = tuple(AGE_GROUPS)[1:]
"""The age groups to choose from if none is requested: adults."""

GENDERS: tuple[str, ...] = ("woman", "man", "androgynous")
SKIN_TONES: tuple[str, ...] = tuple(SKINS)

HAIR_STYLES: Mapping[str, Mapping[str, float]] = {
    "woman": {"long": 3, "wavy": 3, "bob": 3, "pixie": 1.5, "curly": 2, "afro": 1.5, "bun": 2, "ponytail": 2,
              "braids": 1.5, "hijab": 1},
    "man": {"short": 4, "quiff": 3, "buzz": 2, "curls": 2.5, "afro": 1, "bald": 1, "receding": 1, "long": 0.5,
            "bun": 0.5},
    "androgynous": {"pixie": 2, "short": 2, "bob": 2, "curls": 2, "buzz": 1, "bun": 1.5, "curly": 1, "afro": 1},
}  # fmt: skip
"""Hair styles of each gender presentation, with relative frequencies."""

ALL_HAIR: tuple[str, ...] = tuple(sorted({style for styles in HAIR_STYLES.values() for style in styles}))

_NATURAL_HAIR: Mapping[str, Mapping[str, float]] = {
    "very light": {"brown": 3, "dark brown": 2, "auburn": 1.5, "red": 2, "blond": 3, "light blond": 2},
    "light": {"brown": 3, "dark brown": 3, "auburn": 1.5, "blond": 2.5, "red": 0.7, "black": 1},
    "olive": {"dark brown": 3, "brown": 2, "black": 2.5, "auburn": 0.7},
    "tan": {"black": 3, "dark brown": 3, "brown": 0.7},
    "brown": {"black": 4, "dark brown": 2},
    "dark": {"black": 5, "dark brown": 1},
}
_EYES: Mapping[str, Mapping[str, float]] = {
    "very light": {"blue": 3, "green": 2, "grey": 1.5, "hazel": 1.5, "brown": 1},
    "light": {"brown": 3, "hazel": 2, "blue": 2, "green": 1.5, "grey": 1},
    "olive": {"brown": 3, "dark brown": 2, "hazel": 1.5, "green": 0.4},
    "tan": {"dark brown": 3, "brown": 2, "hazel": 0.5},
    "brown": {"dark brown": 4, "brown": 1.5},
    "dark": {"dark brown": 4, "brown": 1},
}
_CLOTHES: Mapping[str, Mapping[str, float]] = {
    "woman": {"crew": 2, "v-neck": 3, "turtleneck": 2, "shirt": 1.5, "blazer": 2, "scoop": 2.5},
    "man": {"crew": 3, "v-neck": 1, "turtleneck": 1.5, "shirt": 3, "blazer": 2, "hoodie": 2},
    "androgynous": {"crew": 3, "turtleneck": 2, "shirt": 2, "hoodie": 2, "blazer": 1},
}
_BEARDS: Mapping[str, float] = {
    "none": 5,
    "stubble": 2,
    "short beard": 2,
    "full beard": 1.6,
    "moustache": 1,
    "goatee": 1,
}
_EARRINGS: Mapping[str, float] = {"none": 2, "stud": 2, "hoop": 1.6, "drop": 1.4}

CHOICES: Mapping[str, tuple[str, ...]] = {
    "age_group": tuple(AGE_GROUPS),
    "gender": GENDERS,
    "skin_tone": SKIN_TONES,
    "hair": ALL_HAIR,
    "glasses": ("none", "round", "square"),
    "beard": tuple(_BEARDS),
    "earrings": tuple(_EARRINGS),
    "undertone": ("warm", "neutral", "cool"),
}
"""The factors that can be fixed, with their values."""


@dataclass(frozen=True)
class Identity:
    """One person. Lengths are relative to a standard face (1.0); shares run from 0 to 1."""

    seed: int
    age_group: str
    gender: str
    skin_tone: str
    undertone: str
    hair: str
    hair_colour: str
    eye_colour: str
    glasses: str
    beard: str
    earrings: str
    clothes: str
    scheme: int
    """Index into `colours.SCHEMES`: backdrop and clothes."""
    age: int
    """Apparent age in years."""
    grey: float
    """Share of grey hair."""
    freckles: bool
    makeup: float
    face_width: float
    jaw_width: float
    chin: float
    cheek: float
    eye_size: float
    eye_spacing: float
    eye_tilt: float
    """Height of the eye's outer corner above the inner one, in units."""
    nose_width: float
    nose_length: float
    lips: float
    mouth_width: float
    brow_weight: float
    brow_arch: float
    tilt: float
    """Tilt of the head in degrees, clockwise."""
    turn: float
    """Turn of the head, -1 (to the picture's left) to 1."""
    side: int
    """-1 or 1: the side of the parting and of the stronger half of an expression."""
    lopsided: float
    """How much weaker the weaker half of an expression is."""
    expressiveness: float
    """Factor on all action units."""
    shouts: bool
    """Shows anger with an open mouth rather than with pressed lips."""

    @property
    def wrinkles(self) -> float:
        """Strength of wrinkles at rest, 0 to 1."""
        return min(max((self.age - 32) / 45, 0.0), 1.0)

    @property
    def feminine(self) -> float:
        """Gender presentation: 1 woman, 0.5 androgynous, 0 man."""
        return {"woman": 1.0, "androgynous": 0.5, "man": 0.0}[self.gender]


class _Random:
    """Independent random numbers by name, so that fixing one factor leaves all others unchanged."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def unit(self, name: str) -> float:
        digest = hashlib.blake2b(f"{self._seed}/{name}".encode(), digest_size=7).digest()
        return int.from_bytes(digest, "big") / 2**56

    def between(self, name: str, low: float, high: float) -> float:
        return low + (high - low) * self.unit(name)

    def near(self, name: str, middle: float, spread: float) -> float:
        """Bell-shaped around ``middle``, at most ``spread`` away."""
        total = self.unit(name + "/a") + self.unit(name + "/b") + self.unit(name + "/c")
        return middle + spread * (total / 1.5 - 1)

    def pick(self, name: str, weights: Mapping[str, float] | Sequence[str]) -> str:
        table = weights if isinstance(weights, Mapping) else dict.fromkeys(weights, 1.0)
        left = self.unit(name) * sum(table.values())
        for value, weight in table.items():
            left -= weight
            if left < 0:
                return value
        return next(reversed(list(table)))


def identity(seed: int, **constraints: str) -> Identity:
    """The person for a seed, with some factors fixed by name (see `CHOICES`).

    The same seed and constraints give the same person. Raises ``ValueError`` for an unknown factor
    or value.
    """
    _check(constraints)
    rng = _Random(seed)
    known: dict[str, Any] = dict(constraints)
    for name in ("age_group", "gender", "skin_tone", "undertone"):
        if name not in known:
            values = {"gender": ("woman", "man"), "age_group": DEFAULT_AGE_GROUPS}.get(name, CHOICES[name])
            known[name] = rng.pick(name, values)
    known["age"] = round(rng.between("age", *AGE_GROUPS[known["age_group"]]))
    for part in (_hair, _extras, _build, _manner):
        known = {**part(rng, known), **known}
    return Identity(seed=seed, **known)


def _check(constraints: Mapping[str, str]) -> None:
    for name, value in constraints.items():
        if name not in CHOICES:
            raise ValueError(f"{name!r} is not a factor; choose from {', '.join(CHOICES)}")
        if value not in CHOICES[name]:
            raise ValueError(f"{name} cannot be {value!r}; choose from {', '.join(CHOICES[name])}")


def _hair(rng: _Random, known: Mapping[str, Any]) -> dict[str, Any]:
    age, tone, gender = known["age"], known["skin_tone"], known["gender"]
    styles = dict(HAIR_STYLES[gender])
    if tone in ("very light", "light", "olive"):
        styles.pop("afro", None)
    else:
        styles.pop("quiff", None)
        styles = {
            style: weight * (2 if style in ("afro", "braids", "buzz", "curls", "curly") else 1)
            for style, weight in styles.items()
        }
    if age < 18:
        for style in ("bald", "receding", "buzz", "hijab"):
            styles.pop(style, None)
    if age >= 62:
        for style in ("braids", "ponytail", "quiff"):
            styles.pop(style, None)
    if age < 45:
        styles.pop("receding", None)
    grey = min(max((age - rng.between("grey", 38, 56)) / 22, 0.0), 1.0)
    colour = rng.pick("hair_colour", _NATURAL_HAIR[tone])
    return {"hair": rng.pick("hair", styles), "hair_colour": colour, "grey": round(grey, 3)}


def _extras(rng: _Random, known: Mapping[str, Any]) -> dict[str, Any]:
    gender, tone, child = known["gender"], known["skin_tone"], known["age"] < 18
    woman = gender == "woman" and not child
    wears = rng.unit("wears glasses") < 0.16 + 0.3 * (known["age"] > 50)
    ears = _EARRINGS if woman else {"none": 9, "stud": 1}
    return {
        "eye_colour": rng.pick("eye_colour", _EYES[tone]),
        "glasses": rng.pick("glasses", ("round", "square")) if wears else "none",
        "beard": rng.pick("beard", _BEARDS) if gender == "man" and not child else "none",
        "earrings": "none" if known["hair"] == "hijab" else rng.pick("earrings", ears),
        "clothes": rng.pick(
            "clothes", {"crew": 3, "hoodie": 2, "turtleneck": 1} if child else _CLOTHES[gender]
        ),
        "scheme": int(rng.unit("scheme") * len(SCHEMES)),
        "freckles": tone in ("very light", "light") and rng.unit("freckles") < 0.3,
        "makeup": rng.between("makeup", 0.25, 1.0) if woman else 0.0,
    }


def _build(rng: _Random, known: Mapping[str, Any]) -> dict[str, Any]:
    soft = {"woman": 1.0, "androgynous": 0.5, "man": 0.0}[known["gender"]]
    young = float(known["age"] < 18)
    soft = max(soft, 0.6 * young)
    full = {"brown": 0.1, "dark": 0.18, "tan": 0.04}.get(known["skin_tone"], 0.0)
    return {
        "face_width": rng.near("face_width", 1.02 - 0.03 * soft + 0.05 * young, 0.07),
        "jaw_width": rng.near("jaw_width", 1.05 - 0.08 * soft, 0.09),
        "chin": rng.near("chin", 1.05 - 0.14 * soft - 0.08 * young, 0.14),
        "cheek": rng.near("cheek", 1.0 + 0.05 * young, 0.05),
        "eye_size": rng.near("eye_size", 0.98 + 0.08 * soft + 0.12 * young, 0.08),
        "eye_spacing": rng.near("eye_spacing", 1.0, 0.05),
        "eye_tilt": rng.near("eye_tilt", 1.0 + 1.5 * soft, 2.5),
        "nose_width": rng.near("nose_width", 1.06 - 0.1 * soft + full - 0.12 * young, 0.12),
        "nose_length": rng.near("nose_length", 1.02 - 0.05 * soft - 0.10 * young, 0.07),
        "lips": rng.near("lips", 0.92 + 0.18 * soft + full - known["age"] * 0.002, 0.18),
        "mouth_width": rng.near("mouth_width", 1.0 - 0.08 * young, 0.08),
        "brow_weight": rng.near("brow_weight", 1.2 - 0.35 * soft - 0.12 * young, 0.22),
        "brow_arch": rng.near("brow_arch", 0.85 + 0.35 * soft, 0.3),
    }


def _manner(rng: _Random, known: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "tilt": rng.near("tilt", 0.0, 4.0),
        "turn": rng.near("turn", 0.0, 1.0),
        "side": -1 if rng.unit("side") < 0.5 else 1,
        "lopsided": rng.between("lopsided", 0.0, 0.14),
        "expressiveness": rng.between("expressiveness", 0.92, 1.06),
        "shouts": rng.unit("shouts") < 0.35,
    }
