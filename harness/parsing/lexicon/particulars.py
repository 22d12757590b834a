"""Single words that decide special cases inside a clause."""

from __future__ import annotations

from harness.parsing.clean import key


def _set(words: str) -> frozenset[str]:
    return frozenset(key(word) for word in words.split(","))


# Topics too broad to be the question itself: an expression may be described in passing.
BROAD_TOPICS = tuple(
    _set("expression, ausdruck, visage, 表情, state, demeanor, impression, tone, type, выражение, volto")
)
# After these even a single option is only quoted from the question.
LIST_WORDS = _set(
    "options, choices, such as, emotions like, emotions such as, choose from, labels, possible emotions"
)
# A picture of a pair is chosen by comparison, not by description.
COMPARES = _set(
    "more, most, slightly more, greater, greatest, higher, highest, deeper, deepest, clearer, clearest, better, best, "
    "intense, intenser, más, mehr, stärker, stärkere, stärkste, plus, davantage, 更, 最, もっと, より, winner, wins"
)
PICTURES = _set(
    "image, picture, photo, portrait, face, person, one, photograph, imagen, bild, foto, 图, 图片"
)
# What a picture's making or light is like says nothing of the person.
ASPECTS = _set(
    "light, lighting, composition, sharpness, focus, contrast, exposure, resolution, background, shadows"
)
PERHAPS = _set(
    "maybe, perhaps, possibly, vielleicht, quizá, quizás, tal vez, peut, peut être, talvez, 可能, 也许, 也許, 或许, もしかして"
)
# What a person does with the face: the person stays the subject.
DOING = _set("smiling, crying, frowning, grinning, laughing, scowling")
OR = ("or", "oder", "ou", "o ", "或", "または", "还是")
# Words straight before a number that gives a rating.
LEVEL_WORDS = _set(
    "#, a, about, approximately, around, as, at, be, by, grade, it, it's, level, niveau, nivel, "
    "no, number, of, option, roughly, stufe, that's, this, to, with, with a, 为, 强度, 打, 是, 等级, 级别, "
    "给"
)
# Nouns, beside emotions, that a level may describe when it rates.
RATED_NOUNS = _set(
    "and, at, but, case, depicted, depiction, display, emoción, emotional, emotionale, "
    "emotionaler, emotionally, enough, example, facial, for, here, in, manifestation, on, one, "
    "outward, overall, portrayal, presence, reaction, response, sense, show, though, to, visible, "
    "with, yet"
)
PEOPLE = _set("person, man, woman, boy, girl, child, he, she, subject, individual, guy, lady, they")
