"""Parses emotion, strength and personal attributes from a prompt."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from memobench_portraits.identity import CHOICES

_EMOTIONS: Mapping[str, str] = {
    "happy": "happy|happily|happiness|joy|joyful|joyous|cheerful|delighted|delight|glad|elated|smiling|smiles?|grinning|laughing",
    "sad": "sad|sadly|sadness|unhappy|unhappiness|sorrow|sorrowful|mournful|grief|grieving|dejected|melancholy|tearful|crying",
    "angry": "angry|angrily|anger|furious|fury|enraged|rage|irate|annoyed|annoyance",
    "surprise": "surprised?|surprises|astonished|astonishment|amazed|amazement|shocked|startled|stunned",
    "worry": "worr(?:y|ied|ies|ying)|anxious|anxiously|anxiety|concerned|concern|nervous|nervously|uneasy|apprehensive|fretful",
    "neutral": "neutral|neutrally|expressionless|emotionless|impassive",
}
_NON_FACE_WORDS = r"background|backdrop|wall|light|lighting|lit|tones?|toned|colou?rs?|coloured|colored|grey|gray|palette|birthday|hour"
_EMOTION = re.compile(
    "|".join(
        rf"(?P<{name}>\b(?:{words})\b(?![ -](?:{_NON_FACE_WORDS})\b))" for name, words in _EMOTIONS.items()
    )
)
_NEGATED = re.compile(r"\b(?:not|no|never|without|neither|nor|isn't|aren't|doesn't)(?: (?!but\b)\w+){0,2} $")

_STRENGTHS: tuple[tuple[float, str], ...] = (
    (1.0, r"very (?:slight(?:ly)?|weak(?:ly)?|mild(?:ly)?|faint(?:ly)?|subtl[ey])|barely|hardly|faint(?:ly)?|subtl[ey]|a (?:hint|trace) of"),
    (5.0, r"very (?:strong(?:ly)?|intense(?:ly)?|great)|extreme(?:ly)?|intense(?:ly)?|overwhelming(?:ly)?|utter(?:ly)?|absolutely"),
    (2.0, r"slight(?:ly)?|weak(?:ly)?|mild(?:ly)?|a (?:little|bit)|little"),
    (3.0, r"moderate(?:ly)?|fairly|somewhat|rather|quite|medium"),
    (4.0, r"strong(?:ly)?|very|clear(?:ly)?|deep(?:ly)?|great(?:ly)?|really|so"),
)  # fmt: skip
_STRENGTH = re.compile("|".join(rf"(?P<s{level:.0f}>\b(?:{words})\b)" for level, words in _STRENGTHS))
_NUMBER = re.compile(r"\b(?:strength|intensity|level)(?: (?:of|is))?[ :=]*([1-5](?:\.\d+)?)\b")
_OTHER_STRENGTH = re.compile(
    r"^ (?:light|lighting|jaw|chin|shadows?|contrast|features|build|arms|wind|old|elderly|young|dark|light|pale|fair|long|short|curly)\b"
)

_AGES: Mapping[str, str] = {
    "child": r"child|kid|boy|girl|(?:[5-9]|1[0-4])[- ]years?[- ]old",
    "older adult": r"elderly|old|older|aged (?:6|7|8)\d|grandmother|grandfather|grandma|grandpa|senior|in (?:his|her|their) (?:sixties|seventies|eighties|nineties)|(?:6|7|8)\d[- ]years?[- ]old",
    "middle-aged adult": r"middle[- ]aged?|in (?:his|her|their) (?:forties|fifties)|aged? (?:4[5-9]|5\d)|(?:4[5-9]|5\d)[- ]years?[- ]old",
    "young adult": r"young|youthful|teenager|student|in (?:his|her|their) twenties|(?:1[89]|2\d)[- ]years?[- ]old",
    "adult": r"adult|in (?:his|her|their) thirties|(?:3\d|4[0-4])[- ]years?[- ]old",
}
_GENDERS: Mapping[str, str] = {
    "woman": r"woman|girl|lady|female|mother|grandmother|grandma|she|her",
    "man": r"man|boy|gentleman|male|father|grandfather|grandpa|he|his|bearded",
    "androgynous": r"androgynous|non-?binary",
}
_SKINS: Mapping[str, str] = {
    "very light": r"(?:very (?:light|fair|pale)|pale|porcelain)",
    "light": r"(?:light|fair|white)",
    "olive": r"(?:olive|medium)",
    "tan": r"(?:tan|tanned|light brown|bronze)",
    "dark": r"(?:dark|very dark|black|deep|ebony|dark brown)",
    "brown": r"(?:brown|medium brown)",
}
_HAIRS: Mapping[str, str] = {
    "bald": r"bald",
    "hijab": r"hijab|headscarf",
    "afro": r"afro",
    "bun": r"bun",
    "ponytail": r"ponytail",
    "braids": r"braids|braided hair|plaits",
    "bob": r"bob",
    "pixie": r"pixie(?: cut)?",
    "buzz": r"buzz[- ]?cut|shaved head",
    "wavy": r"(?:long )?wavy hair",
    "curly": r"(?:long )?curly hair",
    "long": r"long(?: \w+)? hair",
    "short": r"short(?: \w+)? hair",
}
_BEARDS: Mapping[str, str] = {
    "full beard": r"full beard|long beard|bearded|beard",
    "moustache": r"m(?:o)?ustache",
    "stubble": r"stubble",
    "goatee": r"goatee",
}

DEFAULT_STRENGTH = 4.0
"""The strength used if the prompt names none."""

_ALIASES: Mapping[str, Mapping[str, str]] = {
    "age_group": {"young": "young adult", "middle-aged": "middle-aged adult", "middle aged": "middle-aged adult",
                  "older": "older adult", "elderly": "older adult", "old": "older adult", "senior": "older adult"},
    "gender": {"female": "woman", "male": "man", "nonbinary": "androgynous", "non-binary": "androgynous",
               "girl": "woman", "boy": "man"},
    "skin_tone": {"medium": "olive", "fair": "light", "pale": "very light", "black": "dark", "i": "very light",
                  "ii": "light", "iii": "olive", "iv": "tan", "v": "brown", "vi": "dark"},
}  # fmt: skip


def parse_emotion(prompt: str) -> tuple[str, float | None]:
    """The emotion that a prompt names, and its strength (1 to 5) if given.

    The first emotion that is not negated counts; neutral counts only if there is no other.
    A prompt without an emotion is neutral.
    """
    text = " " + _normalise(prompt)
    found = [m for m in _EMOTION.finditer(text) if not _NEGATED.search(text[: m.start()])]
    match = next((m for m in found if m.lastgroup != "neutral"), None)
    if match is None or match.lastgroup is None:
        return "neutral", None
    return match.lastgroup, _strength(text, match)


def _strength(text: str, emotion: re.Match[str]) -> float | None:
    number = _NUMBER.search(text)
    if number:
        return float(number.group(1))
    before = list(_STRENGTH.finditer(" ".join(text[: emotion.start()].split(" ")[-5:])))
    for match in reversed(before):
        rest = " " + match.string[match.end() :].strip() + " " + emotion.group()
        if match.lastgroup and not _OTHER_STRENGTH.match(rest):
            return float(match.lastgroup[1:])
    after = _STRENGTH.search(" ".join(text[emotion.end() :].split(" ")[:4]))
    if after and after.lastgroup and not _OTHER_STRENGTH.match(text[emotion.end() :][after.end() :]):
        return float(after.lastgroup[1:])
    return None


def parse_person(prompt: str) -> dict[str, str]:
    """The factors of identity that a prompt fixes: age group, gender, skin tone, hair, glasses, beard."""
    text = _normalise(prompt)
    found = {
        "age_group": _earliest_match(text, _AGES),
        "gender": _earliest_match(text, _GENDERS),
        "hair": _earliest_match(text, _HAIRS),
        "skin_tone": _earliest_match(text, _SKINS, r"[- ](?:skin(?:ned)?|complexion)"),
        "beard": _earliest_match(text, _BEARDS),
    }
    if re.search(r"\b(?:wearing|with|in)(?: \w+){0,2} (?:glasses|spectacles)\b", text):
        found["glasses"] = "square" if re.search(r"\b(?:square|rectangular)\b", text) else "round"
    if found["beard"] and found["gender"] is None:
        found["gender"] = "man"
    return {name: value for name, value in found.items() if value is not None}


def constraints(prompt: str, attributes: Mapping[str, str]) -> dict[str, str]:
    """The factors to fix, from a request's attributes, or else from its prompt.

    Attribute values that this generator does not support are ignored.
    """
    fixed = parse_person(prompt)
    for name, values in CHOICES.items():
        value = attributes.get(name, "").strip().lower()
        value = _ALIASES.get(name, {}).get(value, value)
        if value in values:
            fixed[name] = value
    return fixed


def _normalise(prompt: str) -> str:
    return re.sub(r"\s+", " ", prompt.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'"))


def _earliest_match(text: str, table: Mapping[str, str], after: str = "") -> str | None:
    """The value that matches earliest in the text; of two at the same place, the longer match."""
    hits: Iterable[tuple[int, int, str]] = (
        (m.start(), -m.end(), value)
        for value, words in table.items()
        if (m := re.search(rf"\b(?:{words}){after}\b", text))
    )
    best = min(hits, default=None)
    return best[2] if best else None
