"""The executor interface: where a judge or generator runs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.components.base import Configured
from harness.components.context import Context, open_component
from harness.components.failures import is_interrupt, message_of
from harness.components.sources import RequestSource


@dataclass(frozen=True)
class Specification:
    """How a component is made, here or in another process: it can be pickled. `harness.make_component` makes it."""

    kind: str
    """`judge` or `generator`."""
    name: str
    """`DIST/NAME` or `DIST/NAME:REF`, which mean the same wherever the same plugins are installed."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """What the user gave."""


class Work:
    """A judge or generator with its requests still to come: what an executor is given.

    It is made already, but not opened. An executor that runs it in this process calls `open`, `stream` and `close`; one
    that runs it elsewhere makes it again there from `specification`.
    """

    def __init__(
        self, component: Any, specification: Specification | None = None, context: Context | None = None
    ) -> None:
        self.component = component
        """The `harness.Judge` or `harness.Generator`."""
        self.specification = specification
        """None for an object that was made in Python: it runs in this process, or wherever it can be pickled to."""
        self.context = context or Context()
        self.faults: list[str] = []
        """What the component did against its contract."""
        self.raised: BaseException | None = None
        """What the component raised last, in this process: not the executor's fault."""

    def open(self) -> None:
        """Open the component."""
        try:
            open_component(self.component, self.context)
        except BaseException as e:
            self.raised = e
            raise

    def stream(self, requests: RequestSource[Any]) -> Iterator[Any]:
        """The component's replies: a `JudgeReply` or `ImageReply` for each request."""
        try:
            yield from self.component.stream(requests)
        except BaseException as e:
            self.raised = e
            raise

    def close(self) -> None:
        """Close the component. An error of its own is noted in `faults`: what it replied is kept."""
        try:
            self.component.close()
        except BaseException as e:
            if is_interrupt(e):
                raise
            self.faults.append(f"close() raises {type(e).__name__}: {message_of(e)}")


class Executor(Configured, ABC):
    """Runs a judge or generator, in this process or elsewhere. Its options are those of `--executor-option`."""

    sends_files = False
    """Whether pictures come as files (`Picture.data`) for judges that take pixels too: they are smaller on their way.

    Where the judge runs, `harness.with_pixels` decodes them.
    """

    @abstractmethod
    def run(self, work: Work, requests: RequestSource[Any]) -> Iterator[Any]:
        """Open the component, yield its replies as they arrive, and always close it.

        One reply for each request, as with `Judge.stream`. What it raises ends the attempt: replies that it has yielded are
        kept, the rest of the requests fail with its error.
        """


class LocalExecutor(Executor):
    """Runs the component in this process."""

    def run(self, work: Work, requests: RequestSource[Any]) -> Iterator[Any]:
        try:
            work.open()
            yield from work.stream(requests)
        finally:
            work.close()
