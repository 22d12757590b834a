"""Minimal task files."""

from __future__ import annotations

TASK = """
name = "mine"
role = "judge"
stage = "coarse"
data = "faces"

[answer]
kind = "choice"
options = ["happy", "sad", "angry", "surprise", "worry", "neutral"]

[answer.truth]
field = "emotion"

[[prompts]]
name = "plain"
text = "Which emotion? {options}"

[[metrics]]
name = "accuracy"
primary = true
"""


def task(name: str, metric: str = "accuracy", data: str = "faces") -> str:
    """The same task under another name, with another primary metric and default data."""
    return (
        TASK.replace('"mine"', f'"{name}"')
        .replace('"accuracy"', f'"{metric}"')
        .replace('data = "faces"', f'data = "{data}"')
    )
