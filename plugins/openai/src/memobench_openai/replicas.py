"""Several servers of the same model, asked as if they were one.

A request goes to the server that has the fewest in hand, and requests about one picture to the same server as far as the
load allows, since its cache of prefixes then serves them. A server that does not answer is left out for a while, and what it
had in hand is asked elsewhere.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.remote import RemoteError
from memobench_openai.served import ServedModel

if TYPE_CHECKING:
    from memobench_openai.address import Address
    from memobench_openai.transport import Transport

Json = dict[str, Any]
SLACK = 4
"""Requests that the server of a picture may have in hand more than the one with the fewest."""
AWAY = 30.0
"""Seconds for which a server that did not answer is left out."""
ABOUT: ContextVar[str] = ContextVar("about", default="")
"""What a request is about: the digest of its picture."""


class Body(dict[str, Any]):
    """A reply that knows which server it is of."""

    served: ServedModel | None = None


def part_of(reply: Json, part: Mapping[str, Any]) -> Json:
    """A part of a reply, or what was made of it, as one of the same server."""
    found = Body(part)
    if isinstance(reply, Body):
        found.served = reply.served
    return found


@dataclass
class Replica:
    """One of the servers."""

    transport: Transport
    served: ServedModel
    in_hand: int = 0
    away_until: float = 0.0

    def preference(self, about: str) -> bytes:
        """The server with the highest one is that of a picture: others keep theirs when one comes or goes."""
        return hashlib.blake2b(f"{self.transport.address} {about}".encode(), digest_size=8).digest()


class Replicas:
    """What a judge or generator asks: one server, or several of the same model."""

    def __init__(
        self,
        transports: Sequence[Transport],
        served: Callable[[Transport], ServedModel],
        left_out: Callable[[str], None] = lambda text: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`left_out` is told of each server that is left out."""
        self._all = [Replica(transport, served(transport)) for transport in transports]
        self._left_out, self._clock = left_out, clock

    @property
    def address(self) -> Address:
        """The address of the first server, which stands for all in messages and in the identity of a run."""
        return self._all[0].transport.address

    @property
    def secrets(self) -> Any:
        """Those of the first server."""
        return self._all[0].transport.secrets

    async def post(self, path: str, body: Json) -> Json:
        """Post `body` to one of the servers and return its reply, as `Transport.post` does.

        Raises the `RemoteError` of the last one where none answers.
        """
        tried: list[Replica] = []
        while True:
            replica = self._choose(tried)
            replica.in_hand += 1
            try:
                found = Body(await replica.transport.post(self._path(path, replica), body))
            except RemoteError as error:
                tried.append(replica)
                if not _does_not_answer(error):
                    raise
                if len(self._all) > 1:
                    self._leave_out(replica, error)
                if len(tried) == len(self._all):
                    raise
            else:
                replica.away_until = 0.0
                found.served = replica.served
                return found
            finally:
                replica.in_hand -= 1

    async def get(self, path: str) -> Json:
        """The JSON object at `path` of the first server that answers."""
        for replica in self._all[:-1]:
            try:
                return await replica.transport.get(path)
            except RemoteError as error:
                if not _does_not_answer(error):
                    raise
        return await self._all[-1].transport.get(path)

    async def record(self, body: Mapping[str, Any]) -> dict[str, str]:
        """What was served for a reply, by the server that it is of."""
        served = body.served if isinstance(body, Body) and body.served else self._all[0].served
        return await served.record(body)

    async def close(self) -> None:
        """Close the connections to all servers."""
        for replica in self._all:
            await replica.transport.close()

    def _choose(self, tried: Sequence[Replica]) -> Replica:
        left = [replica for replica in self._all if replica not in tried]
        now = self._clock()
        there = [replica for replica in left if replica.away_until <= now] or left
        about = ABOUT.get()
        idle = min(there, key=lambda r: (r.in_hand, r.preference(about)))
        own = max(there, key=lambda r: r.preference(about))
        return own if about and own.in_hand <= idle.in_hand + SLACK else idle

    def _path(self, path: str, replica: Replica) -> str:
        """A path, or the URL of the first server's tools as that of this one."""
        root = self.address.root
        return replica.transport.address.root + path[len(root) :] if path.startswith(root) else path

    def _leave_out(self, replica: Replica, error: RemoteError) -> None:
        now = self._clock()
        if replica.away_until <= now:
            self._left_out(
                f"{replica.transport.address} does not answer ({error.message}): its requests go to the others"
            )
        replica.away_until = now + AWAY


def _does_not_answer(error: RemoteError) -> bool:
    """Whether another server may answer: this one is not there, or went away in the middle."""
    return error.outage or error.kind in ("unreachable", "connection")
