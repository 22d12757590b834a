"""Normalizes emotion labels of data sets to the six emotions."""

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
    """Whether a text, such as a file name, contains an emotion or one of its common synonyms."""
    folded = text.casefold()
    return any(word in folded for word in (emotion, *_SYNONYMS.get(emotion, ())))


def fold_emotion(label: str) -> str | None:
    """The emotion of a label, ignoring case and accepting common synonyms; None if it is not one of the six.

    Fear, disgust, contempt and similar labels are not among the six: they need a mapping declared by the user.
    """
    return _FOLD.get(label) or _FOLD.get(label.strip().casefold().replace(" ", "_").replace("-", "_"))
