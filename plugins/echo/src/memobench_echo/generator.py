"""The generator `echo`: draws a plain card with the prompt on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from harness import Generator, HarnessOptions, ImageReply, ImageRequest, option
from memobench_echo import __version__
from memobench_echo.faults import Faults

PAPER, INK, FAINT = (246, 243, 236), (38, 40, 46), (140, 138, 132)


class EchoGenerator(Generator):
    """One card for each request; the number and the seed of the picture stand at its foot."""

    class Options(HarnessOptions):
        """How large cards are, and which faults are put in."""

        size: int = option(512, "side of a card in pixels, where the request gives no size", ge=32, le=4096)
        delay: float = option(0.0, "seconds spent on each request", affects_answer=False, ge=0.0, le=3600.0)
        fail_every: int = option(
            0, "fail every Nth request that is asked in this process; 0 for none", affects_answer=False, ge=0
        )

    def __init__(self, options: Any = None) -> None:
        """Keep the validated options."""
        super().__init__(options)
        self._faults = Faults(self.options.delay, self.options.fail_every)

    def identity(self) -> Mapping[str, str]:
        """The version: cards may look different in the next."""
        return {"version": __version__}

    def generate(self, batch: Sequence[ImageRequest]) -> Iterator[ImageReply]:
        """One card for each request, as it is reached."""
        for request in batch:
            error = self._faults.next()
            if error is not None:
                yield ImageReply(request.id, outcome="error", error=error)
            else:
                size = request.size or (self.options.size, self.options.size)
                foot = f"{request.index} / {request.seed}"
                yield ImageReply(request.id, image=card(request.prompt, foot, size))


def card(text: str, foot: str, size: tuple[int, int]) -> Image.Image:
    """An RGB card of `size` (width, height) with the text wrapped to fit, cut off if it is too long."""
    width, height = size
    image = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(image)
    margin = max(2, min(size) // 12)
    room = (width - 2 * margin, height - 3 * margin)
    points = max(8, min(size) // 14)
    font, lines = _set(text, points, room)
    while len(lines) * _leading(points) > room[1] and points > 8:
        points -= 1
        font, lines = _set(text, points, room)
    for number, line in enumerate(lines[: max(1, int(room[1] // _leading(points)))]):
        draw.text((margin, margin + number * _leading(points)), line, fill=INK, font=font)
    small = ImageFont.load_default(max(8, points // 2))
    draw.text((margin, height - margin), foot, fill=FAINT, font=small, anchor="ls")
    return image


def _leading(points: int) -> float:
    return points * 1.35


def _set(text: str, points: int, room: tuple[int, int]) -> tuple[Any, list[str]]:
    """The font, and the text in lines that fit the room's width (a longer word has a line to itself)."""
    font = ImageFont.load_default(points)
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > room[0]:
            lines.append(word)
        else:
            lines[-1] = longer
    return font, lines
