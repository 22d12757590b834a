"""What judges and generators behind a web service have in common."""

from __future__ import annotations

import asyncio
import difflib
import inspect
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

from harness.components.base import Configured
from harness.components.context import Context
from harness.components.sources import RequestSource
from harness.remote.address import Address
from harness.remote.call import CURRENT
from harness.remote.dispatcher import dispatch
from harness.remote.errors import RemoteError
from harness.remote.exceptions import classify_exception
from harness.remote.keys import Secrets, read_key
from harness.remote.options import RemoteOptions
from harness.remote.responses import one_line
from harness.remote.retry import RetryPolicy
from harness.remote.session import Session

T = TypeVar("T")
MODELS_SECONDS = 20.0
"""Seconds that `models` may take: it is asked where the run ends."""


class Remote(Configured, ABC):
    """The common part of `AsyncJudge` and `AsyncGenerator`: the life of a connection, keys, errors and costs.

    Everything that is `async` runs in one event loop, in a thread of its own: whatever belongs to a loop, such as the client
    of a library, is made in `start`. What blocks there blocks all requests: put it into `asyncio.to_thread`.
    """

    class Options(RemoteOptions):
        """The component's options; a subclass declares its own."""

    advice: ClassVar[Mapping[str, str]] = {}
    """What may help where the first requests all fail alike with an error of a kind that is not known to be fatal."""

    def __init__(self, options: Any = None) -> None:
        """Check the options. Raises `RequestError` if a required key is missing."""
        super().__init__(options)
        self.find_key()
        self.key = ""
        """The key, while the component is open."""
        self.context = Context()
        """The run that it is opened for."""
        self._session: Session | None = None

    # What a plugin may override.

    async def start(self) -> None:
        """Make what belongs to the event loop, such as a client. Called once, before the first request."""

    async def finish(self) -> None:
        """Close what `start` made. Called once if `start` returned; requests in flight are cancelled before."""

    def classify(self, error: BaseException) -> RemoteError:
        """How to react to what `ask` or `draw` raises, save for a `RemoteError`, which says so itself.

        By default an error with a status is an error response, whatever client raises it: 408, 409, 425, 429 and 5xx are
        retried, after the delay that the service asks for; a wrong key, missing credit, an unknown model or address and a
        connection that cannot be established are fatal; the rejection of a content filter is a refusal. Timeouts, broken
        connections and replies that are not JSON are retried, and anything else fails its own request.
        """
        return classify_exception(error)

    def find_key(self) -> str:
        """The key for the service, from the environment variable `api_key_env`; "" where that is empty.

        Raises `RequestError` if it is missing. Override it for a service that needs none at some addresses.
        """
        return read_key(self.options.api_key_env, self.service, needed=bool(self.options.api_key_env))

    def secrets(self) -> Sequence[str]:
        """What must not be shown besides the key. By default user, password and query of the option `base_url`."""
        address = self._address()
        return () if address is None else (*address.secrets, f"{address.user}:{address.password}")

    async def models(self) -> Sequence[str]:
        """The names of the models that the service has, for the message where it does not have the one asked for."""
        return ()

    @property
    def service(self) -> str:
        """What messages call the service: its address if there is an option `base_url`, else the name of the class."""
        return str(self._address() or type(self).__name__)

    async def explain(self, error: RemoteError) -> tuple[str, str]:
        """What is wrong and how to fix it, where an error with `fatal` ends the run."""
        service, env, message = self.service, self.options.api_key_env, error.message
        hint = error.fatal
        if error.fatal == "key" and self.key:
            message = f"{service} rejects the key in {env} ({message})"
            hint = f"Set {env} to a valid key, or name a different variable: -o api_key_env=NAME."
        elif error.fatal == "key":
            message = f"{service} requires a key ({message})"
            hint = "Store the key in an environment variable and pass its name: -o api_key_env=NAME."
        elif error.fatal == "model":
            model = str(getattr(self.options, "ref", "") or getattr(self.options, "model", ""))
            message = f"{service} has no model {model!r} ({message})"
            hint = await self._model_hint(model)
        elif error.fatal == "path":
            message = f"{service} does not have what it is asked for at this address ({message})"
            hint = "Check the address."
        else:
            kind = f"{error.kind}: " if error.origin is not None else ""
            message = f"{service}: {kind}{message}"
        return message, hint or "Correct the cause, then run the same command again."

    async def attempt(
        self,
        make: Callable[[], Awaitable[T]],
        *,
        policy: RetryPolicy | None = None,
        timeout: float | None = None,
    ) -> T:
        """Within `ask` or `draw`: one call of several, with its own time limit (in seconds) and retries.

        What it raises is final. `ask` itself then has no time limit.
        """
        call = CURRENT.get(None) or self._opened("attempt").call()
        return await call.attempt(make, policy, timeout)

    @property
    def answered(self) -> int:
        """Requests that were answered since it was opened, refusals included."""
        return self._opened("answered").startup.answered

    # What the core calls.

    def contacts(self) -> Sequence[str]:
        """The address in the option `base_url`, if there is one."""
        address = self._address()
        return () if address is None else (str(address),)

    def reports_cost(self) -> bool:
        """Whether prices are given."""
        return self.options.price_input is not None

    def open(self, context: Context | None = None) -> None:
        """Start the event loop's thread and run `start` there. Sends no request yet."""
        if self._session is not None:
            return
        self.key, self.context = self.find_key(), context or Context()
        try:
            session = Session(self, self.context)
            session.open()
        except BaseException:
            self.key = ""
            raise
        self._session = session

    def close(self) -> None:
        """Cancel requests in flight, run `finish` and stop the thread."""
        session, self._session = self._session, None
        if session is not None:
            try:
                session.close()
            finally:
                self.key = ""

    @abstractmethod
    def refused_reply(self, request: Any, error: RemoteError) -> Any:
        """The reply to a request that the service's content filter declined."""

    @abstractmethod
    def failed_reply(self, request: Any, error: RemoteError) -> Any:
        """The reply to a request that failed."""

    @abstractmethod
    def completed_reply(self, reply: Any, timings: Mapping[str, float], secrets: Secrets) -> Any:
        """A reply with its timings and costs, and without secrets."""

    def _dispatch(self, requests: RequestSource[Any], ask: Callable[[Any], Awaitable[Any]]) -> Iterator[Any]:
        session = self._opened("stream")
        yield from dispatch(
            session.loop, requests, lambda request: session.reply(request, ask), self.options.concurrency
        )

    def _opened(self, what: str) -> Session:
        if self._session is None:
            raise RuntimeError(f"{type(self).__name__}.{what} was called before open() or after close()")
        return self._session

    def _address(self) -> Address | None:
        url = getattr(self.options, "base_url", "")
        return url if isinstance(url, Address) else Address(url) if isinstance(url, str) and url else None

    async def _model_hint(self, model: str) -> str:
        """The models that the service lists, closest match first; a general hint if it lists none."""
        try:
            listed = await asyncio.wait_for(self.models(), MODELS_SECONDS)
        except Exception:  # a plugin's code, and only a hint
            listed = ()
        names = [one_line(str(name)) for name in listed]
        if not names:
            return "Check the model name and that this account has access to it."
        closest = difflib.get_close_matches(model, names, n=1)
        more = f", and {len(names) - 12} more" if len(names) > 12 else ""
        guess = f"Did you mean {closest[0]!r}? " if closest else ""
        return f"{guess}It serves: {', '.join(names[:12])}{more}."


async def checked(made: Any, expected: type[T], where: str) -> T:
    """The reply of a plugin's coroutine, after a type check. Raises `TypeError`."""
    if not inspect.isawaitable(made):
        raise TypeError(f"{where}() must be declared with `async def`")
    reply = await made
    if not isinstance(reply, expected):
        raise TypeError(f"{where}() must return {expected.__name__}, but returned {type(reply).__name__}")
    return reply
