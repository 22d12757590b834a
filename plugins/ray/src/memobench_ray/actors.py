"""The driver's view of the actors: what each has in hand, and what they send."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Mapping
from typing import Any

from memobench_ray.options import RayOptions
from memobench_ray.packing import pack, unpack

POLL = 0.1
"""Seconds after which the receiving thread looks for new actors."""
AHEAD = 16
"""Messages that an actor makes before the driver has taken them."""


class Actor:
    """One actor."""

    def __init__(self, number: int, handle: Any, window: int, room: int) -> None:
        self.number, self.handle, self.window, self.room = number, handle, window, room
        self.state = "placing"
        """placing, starting, open, ended"""
        self.hand: dict[str, Any] = {}
        """What it was sent and has not answered, by id."""
        self.held = 0
        """Bytes of pictures that it has in hand, at most: set back when it has nothing."""
        self.in_session = False
        """Whether it waits for more requests of the session."""
        self.sessions = 0
        """Sessions whose end it was sent and has not reported."""
        self.alone = False
        """Whether it has one request only, to see whether that one ends it."""
        self.where = ""
        self._feed = handle.feed.options(num_returns=0, concurrency_group="feed")

    @property
    def space(self) -> int:
        """How many more requests it may be sent."""
        if self.state != "open" or self.alone or (self.hand and self.held >= self.room):
            return 0
        return max(0, self.window - len(self.hand))

    def send(self, requests: list[Any], size: int, *, ends: bool) -> None:
        """Send requests; `ends`: they are the last ones of the session."""
        self.hand.update((request.id, request) for request in requests)
        self.held += size
        self.in_session = not ends
        self.sessions += ends
        self._feed.remote(pack(requests), ends)

    def answered(self, id_: str) -> None:
        """It answered a request."""
        self.hand.pop(id_, None)
        if not self.hand:
            self.held, self.alone = 0, False
        elif self.held:
            self.held -= self.held // (len(self.hand) + 1)

    def stop(self) -> None:
        """Ask it to close the component."""
        with contextlib.suppress(Exception):
            self.handle.stop.options(num_returns=0, concurrency_group="feed").remote()


class Actors:
    """Starts and ends actors, and receives what they send in a thread."""

    def __init__(
        self, ray: Any, options: RayOptions, settings: Mapping[str, Any], window: int, room: int
    ) -> None:
        from memobench_ray.replica import Replica

        self._ray, self._options = ray, options
        self._settings, self._window, self._room = pack(dict(settings)), window, room
        self._made = 0
        self.live: list[Actor] = []
        self._streams: dict[Any, Actor] = {}
        self._lock = threading.Lock()
        self._events: queue.SimpleQueue[tuple[Actor, list[tuple[Any, ...]]]] = queue.SimpleQueue()
        self._over = threading.Event()
        asked: dict[str, Any] = {
            "num_cpus": options.num_cpus,
            "num_gpus": options.num_gpus,
            "max_restarts": 0,
            "max_task_retries": 0,
            "scheduling_strategy": "SPREAD",
            "concurrency_groups": {"feed": 1, "events": 1},
        }
        if options.runtime_env:
            asked["runtime_env"] = options.runtime_env
        self._class = ray.remote(**asked)(Replica)
        self._thread = threading.Thread(target=self._receive, name="memobench-ray", daemon=True)
        self._thread.start()

    def start(self) -> Actor:
        """Start one more."""
        handle = self._class.remote(self._settings)
        actor = Actor(self._made, handle, self._window, self._room)
        self._made += 1
        stream = handle.events.options(
            num_returns="streaming", concurrency_group="events", _generator_backpressure_num_objects=AHEAD
        ).remote()
        self.live.append(actor)
        with self._lock:
            self._streams[stream] = actor
        return actor

    def arrived(self, timeout: float) -> list[tuple[Actor, list[tuple[Any, ...]]]]:
        """What arrived; waits some seconds for the first. Runs Python code, so that signals are heard."""
        found = []
        with contextlib.suppress(queue.Empty):
            found.append(self._events.get(timeout=timeout) if timeout else self._events.get_nowait())
            while True:
                found.append(self._events.get_nowait())
        return found

    def drop(self, actor: Actor) -> None:
        """End the process of an actor."""
        actor.state = "ended"
        if actor in self.live:
            self.live.remove(actor)
        with contextlib.suppress(Exception):
            self._ray.kill(actor.handle, no_restart=True)

    def close(self, grace: float) -> list[tuple[Actor, list[tuple[Any, ...]]]]:
        """Have all close their components within some seconds, then end them. Returns the last events."""
        for actor in self.live:
            actor.stop()
        left, last = {id(a) for a in self.live if a.state == "open"}, []
        deadline = time.monotonic() + grace
        while left and time.monotonic() < deadline:
            for actor, events in self.arrived(0.05):
                last.append((actor, events))
                if any(event[0] in ("closed", "died", "gone") for event in events):
                    left.discard(id(actor))
        self._over.set()
        for actor in list(self.live):
            self.drop(actor)
        self._thread.join(5.0)
        return last

    def _receive(self) -> None:
        while not self._over.is_set():
            with self._lock:
                streams = dict(self._streams)
            if not streams:
                time.sleep(0.01)
                continue
            try:
                ready, left = self._ray.wait(list(streams), num_returns=1, timeout=POLL)
                if ready and left:
                    more, _ = self._ray.wait(left, num_returns=len(left), timeout=0)
                    ready += more
            except Exception as e:
                if self._over.is_set():
                    return
                ready = list(streams)
                for stream in ready:
                    self._end(stream, ("died", e))
                continue
            for stream in ready:
                self._take(stream, streams[stream])

    def _take(self, stream: Any, actor: Actor) -> None:
        try:
            self._events.put((actor, unpack(self._ray.get(next(stream)))))
        except StopIteration:
            self._end(stream, ("gone",))
        except Exception as e:
            self._end(stream, ("died", e))

    def _end(self, stream: Any, event: tuple[Any, ...]) -> None:
        with self._lock:
            actor = self._streams.pop(stream, None)
        if actor is not None:
            self._events.put((actor, [event]))
