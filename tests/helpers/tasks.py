"""A minimal task file."""

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
