"""The verdict on each value that is watched, with its reason, and the verdict on all of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from harness.components.metric import Direction
from harness.errors import ExitCode
from harness.gating.records import Check, Verdict
from harness.stats.comparison import holm
from harness.stats.paired import PairedDifference

EXIT_CODES: dict[Verdict, ExitCode] = {
    "pass": ExitCode.OK,
    "regression": ExitCode.REGRESSION,
    "inconclusive": ExitCode.INCONCLUSIVE,
}


def make_check(
    about: dict[str, Any],
    direction: Direction,
    values: tuple[float | None, float | None],
    found: PairedDifference | None,
    margin: float,
    rows: tuple[int, int],
) -> Check:
    """A check that has no verdict yet: `rows` are its n and clusters. A metric without a paired difference cannot tell."""
    lower = direction == "lower"
    check = Check(
        **about,
        direction=direction,
        verdict="inconclusive",
        reason="the metric has no paired difference",
        baseline=values[0],
        value=values[1],
        drop=None,
        drop_at_most=None,
        margin=margin,
        p=None,
        p_adjusted=None,
        detectable=None,
        n=rows[0],
        clusters=rows[1],
        method="none",
    )
    if found is None or not math.isfinite(found.value):
        return check
    check.method, check.detectable = found.method, found.detectable
    check.drop = found.value if lower else -found.value
    check.drop_at_most = found.upper if lower else -found.lower
    p = found.p_above if lower else found.p_below
    check.p = None if math.isnan(p) else p
    worse, better = found.first_only, found.second_only
    check.newly_wrong, check.newly_right = (better, worse) if lower else (worse, better)
    return check


def decide(checks: Sequence[Check], alpha: float) -> None:
    """Give each check its verdict: p values have Holm's correction over all of them; bounds need none, since all must hold."""
    tested = [check for check in checks if check.p is not None]
    adjusted = holm([check.p for check in tested if check.p is not None])
    for check, p in zip(tested, adjusted, strict=True):
        check.p_adjusted = p
    for check in checks:
        check.verdict, check.reason = _verdict(check, alpha)


def _verdict(check: Check, alpha: float) -> tuple[Verdict, str]:
    if check.drop is None or check.p_adjusted is None or check.drop_at_most is None:
        return "inconclusive", check.reason if check.drop is None else "one cluster: there is nothing to test"
    drop, margin = check.drop, check.margin
    significant = check.p_adjusted <= alpha
    seen = "" if check.detectable is None else f"; a drop of {check.detectable:.3f} could have been detected"
    if significant and drop > margin:
        return "regression", f"a significant drop of {drop:.3f}, larger than the margin of {margin:g}"
    if check.drop_at_most < margin:
        if significant:
            return "pass", f"a significant drop of {drop:.3f}, within the margin of {margin:g}"
        return "pass", f"a drop of more than {check.drop_at_most:.3f} is ruled out"
    if significant:
        return (
            "inconclusive",
            f"a significant drop of {drop:.3f}, but it may be smaller or larger than the margin of {margin:g}",
        )
    return "inconclusive", f"a drop of up to {check.drop_at_most:.3f} is not ruled out{seen}"


def overall(checks: Sequence[Check], *, no_evidence: bool = False) -> Verdict:
    """Inconclusive if the run is no evidence; regression if any check is one; inconclusive if a task's own check is.

    Groups and shares of unparsed replies only raise an alarm: they are too small to prove that nothing is worse.
    """
    if no_evidence:
        return "inconclusive"
    if any(check.verdict == "regression" for check in checks):
        return "regression"
    decisive = [check for check in checks if check.kind != "unparsed" and not check.group]
    if any(check.verdict == "inconclusive" for check in decisive):
        return "inconclusive"
    return "pass"
