"""`harness plot`: figures whose text is text, of the size asked for, and what cannot be drawn."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers import boards
from helpers.command import InProcess
from PIL import Image

pytest.importorskip("vl_convert")

Make = Callable[..., Path]
N = 60


@pytest.fixture(autouse=True)
def _run(harness: InProcess, make_data: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`one`, a suite on the folder `faces`; `two`, another release of one of its tasks."""
    monkeypatch.chdir(tmp_path)
    make_data(N)
    harness("run", "--task", "comprehension", "--model", "echo", "-o", "accuracy=0.7", "--data", "faces", "--out", "one", "--json").ok()  # fmt: skip
    boards.ranked(harness, "two", boards.wrong(N, 10))


def texts(svg: str) -> list[str]:
    return re.findall(r"<(?:text|tspan)[^>]*>([^<]+)<", svg)


def test_text_stays_text_and_the_figure_is_as_wide_as_asked(harness: InProcess) -> None:
    harness("plot", "one", "--kind", "ladder", "--width", "80", "--out", "ladder.svg").ok()
    svg = Path("ladder.svg").read_text()
    assert 'width="80mm"' in svg
    found = texts(svg)
    for task in json.loads(Path("one/results.json").read_text())["tasks"]:
        assert task["task"] in found
    assert "http" not in svg.replace("http://www.w3.org/", "")


@pytest.mark.parametrize("width", [80, 160])
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("ladder", ()),
        ("confusion", ("--task", "coarse_emotion")),
        ("intensity", ()),
        ("groups", ("--task", "coarse_emotion", "--group", "emotion")),
        ("leaderboard", ("--task", "coarse_emotion")),
    ],
)
def test_nothing_reaches_beyond_the_figure(
    harness: InProcess, kind: str, options: tuple[str, ...], width: int
) -> None:
    harness(
        "plot", "one", "--kind", kind, *options, "--width", width, "--ppi", "72", "--out", "figure.png"
    ).ok()
    image = Image.open("figure.png").convert("RGB")
    assert image.width == pytest.approx(width / 25.4 * 72, abs=6)
    for x in (0, image.width - 1):
        edge = [image.getpixel((x, y)) for y in range(image.height)]
        assert set(edge) == {(255, 255, 255)}, "what is drawn does not touch the edge"


def test_pdf_has_text_and_a_size_in_points(harness: InProcess) -> None:
    pypdf = pytest.importorskip("pypdf")
    harness(
        "plot", "one", "--kind", "confusion", "--task", "coarse_emotion", "--width", "80", "--out", "c.pdf"
    ).ok()
    [page] = pypdf.PdfReader("c.pdf").pages
    assert float(page.mediabox.width) == pytest.approx(80 / 25.4 * 72, abs=0.5)
    text = page.extract_text()
    matrix = next(
        t["confusion"]["matrix"] for t in json.loads(Path("one/results.json").read_text())["tasks"] if t["task"] == "coarse_emotion"
    )  # fmt: skip
    assert "Answers of coarse_emotion" in text
    for count in {count for row in matrix for count in row if count}:
        assert str(count) in text


def test_the_same_run_gives_the_same_file(harness: InProcess) -> None:
    for name in ("a.svg", "b.svg"):
        harness("plot", "one", "two", "--kind", "ladder", "--task", "coarse_emotion", "--out", name).ok()
    assert Path("a.svg").read_bytes() == Path("b.svg").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "messages"),
    [
        (("one", "--kind", "laddre", "--out", "x.svg"), ("Did you mean 'ladder'?",)),
        (("one", "--kind", "valence_gap", "--out", "x.svg"), ("no task has the metric valence_gap", "ladder, confusion")),
        (("two", "--kind", "intensity", "--out", "x.svg"), ("no task rates strength", "Kinds that these results allow:")),
        (("one", "--kind", "confusion", "--out", "x.svg"), ("Choose with --task: coarse_polarity",)),
        (("one", "two", "--kind", "confusion", "--out", "x.svg"), ("shows one run",)),
        (("one", "--kind", "ladder", "--task", "coarse_emotoin", "--out", "x.svg"), ("Did you mean 'coarse_emotion'?",)),
        (("one", "--kind", "ladder", "--out", "x.gif"), (".svg, .pdf, .png",)),
        (("one", "--kind", "ladder", "--out", "x.svg", "--width", "5"), ("5 mm",)),
        (("one", "--kind", "ladder", "--out", "no/x.svg"), ("There is no folder 'no'.",)),
        (("three", "--kind", "ladder", "--out", "x.svg"), ("There is no run 'three'.",)),
        (("--kind", "ladder", "--out", "x.svg"), ("A plot needs a run.",)),
        (("one", "--kind", "groups", "--task", "coarse_emotion", "--group", "gendre", "--out", "x.svg"), ("Unknown group 'gendre'",)),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn(
    harness: InProcess, arguments: tuple[str, ...], messages: tuple[str, ...]
) -> None:
    harness("plot", *arguments).fails(2, *messages)
    assert not Path("x.svg").exists()


def test_without_the_extra_the_command_that_installs_it_is_named(
    harness: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.util.find_spec

    def without(name: str, *more: Any) -> Any:
        return None if name == "altair" else found(name, *more)

    monkeypatch.setattr(importlib.util, "find_spec", without)
    harness("plot", "one", "--kind", "ladder", "--out", "x.svg").fails(2, "[report]")
