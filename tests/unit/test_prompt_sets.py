"""The built-in prompt sets are balanced, paired, distinct, and reproducible from their script."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "tasks" / "prompts"
SCRIPT = ROOT / "tools" / "make_prompts.py"
FACTORS = ("phrasing", "age_group", "gender", "skin_tone", "setting", "style")
EMOTIONS = {"happy", "sad", "angry", "surprise", "worry", "neutral"}
NAMING = {"happy": r"happ(y|iness)", "sad": r"sad(ness)?", "angry": r"ang(ry|er)",
          "surprise": r"surprised?", "worry": r"worr(y|ied)", "neutral": "neutral"}  # fmt: skip
STRENGTHS = {"1": r"very slight(ly)?", "2": r"slight(ly)?", "3": "moderate(ly)?", "4": r"very|strong",
             "5": r"extremely|very strong"}  # fmt: skip
SUGGESTIVE = r"smil|grin|laugh|cry|tear|frown|scowl|party|funeral|hospital|wedding|sunny|gloom|dark (?!skin)"

Row = dict[str, str]


def read(name: str) -> list[Row]:
    with (FOLDER / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def emotions() -> list[Row]:
    return read("emotion_600.csv")


@pytest.fixture(scope="module")
def strengths() -> list[Row]:
    return read("intensity_250.csv")


def combination(row: Row) -> tuple[str, ...]:
    return tuple(row[factor] for factor in FACTORS)


def levels(rows: list[Row], *factors: str) -> Counter[tuple[str, ...]]:
    """The frequency of each combination of the factors' levels, including those with frequency 0."""
    counts = Counter(tuple(row[f] for f in factors) for row in rows)
    seen = [sorted({row[f] for row in rows}) for f in factors]
    grid: list[tuple[str, ...]] = [()]
    for column in seen:
        grid = [(*head, level) for head in grid for level in column]
    return Counter({cell: counts[cell] for cell in grid})


def spread(counts: Counter[tuple[str, ...]]) -> int:
    return max(counts.values()) - min(counts.values())


def test_emotion_set_has_a_hundred_prompts_for_each_emotion(emotions: list[Row]) -> None:
    assert Counter(row["emotion"] for row in emotions) == dict.fromkeys(EMOTIONS, 100)
    assert {row["intensity"] for row in emotions} == {""}


def test_every_emotion_uses_the_same_combinations(emotions: list[Row]) -> None:
    by_emotion = {e: {r["pair_id"]: combination(r) for r in emotions if r["emotion"] == e} for e in EMOTIONS}
    happy = by_emotion["happy"]
    assert sorted(happy, key=int) == [str(n) for n in range(1, 101)]
    assert all(pairs == happy for pairs in by_emotion.values())
    assert len(set(happy.values())) == 100


@pytest.mark.parametrize("factor", FACTORS)
def test_levels_of_each_factor_are_equally_frequent(emotions: list[Row], factor: str) -> None:
    one = [row for row in emotions if row["emotion"] == "worry"]
    assert spread(levels(one, factor)) == 0


@pytest.mark.parametrize("pair", list(combinations(FACTORS, 2)), ids=" x ".join)
def test_every_pair_of_factors_is_crossed_evenly(emotions: list[Row], pair: tuple[str, str]) -> None:
    one = [row for row in emotions if row["emotion"] == "neutral"]
    unavoidable = 1 if set(pair) == {"age_group", "gender"} else 0  # 25 pictures of two genders
    assert spread(levels(one, *pair)) == unavoidable


def test_both_genders_occur_in_nearly_every_pair_of_other_levels(emotions: list[Row]) -> None:
    one = [row for row in emotions if row["emotion"] == "happy"]
    shares = []
    for first, second in combinations([f for f in FACTORS if f != "gender"], 2):
        women = levels([r for r in one if r["gender"] == "woman"], first, second)
        shares += [women[cell] / n for cell, n in levels(one, first, second).items()]
    assert len(shares) == 6 * 25 + 4 * 20
    assert sum(share in (0.0, 1.0) for share in shares) <= 0.05 * len(shares)


def test_intensity_set_has_five_strengths_of_five_emotions(strengths: list[Row]) -> None:
    cells = Counter((row["emotion"], row["intensity"]) for row in strengths)
    assert cells == {(e, str(n)): 10 for e in EMOTIONS - {"neutral"} for n in range(1, 6)}


def test_intensity_set_pairs_with_itself_and_with_the_emotion_set(
    emotions: list[Row], strengths: list[Row]
) -> None:
    known = {row["pair_id"]: combination(row) for row in emotions}
    cells: dict[tuple[str, str], set[str]] = {}
    for row in strengths:
        assert combination(row) == known[row["pair_id"]]
        cells.setdefault((row["emotion"], row["intensity"]), set()).add(row["pair_id"])
    assert len({frozenset(pairs) for pairs in cells.values()}) == 1


@pytest.mark.parametrize("factor", FACTORS)
def test_the_ten_combinations_cover_each_factor_evenly(strengths: list[Row], factor: str) -> None:
    ten = [r for r in strengths if (r["emotion"], r["intensity"]) == ("sad", "3")]
    assert spread(levels(ten, factor)) <= 1
    assert len(levels(ten, factor)) == (4 if factor == "age_group" else 2 if factor == "gender" else 5)


@pytest.mark.parametrize("name", ["emotion_600.csv", "intensity_250.csv"])
def test_prompts_are_distinct_and_name_only_their_emotion(name: str) -> None:
    rows = read(name)
    assert len({row["prompt"] for row in rows}) == len(rows)
    assert len({row["prompt_id"] for row in rows}) == len(rows)
    for row in rows:
        named = {e for e, pattern in NAMING.items() if re.search(rf"\b{pattern}\b", row["prompt"])}
        assert named == {row["emotion"]}, row["prompt"]
        assert not re.search(SUGGESTIVE, row["prompt"], re.IGNORECASE), row["prompt"]
        assert not re.search(r"\ba [aeiou]|\ban [^aeiou]|  ", row["prompt"]), row["prompt"]


def test_each_phrasing_of_each_emotion_is_used_twenty_times(emotions: list[Row]) -> None:
    counts = Counter((row["emotion"], row["phrasing"]) for row in emotions)
    assert len(counts) == 30
    assert set(counts.values()) == {20}


def test_prompts_mention_their_factors(emotions: list[Row]) -> None:
    ages = {"young adult": "twenties", "adult": "thirties", "middle-aged": "fifties", "older": "seventies"}
    for row in emotions:
        prompt = row["prompt"].lower()
        pronoun = {"woman": "her", "man": "his"}[row["gender"]]
        assert f" {row['gender']} in {pronoun} {ages[row['age_group']]} with " in prompt
        tone = "olive" if row["skin_tone"] == "medium" else row["skin_tone"]
        assert f"with {tone} skin" in prompt
        assert row["setting"] in prompt
        assert prompt.startswith(row["style"].replace("pencil", "coloured pencil"))


def test_prompts_state_the_intensity_of_their_level(strengths: list[Row]) -> None:
    for row in strengths:
        expected = rf"\b({STRENGTHS[row['intensity']]}) ({NAMING[row['emotion']]})\b"
        match = re.search(expected, row["prompt"])
        assert match, row["prompt"]
        others = re.sub(re.escape(match.group(0)), "", row["prompt"])
        assert not re.search(r"\b(slight|moderate|strong|extreme|very)", others) or row["intensity"] in "12"


def test_prompts_of_one_combination_differ_only_in_intensity(strengths: list[Row]) -> None:
    ladder = [r["prompt"] for r in strengths if (r["emotion"], r["pair_id"]) == ("angry", "1")]
    degrees = r"\b(an? )?(very |slight |slightly |moderate |moderately |strong |extremely )+"
    assert len(ladder) == 5
    assert len({re.sub(degrees, "", prompt) for prompt in ladder}) == 1


def test_the_script_reproduces_both_files_byte_for_byte(tmp_path: Path) -> None:
    check = subprocess.run([sys.executable, str(SCRIPT), "--check"], capture_output=True, text=True)
    assert (check.returncode, check.stderr) == (0, "")
    subprocess.run([sys.executable, str(SCRIPT), "--folder", str(tmp_path)], check=True)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {
        name: (FOLDER / name).read_bytes() for name in ("emotion_600.csv", "intensity_250.csv")
    }


def test_check_reports_a_changed_file(tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(SCRIPT), "--folder", str(tmp_path)], check=True)
    changed = tmp_path / "intensity_250.csv"
    changed.write_bytes(changed.read_bytes().replace(b"\n", b"\r\n"))
    check = subprocess.run(
        [sys.executable, str(SCRIPT), "--check", "--folder", str(tmp_path)], capture_output=True, text=True
    )
    assert check.returncode == 1
    assert "intensity_250.csv" in check.stderr
    assert "emotion_600.csv" not in check.stderr
