"""What all contracts share: declared failures, opening, and what holds for a component of any kind.

The first sentence of a test's docstring says what must hold; what follows "Fix:" says how to make it hold.
"""

from __future__ import annotations

import inspect
import os
import re
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import pytest
from pydantic import ValidationError

from harness import Context, HarnessOptions, Work, nearest

T = TypeVar("T")
_OPTION = re.compile(r"[a-z][a-z0-9_]{0,49}")
FORK_LIMIT = 60.0
"""Seconds that a forked process may take."""
_NO_FORK = ("torch", "vllm", "tensorflow", "jax")
"""Packages that do not survive a fork once they are imported."""


class Contract:
    """Base of all contracts."""

    expected_failures: ClassVar[Mapping[str, str]] = {}
    """Test name (or `name[branch]`) -> why the component cannot pass it. A test that passes after all is a failure."""
    not_run: ClassVar[Mapping[str, str]] = {}
    """Test name (or `name[branch]`) -> why it is not run: it takes too long, or its result varies."""

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        for declared in (*cls.expected_failures, *cls.not_run):
            name = declared.partition("[")[0]
            if not hasattr(cls, name):
                tests = [test for test in dir(cls) if test.startswith("test_")]
                raise TypeError(
                    f"{cls.__name__} has no test {name!r}: did you mean {nearest(name, tests)!r}?"
                )

    @pytest.fixture(autouse=True)
    def _declared(self, request: pytest.FixtureRequest) -> None:
        names = (request.node.name, getattr(request.node, "originalname", None) or "")
        for name in names:
            if name in self.not_run:
                pytest.skip(self.not_run[name])
            if name in self.expected_failures:
                request.applymarker(pytest.mark.xfail(reason=self.expected_failures[name], strict=True))
                return

    @pytest.fixture
    def context(self, tmp_path: Path) -> Context:
        """What the component is opened with, if it takes a context."""

        def folder() -> Path:
            state = tmp_path / "state"
            state.mkdir(exist_ok=True)
            return state

        return Context(folder=folder)


class ComponentContract(Contract):
    """What holds for every component that is made from options. A contract of a kind provides `component`."""

    @pytest.fixture
    def component(self) -> Any:
        """The component under test, constructed but not opened."""
        pytest.fail("override the fixture that makes the component")

    def test_its_constructor_keeps_the_options(self, component: Any) -> None:
        """The constructor passes its options on, so that `self.options` exists.

        Fix: begin `__init__(self, options=None)` with `super().__init__(options)`.
        """
        cls = type(component)
        assert isinstance(getattr(component, "options", None), cls.Options), (
            f"{cls.__name__} has no `options` of its class Options after it is constructed"
        )

    def test_options_are_named_and_described(self, component: Any) -> None:
        """Every option has a name that can be typed, and a description.

        Fix: declare options in `class Options(HarnessOptions)` as `name: type = option(default, "what it does")`.
        """
        options = type(component).Options
        assert issubclass(options, HarnessOptions), f"{options.__name__} does not derive from HarnessOptions"
        for name, info in options.model_fields.items():
            assert _OPTION.fullmatch(name), (
                f"the option {name!r} is no plain name: small letters, digits and underscores, a letter first"
            )
            assert info.alias is None, (
                f"the option {name!r} has the alias {info.alias!r}, which nobody can set"
            )
            assert (info.description or "").strip(), f"the option {name!r} has no description"

    def test_unknown_options_are_refused(self, component: Any) -> None:
        """An option that does not exist is an error: a misspelt one must not be ignored.

        Fix: remove `extra` from `model_config` of `Options`.
        """
        options = type(component).Options
        given = component.options.model_dump()
        with pytest.raises(ValidationError) as raised:
            options.model_validate({**given, "surely_no_such_option": 1})
        kinds = {error["type"] for error in raised.value.errors()}
        assert "extra_forbidden" in kinds, f"{options.__qualname__} accepts options that it does not have"

    def test_identity_is_known_before_weights_load(self, component: Any) -> None:
        """`identity` gives the same few texts each time, without `open`.

        Fix: return a dict of texts: a revision, a digest, a version; nothing that changes from call to call.
        """
        identity = dict(component.identity())
        again = dict(component.identity())
        assert identity == again, f"identity() gives {identity!r}, then {again!r}"
        wrong = [item for item in identity.items() if not all(isinstance(part, str) for part in item)]
        assert not wrong, f"identity() holds {wrong[0]!r}, which is not two texts"

    def test_closing_twice_is_harmless(self, component: Any, context: Context) -> None:
        """`close` may be called twice, and without `open`.

        Fix: set what `close` releases to None there, and test for None first.
        """
        component.close()
        opened(component, context)
        component.close()
        component.close()


def opened(component: T, context: Context | None = None) -> T:
    """The component, opened with a context if it takes one."""
    Work(component, None, context or Context()).open()
    return component


def in_a_thread(call: Callable[[], T], limit: float = 600.0) -> T:
    """What a function returns in another thread. Raises what it raises."""
    found: list[T] = []
    raised: list[BaseException] = []

    def work() -> None:
        try:
            found.append(call())
        except BaseException as e:
            raised.append(e)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(limit)
    assert not thread.is_alive(), f"no end within {limit:.0f} seconds in another thread"
    if raised:
        raise AssertionError(f"in another thread: {described(raised[0])}") from raised[0]
    return found[0]


def in_a_fork(call: Callable[[], object]) -> None:
    """Run a function in a forked process. Fails with what it raises, or if it does not end."""
    if sys.platform != "linux":
        pytest.skip("processes are forked on Linux only")
    loaded = [name for name in _NO_FORK if name in sys.modules]
    if loaded:
        pytest.skip(f"{loaded[0]} does not survive a fork")
    reader, writer = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside other threads
        child = os.fork()
    if not child:
        _child(call, reader, writer)
    os.close(writer)
    end = time.monotonic() + FORK_LIMIT
    while not (done := os.waitpid(child, os.WNOHANG))[0]:
        if time.monotonic() > end:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            os.close(reader)
            pytest.fail(f"no end within {FORK_LIMIT:.0f} seconds after a fork")
        time.sleep(0.02)
    with os.fdopen(reader, errors="replace") as file:
        said = file.read()
    status = os.waitstatus_to_exitcode(done[1])
    assert status == 0, f"after a fork: {said or f'the process ended with {status}'}"


def _child(call: Callable[[], object], reader: int, writer: int) -> None:
    status = 1
    try:
        os.close(reader)
        call()
        status = 0
    except BaseException as e:
        os.write(writer, described(e).encode("utf-8", "replace")[:2000])
    finally:
        os._exit(status)


def described(error: BaseException) -> str:
    """The type and text of an error."""
    return f"{type(error).__name__}: {error}".strip().rstrip(":")


def first_line(test: object) -> tuple[str, str]:
    """What a test says must hold, and how to make it hold."""
    text = inspect.getdoc(test) or ""
    held, _, fix = text.partition("Fix:")
    return " ".join(held.split()), " ".join(fix.split())
