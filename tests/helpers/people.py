"""Creates a data folder for pair comparisons: people in two emotions at five intensities."""

from __future__ import annotations

from pathlib import Path

from helpers import data

PEOPLE = 4


def make_people(folder: Path) -> Path:
    """Four people, each in two emotions at five intensities, and neutral; with a quality of 0 to 100 per picture."""
    rows = []
    for person in range(PEOPLE):
        for emotion in ("worry", "happy"):
            for strength in range(1, 6):
                rows.append({"emotion": emotion, "intensity": str(strength), "subject": f"p{person}"})
        rows.append({"emotion": "neutral", "intensity": "", "subject": f"p{person}"})
    for number, row in enumerate(rows):
        row |= {"id": f"s{number:02}", "image": f"{number}.png", "quality": str(number * 37 % 101)}
        data.picture(folder / row["image"], number)
    return data.manifest(folder, rows)
