"""Colour mixing, and palettes for skin, hair, eyes, clothes and backdrops."""

from __future__ import annotations

from dataclasses import dataclass


def _channels(colour: str) -> tuple[int, int, int]:
    """Red, green and blue of ``#rrggbb``, 0 to 255."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def mix(first: str, second: str, share: float) -> str:
    """``first`` with ``share`` (0 to 1) of ``second`` in it, both ``#rrggbb``."""
    pairs = zip(_channels(first), _channels(second), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def multiply(colour: str, light: str) -> str:
    """``colour`` under a coloured ``light``: channels multiplied, as for shadows."""
    pairs = zip(_channels(colour), _channels(light), strict=True)
    return "#" + "".join(f"{round(a * b / 255):02x}" for a, b in pairs)


@dataclass(frozen=True)
class Skin:
    """The colours of one skin, from highlights to the deepest lines, and its blush."""

    light: str
    base: str
    shade: str
    deep: str
    blush: str
    lip: str

    def with_undertone(self, undertone: str) -> Skin:
        """The same skin with a ``warm``, ``neutral`` or ``cool`` undertone."""
        tint = {"warm": "#e0a04a", "cool": "#d88a92"}.get(undertone)
        if tint is None:
            return self
        return Skin(
            mix(self.light, tint, 0.05),
            mix(self.base, tint, 0.09),
            mix(self.shade, tint, 0.07),
            self.deep,
            self.blush,
            self.lip,
        )


SKINS: dict[str, Skin] = {
    "very light": Skin("#fdeadf", "#f4d5c4", "#d9a590", "#9c5c4b", "#e98d80", "#c9676a"),
    "light": Skin("#fbe0ca", "#edc4a5", "#cb9271", "#8c5339", "#e0806a", "#be6158"),
    "olive": Skin("#f1cda9", "#d9a980", "#b17d56", "#74462b", "#d07556", "#ac564b"),
    "tan": Skin("#dfb187", "#be895c", "#93623d", "#5c3720", "#b8653f", "#98493d"),
    "brown": Skin("#ba8966", "#946342", "#6a422b", "#3c2215", "#a05036", "#834038"),
    "dark": Skin("#8f6750", "#664332", "#45291c", "#23120b", "#844031", "#6d3735"),
}
"""Six tones in the order of the Fitzpatrick scale, I to VI."""

HAIR: dict[str, str] = {
    "black": "#1d1a1c",
    "dark brown": "#38261d",
    "brown": "#5d3d28",
    "auburn": "#74331f",
    "red": "#a44f26",
    "blond": "#c89a58",
    "light blond": "#dfbe84",
    "grey": "#83817f",
    "white": "#cfcac3",
}
EYES: dict[str, str] = {
    "dark brown": "#4a2c18",
    "brown": "#6b4423",
    "hazel": "#8a6a35",
    "green": "#5f8457",
    "blue": "#4d83b3",
    "grey": "#76858f",
}
LIPSTICKS: tuple[str, ...] = ("#b5454f", "#a83f55", "#c25a52", "#8f3b47")


@dataclass(frozen=True)
class Scheme:
    """Matching colours: a backdrop from lit to dim, a garment, a second fabric, an accent."""

    lit: str
    dim: str
    cloth: str
    second: str
    accent: str


SCHEMES: tuple[Scheme, ...] = (
    Scheme("#eadfce", "#b39a7c", "#3c5a66", "#f1e9dc", "#c9803f"),
    Scheme("#dbe6ea", "#7f9fae", "#a4573f", "#f3ece2", "#d9a441"),
    Scheme("#f0dcd2", "#c08f7c", "#4b5d4e", "#f4ece4", "#b5483b"),
    Scheme("#dfe5d6", "#8a9c7b", "#7b3f4c", "#efe8da", "#d0a24c"),
    Scheme("#e4deec", "#8d83a8", "#35506e", "#eee9f0", "#c77f6a"),
    Scheme("#f3e2bd", "#cc9a4e", "#2f4858", "#f7efe0", "#a8452f"),
    Scheme("#cfe0dc", "#5d8b86", "#c98d5b", "#f2ede2", "#8a3f3a"),
    Scheme("#d5dbe6", "#68779a", "#b98a3e", "#eceae6", "#8f3d4b"),
    Scheme("#e9d6d6", "#a36f76", "#5c6b7c", "#f2e8e4", "#e0b070"),
    Scheme("#d9dcd9", "#79817e", "#6d4a63", "#ebe8e2", "#cf9a5a"),
)
