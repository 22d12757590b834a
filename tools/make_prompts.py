"""Writes the built-in prompt sets `tasks/prompts/*.csv`, byte-identical on every machine.

    python tools/make_prompts.py            write both files
    python tools/make_prompts.py --check    compare with the files on disk; exit status 1 if they differ

The design is a strength-2 orthogonal array of 100 combinations. Age, skin tone and setting are fully crossed
(4 x 5 x 5); style and phrasing are two mutually orthogonal Latin squares on (skin tone, setting), shifted with
age. So every pair of these five factors is exactly balanced. Gender has two levels and is assigned by a seeded
search: exactly balanced with all factors except age, where 25 pictures can only be split 12 to 13.

All emotions use the same combinations (`pair_id`), so that effects of emotion are paired differences.
Gender is woman or man: a prompt without a gender measures what the model assumes, which is a separate question.
Skin tone means the visible tone, not ethnicity. All people are adults, since services refuse to generate
children for reasons unrelated to emotion. Ages are given in decades, since words such as "elderly" imply a mood.
"""

from __future__ import annotations

import argparse
import csv
import io
import random
import sys
from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).resolve().parents[1] / "tasks" / "prompts"
SEED = 52
SEARCH_STEPS = 4000
COLUMNS = (
    "prompt_id",
    "pair_id",
    "emotion",
    "intensity",
    "prompt",
    "phrasing",
    "age_group",
    "gender",
    "skin_tone",
    "setting",
    "style",
)

AGES = {"young adult": "twenties", "adult": "thirties", "middle-aged": "fifties", "older": "seventies"}
GENDERS = {"woman": "her", "man": "his"}
SKIN_TONES = {"light": "light", "medium": "olive", "tan": "tan", "brown": "brown", "dark": "dark"}
SETTINGS = {
    "plain": "against a plain grey backdrop",
    "kitchen": "in a kitchen",
    "library": "in a library",
    "street": "on a city street",
    "park": "in a park",
}
# Coloured pencil, because a grey drawing does not show the skin tone.
STYLES = {
    "photograph": "Photograph",
    "oil painting": "Oil painting",
    "digital illustration": "Digital illustration",
    "3d render": "3D render",
    "pencil drawing": "Coloured pencil drawing",
}
WORDS = {
    "happy": ("happy", "happiness"),
    "sad": ("sad", "sadness"),
    "angry": ("angry", "anger"),
    "surprise": ("surprised", "surprise"),
    "worry": ("worried", "worry"),
    "neutral": ("emotionally neutral", "a neutral mood"),
}
PHRASINGS = {
    "adjective": "{style} of {emotional} {person} with {tone} skin {setting}",
    "looking": "{style} of {person} with {tone} skin {setting}, looking {adjective}",
    "expression": "{style} of {person} with {tone} skin and {emotional} expression, {setting}",
    "face shows": "{style} of {person} with {tone} skin whose face shows {noun}, {setting}",
    "feeling": "{style} of {person} with {tone} skin, feeling {adjective}, {setting}",
}
FRAMING = "head-and-shoulders portrait, facing the viewer"
# Very weak, weak, moderate, strong, very strong: before an adjective, and before a noun.
STRENGTHS = (
    ("very slightly", "very slight"),
    ("slightly", "slight"),
    ("moderately", "moderate"),
    ("very", "strong"),
    ("extremely", "very strong"),
)


Cell = tuple[tuple[int, ...], tuple[int, ...]]
"""A set of factors and the level of each."""


class Combination(NamedTuple):
    """One level of every factor, as an index."""

    age: int
    skin: int
    setting: int
    style: int
    phrasing: int
    gender: int = 0


def crossed() -> list[Combination]:
    """The 100 combinations without gender, with every pair of factors exactly balanced."""
    return [
        Combination(age, skin, setting, (skin + setting + age) % 5, (skin + 2 * setting + 3 * age) % 5)
        for age in range(4)
        for skin in range(5)
        for setting in range(5)
    ]


def cells(row: Combination, factors: Sequence[int], single: int) -> list[tuple[Cell, int]]:
    """The cells that a row belongs to: levels of `factors` (weight `single`) and pairs of levels (weight 1)."""
    return [
        ((chosen, tuple(row[i] for i in chosen)), weight)
        for size, weight in ((1, single), (2, 1))
        for chosen in combinations(factors, size)
    ]


def shift(counts: Counter[Cell], changed: Sequence[tuple[Cell, int]], by: int) -> int:
    """Add `by` to some cells; returns the change in imbalance, the weighted sum of fourth powers.

    Fourth powers penalise one large deviation more than several small ones.
    """
    added = 0
    for cell, weight in changed:
        before = counts[cell]
        counts[cell] = before + by
        added += weight * ((before + by) ** 4 - before**4)
    return added


def with_gender(rows: Sequence[Combination], rng: random.Random) -> list[Combination]:
    """Assign each gender to half of the rows, balanced over all factors by a seeded local search."""
    state = [row._replace(gender=(row.age + row.skin + row.setting) % 2) for row in rows]
    own = [cells(row, range(5), single=50) for row in rows]
    surplus: Counter[Cell] = Counter()
    for row, mine in zip(state, own, strict=True):
        shift(surplus, mine, 2 * row.gender - 1)
    for _ in range(SEARCH_STEPS):
        woman = pick([i for i, row in enumerate(state) if row.gender == 0], rng)
        man = pick([i for i, row in enumerate(state) if row.gender == 1], rng)
        if shift(surplus, own[woman], 2) + shift(surplus, own[man], -2) <= 0:
            state[woman], state[man] = state[woman]._replace(gender=1), state[man]._replace(gender=0)
        else:
            shift(surplus, own[woman], -2)
            shift(surplus, own[man], 2)
    return state


def balanced_ten(rows: Sequence[Combination], rng: random.Random) -> list[Combination]:
    """Ten rows with balanced factor levels, found by a seeded local search."""
    order = shuffled(rows, rng)
    chosen, spare = order[:10], order[10:]
    own = {row: cells(row, range(6), single=50) for row in rows}
    counts: Counter[Cell] = Counter()
    for row in chosen:
        shift(counts, own[row], 1)
    for _ in range(SEARCH_STEPS):
        out, new = pick(range(len(chosen)), rng), pick(range(len(spare)), rng)
        if shift(counts, own[chosen[out]], -1) + shift(counts, own[spare[new]], 1) <= 0:
            chosen[out], spare[new] = spare[new], chosen[out]
        else:
            shift(counts, own[chosen[out]], 1)
            shift(counts, own[spare[new]], -1)
    return chosen


def pick(items: Sequence[int], rng: random.Random) -> int:
    """A random item; only `random()` is guaranteed to be stable across Python versions."""
    return items[int(rng.random() * len(items))]


def shuffled(rows: Sequence[Combination], rng: random.Random) -> list[Combination]:
    """The rows in a seeded random order."""
    return [row for _, row in sorted((rng.random(), row) for row in rows)]


def design() -> list[Combination]:
    """The 100 combinations in the order of `pair_id`; the intensity set uses the first ten."""
    rng = random.Random(SEED)
    rows = with_gender(crossed(), rng)
    first = balanced_ten(rows, rng)
    return first + shuffled([row for row in rows if row not in first], rng)


def article(words: str) -> str:
    """`words` with "a" or "an" in front."""
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def prompt_text(row: Combination, emotion: str, strength: int | None = None) -> str:
    """The prompt for a combination, an emotion and, from 1 to 5, a strength."""
    adjective, noun = WORDS[emotion]
    if strength is not None:
        adverb, degree = STRENGTHS[strength - 1]
        adjective, noun = f"{adverb} {adjective}", f"{degree} {noun}"
    name, template = list(PHRASINGS.items())[row.phrasing]
    if emotion == "neutral" and name == "expression":
        adjective = "neutral"
    gender, pronoun = list(GENDERS.items())[row.gender]
    person = f"{gender} in {pronoun} {list(AGES.values())[row.age]}"
    before = name == "adjective"
    text = template.format(
        style=list(STYLES.values())[row.style],
        person=person if before else article(person),
        emotional=article(adjective),
        adjective=adjective,
        noun=noun,
        tone=list(SKIN_TONES.values())[row.skin],
        setting=list(SETTINGS.values())[row.setting],
    )
    return f"{text}, {FRAMING}"


def record(pair: int, row: Combination, emotion: str, strength: int | None = None) -> tuple[str, ...]:
    """One row of a prompt set, in the order of `COLUMNS`."""
    prompt_id = f"{emotion}-{pair:03d}" if strength is None else f"{emotion}-s{strength}-{pair:03d}"
    intensity = "" if strength is None else str(strength)
    return (
        prompt_id,
        str(pair),
        emotion,
        intensity,
        prompt_text(row, emotion, strength),
        list(PHRASINGS)[row.phrasing],
        list(AGES)[row.age],
        list(GENDERS)[row.gender],
        list(SKIN_TONES)[row.skin],
        list(SETTINGS)[row.setting],
        list(STYLES)[row.style],
    )


def prompt_sets() -> dict[str, str]:
    """File name and content of every built-in prompt set."""
    pairs = list(enumerate(design(), start=1))
    emotions = [record(pair, row, emotion) for emotion in WORDS for pair, row in pairs]
    strengths = [
        record(pair, row, emotion, strength)
        for emotion in WORDS
        if emotion != "neutral"
        for strength in range(1, len(STRENGTHS) + 1)
        for pair, row in pairs[:10]
    ]
    return {"emotion_600.csv": as_csv(emotions), "intensity_250.csv": as_csv(strengths)}


def as_csv(records: Sequence[tuple[str, ...]]) -> str:
    """The records as CSV with a header and LF line ends."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(records)
    return out.getvalue()


def main(argv: Sequence[str] | None = None) -> int:
    """Write or compare the files; returns the exit status."""
    parser = argparse.ArgumentParser(description="Write the built-in prompt sets.")
    parser.add_argument("--check", action="store_true", help="compare with the files instead of writing them")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="folder of the files")
    args = parser.parse_args(argv)
    stale = []
    for name, text in prompt_sets().items():
        path = args.folder / name
        data = text.encode("utf-8")
        if args.check:
            if not path.is_file() or path.read_bytes() != data:
                stale.append(name)
        else:
            args.folder.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    if stale:
        print(f"Out of date: {', '.join(stale)}. Run: python tools/make_prompts.py", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
