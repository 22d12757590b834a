"""The generator `echo`: a plain card with the prompt on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from harness import Generator, HarnessOptions, ImageReply, ImageRequest, ReplyError, option
from memobench_echo import __version__
from memobench_echo.faults import Faults

PAPER, INK, FAINT = (246, 243, 236), (38, 40, 46), (140, 138, 132)


class EchoGenerator(Generator):
    """One card per request; its footer shows the request's index and seed."""

    class Options(HarnessOptions):
        size: int = option(512, "side of a card in pixels, if the request has no size", ge=32, le=4096)
        delay: float = option(0.0, "delay per request in seconds", affects_answer=False, ge=0.0, le=3600.0)
        fail_every: int = option(
            0, "fail every Nth request in this process; 0 disables it", affects_answer=False, ge=0
        )

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        self._faults = Faults(self.options.delay, self.options.fail_every)

    def identity(self) -> Mapping[str, str]:
        """The version, since cards may look different in the next one."""
        return {"version": __version__}

    def generate(self, batch: Sequence[ImageRequest]) -> Iterator[ImageReply]:
        for request in batch:
            error = self._faults.next()
            if error is not None:
                yield ImageReply(request.id, outcome="error", error=error)
                continue
            size = request.size or (self.options.size, self.options.size)
            footer = f"{request.index} / {request.seed}"
            try:
                yield ImageReply(request.id, image=card(request.prompt, footer, size))
            except (ValueError, MemoryError) as e:  # a size that cannot be drawn fails its own request only
                error = ReplyError("size", f"{size[0]} x {size[1]} pixels: {e}", retryable=False)
                yield ImageReply(request.id, outcome="error", error=error)


def card(text: str, footer: str, size: tuple[int, int]) -> Image.Image:
    """An RGB card of `size` (width, height); the text is wrapped, and truncated if it is too long."""
    width, height = size
    image = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(image)
    margin = max(2, min(size) // 12)
    room = (width - 2 * margin, height - 3 * margin)
    points = max(8, min(size) // 14)
    font, lines = _wrap(text, points, room)
    while len(lines) * _line_height(points) > room[1] and points > 8:
        points -= 1
        font, lines = _wrap(text, points, room)
    for number, line in enumerate(lines[: max(1, int(room[1] // _line_height(points)))]):
        draw.text((margin, margin + number * _line_height(points)), line, fill=INK, font=font)
    small = ImageFont.load_default(max(8, points // 2))
    draw.text((margin, height - margin), footer, fill=FAINT, font=small, anchor="ls")
    return image


def _line_height(points: int) -> float:
    return points * 1.35


def _wrap(text: str, points: int, room: tuple[int, int]) -> tuple[Any, list[str]]:
    """The font, and the text wrapped to the width of `room`; a longer word gets its own line."""
    font = ImageFont.load_default(points)
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > room[0]:
            lines.append(word)
        else:
            lines[-1] = longer
    return font, lines
