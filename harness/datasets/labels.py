"""Emotion labels as data sets write them, folded to the six."""

from __future__ import annotations

_SYNONYMS = {
    "happy": ("happiness", "joy", "joyful", "glad"),
    "sad": ("sadness", "unhappy", "sorrow", "sorrowful"),
    "angry": ("anger", "mad", "rage", "furious"),
    "surprise": ("surprised", "surprising", "astonished", "astonishment"),
    "worry": ("worried", "worrying", "worries", "anxious", "anxiety"),
    "neutral": ("neutrality", "calm_neutral", "no_emotion"),
}
_FOLD = {word: emotion for emotion, words in _SYNONYMS.items() for word in (emotion, *words)}


def names_label(text: str, emotion: str) -> bool:
    """Whether a text, such as a file name, holds a label's word or one of its common synonyms."""
    folded = text.casefold()
    return any(word in folded for word in (emotion, *_SYNONYMS.get(emotion, ())))


def fold_emotion(label: str) -> str | None:
    """The emotion that a label means, case and common synonyms folded; None if it is none of the six.

    Fear, disgust, contempt and the like are none of the six: they need a mapping that the user declares.
    """
    return _FOLD.get(label.strip().casefold().replace(" ", "_").replace("-", "_"))
