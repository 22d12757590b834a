"""What a run is expected to cost, and what its limits mean: the end of a dry run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from harness.run.participants import Participant
from harness.run.plan import Plan
from harness.scoring.costs import reply_cost
from harness.store.files import read_lines
from harness.store.runfolder import REPLIES

CHARACTERS, PICTURE_TOKENS = 4, 1000
"""Assumed where a provider's own numbers are not known: characters of a prompt's token, and tokens of a picture."""


def costs(plan: Plan, workload: Mapping[str, int], images: int) -> Iterator[str]:
    """Lines on requests, costs and limits. `workload`: requests and tokens of one judge; `images`: to be generated."""
    requests, judges = workload["requests"], len(plan.judges)
    yield (
        f"cost: {requests * judges} requests, at most {workload['reply tokens'] * judges:,} reply tokens; "
        "prices are the provider's"
    )
    expected: list[float | None] = []
    if plan.generator is not None:
        expected.append(_expected(plan.generator, images, 0, 0))
    for judge in plan.judges:
        tokens = workload["prompt tokens"], workload["reply tokens"]
        expected.append(_expected(judge, requests, *tokens))
    known = [cost for cost in expected if cost is not None]
    if known:
        some = "" if len(known) == len(expected) else ", without participants whose prices are not known"
        yield (
            f"expected cost: at most {sum(known):.4g} by the prices given{some} "
            f"(assumed: {CHARACTERS} characters a token, {PICTURE_TOKENS} tokens a picture)"
        )
    total = requests * judges + images
    spent, priced = _spent(plan)
    if priced:
        left = max(0, total - priced)
        yield (
            f"spent so far: {spent:.4g} by {priced} replies; "
            f"{left} more would cost about {left * spent / priced:.4g}"
        )
    yield from _limits(plan, sum(known), total, spent)


def _expected(participant: Participant, requests: int, prompts: float, replies: float) -> float | None:
    try:
        found = participant.instance.expected_cost(requests, prompts, replies)
        return None if found is None else float(found)
    except Exception:  # expected_cost() is a plugin's code, and nothing depends on it
        return None


def _spent(plan: Plan) -> tuple[float, int]:
    """What the replies of the run folder cost, and how many say so. A fresh run begins without them."""
    if plan.request.fresh:
        return 0.0, 0
    found = [cost for reply in read_lines(plan.folder / REPLIES) if (cost := reply_cost(reply)) is not None]
    return sum(found), len(found)


def _limits(plan: Plan, expected: float, total: int, spent: float) -> Iterator[str]:
    request = plan.request
    if request.max_cost is not None:
        left = max(0.0, request.max_cost - spent)
        enough = ""
        if expected > 0 and left < expected:
            enough = f": enough for about {int(total * left / expected)} of {total} requests"
        elif expected > 0:
            enough = ": enough"
        yield f"limit: --max-cost {request.max_cost:g}, of which {left:.4g} is left{enough}"
    if request.max_time is not None:
        yield f"limit: --max-time, {request.max_time:g} s for each attempt"
    if request.max_cost is not None or request.max_time is not None:
        yield "at a limit nothing more is asked, what is in flight is kept, and the results are incomplete (exit code 3)"
