"""Progress displays that raise: the run goes on, and the cause is said once."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

from harness.run.watch import SafeWatch, Watch, safe


class Failing(Watch):
    def __init__(self, error: BaseException) -> None:
        self.error = error
        self.calls: list[str] = []

    def __getattribute__(self, name: str) -> Any:
        if name in ("error", "calls", "__class__"):
            return object.__getattribute__(self, name)

        def fail(*arguments: object, **keywords: object) -> None:
            self.calls.append(name)
            raise self.error

        return fail


def call_all(watch: Watch) -> None:
    watch.phase("judging", 3, 1)
    watch.advance(failed=True, unparsed=True)
    watch.working("step 1")
    watch.end()
    watch.note("a note")
    watch.close()


@pytest.mark.parametrize(
    "error", [RuntimeError("broken display"), BrokenPipeError(32, "Broken pipe"), SystemExit(1)]
)
def test_a_watch_that_raises_is_said_once(error: BaseException) -> None:
    failing = Failing(error)
    with pytest.warns(RuntimeWarning, match="the run goes on") as seen:
        call_all(safe(failing))
    assert len(seen) == 1
    assert type(error).__name__ in str(seen[0].message)
    assert failing.calls == ["phase", "advance", "working", "end", "note", "close"]


def test_warnings_that_are_errors_stop_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        call_all(safe(Failing(OSError("gone"))))


def test_an_interrupt_in_a_watch_is_an_interrupt() -> None:
    with pytest.raises(KeyboardInterrupt):
        safe(Failing(KeyboardInterrupt())).end()


def test_a_watch_is_wrapped_once() -> None:
    wrapped = safe(Watch())
    assert isinstance(wrapped, SafeWatch)
    assert safe(wrapped) is wrapped
    call_all(safe(None))
    with pytest.warns(RuntimeWarning, match="has no attribute 'phase'"):
        call_all(safe(True))  # type: ignore[arg-type]
