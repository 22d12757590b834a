"""Hair styles: each has a function for the hair behind the head, for the hair in front, or both."""

from __future__ import annotations

from collections.abc import Callable

from memobench_portraits.anatomy import Anatomy
from memobench_portraits.hair import covered, cropped, curly, flowing, gathered
from memobench_portraits.hair.locks import Tone
from memobench_portraits.svg import Drawing

Layer = Callable[[Drawing, Anatomy, Tone], None]

_BACK: dict[str, Layer] = {
    "long": flowing.long_back,
    "wavy": flowing.wavy_back,
    "bob": flowing.bob_back,
    "curly": curly.curly_back,
    "afro": curly.afro_back,
    "bun": gathered.bun_back,
    "ponytail": gathered.ponytail_back,
    "braids": gathered.braids_back,
    "hijab": covered.hijab_back,
}
_FRONT: dict[str, Layer] = {
    "long": flowing.long_front,
    "wavy": flowing.wavy_front,
    "bob": flowing.bob_front,
    "pixie": flowing.pixie_front,
    "curly": curly.curly_front,
    "afro": curly.afro_front,
    "curls": curly.curls_front,
    "bun": gathered.bun_front,
    "ponytail": gathered.ponytail_front,
    "braids": gathered.braids_front,
    "hijab": covered.hijab_front,
    "short": cropped.short_front,
    "quiff": cropped.quiff_front,
    "buzz": cropped.buzz_front,
    "receding": cropped.receding_front,
    "bald": cropped.bald_front,
}

STYLES: tuple[str, ...] = tuple(sorted(_FRONT))


def follows_face(style: str) -> bool:
    """Whether the front layer changes with the expression: a hijab follows the jaw."""
    return style == "hijab"


def reaches_behind(style: str) -> bool:
    """Whether the style has a layer behind the head."""
    return style in _BACK


def reaches_shoulders(style: str) -> bool:
    """Whether the front layer hangs below the ears."""
    return style in ("long", "wavy", "bob", "curly", "braids", "hijab")


def hair_back(art: Drawing, face: Anatomy, colour: str) -> None:
    """Draw the hair behind neck and head."""
    if face.who.hair in _BACK:
        _BACK[face.who.hair](art, face, Tone.of(colour))


def hair_front(art: Drawing, face: Anatomy, colour: str) -> None:
    """Draw the hair in front of the head."""
    _FRONT[face.who.hair](art, face, Tone.of(colour))
