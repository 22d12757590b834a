"""Hands requests to actors and takes their replies; what a dead actor had in hand is asked again."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

from harness import MissingPackage, PluginError, ReplyError, RequestError, RequestSource, Work
from memobench_ray.actors import Actor, Actors
from memobench_ray.cluster import replicas
from memobench_ray.deaths import Cause, cause_of
from memobench_ray.options import RayOptions
from memobench_ray.packing import failed, received, requests_size, unpack_error

MEMORY = 256 * 2**20
"""Bytes of pictures that all actors together have in hand, at most, beside one request each."""
CHUNK = 16
"""Requests of one message."""
SLICE = 0.02
"""Seconds after which the driver looks for replies, even if there is more to send."""
GRACE, HASTE = 10.0, 2.0
"""Seconds that actors have to close the component at the end, and after an error."""
QUIET = 15.0
"""Seconds without a place for any process after which that is said."""


class Driver:
    """One attempt."""

    def __init__(
        self, work: Work, ray: Any, options: RayOptions, what: str, settings: Mapping[str, Any]
    ) -> None:
        self._work, self._options, self._what = work, options, what
        self._wanted = replicas(ray, options)
        window = options.window or max(64, 2 * int(getattr(work.component, "batch_size", 16)))
        self._actors = Actors(ray, options, settings, window, MEMORY // self._wanted)
        batch = int(getattr(work.component, "batch_size", 16))
        self._first = batch + CHUNK
        """Requests that an actor has in hand while others still start: the first one would take all of a short run."""
        self._restarts = options.restarts
        self._suspects: deque[Any] = deque()
        """What dead actors had in hand: asked one by one, so that only what ends a process fails."""
        self._strikes: set[str] = set()
        """Ids of requests that one process died with."""
        self._opened = 0
        self._exhausted = False
        self._error: BaseException | None = None
        self._refused: BaseException | None = None
        """Why an actor did not start."""
        self._began, self._told = time.monotonic(), False

    def replies(self, requests: RequestSource[Any]) -> Iterator[Any]:
        """The replies, until there are no more requests. Raises what ends the attempt."""
        for _ in range(self._wanted):
            self._actors.start()
        while not self._done:
            try:
                self._feed(requests)
                found = list(self._take(self._patience))
            except Exception as e:
                # The time limit of the run is raised where it waits: here.
                if type(e).__name__ != "ItemTimeout" or not self._can_leave_silent():
                    raise
                found = self._leave_silent(str(e))
            yield from found
            if self._error is None:
                self._check_places()
            if self._error is not None:
                yield from self._take(0)
                raise self._error

    def close(self, *, hurry: bool) -> None:
        """Close the component in all actors, and end them."""
        for actor, events in self._actors.close(HASTE if hurry else GRACE):
            for event in events:
                if event[0] in ("fault", "log"):
                    self._heard(actor, event)

    @property
    def _done(self) -> bool:
        live = self._actors.live
        if not live:
            return True
        busy = self._suspects or any(actor.hand for actor in live)
        return bool(self._opened and self._exhausted and not busy)

    @property
    def _patience(self) -> float:
        """Seconds to wait for events."""
        if self._exhausted or not any(actor.space for actor in self._actors.live):
            return 0.5
        return 0.005

    def _feed(self, requests: RequestSource[Any]) -> None:
        reserved = self._ask_suspects()
        fed = [a for a in self._actors.live if a.state == "open" and a is not reserved]
        if not fed and not any(a.state == "open" for a in self._actors.live):
            return
        until = time.monotonic() + SLICE
        most = self._first if self._starting else max(a.window for a in self._actors.live)
        while not self._exhausted and time.monotonic() < until:
            actor = min(
                (a for a in fed if a.space and len(a.hand) < most), key=lambda a: len(a.hand), default=None
            )
            if actor is None:
                return
            idle = not any(a.hand for a in self._actors.live)
            found = requests.ready(min(actor.space, most, CHUNK), 0.02 if idle else 0.0)
            if found:
                actor.send(found, requests_size(found), ends=False)
            elif requests.exhausted:
                self._exhausted = True
            else:
                break
        if self._exhausted:
            for actor in self._actors.live:
                if actor.in_session:
                    actor.send([], 0, ends=True)

    @property
    def _starting(self) -> bool:
        """Whether more actors are about to answer."""
        soon = "placing" if time.monotonic() - self._began < QUIET else "starting"
        return any(a.state in (soon, "starting") for a in self._actors.live)

    def _ask_suspects(self) -> Actor | None:
        """Send what dead actors had in hand, one to an actor. Returns the actor that is kept free for the next one."""
        live = [a for a in self._actors.live if a.state == "open"]
        for actor in live:
            if self._suspects and not actor.hand:
                if actor.in_session:
                    actor.send([], 0, ends=True)
                request = self._suspects.popleft()
                actor.send([request], requests_size([request]), ends=True)
                actor.alone = True
        if not self._suspects or any(a.alone for a in live):
            return None
        return min(live, key=lambda a: len(a.hand), default=None)

    def _take(self, timeout: float) -> Iterator[Any]:
        for actor, events in self._actors.arrived(timeout):
            for event in events:
                yield from self._heard(actor, event)

    def _heard(self, actor: Actor, event: tuple[Any, ...]) -> list[Any]:
        """What an event means; returns replies."""
        kind = event[0]
        if kind == "log":
            self._work.context.logger.log(event[1], "%s", event[2])
        elif kind == "fault":
            if event[1] not in self._work.faults:
                self._work.faults.append(event[1])
        elif actor.state == "ended":
            return []
        elif kind == "reply":
            reply = received(event[1])
            id_ = str(getattr(reply, "id", ""))
            actor.answered(id_)
            self._strikes.discard(id_)
            return [reply]
        elif kind == "died":
            return self._died(actor, event[1])
        elif kind == "error":
            self._raised(actor, event[1], event[2])
        else:
            self._changed(actor, event)
        return []

    def _changed(self, actor: Actor, event: tuple[Any, ...]) -> None:
        kind = event[0]
        if kind == "placed":
            actor.state, actor.where = "starting", f"process {event[1]} on {event[2]}"
        elif kind == "opened":
            actor.state = "open"
            self._opened += 1
        elif kind == "hungry" and actor.hand and self._starting and len(actor.hand) >= self._first:
            self._first = 2 * len(actor.hand)
        elif kind == "hungry" and actor.hand and not actor.space:
            # It collects more than it was sent before it answers, as a large batch does.
            actor.window = max(actor.window, len(actor.hand)) * 2
            actor.room *= 2
        elif kind == "session":
            actor.sessions -= 1
            if not event[1]:  # It ended before its requests did, and will answer no more.
                actor.state = "ended"
                self._actors.live.remove(actor)
            elif actor.sessions <= 0:
                # What has no reply now will have none: the run says so.
                actor.hand.clear()
                actor.answered("")
        elif kind == "gone":
            self._actors.drop(actor)
        elif kind == "progress":
            progress = getattr(self._work.component, "progress", None)
            if callable(progress):
                progress(event[1])

    def _raised(self, actor: Actor, doing: str, packed: Any) -> None:
        """The component raised. An actor that cannot start is left out, if others can."""
        error = unpack_error(packed)
        if packed.missing:
            error = MissingPackage(f"The {self._what}, on the node of {actor.where},", packed.missing)
        if doing == "start":
            self._left_out(actor, error)
        else:
            self._error = self._error or error
        if self._error is error:
            self._work.raised = error

    def _left_out(self, actor: Actor, error: BaseException) -> None:
        self._actors.drop(actor)
        self._refused = self._refused or error
        if self._actors.live:
            self._say(f"{actor.where or 'a process'} is left out: {getattr(error, 'message', error)}")
        else:
            self._error = self._error or error

    def _died(self, actor: Actor, error: BaseException) -> list[Any]:
        """A process ended. Returns failures of requests that two processes died with."""
        cause, before = cause_of(error), actor.state
        self._actors.drop(actor)
        message = f"two processes ended with this request in hand; the second, {actor.where}: {cause.text}"
        lost = self._lost(actor, ReplyError("process_ended", message, True, cause.hint))
        where = actor.where or "a process"
        if before != "open":
            ended = cause.error or PluginError(
                f"The {self._what} ended {where} while it started: {cause.text}.", cause.hint
            )
            if not self._opened:
                self._left_out(actor, ended)
                return lost
        self._replace(where, cause)
        return lost

    def _lost(self, actor: Actor, error: ReplyError) -> list[Any]:
        """What an ended actor had in hand is asked again; what was in the hand of two fails with `error`."""
        failures = []
        # The first is the likeliest to have ended it: the others are answered before it is asked again.
        for id_, request in reversed(actor.hand.items()):
            if id_ in self._strikes:
                self._strikes.discard(id_)
                failures.append(failed(request, id_, error))
            else:
                self._strikes.add(id_)
                self._suspects.append(request)
        return failures

    def _can_leave_silent(self) -> bool:
        """Whether the run can go on without the actors that gave no reply in time."""
        live = [a for a in self._actors.live if a.state == "open"]
        busy = [a for a in live if a.hand]
        return bool(busy) and (len(busy) < len(live) or all(a.alone for a in busy))

    def _leave_silent(self, text: str) -> list[Any]:
        """End the actors that gave no reply in time. Returns the failures of what kept two of them silent."""
        failures = []
        for actor in [a for a in self._actors.live if a.state == "open" and a.hand]:
            self._actors.drop(actor)
            failures += self._lost(actor, ReplyError("timeout", text))
            self._replace(actor.where, Cause(text))
        return failures

    def _replace(self, where: str, cause: Cause) -> None:
        left = self._suspects or not self._exhausted or any(a.hand for a in self._actors.live)
        if not left:
            return
        if self._restarts:
            self._restarts -= 1
            self._say(f"{where} ended: {cause.text}; another one takes its place")
            self._actors.start()
        elif self._actors.live:
            self._say(f"{where} ended: {cause.text}; {len(self._actors.live)} are left")
        else:
            self._error = self._error or PluginError(
                f"All processes of the {self._what} ended; the last, {where}: {cause.text}.",
                f"{cause.hint} The same command resumes; --executor-option restarts=N allows more.".strip(),
            )

    def _say(self, text: str) -> None:
        self._work.context.logger.log(logging.WARNING, "%s", text)

    def _check_places(self) -> None:
        """Say, and after `wait` seconds refuse, that nothing runs because the cluster has no place."""
        if self._opened or any(a.state != "placing" for a in self._actors.live):
            return
        waited = time.monotonic() - self._began
        if waited > self._options.wait:
            self._error = RequestError(
                f"The Ray cluster had no place for the {self._what} within {self._options.wait:g} s.",
                "Wait until others have finished, ask for less with --executor-option num_gpus=... and num_cpus=..., "
                "or set --executor-option wait=SECONDS.",
            )
        elif waited > QUIET and not self._told:
            self._told = True
            self._say("waiting for a place on the cluster")
