"""How reports of the gate are written, the same in every form."""

from __future__ import annotations

from collections.abc import Sequence

from harness.gating.records import CANNOT_TELL, Check, GateReport, SelfTest, Verdict
from harness.reporters import compared
from harness.reporters.formatting import number

WORDS: dict[Verdict, str] = {"regression": "regression", "inconclusive": "cannot tell", "pass": "pass"}
"""The verdicts, worst first."""
LEGEND = (
    "drop: how much worse the run is than the baseline, negative where it is better; at most: its one-sided bound",
    "margin: the drop that is tolerated; p: one-sided, Holm-corrected; detects: the smallest drop found with power 0.8",
)


def ordered(report: GateReport) -> list[Check]:
    """The checks, regressions first, then those that cannot tell."""
    order = list(WORDS)
    return sorted(report.checks, key=lambda check: order.index(check.verdict))


def count(n: int, what: str) -> str:
    """A number of things."""
    return f"{n} {what}" + ("" if n == 1 else "s")


def check_name(check: Check, shown: frozenset[str]) -> str:
    """The task, the metric and the group of a check, on one line."""
    return f"{compared.place(check, shown)}: {compared.measure(check)}"


def why(report: GateReport) -> str:
    """One sentence on the verdict."""
    checks = [check for check in report.checks if check.verdict == report.verdict]
    if report.verdict == "pass":
        open_ = len(report.checks) - len(checks)
        more = f"; {open_} of groups or unparsed replies cannot tell" if open_ else ""
        return f"{count(len(checks), 'check')} within the margins{more}"
    if not checks:
        # What makes the run no evidence says so.
        said = sorted(cautions(report), key=lambda caution: not caution.endswith(CANNOT_TELL))
        return next(iter(said), "nothing was compared")
    more = f" (and {count(len(checks) - 1, 'more check')})" if len(checks) > 1 else ""
    return f"{check_name(checks[0], compared.names(report.checks).shown)}: {checks[0].reason}{more}"


def further(report: GateReport) -> list[Check]:
    """The checks that do not pass, without the one that the verdict's sentence names."""
    found = [check for check in ordered(report) if check.verdict != "pass"]
    named = next((check for check in found if check.verdict == report.verdict), None)
    return [check for check in found if check is not named]


def change(check: Check) -> float | None:
    """The run's value minus the baseline's: unlike the drop, negative means lower."""
    if check.value is not None and check.baseline is not None:
        return check.value - check.baseline
    if check.drop is None:
        return None
    return check.drop if check.direction == "lower" else -check.drop


def figures(check: Check) -> dict[str, str]:
    """What is known of a check in numbers, by the names that tables use."""
    flips = ""
    if check.newly_wrong is not None and check.newly_right is not None:
        flips = f"{check.newly_wrong} / {check.newly_right}"
    return {
        "baseline": number(check.baseline),
        "run": number(check.value),
        "drop": compared.signed(check.drop),
        "at most": compared.signed(check.drop_at_most),
        "margin": number(check.margin),
        "p": compared.p_value(check.p_adjusted),
        "detects": number(check.detectable),
        "n": compared.rows_in(check),
        "newly wrong / right": flips,
    }


def numbers(check: Check) -> str:
    """The numbers of a check on one line."""
    parts = [f"{name} {value}" for name, value in figures(check).items() if value]
    return ", ".join([*parts, f"method: {check.method}"])


def age(report: GateReport) -> str:
    """How old the baseline was when the run was made."""
    days = round(abs(report.baseline_age_days))
    if days == 0:
        return "the baseline was answered on the same day as the run"
    order = "before" if report.baseline_age_days > 0 else "after"
    return f"the baseline was answered {count(days, 'day')} {order} the run"


def saving(report: GateReport) -> str:
    """What the sequential mode saved; nothing without it."""
    found = report.sequential
    if found is None:
        return ""
    asked = f"asked {found.asked} of {count(found.planned, 'sample')}"
    if not found.stopped:
        return f"{asked}: the verdict was not clear before the last"
    why = (
        "it was stopped with other settings" if report.verdict == "inconclusive" else "the verdict was clear"
    )
    return f"{asked}, {1 - found.asked / max(found.planned, 1):.0%} saved: {why}"


def failures(report: GateReport) -> str:
    """How many samples of the run failed; nothing where none did."""
    return f"{count(report.failed, 'sample')} of the run failed" if report.failed else ""


def self_test(found: SelfTest) -> str:
    """What the self-test found for one value."""
    return (
        f"self-test of {compared.place(found, frozenset({'data', 'judge', 'prompt_variant'}))}: {found.metric}: false alarms in {found.alarms:.1%} and rejections in "
        f"{found.rejections:.1%} of {count(found.splits, 'split')} of the baseline ({found.how})"
    )


def notes(report: GateReport) -> list[str]:
    """What a reader should know besides the checks: age of the baseline, saving, self-test."""
    return [age(report), *filter(None, [saving(report)]), *map(self_test, report.self_test)]


def cautions(report: GateReport) -> list[str]:
    """What may change how the verdict is read: failures and warnings."""
    return [*filter(None, [failures(report)]), *report.warnings]


def worst(report: GateReport) -> tuple[Check | None, int]:
    """The regression that says most, and how many others there are: on all rows before groups, the largest drop first."""
    found: Sequence[Check] = [check for check in report.checks if check.verdict == "regression"]
    if not found:
        return None, 0
    return max(found, key=lambda check: (not check.group, (check.drop or 0.0) - check.margin)), len(found) - 1
