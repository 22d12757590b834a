"""Sources of requests that end early."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness import Listed
from harness.run.stopping import Budget, Several, Stopping, Until
from harness.run.watch import Watch
from harness.scoring.costs import reply_cost


class After(Stopping):
    """Stops after it was asked so often."""

    def __init__(self, times: int, reason: str = "enough") -> None:
        self.times, self.text = times, reason

    def reason(self) -> str | None:
        self.times -= 1
        return self.text if self.times < 0 else None


def test_iteration_ends_with_the_stop() -> None:
    listed = Listed(range(9))
    until = Until(listed, After(3))
    assert list(until) == [0, 1, 2]
    assert until.exhausted
    assert until.ready(5) == []
    assert list(listed) == [3, 4, 5, 6, 7, 8], "what was not handed out is left"
    halt = until.halted("m", 3, 9)
    assert str(halt) == "enough; 3 of 9 requests to m are answered: the same command resumes."


def test_batches_end_with_the_stop() -> None:
    until = Until(Listed(range(9)), After(2))
    assert until.ready(4) == [0, 1, 2, 3]
    assert not until.exhausted
    assert until.ready(4) == []
    assert until.exhausted


def test_without_a_stop_nothing_changes() -> None:
    until = Until(Listed(range(4)), Stopping())
    assert until.ready(1) == [0]
    assert list(until) == [1, 2, 3]
    assert until.exhausted
    assert until.halted("m", 4, 4) is None


def test_the_first_of_several_stops() -> None:
    quiet, clear = Stopping(), After(1, "clear")
    clear.settled, clear.advice = True, ""
    several = Several([quiet, clear, After(9)])
    assert several.reason() is None
    assert (several.reason(), several.settled, several.advice) == ("clear", True, "")


@pytest.mark.parametrize(
    ("record", "cost"),
    [
        ({"usage": {"cost": 0.5}}, 0.5),
        ({"extra": {"usage": {"cost": 2}}}, 2.0),
        ({"usage": {"tokens": 3}}, None),
        ({"usage": None, "extra": None}, None),
        ({"usage": {"cost": True}, "extra": {"usage": 3}}, None),
        ({"usage": {"cost": 0}}, 0.0),
    ],
)
def test_the_cost_of_a_reply(record: dict[str, object], cost: float | None) -> None:
    assert reply_cost(record) == cost


def test_a_budget_counts_what_earlier_attempts_spent(tmp_path: Path) -> None:
    records = [{"id": str(n), "by": "m", "usage": {"cost": 0.25}} for n in range(3)]
    (tmp_path / "replies.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records))
    budget = Budget(1.0, None, tmp_path, Watch())
    assert (budget.spent, budget.reason()) == (0.75, None)
    budget.stored(records[0])
    assert budget.reason() == "1 is spent, and --max-cost is 1"


def test_a_budget_of_time_begins_now(tmp_path: Path) -> None:
    now = [100.0]
    budget = Budget(None, 60.0, tmp_path, Watch(), clock=lambda: now[0])
    now[0] = 159.0
    assert budget.reason() is None
    now[0] = 161.0
    assert budget.reason() == "61 s have passed, and --max-time is 60 s"
