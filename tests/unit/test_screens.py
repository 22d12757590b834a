"""What a run prints, compared with the texts in `snapshots/`, which are there to be read.

After a change on purpose, write them anew and read the difference:

    UPDATE_SNAPSHOTS=1 .venv/bin/python -m pytest tests/unit/test_screens.py && git diff tests/unit/snapshots
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers import documents

from harness.cli import listing
from harness.cli.listing import Entry, Group, print_list
from harness.cli.streams import within
from harness.reporters.footer import Folder, Phase
from harness.reporters.screen import MOST_LINES
from harness.reporters.table import render_table
from harness.results import read_results

SNAPSHOTS = Path(__file__).parent / "snapshots"
JUDGED = Folder(
    "runs/comprehension-qwen", ("results.json",), (Phase("judging with qwen2.5-vl", 3696, 251.3),)
)
GENERATED = Folder(
    "runs/a b",
    ("results.json", "sheet.png"),
    (Phase("generating with sdxl", 500, 4012.0), Phase("judging with fer", 498, 1.62)),
)


def incomplete() -> dict[str, Any]:
    tasks = documents.suite()[:3]
    tasks[1] |= {"unparsed": 41, "failed": 12, "answered": 612, "unparsed_reasons": {"a refusal": 30, "empty reply": 11},
                 "read_as": {"declared": 500, "prose": 71, "unparsed": 41}}  # fmt: skip
    return documents.document(
        tasks, complete=False, notes=["nuance_pairs is omitted from comprehension: 'qwen' takes one picture."]
    )


SCREENS: dict[str, tuple[Callable[[], dict[str, Any]], Folder | None, bool]] = {
    "suite": (lambda: documents.document(documents.suite()), JUDGED, False),
    "suite_full": (lambda: documents.document(documents.suite()[2:4]), JUDGED, True),
    "one_task": (lambda: documents.document(documents.suite()[1:2], release="v2"), JUDGED, False),
    "incomplete": (incomplete, JUDGED, False),
    "judges": (
        lambda: documents.document(documents.by_judges(["fer", "llava-1.5-13b"]), model="sdxl"),
        GENERATED,
        False,
    ),
    "many": (
        lambda: documents.document(
            documents.everywhere(
                ["portraits", "raf-db", "affectnet", "memo-bench", "ck+"], ["plain", "look", "list"]
            )
        ),
        JUDGED,
        False,
    ),
}


def compare(name: str, text: str) -> None:
    """Compare with a snapshot, or write it where UPDATE_SNAPSHOTS is set."""
    path = SNAPSHOTS / f"{name}.txt"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), f"{path} differs; see the head of this file"


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("name", SCREENS)
def test_screens(name: str, width: int) -> None:
    make, folder, full = SCREENS[name]
    compare(f"{name}_{width}", render_table(read_results(make()), width=width, full=full, folder=folder))


@pytest.mark.parametrize("width", [60, 72, 80, 100, 120, 160, 200])
@pytest.mark.parametrize("name", SCREENS)
def test_screens_fit_any_terminal(name: str, width: int) -> None:
    make, folder, full = SCREENS[name]
    lines = render_table(read_results(make()), width=width, full=full, folder=folder).splitlines()
    assert max(map(len, lines)) <= width
    assert full or len(lines) <= MOST_LINES + 3, "one screen"
    assert not any(line.endswith(" ") for line in lines)
    if width >= 80 and not full:
        assert "\N{HORIZONTAL ELLIPSIS}" not in "".join(lines), "nothing is cut off"


def test_the_details_are_below_the_same_ladder() -> None:
    results = read_results(documents.document(documents.suite()))
    short, full = (render_table(results, width=80, full=full) for full in (False, True))
    ladder = short.split("note")[0]
    assert full.startswith(ladder)
    assert "coarse_polarity v1" in full
    assert "coarse_polarity v1" not in short


def test_all_lines_of_the_ladder_are_in_the_details() -> None:
    make, _, _ = SCREENS["many"]
    results = read_results(make())
    first = render_table(results, width=120, full=True).split("coarse_polarity v1")[0]
    assert first.count("ck+") == 4 * 3
    assert "more with --full" in render_table(results, width=120)


@pytest.mark.parametrize(
    ("value", "low", "high", "direction", "mark"),
    [
        (0.6, 0.51, 0.7, "higher", "✓"),
        (0.6, 0.5, 0.7, "higher", "≈"),
        (0.4, 0.3, 0.5, "higher", "≈"),
        (0.4, 0.3, 0.49, "higher", "✗"),
        (0.4, 0.3, 0.49, "lower", "✓"),
        (0.6, 0.51, 0.7, "lower", "✗"),
        (0.6, None, None, "higher", " "),
        (None, None, None, "higher", " "),
    ],
)
def test_a_baseline_is_beaten_by_the_interval(
    value: float | None, low: float | None, high: float | None, direction: str, mark: str
) -> None:
    task = documents.entry(
        "t", "coarse", documents.metric("m", 0.5, 0.1, 9), {"chance": 0.5, "majority": 0.5}
    )
    task["metrics"][0] |= {"value": value, "low": low, "high": high, "direction": direction}
    text = render_table(read_results(documents.document([task])), width=100)
    assert f"{mark} chance 0.500" in text
    for other in {"✓", "≈", "✗"} - {mark}:
        assert other not in text


def test_the_bound_is_compared_where_unparsed_replies_are_left_out() -> None:
    task = documents.entry("t", "fine", documents.metric("srcc", 0.9, 0.05, 60), {"chance": 0.0}, unparsed=40)
    task["metrics"].append(documents.metric("srcc_bound", 0.1, 0.3, 100))
    task["baselines"].append({"name": "chance", "metric": "srcc_bound", "value": 0.02})
    text = render_table(read_results(documents.document([task])), width=100)
    assert "≈ chance 0.020" in text
    assert "srcc_bound 0.100 [-0.200, 0.325], with each unparsed reply" in " ".join(text.split())


def test_costs_that_tasks_share_count_once() -> None:
    results = read_results(documents.document(documents.by_judges(["a", "b"])))
    assert "used     cost 20\n" in render_table(results), "ten of each task, whatever the judges"
    results.tasks[3].data.digest = results.tasks[0].data.digest
    assert "cost" not in render_table(results), "portraits may be shared: the sum is not known"


def test_notes_are_shown_once_and_only_those_that_matter() -> None:
    tasks = documents.suite()
    for k, task in enumerate(tasks):
        task["warnings"] += [documents.ORACLE, documents.FEW.replace("22", str(20 + k % 2))]
        task["warnings"] += [
            "accuracy (emotion=sad) has an interval that rests on one cluster",
            "3 of 5 groups have few clusters",
        ]
    text = " ".join(render_table(read_results(documents.document(tasks)), width=120).split())
    assert text.count("an oracle") == 1
    assert text.count("few clusters") == 1
    assert "(coarse_polarity; alike in 4 more)" in text
    assert "emotion=sad" not in text
    assert "the interval is rough" not in text, "it goes without saying with few clusters"


def test_long_notes_end_after_a_clause() -> None:
    start = "8 of 37 answers (22%) were understood from prose; counted as unparsed, accuracy would be 0.483 instead of 0.617 (n 60)"
    end = "`harness run --read choice` avoids the question where the judge supports it, `harness score --strict` counts them as unparsed"
    for width, kept in ((80, f"{start} \N{HORIZONTAL ELLIPSIS}"), (120, f"{start}; {end}")):
        document = documents.document(documents.suite()[1:2], notes=[f"{start}; {end}"])
        shown = render_table(read_results(document), width=width, folder=JUDGED)
        assert f"note: {kept}" in " ".join(shown.split())


def test_untrusted_names_are_shown_as_text() -> None:
    evil = "[bold]a\x1b[31mb\u202ec\nd[/]"
    task = documents.suite()[0] | {"task": evil, "judge": evil, "wording": evil, "warnings": [evil]}
    other = task | {"judge": "x", "wording": "y"}
    text = render_table(
        read_results(documents.document([task, other], name=evil, model=evil)), width=100, full=True
    )
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "[bold]a" in text


def test_names_are_shortened_in_their_middle_as_a_last_resort() -> None:
    task = documents.suite()[0] | {"task": "coarse_" + "very_" * 20 + "emotion"}
    lines = render_table(read_results(documents.document([task])), width=60).splitlines()
    [row] = [line for line in lines if "0.623" in line and "…" in line]
    assert row.startswith("coarse_")
    assert "emotion " in row
    assert len(row) <= 60


def test_signs_that_an_encoding_lacks_are_replaced() -> None:
    class Stream:
        encoding = "ascii"

    make, folder, _ = SCREENS["suite"]
    text = within(render_table(read_results(make()), width=80, folder=folder), Stream())  # type: ignore[arg-type]
    text.encode("ascii")
    assert "+ 0.192" in text
    assert "~ 0.577" in text
    assert "x 0.500" in text


GROUPS = [
    Group("judges: --model of judge tasks", [
        Entry("echo", "stand-in: a fixed reply, replies from a file, or the truth with errors"),
        Entry("vllm", "any multimodal LLM that vLLM runs: vllm:FOLDER or vllm:ORG/NAME[@REVISION]"),
        Entry("deepseek-vl2-small", "DeepSeek-VL2 Small, mixture of experts, 2.8B active of 16B", 1),
        Entry("llava", "LLaVA 1.5, 7B", 1),
    ]),
    Group("empty", []),
    Group("disabled plugins", [Entry("memobench-plugin-with-a-very-long-name", "disabled: fails to import: ImportError: no torch")],
          warning=True),
]  # fmt: skip


@pytest.mark.parametrize("width", [80, 120])
def test_lists(width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "columns", lambda: width)
    print_list(GROUPS, "`harness show NAME` shows its options", lines=1)
    text = capsys.readouterr().out
    compare(f"list_{width}", text)
    assert max(map(len, text.splitlines())) <= width
