"""Generates `docs/portraits.png`: some of the data set's people, one per row, with all emotions at full strength."""

from __future__ import annotations

from pathlib import Path

from memobench_portraits.dataset import people
from memobench_portraits.expression import EMOTIONS
from memobench_portraits.render import portrait
from PIL import Image, ImageDraw, ImageFont

PEOPLE_SHOWN = (7, 3, 9, 11, 18)
TILE, GAP, HEADER = 168, 8, 30


def main() -> None:
    columns = ("neutral", *EMOTIONS[:-1])
    width = GAP + len(columns) * (TILE + GAP)
    sheet = Image.new("RGB", (width, HEADER + len(PEOPLE_SHOWN) * (TILE + GAP)), "#fbfaf7")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(15)
    everyone = people()
    mask = Image.new("L", (TILE * 4, TILE * 4))
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, TILE * 4 - 1, TILE * 4 - 1), 40, fill=255)
    mask = mask.resize((TILE, TILE), Image.Resampling.LANCZOS)
    for column, emotion in enumerate(columns):
        left = GAP + column * (TILE + GAP)
        pen.text((left + TILE / 2, HEADER / 2), emotion, fill="#4a4742", font=font, anchor="mm")
        for row, number in enumerate(PEOPLE_SHOWN):
            picture = portrait(everyone[number], emotion, 5, TILE * 2).resize(
                (TILE, TILE), Image.Resampling.LANCZOS
            )
            sheet.paste(picture, (left, HEADER + row * (TILE + GAP)), mask)
    target = Path(__file__).parents[1] / "docs" / "portraits.png"
    palette = sheet.quantize(256, method=Image.Quantize.MAXCOVERAGE, kmeans=1)
    sheet.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG).save(target, optimize=True)


if __name__ == "__main__":
    main()
