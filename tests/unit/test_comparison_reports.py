"""Comparisons as tables, JSON, Markdown, CSV and LaTeX: every difference is shown, and no text is interpreted."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest
from helpers.compared import EVIL, comparison, difference, row, run, sample, unlike
from markdown_it import MarkdownIt

from harness.comparing.records import Comparison
from harness.errors import BadOption
from harness.reporters import compared
from harness.reporters.comparison import FORMS, render_comparison

BARE = Comparison(runs=[run("a"), run("b")], rows=[])
THREE = comparison(
    runs=[run("first"), run("second"), run("third")],
    rows=[
        row(values=[0.875, 0.75, 0.9], differences=[difference(), unlike(0.025)]),
        row(task="fine_intensity", metric="srcc", values=[0.6, 0.61, None], differences=[unlike(), None]),
    ],
)


def evil() -> Comparison:
    """Every text that comes from runs or data is hostile."""
    texts = dict.fromkeys(("task", "data", "metric", "judge", "prompt_variant"), EVIL)
    rows = [row(**texts, group={EVIL: EVIL}), row(**{**texts, "data": "other"})]
    changed = dict.fromkeys(("task", "data", "sample", "run", "truth", "before", "after"), EVIL)
    runs = [run(EVIL, model=EVIL, release=EVIL, path=EVIL), run("b", model=EVIL)]
    return Comparison(runs=runs, rows=rows, samples=[sample(**changed)], warnings=[EVIL])


@pytest.mark.parametrize("form", ["table", "markdown", "latex"])
def test_values_differences_and_tests_are_shown(form: str) -> None:
    text = re.sub(r"\\boldmath|[\\$]", "", render_comparison(comparison(), form, width=120))
    for part in (
        "coarse_emotion",
        "accuracy",
        "emotion=worry",
        "on portraits",
        "llava 1.5",
        "llava 1.6",
        "0.875",
        "0.750",
        "-0.125 [-0.200, -0.050]",
        "0.004",
        "+0.010 [-0.040, 0.060]",
        "0.800",
        "624 in 24",
        "fine_intensity",
        "0.610",
    ):
        assert part in text, part
    assert ("detects" in text) == (form != "latex")
    assert text.count("on portraits") == 1, "what all rows share is said once"


@pytest.mark.parametrize("form", ["table", "markdown"])
def test_flips_and_detectable_differences_are_shown(form: str) -> None:
    text = render_comparison(comparison(rows=[row()]), form, width=120)
    assert ("31 wrong, 6 right; detects 0.062" if form == "table" else "31 / 6") in text
    assert "0.062" in text


@pytest.mark.parametrize("form", ["table", "markdown", "latex"])
def test_shares_of_failures_are_shown_if_they_say_something(form: str) -> None:
    text = render_comparison(comparison(), form)
    assert "unparsed" in text
    assert "failed" not in text
    rows = [row(), row(metric="failed", kind="failed", values=[0.0, None], differences=[difference(0.1)])]
    assert "failed" in render_comparison(comparison(rows=rows), form)


@pytest.mark.parametrize("width", [80, 100, 120, 160])
@pytest.mark.parametrize("made", [comparison(), THREE, evil(), BARE], ids=["two", "three", "evil", "bare"])
def test_tables_fit_their_width(made: Comparison, width: int) -> None:
    text = render_comparison(made, "table", width=width)
    assert max(map(len, text.splitlines())) <= width
    assert "\N{HORIZONTAL ELLIPSIS}" not in text, "nothing is cut off"


def test_a_difference_is_below_its_value() -> None:
    lines = render_comparison(comparison(), "table", width=80).splitlines()
    at = next(k for k, line in enumerate(lines) if "0.875" in line)
    assert lines[at].split()[:3] == ["coarse_emotion", "0.875", "0.750"]
    assert lines[at + 1].split() == ["accuracy", "-0.125", "[-0.200,", "-0.050]", "p", "0.004", "*"]


def test_many_runs_have_one_table_where_it_fits_and_else_one_each() -> None:
    wide, narrow = (render_comparison(THREE, "table", width=width) for width in (120, 80))
    assert [line.split() for line in wide.splitlines() if line.startswith("task")] == [
        ["task", "first", "second", "third", "n"]
    ]
    assert [line.split() for line in narrow.splitlines() if line.startswith("task")] == [
        ["task", "first", "second", "n"],
        ["task", "first", "third", "n"],
    ]
    for text in (wide, narrow):
        assert text.count("-0.125") == text.count("+0.025") == text.count("no paired difference") == 1


def test_the_first_run_of_a_table_for_one_other_run_is_the_first() -> None:
    third = render_comparison(THREE, "table", width=80).split("third", 2)[2]
    assert [line.split()[1:3] for line in third.splitlines() if line.startswith(("coarse", "fine"))] == [
        ["0.875", "0.900"],
        ["0.600", "–"],
    ]


def test_colours_say_better_and_worse_where_significant() -> None:
    rows = [
        row(),
        row(direction="lower", metric="ece"),
        row(direction="none", metric="x"),
        row(differences=[unlike()]),
    ]
    judged = [compared.better(r, r.differences[0]) for r in rows]
    assert judged == [False, True, None, None]
    coloured = render_comparison(comparison(rows=rows[:2]), "table", color=True)
    assert coloured.count("\x1b[1;31m") == 1
    assert coloured.count("\x1b[1;32m") == 1
    assert "\x1b" not in render_comparison(comparison(rows=rows[:2]), "table")


def test_a_metric_for_which_lower_is_better_says_so() -> None:
    assert "ece (lower is better)" in render_comparison(
        comparison(rows=[row(metric="ece", direction="lower")]), "table"
    )


def test_names_that_tell_rows_apart_are_shown() -> None:
    rows = [row(judge="fer"), row(judge="llava", data="faces"), row(judge="fer", prompt_variant="list")]
    found = compared.names(rows)
    assert found.shown == {"data", "judge", "prompt_variant"}
    assert not found.shared
    assert compared.place(rows[1], found.shown) == "coarse_emotion, on faces, judge llava"
    assert (
        compared.place(rows[2], found.shown) == "coarse_emotion, on portraits, judge fer, prompt variant list"
    )
    assert compared.names(rows[:1]).shared == {"data": "portraits", "judge": "fer"}


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        ([run(model="a"), run(model="b")], ["a", "b"]),
        ([run(release="1"), run(release="2")], ["llava 1", "llava 2"]),
        ([run(model="x" * 17, release="1"), run(model="x" * 17, release="2")], ["1", "2"]),
        ([run("n"), run("m")], ["n", "m"]),
        ([run("n", release="1"), run("m")], ["n", "m"]),
        ([run("x" * 19), run("m")], ["run 1", "run 2"]),
        ([run("n"), run("n")], ["run 1", "run 2"]),
    ],
)
def test_labels_are_short_and_different(runs: list[compared.ComparedRun], expected: list[str]) -> None:
    assert compared.labels(runs) == expected


def test_incomplete_runs_are_marked() -> None:
    made = comparison(runs=[run("a"), run("b", complete=False)])
    for form in ("table", "markdown"):
        assert render_comparison(made, form).count("(incomplete)") == 1


def test_values_and_tests_that_do_not_exist_are_dashes() -> None:
    missing = difference(None, low=None, high=None, p=None, p_adjusted=None, detectable=None)
    rows = [row(values=[None, None], differences=[missing])]
    assert "–  p –" in render_comparison(comparison(rows=rows), "table")
    assert "| – | – | – | – |" in render_comparison(comparison(rows=rows), "markdown")
    assert "& -- & -- & -- & -- \\\\" in render_comparison(comparison(rows=rows), "latex")


@pytest.mark.parametrize("form", ["table", "markdown"])
def test_changed_samples_are_shown_newly_wrong_first(form: str) -> None:
    samples = [
        sample(sample=f"s{k}", change="newly right", before="(a refusal)", after="worry") for k in range(3)
    ]
    samples += [sample(sample="w1", repeat=2)]
    text = render_comparison(comparison(samples=samples), form, width=120)
    found = re.findall(r"\b(?:s\d|w1)\b", text)
    assert found == ["w1", "s0", "s1", "s2"]
    assert "w1 (repeat 2)" in text
    assert "(a refusal)" in text
    assert re.search(r"\btask\b", text[text.index("sample ") :].splitlines()[0]) is None, "one task"
    other = render_comparison(comparison(samples=[*samples, sample(task="other")]), form, width=120)
    assert re.search(r"\btask\b", other[other.index("sample ") :].splitlines()[0])


def test_runs_without_common_metrics_are_shown() -> None:
    for form in FORMS:
        assert render_comparison(BARE, form)
    assert "no metric that the runs share" in render_comparison(BARE, "table")
    assert "No metric that the runs share" in render_comparison(BARE, "markdown")


def test_json_is_the_document_in_ascii() -> None:
    made = comparison(warnings=["\x1b[31m", "\u202e"])
    text = render_comparison(made, "json")
    assert json.loads(text) == made.document()
    assert text.isascii()
    assert "\x1b" not in text


def test_csv_has_a_line_for_each_value_of_each_run() -> None:
    text = render_comparison(THREE, "csv")
    lines = list(csv.DictReader(io.StringIO(text)))
    assert [(r["run"], r["metric"], r["value"], r["difference"], r["p_adjusted"]) for r in lines] == [
        ("first", "accuracy", "0.875", "", ""),
        ("second", "accuracy", "0.75", "-0.125", "0.004"),
        ("third", "accuracy", "0.9", "0.025", "0.8"),
        ("first", "srcc", "0.6", "", ""),
        ("second", "srcc", "0.61", "0.01", "0.8"),
        ("third", "srcc", "", "", ""),
    ]
    assert (lines[1]["newly_wrong"], lines[1]["newly_right"], lines[1]["n"], lines[1]["clusters"]) == (
        "31",
        "6",
        "624",
        "24",
    )
    assert (
        sum(
            r["kind"] == "failed" for r in csv.DictReader(io.StringIO(render_comparison(comparison(), "csv")))
        )
        == 2
    )


def test_csv_neutralises_formulas() -> None:
    rows = [row(task="=1+1", group={"emotion": "@x"}, data="-2", judge="+3")]
    made = Comparison(runs=[run("=cmd"), run("b", model="=m", release="=r")], rows=rows)
    lines = list(csv.DictReader(io.StringIO(render_comparison(made, "csv"))))
    assert [lines[1][name] for name in ("task", "data", "judge", "model", "release")] == [
        "'=1+1",
        "'-2",
        "'+3",
        "'=m",
        "'=r",
    ]
    assert lines[0]["run"] == "'=cmd"
    assert float(lines[1]["difference"]) == -0.125, "numbers stay numbers"


@pytest.mark.parametrize("form", ["table", "markdown", "csv", "latex"])
def test_no_control_character_is_shown(form: str) -> None:
    text = render_comparison(evil(), form)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\ud800-\udfff]", text)


def test_markdown_shows_hostile_text_literally() -> None:
    text = render_comparison(evil(), "markdown")
    html = MarkdownIt("commonmark").enable("table").render(text)
    assert "<b>" not in html
    assert "<a" not in html
    assert html.count("<table>") == 2
    for table in re.findall("<table>.*?</table>", html, re.DOTALL):
        cells = {len(re.findall("<t[hd]", line)) for line in table.split("<tr>")[1:]}
        assert len(cells) == 1, "all rows have the same number of cells"
    assert "&lt;b&gt;|x|&lt;/b&gt;" in html


def test_latex_escapes_all_special_characters() -> None:
    text = render_comparison(evil(), "latex")
    body = text[text.index(r"\caption") :]
    macros = r"\\(?:textbackslash|textasciicircum|textasciitilde|textless|textgreater|textbar)\{\}"
    structure = (
        r"\\(?:begin|end)\{(?:table|tabular)\}|\\(?:top|mid|bottom)rule|\\boldmath|\\textbf|\\caption|\\\\$"
    )
    rest = re.sub(
        r"\$[^$]*\$",
        "",
        re.sub(r"\\[{}$&#%_ ]", "", re.sub(f"{macros}|{structure}", "", body, flags=re.MULTILINE)),
    )
    assert not re.search(r"[\\$#%_^~<>|\"]", rest.replace("{ll", ""))
    assert rest.count("{") == rest.count("}")
    for line in text.splitlines():
        if line.rstrip().endswith("\\\\"):
            assert len(re.findall(r"(?<!\\)&", line)) == 6, "as many cells as columns"


def test_latex_is_a_table_of_booktabs() -> None:
    text = render_comparison(comparison(), "latex")
    assert text.startswith(r"% Needs \usepackage{booktabs}")
    order = [r"\begin{table}", r"\caption{", r"\begin{tabular}{llrrrrr}", r"\toprule", r"\midrule", r"\bottomrule", r"\end{tabular}", r"\end{table}"]  # fmt: skip
    places = [text.index(part) for part in order]
    assert places == sorted(places)
    bold = [line for line in text.splitlines() if r"\textbf" in line]
    assert len(bold) == 2, "significant differences are bold"
    assert r"\textbf{\boldmath$-0.125\ [-0.200,\ -0.050]$}" in bold[0]
    caption = next(line for line in text.splitlines() if r"\caption" in line)
    assert "104 to 624 samples in 23 to 624 clusters" in caption
    assert "paired cluster bootstrap" in caption
    assert "Holm" in caption


def test_significance_is_that_of_the_corrected_p() -> None:
    found = [compared.significant(difference(p=0.001, p_adjusted=p)) for p in (0.049, 0.05, 0.3, None)]
    assert found == [True, False, False, False]
    assert not compared.significant(None)


@pytest.mark.parametrize(
    ("values", "found", "shown"),
    [
        ([0.0, 0.0], None, False),
        ([0.0, 0.0], difference(0.0), False),
        ([None, 0.0], difference(None), False),
        ([0.1, 0.0], None, True),
        ([0.0, 0.0], difference(0.01), True),
    ],
)
def test_what_makes_a_share_of_failures_visible(
    values: list[float | None], found: compared.RunDifference | None, shown: bool
) -> None:
    for kind in ("unparsed", "failed"):
        rows = [row(kind=kind, values=values, differences=[found])]
        assert bool(compared.visible(comparison(rows=rows))) is shown
    assert compared.visible(comparison(rows=[row(values=values, differences=[found])])), "metrics always are"


def test_differences_that_round_to_zero_have_no_sign() -> None:
    assert [compared.signed(v) for v in (-0.0, -0.0004, 0.0004, -0.0006, 0.0006, None)] == [
        "0.000", "0.000", "0.000", "-0.001", "+0.001", "–"
    ]  # fmt: skip


def test_unknown_forms_are_refused() -> None:
    with pytest.raises(BadOption, match="no form 'html'"):
        render_comparison(BARE, "html")
