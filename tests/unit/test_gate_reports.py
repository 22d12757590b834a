"""Reports of the gate for a terminal, JUnit, pull requests, annotations and badges."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import junitparser
import pytest
import xmlschema
from helpers import compared as made
from helpers.compared import EVIL, check, regression, report, unclear
from markdown_it import MarkdownIt

from harness.gating.records import Check, GateReport, SelfTest, Sequential
from harness.reporters import gate_artifacts, gated
from harness.reporters.gate_text import render_gate

SCHEMA = xmlschema.XMLSchema(Path(made.__file__).with_name("junit.xsd"))
TESTED = SelfTest(task="coarse_emotion", data="portraits", metric="accuracy", splits=1000, alarms=0.004, rejections=0.048, how="repeats")  # fmt: skip
EVERYTHING = report(
    check(), unclear(), regression(), failed=3, warnings=["The judge differs."], self_test=[TESTED],
    sequential=Sequential(asked=240, planned=624, stopped=True),
)  # fmt: skip


def evil() -> GateReport:
    """Every text that comes from runs or data is hostile."""
    texts = dict.fromkeys(("task", "data", "metric", "judge", "prompt_variant", "reason", "method"), EVIL)
    sides = {name: made.run(EVIL, model=EVIL, release=EVIL) for name in ("run", "baseline")}
    checks = [regression(**texts, group={EVIL: EVIL}), unclear(**texts), check(**texts)]
    tested = TESTED.model_copy(update={"task": EVIL, "how": EVIL})
    return report(*checks, **sides, failed=1, warnings=[EVIL], self_test=[tested])


REPORTS = {
    "everything": EVERYTHING,
    "evil": evil(),
    "passed": report(check(), check(task="other")),
    "nothing": report(),
    "failed": report(check(), failed=1),
    "missing": report(check(baseline=None, value=None, drop=None, drop_at_most=None, p=None, p_adjusted=None,
                            detectable=None, newly_wrong=None, newly_right=None, verdict="inconclusive")),
    "many": report(*[regression(task=f"t{k}") for k in range(30)], *[check(task=f"p{k}") for k in range(400)]),
}  # fmt: skip
each_report = pytest.mark.parametrize("found", REPORTS.values(), ids=REPORTS)


@pytest.mark.parametrize(
    ("checks", "word"),
    [
        ([check(), unclear(), regression()], "REGRESSION"),
        ([check(), unclear()], "CANNOT TELL"),
        ([check()], "PASS"),
    ],
)
def test_the_verdict_comes_first_with_its_reason(checks: list[Check], word: str) -> None:
    text = render_gate(report(*checks), width=200)
    first = text.splitlines()[0]
    assert first.split("  ")[0] == word
    reasons = {
        "PASS": "1 check within the margins",
        "REGRESSION": regression().reason,
        "CANNOT TELL": unclear().reason,
    }
    assert reasons[word] in first


def test_a_verdict_without_checks_says_what_is_known() -> None:
    assert render_gate(report()).startswith("CANNOT TELL  nothing was compared\n")
    assert render_gate(report(warnings=["No common samples."])).startswith(
        "CANNOT TELL  No common samples.\n"
    )
    assert (
        "(and 2 more checks)"
        in render_gate(report(*[regression(task=t) for t in "abc"]), width=300).splitlines()[0]
    )


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_has_all_figures_of_a_check(width: int) -> None:
    text = render_gate(report(regression()), width=width)
    for part in ("t2i_emotion", "accuracy", "judge fer", "0.875", "0.755", "+0.120", "+0.161", "0.050", "<0.001", "0.031",
                 "624 in 24", "regression", "12 days before the run", "llava-a", "llava-b"):  # fmt: skip
        assert part in text, part


@pytest.mark.slow
@each_report
@pytest.mark.parametrize("width", [80, 104, 140])
def test_text_fits_its_width(found: GateReport, width: int) -> None:
    text = render_gate(found, width=width)
    assert max(map(len, text.splitlines())) <= width
    assert "\N{HORIZONTAL ELLIPSIS}" not in text, "nothing is cut off"
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\ud800-\udfff]", text)
    assert "nan" not in text.lower().split()


def test_regressions_stand_above_checks_that_cannot_tell_and_passes() -> None:
    found = report(check(task="p"), unclear(task="u"), regression(task="r"), unclear(task="v"))
    assert [c.task for c in gated.ordered(found)] == ["r", "u", "v", "p"]
    assert [c.task for c in gated.further(found)] == ["u", "v"], "the headline says the first"
    rows = [
        line.split()[0] for line in render_gate(found, width=140).splitlines() if re.match("[ruvp],? ", line)
    ]
    assert rows == ["r,", "u,", "v,", "p,"]


def test_reasons_below_the_table_are_few() -> None:
    for n in (6, 7, 16):
        text = render_gate(
            report(*[regression(task=f"t{k}", reason=f"because {k}.") for k in range(n)]), width=120
        )
        assert text.count("because") == 6, "one in the first line, five below the table"
        more = re.findall(r"(\d+ more checks?) in the table", text)
        assert more == {6: [], 7: ["1 more check"], 16: ["10 more checks"]}[n]


def test_age_saving_self_test_and_warnings_are_shown() -> None:
    text = render_gate(EVERYTHING, width=200)
    for part in (
        "the baseline was answered 12 days before the run",
        "asked 240 of 624 samples, 62% saved: the verdict was clear",
        "false alarms in 0.4% and rejections in 4.8% of 1000 splits",
        "note: 3 samples of the run failed",
        "note: The judge differs.",
    ):
        assert part in text, part


@pytest.mark.parametrize(
    ("days", "said"),
    [(0.2, "on the same day as"), (1.2, "1 day before"), (90.0, "90 days before"), (-3.0, "3 days after")],
)
def test_the_age_of_the_baseline(days: float, said: str) -> None:
    assert said in gated.age(report(baseline_age_days=days))


def test_sequential_runs_that_asked_all_saved_nothing() -> None:
    found = report(sequential=Sequential(asked=10, planned=10, stopped=False))
    assert gated.saving(found) == "asked 10 of 10 samples: the verdict was not clear before the last"
    assert gated.saving(report()) == ""


def test_colour_only_on_request() -> None:
    assert "\x1b[1;31m" in render_gate(EVERYTHING, color=True)
    assert "\x1b" not in render_gate(EVERYTHING)


@each_report
def test_junit_is_valid(found: GateReport) -> None:
    text = gate_artifacts.junit(found)
    SCHEMA.validate(text)
    (suite,) = ET.fromstring(text)
    cases = suite.findall("testcase")
    assert cases, "a report without test cases would look like a success"
    assert int(suite.attrib["tests"]) == len(cases)
    for tag, attribute in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        assert int(suite.attrib[attribute]) == len(suite.findall(f"testcase/{tag}")), attribute


def test_the_schema_can_refuse() -> None:
    text = gate_artifacts.junit(EVERYTHING)
    for wrong in (text.replace(' time="0"', ""), text.replace("<failure type=", "<failure kind="),
                  text.replace("08:00:00", "08:00:00Z"), text.replace("<properties>", "<properties/><properties>")):  # fmt: skip
        assert wrong != text
        with pytest.raises(xmlschema.XMLSchemaValidationError):
            SCHEMA.validate(wrong)


def test_junit_has_a_test_case_for_each_check() -> None:
    (suite,) = junitparser.JUnitXml.fromstring(gate_artifacts.junit(EVERYTHING))
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (4, 1, 1, 1)
    found = {(case.classname, case.name): case.result for case in suite}
    assert list(found) == [
        ("memobench.coarse_emotion", "accuracy on portraits"),
        ("memobench.coarse_emotion", "accuracy, emotion=worry on portraits"),
        ("memobench.t2i_emotion", "accuracy on emotion_600, judge fer"),
        ("memobench", "failed samples"),
    ]
    passed, skipped, failed, errors = found.values()
    assert passed == []
    assert (skipped[0].message, failed[0].message) == (
        f"cannot tell: {unclear().reason}",
        regression().reason,
    )
    assert "baseline 0.875, run 0.755, drop +0.120, at most +0.161, margin 0.050" in failed[0].text
    assert errors[0].message == "3 samples of the run failed"
    output = {
        element.tag: element.text or "" for element in ET.fromstring(gate_artifacts.junit(EVERYTHING))[0]
    }
    assert "pass: coarse_emotion, on portraits: accuracy: baseline 0.875, run 0.870" in output["system-out"]
    assert "The judge differs." in output["system-err"]


def test_junit_takes_times_in_any_zone() -> None:
    times = {"2026-11-01T08:00:00+02:00": "2026-11-01T06:00:00", "2026-11-01T08:00:00Z": "2026-11-01T08:00:00",
             "2026-11-01T08:00:00.25": "2026-11-01T08:00:00", "yesterday": "1970-01-01T00:00:00"}  # fmt: skip
    for created, expected in times.items():
        (suite,) = ET.fromstring(gate_artifacts.junit(report(check(), run=made.run(created=created))))
        assert suite.attrib["timestamp"] == expected


def test_junit_keeps_hostile_text_as_text() -> None:
    (suite,) = ET.fromstring(gate_artifacts.junit(evil()))
    assert {e.tag for e in suite.iter()} == {"testsuite", "properties", "property", "testcase", "failure", "skipped",
                                             "error", "system-out", "system-err"}  # fmt: skip
    message = suite.find("testcase/failure").attrib["message"]  # type: ignore[union-attr]
    assert message.startswith("<b>|x|</b> \N{REPLACEMENT CHARACTER}[31m")
    assert not re.search("[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]", gate_artifacts.junit(evil()))


def rendered(text: str) -> str:
    return MarkdownIt("commonmark").enable("table").render(text)


@each_report
def test_comments_begin_with_their_marker_and_fit(found: GateReport) -> None:
    text = gate_artifacts.markdown(found)
    assert text.startswith(gate_artifacts.MARKER + "\n## memobench gate: ")
    assert text.count(gate_artifacts.MARKER) == 1
    assert len(text) < 60_000, "GitHub allows 65,536 characters"
    assert text.count("<details>") == text.count("</details>") == 1
    assert gate_artifacts.markdown(found, "<!-- mine -->").startswith("<!-- mine -->\n")


def test_comments_show_regressions_first_and_details_collapsed() -> None:
    text = gate_artifacts.markdown(EVERYTHING)
    assert text.splitlines()[1] == "## memobench gate: REGRESSION"
    seen, hidden = text.split("<details>")
    rows = [line for line in seen.splitlines() if line.startswith("| ")][2:]
    assert [row.split(" | ")[1] for row in rows] == ["**regression**", "**cannot tell**", "pass"]
    assert "3 samples of the run failed" in seen
    assert "The judge differs." in seen
    assert "paired cluster bootstrap" in hidden
    assert "false alarms" in hidden
    assert len(seen.splitlines()) < 25, "one screen"


def test_many_checks_are_collapsed_but_regressions_are_not() -> None:
    seen, hidden = gate_artifacts.markdown(REPORTS["many"]).split("<details>")
    assert seen.count("**regression**") == 30
    assert "| pass |" not in seen
    assert hidden.count("| pass |") == gate_artifacts.MOST_DETAILS
    assert "300 more checks are in the report." in hidden


def test_comments_show_hostile_text_literally() -> None:
    text = gate_artifacts.markdown(evil())
    html = rendered(text)
    ours = r"<!--[^>]*-->|</?(?:h2|p|table|thead|tbody|tr|ul|li|strong|details|summary)>|</?t[hd][^>]*>"
    assert not re.search("<[^>]*>", re.sub(ours, "", html)), "no element but those of the report"
    assert html.count("<table>") == 1
    (table,) = re.findall("<table>.*?</table>", html, re.DOTALL)
    assert {len(re.findall("<t[hd]", line)) for line in table.split("<tr>")[1:]} == {10}
    assert "@bob" not in html, "nobody is mentioned"
    assert "#12" not in html, "nothing is referred to"
    assert "://" not in html, "nothing is linked"
    assert "&lt;b&gt;|x|&lt;/b&gt;" in html


def parsed(line: str) -> tuple[str, str, str]:
    """Command, title and message of a workflow command, as GitHub's runner reads them."""
    command, title, message = re.fullmatch("::([a-z]+) title=([^:,\r\n]*)::([^\r\n]*)", line).groups()  # type: ignore[union-attr]
    for code, character in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        title = title.replace(code, character)
        message = message.replace(code, character) if code not in ("%3A", "%2C") else message
    return command, title, message


def test_annotations_by_verdict() -> None:
    found = [parsed(line) for line in gate_artifacts.annotations(EVERYTHING)]
    assert [command for command, _, _ in found] == ["error", "warning", "warning"]
    assert found[0][1] == "memobench regression: t2i_emotion, on emotion_600, judge fer: accuracy"
    assert found[0][2].startswith(regression().reason + "\nbaseline 0.875, run 0.755")
    assert found[1][2] == "3 samples of the run failed"
    assert unclear().reason in found[2][2]
    assert [parsed(line) for line in gate_artifacts.annotations(report(check(), check()))] == [
        ("notice", "memobench: pass", "2 checks within the margins")
    ]
    assert [parsed(line)[0] for line in gate_artifacts.annotations(report())] == ["warning"]


def test_annotations_escape_what_would_end_them() -> None:
    lines = gate_artifacts.annotations(report(regression(task="a,b::c%0A", reason="100%\r\n::error::x")))
    (line,) = lines
    command, title, message = parsed(line)
    assert command == "error"
    assert title.startswith("memobench regression: a,b::c%0A: accuracy")
    assert message.splitlines()[0].startswith("100%")
    for line in gate_artifacts.annotations(evil()):
        parsed(line)


def test_at_most_ten_annotations_of_a_kind() -> None:
    checks = [*[regression(task=f"r{k}") for k in range(12)], *[unclear(task=f"u{k}") for k in range(10)]]
    found = [parsed(line) for line in gate_artifacts.annotations(report(*checks))]
    assert [command for command, _, _ in found] == ["error"] * 10 + ["warning"] * 10
    assert found[9][2] == "3 more are in the report."
    assert "u9" in found[19][1]


@pytest.mark.parametrize(
    ("checks", "message", "color"),
    [
        ([check()], "pass", "brightgreen"),
        ([unclear(), check()], "cannot tell", "yellow"),
        ([regression(), check()], "regression: t2i_emotion -0.12", "red"),
        ([regression(drop=0.2, task="x", value=None), regression()], "regression: x -0.20, 1 more", "red"),
        ([regression(task="g", drop=0.3, group={"emotion": "sad"}), regression()], "regression: t2i_emotion -0.12, 1 more", "red"),
        ([regression(group={"emotion": "sad"})], "regression: t2i_emotion sad -0.12", "red"),
        ([regression(metric="ece", direction="lower", baseline=0.1, value=0.22)], "regression: t2i_emotion +0.12", "red"),
        ([regression(kind="unparsed", metric="unparsed", drop=None, value=None)], "regression: t2i_emotion unparsed", "red"),
    ],
)  # fmt: skip
def test_badges(checks: list[Check], message: str, color: str) -> None:
    expected = {"schemaVersion": 1, "label": "memobench", "message": message, "color": color}
    assert json.loads(gate_artifacts.badge(report(*checks))) == expected


def test_a_change_has_the_sign_of_the_value() -> None:
    known = regression(baseline=0.5, value=0.25, drop=0.3)
    assert gated.change(known) == -0.25
    for direction, expected in (("higher", -0.3), ("none", -0.3), ("lower", 0.3)):
        assert gated.change(regression(value=None, drop=0.3, direction=direction)) == expected
    assert gated.change(regression(value=None, drop=None)) is None


def test_badges_are_ascii_and_short() -> None:
    text = gate_artifacts.badge(report(regression(task="\x1b\u202e" * 500)))
    assert text.isascii()
    assert len(json.loads(text)["message"]) < 80
