"""An open connection to a service: one coroutine and exactly one reply per request, and the handling of fatal errors."""

from __future__ import annotations

import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Protocol, TypeVar

from harness.components.context import Context
from harness.errors import HarnessError, PluginError, RequestError
from harness.remote.call import CURRENT, Call, Escaped, contained
from harness.remote.dispatcher import EventLoopThread
from harness.remote.errors import RemoteError, RemoteStopped
from harness.remote.exceptions import LONGEST
from harness.remote.keys import Secrets
from harness.remote.responses import one_line
from harness.remote.retry import RetryPolicy
from harness.remote.startup import KEPT, Startup

T = TypeVar("T")


class Service(Protocol):
    """What a session needs of its component: see `Remote`."""

    options: Any
    key: str
    advice: ClassVar[Mapping[str, str]]

    @property
    def service(self) -> str: ...
    async def start(self) -> None: ...
    async def finish(self) -> None: ...
    def secrets(self) -> Sequence[str]: ...
    def classify(self, error: BaseException) -> RemoteError: ...
    async def explain(self, error: RemoteError) -> tuple[str, str]: ...
    def refused_reply(self, request: Any, error: RemoteError) -> Any: ...
    def failed_reply(self, request: Any, error: RemoteError) -> Any: ...
    def completed_reply(self, reply: Any, timings: Mapping[str, float], secrets: Secrets) -> Any: ...


class Session:
    """One use of a component, from `open` to `close`. Only `open`, `close` and the constructor run outside its loop."""

    def __init__(self, component: Service, context: Context) -> None:
        self._component, self._log = component, context.logger
        options = component.options
        self._timeout = options.timeout
        self._policy = RetryPolicy(options.max_retries, max_wait=options.wait, told=self._told)
        self.startup = Startup(component.advice)
        self.secrets = Secrets((component.key, *component.secrets()))
        self._logged = False
        self._started = False
        self.loop = EventLoopThread()

    def open(self) -> None:
        """Run the component's `start`. Raises `HarnessError` if it cannot, and `ImportError`."""
        try:
            self.loop.result(self._start())
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Cancel requests in flight, run the component's `finish` and stop the thread."""
        self.loop.close(self._finish)

    async def _start(self) -> None:
        call = self.call()
        CURRENT.set(call)
        try:
            await contained(self._component.start)
        except (HarnessError, ImportError):
            raise
        except Exception as e:
            error = self.classify(e)
            if error.fatal or isinstance(e, RemoteError):
                raise await self.stopped(error) from None
            raised = e.origin if isinstance(e, Escaped) else e
            if isinstance(raised, Exception) and not self._holds_secret(raised):
                raise  # the run names the component and what may help
            message = f"{self._component.service} cannot be used: {error.kind}: {error.message.rstrip('.')}."
            raise PluginError(message) from None
        self._started = True

    async def _finish(self) -> None:
        if not self._started:
            return
        self._started = False
        try:
            await contained(self._component.finish)
        except Exception as e:
            error = self.classify(e)
            message = f"{self._component.service} could not be closed: {error.kind}: {error.message}"
            raise PluginError(message) from self._shown(error)

    def call(self) -> Call:
        """A call of its own."""
        return Call(self.startup, self._policy, self._timeout, self.classify)

    async def reply(self, request: T, ask: Callable[[T], Awaitable[Any]]) -> Any:
        """The reply to one request. A failure is a reply too, unless every other request would fail the same way."""
        async with self.startup.slot():
            call = self.call()
            CURRENT.set(call)
            try:
                reply = await call.answer(lambda: ask(request))
            except RemoteError as e:
                error = self.startup.judge_failure(e)
                if error.refusal:
                    reply = self._component.refused_reply(request, error)
                elif self.startup.stops(error):
                    raise await self.stopped(error) from self._shown(error)
                else:
                    return self._component.failed_reply(request, error)
            if reply.error is None:
                self.startup.succeeded()
            return self._component.completed_reply(reply, call.timings(), self.secrets)

    def classify(self, error: BaseException) -> RemoteError:
        """The `RemoteError` for anything that the component raises, safe to show."""
        raised = error.origin if isinstance(error, Escaped) else error
        try:
            found = raised if isinstance(raised, RemoteError) else self._component.classify(raised)
        except Exception as e:  # it is a plugin's code
            found = RemoteError(type(e).__name__, f"classify() fails: {e}", origin=e)
        if found.settled:
            return found
        if found.origin is not None:
            self._note(found.origin)
        # Hidden before the text is cut: a part of a key is a secret, too.
        message = one_line(self.secrets.hide(str(found.message)[:LONGEST])) or "no reason given"
        return replace(found, message=message, fatal=self.secrets.hide(found.fatal))

    def _told(self, what: str) -> None:
        self._log.info("%s %s", self._component.service, what)

    def _note(self, error: BaseException) -> None:
        """Log where the first error that was not foreseen comes from."""
        if not self._logged:
            self._logged = True
            text = "".join(traceback.format_exception(error))
            self._log.debug("%s", self.secrets.hide(text))

    def _shown(self, error: RemoteError) -> BaseException | None:
        """What an error comes from, if no secret is in its traceback."""
        return None if error.origin is None or self._holds_secret(error.origin) else error.origin

    def _holds_secret(self, error: BaseException) -> bool:
        """Whether a traceback would show a secret: its texts do, not the code."""
        said: list[str] = []
        left: list[BaseException | None] = [error]
        while left and len(said) < 100:
            part = left.pop()
            if part is not None:
                said += traceback.format_exception_only(part)
                left += [part.__cause__, part.__context__]
        return self.secrets.within("".join(said))

    async def stopped(self, error: RemoteError) -> HarnessError:
        """The error that ends the run because of an error that all requests have."""
        message, hint = await self._component.explain(error)
        if not self.startup.answered:
            return RequestError(self.secrets.hide(message).rstrip(".") + ".", self.secrets.hide(hint))
        if KEPT not in hint:
            hint = f"{hint} {KEPT}"
        return RemoteStopped(self.secrets.hide(message).rstrip(".") + ".", self.secrets.hide(hint))
