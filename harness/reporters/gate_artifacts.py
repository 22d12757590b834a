"""A report of the gate for continuous integration: JUnit, Markdown, GitHub annotations, and a badge."""

# No `from __future__ import annotations`: it would take the name of a function below.

import json
from collections.abc import Sequence
from datetime import datetime, timezone
from xml.etree import ElementTree as ET

from harness.escaping import markdown_comment, plain, workflow_message, workflow_property, xml_text
from harness.gating.records import Check, GateReport, Verdict
from harness.reporters import compared, gated

MARKER = "<!-- memobench-gate -->"
SUITE = "memobench"
MOST_ANNOTATIONS = 10
"""GitHub shows this many annotations of a kind for each step."""
MOST_ROWS = 12
"""Checks in the table that is always visible; regressions always are."""
MOST_DETAILS = 100
"""Checks in the table below; a comment on GitHub may have 65,536 characters."""
_COLUMNS = ("baseline", "run", "drop", "at most", "margin", "p", "detects", "n")
_COLORS: dict[Verdict, str] = {"pass": "brightgreen", "regression": "red", "inconclusive": "yellow"}


def junit(report: GateReport) -> str:
    """JUnit XML: a test case for each check, and one more where samples failed.

    A regression is a failure; a check that cannot tell is skipped; failed samples are an error. The document is what
    both common schemas accept, that of Ant's JUnit task and Jenkins's junit-10. The first has no output of single test
    cases: the numbers of all checks are in the output of the suite.
    """
    shown = compared.names(report.checks).shown | {"data", "judge", "prompt_variant"}
    cases = [_case(check, shown) for check in report.checks]
    if report.failed:
        cases.append(_failed_samples(report))
    if not report.checks and report.verdict != "pass":
        case = _element("testcase", classname=SUITE, name="comparison", time="0")
        case.append(_element("skipped", message=gated.why(report)))
        cases.append(case)
    suite = _element(
        "testsuite", name=f"{SUITE} gate", package=SUITE, id="0", hostname="localhost", time="0",
        timestamp=_timestamp(report.run.created), tests=str(len(cases)),
        **{f"{kind}s" if kind != "skipped" else kind: str(sum(case.find(kind) is not None for case in cases))
           for kind in ("failure", "error", "skipped")},
    )  # fmt: skip
    properties = _element("properties")
    for name, value in _properties(report).items():
        properties.append(_element("property", name=name, value=value))
    suite.append(properties)
    suite.extend(cases)
    lines = [f"{gated.WORDS[report.verdict].upper()}: {gated.why(report)}"]
    lines += [
        f"{gated.WORDS[c.verdict]}: {gated.check_name(c, shown)}: {gated.numbers(c)}" for c in report.checks
    ]
    suite.append(_element("system-out", "\n".join([*lines, *gated.notes(report)])))
    suite.append(_element("system-err", "\n".join(gated.cautions(report))))
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _element(tag: str, text: str = "", **attributes: str) -> ET.Element:
    element = ET.Element(tag, {name: xml_text(plain(value)) for name, value in attributes.items()})
    if text:
        element.text = xml_text("\n".join(map(plain, text.split("\n"))))
    return element


def _case(check: Check, shown: frozenset[str]) -> ET.Element:
    where = compared.place(check, shown).removeprefix(f"{check.task}, ")
    case = _element(
        "testcase", classname=f"{SUITE}.{check.task}", name=f"{compared.measure(check)} {where}", time="0"
    )
    if check.verdict == "regression":
        text = f"{check.reason}\n{gated.numbers(check)}"
        case.append(_element("failure", text, type="regression", message=check.reason))
    elif check.verdict == "inconclusive":
        case.append(_element("skipped", message=f"cannot tell: {check.reason}"))
    return case


def _failed_samples(report: GateReport) -> ET.Element:
    case = _element("testcase", classname=SUITE, name="failed samples", time="0")
    text = f"{gated.failures(report)}.\nRun the same `harness run` again to retry them."
    case.append(_element("error", text, type="failed samples", message=gated.failures(report)))
    return case


def _properties(report: GateReport) -> dict[str, str]:
    sides = {"run": report.run, "baseline": report.baseline}
    return {
        "verdict": gated.WORDS[report.verdict],
        "alpha": f"{report.alpha:g}",
        **{side: run.name for side, run in sides.items()},
        **{f"{side}.model": run.model for side, run in sides.items()},
        **{f"{side}.release": run.release for side, run in sides.items() if run.release},
        **{f"{side}.created": run.created for side, run in sides.items()},
    }


def _timestamp(created: str) -> str:
    """The time in UTC, without a zone and fractions, which the schemas do not allow."""
    try:
        when = datetime.fromisoformat(created.replace("Z", "+00:00"))
    except ValueError:
        when = datetime.fromtimestamp(0, timezone.utc)
    if when.tzinfo is not None:
        when = when.astimezone(timezone.utc)
    return when.strftime("%Y-%m-%dT%H:%M:%S")


def markdown(report: GateReport, marker: str = MARKER) -> str:
    """A comment for a pull request: the marker by which it is found again, the verdict, the checks, and details.

    Text from runs is escaped, mentions nobody and links nothing.
    """
    show = markdown_comment
    found = compared.names(report.checks)
    checks = gated.ordered(report)
    bad = sum(check.verdict != "pass" for check in checks)
    visible = checks if len(checks) <= MOST_ROWS else checks[: max(min(bad, 4 * MOST_ROWS), 1)]
    rest = checks[len(visible) :]
    lines = [
        marker,
        f"## memobench gate: {gated.WORDS[report.verdict].upper()}",
        "",
        f"{show(gated.why(report))}",
        "",
        f"{show(_side(report.run.model, report.run.release))} against "
        f"{show(_side(report.baseline.model, report.baseline.release))}"
        + (f", {show(compared.context(found.shared, ', '))}" if found.shared else "")
        + f"; {gated.age(report)}.",
        "",
    ]
    lines += [*_table(visible, found.shown), ""] if visible else []
    lines += [f"- {show(caution)}" for caution in gated.cautions(report)]
    lines += [""] * bool(gated.cautions(report))
    lines += ["<details><summary>Details</summary>", ""]
    if rest:
        lines += [*_table(rest[:MOST_DETAILS], found.shown), ""]
    if len(rest) > MOST_DETAILS:
        lines += [f"{gated.count(len(rest) - MOST_DETAILS, 'more check')} are in the report.", ""]
    lines += [
        f"- {gated.WORDS[check.verdict]}: {show(gated.check_name(check, found.shown))}: {show(check.reason)}"
        for check in gated.further(report)[: len(visible)]
    ]
    lines += [f"- {show(note)}" for note in gated.notes(report)[1:]]
    lines += [
        f"- {side}: {show(compared.described(run))}"
        for side, run in (("run", report.run), ("baseline", report.baseline))
    ]
    methods = "; ".join(dict.fromkeys(check.method for check in report.checks))
    lines += [f"- method: {show(methods)}"] * bool(methods)
    lines += [f"- {show(line)}" for line in gated.LEGEND]
    return "\n".join([*lines, "", "</details>"]) + "\n"


def _side(model: str, release: str | None) -> str:
    return f"{model} {release}" if release else model


def _table(checks: Sequence[Check], shown: frozenset[str]) -> list[str]:
    lines = [
        f"| check | verdict | {' | '.join(_COLUMNS)} |",
        f"| --- | --- | {' | '.join(['---:'] * len(_COLUMNS))} |",
    ]
    for check in checks:
        values = gated.figures(check)
        verdict = gated.WORDS[check.verdict]
        cells = [
            markdown_comment(gated.check_name(check, shown)),
            verdict if check.verdict == "pass" else f"**{verdict}**",
            *(values[column] for column in _COLUMNS),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def annotations(report: GateReport) -> list[str]:
    """GitHub workflow commands, one a line: errors, warnings and a notice, at most `MOST_ANNOTATIONS` of each."""
    shown = compared.names(report.checks).shown
    checks: dict[Verdict, list[tuple[str, str]]] = {verdict: [] for verdict in gated.WORDS}
    for check in report.checks:
        title = f"memobench {gated.WORDS[check.verdict]}: {plain(gated.check_name(check, shown))}"
        checks[check.verdict].append((title, f"{plain(check.reason)}\n{plain(gated.numbers(check))}"))
    warnings = checks["inconclusive"]
    if report.failed:
        warnings = [("memobench: failed samples", gated.failures(report)), *warnings]
    if report.verdict == "inconclusive" and not warnings:
        warnings = [("memobench: cannot tell", plain(gated.why(report)))]
    passed = [("memobench: pass", plain(gated.why(report)))] if report.verdict == "pass" else []
    return [
        f"::{command} title={workflow_property(title)}::{workflow_message(message)}"
        for command, found in (("error", checks["regression"]), ("warning", warnings), ("notice", passed))
        for title, message in _at_most(found)
    ]


def _at_most(found: list[tuple[str, str]]) -> list[tuple[str, str]]:
    if len(found) <= MOST_ANNOTATIONS:
        return found
    more = len(found) - MOST_ANNOTATIONS + 1
    return [*found[: MOST_ANNOTATIONS - 1], ("memobench", f"{more} more are in the report.")]


def badge(report: GateReport) -> str:
    """JSON for the endpoint badge of shields.io: the verdict, and the largest regression."""
    message = gated.WORDS[report.verdict]
    check, more = gated.worst(report)
    if check is not None:
        what = "" if check.kind == "metric" else check.metric
        name = " ".join(filter(None, (check.task, what, ", ".join(check.group.values()))))
        value = gated.change(check)
        message += f": {plain(name, 40)}" + ("" if value is None else f" {value:+.2f}")
        message += f", {more} more" if more else ""
    document = {
        "schemaVersion": 1,
        "label": SUITE,
        "message": message,
        "color": _COLORS[report.verdict],
    }
    return json.dumps(document) + "\n"
