"""One actor: makes the component, feeds it with what arrives, and sends back what it says."""

from __future__ import annotations

import dataclasses
import logging
import os
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from harness import Context, Picture, ReplyError, RequestError, Work, __version__, make_component, with_pixels
from memobench_ray.inbox import Inbox, Session
from memobench_ray.packing import failed, pack, pack_error, sendable, unpack

MOST_EVENTS, MOST_BYTES = 256, 4 * 2**20
"""Of one message to the driver."""
BETWEEN_SIGNS = 0.5
"""Seconds between two signs of progress of a generator."""

Event = tuple[Any, ...]


class Outbox:
    """Events for the driver: all that wait travel together."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: deque[Event] = deque()
        self._closed = False

    def put(self, *event: Any) -> None:
        with self._changed:
            self._waiting.append(event)
            self._changed.notify()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify()

    def messages(self) -> Iterator[bytes]:
        """Packed lists of events, until it is closed and empty."""
        while True:
            events: list[Event] = []
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._waiting)
                if not self._waiting:
                    return
                size = 0
                while self._waiting and len(events) < MOST_EVENTS and size < MOST_BYTES:
                    events.append(self._waiting.popleft())
                    size += events[-1][2] if events[-1][0] == "reply" else 0
            yield pack(events)


class Replica:
    """The actor. `feed` and `stop` run in one thread, `events` in another, the component in a third."""

    def __init__(self, settings: bytes) -> None:
        """`settings`: a packed dictionary with `component` (packed too) or `specification`, and what the driver runs."""
        self._settings: dict[str, Any] = unpack(settings)
        self._out = Outbox()
        self._in = Inbox(lambda: self._out.put("hungry"), self._prepare)
        self._pixels = False
        self._last: tuple[tuple[str, ...], tuple[Picture, ...]] = ((), ())
        self._signed = 0.0

    def feed(self, requests: bytes, ends: bool) -> None:
        """More packed requests; `ends`: the component is told that there are no more."""
        self._in.add(unpack(requests), ends=ends)

    def stop(self) -> None:
        """Close the component after its next reply."""
        self._in.stop()

    def events(self) -> Iterator[bytes]:
        """What happens, until the component is closed: packed lists of events."""
        self._out.put("placed", os.getpid(), socket.gethostname())
        threading.Thread(target=self._run, name="memobench-component", daemon=True).start()
        yield from self._out.messages()

    def _run(self) -> None:
        work: Work | None = None
        doing = "start"
        try:
            self._settle()
            work = self._made()
            work.open()
            self._out.put("opened")
            doing = "stream"
            for session in self._in.sessions():
                self._answer(work, session)
        except BaseException as e:  # a component may raise anything
            self._out.put("error", doing, pack_error(e))
        finally:
            if work is not None:
                self._close(work)
            self._out.put("closed")
            self._out.close()

    def _close(self, work: Work) -> None:
        try:
            work.close()
        except BaseException as e:
            work.faults.append(f"close() raises {type(e).__name__}")
        for fault in work.faults:
            self._out.put("fault", fault)

    def _settle(self) -> None:
        """Work in the driver's folder, where it is the same machine, and with the same release."""
        wanted, here = self._settings["version"], __version__
        if wanted != here:
            raise RequestError(
                f"The node {socket.gethostname()} has memobench {here}, the driver {wanted}.",
                "Install the same release, and the same plugins, on all nodes.",
            )
        if self._settings["host"] == socket.gethostname() and Path(self._settings["folder"]).is_dir():
            os.chdir(self._settings["folder"])

    def _made(self) -> Work:
        pickled = self._settings["component"]
        component = make_component(self._settings["specification"]) if pickled is None else unpack(pickled)
        identity = self._settings["identity"]
        if pickled is None and identity is not None and dict(component.identity()) != identity:
            raise RequestError(
                f"The {self._settings['what']} is another one on the node {socket.gethostname()} than for the driver: "
                f"{_differences(identity, dict(component.identity()))}.",
                "Install the same plugins, and the same weights, on all nodes.",
            )
        self._pixels = getattr(component, "takes", "") == "pixels"
        if self._settings["progress"]:
            component.progress = self._progress
        logger = logging.Logger("memobench", logging.INFO)
        logger.addHandler(_ToDriver(self._out))
        return Work(component, context=Context(logger, folder=self._no_folder))

    def _no_folder(self) -> NoReturn:
        raise RequestError(
            f"The {self._settings['what']} keeps files with the run, which a process on Ray cannot.",
            "Run it with --executor local.",
        )

    def _answer(self, work: Work, session: Session) -> None:
        replies = work.stream(session)
        for reply in replies:
            self._in.answered()
            found = sendable(reply)
            image = getattr(found, "image", None)
            self._out.put("reply", found, len(getattr(image, "png", b"")))
            if self._in.stopped:
                getattr(replies, "close", lambda: None)()
                return
        self._out.put("session", session.ended)

    def _prepare(self, request: Any) -> tuple[Any, int] | None:
        """A request as the component takes it, and the bytes of its new pictures; a failed reply where there is no room."""
        if not self._pixels:
            return request, 0
        key = tuple(p.digest for p in request.images)
        if key == self._last[0]:  # The questions about a picture come one after the other.
            return dataclasses.replace(request, images=self._last[1]), 0
        try:
            request = with_pixels(request)
        except Exception as e:
            self._in.answered()
            self._out.put("reply", failed(request, request.id, ReplyError("memory", str(e))), 0)
            return None
        self._last = (key, request.images)
        return request, sum(p.image.width * p.image.height * 3 for p in request.images if p.image)

    def _progress(self, text: str) -> None:
        now = time.monotonic()
        if now - self._signed > BETWEEN_SIGNS:
            self._signed = now
            self._out.put("progress", str(text))


def _differences(driver: dict[str, str], here: dict[str, str]) -> str:
    """Where two identities differ, in short."""
    found = [
        f"{key} is {str(here.get(key))[:40]!r}, not {str(driver.get(key))[:40]!r}"
        for key in sorted({*driver, *here})
        if driver.get(key) != here.get(key)
    ]
    return "; ".join(found[:3])


class _ToDriver(logging.Handler):
    def __init__(self, out: Outbox) -> None:
        super().__init__()
        self._out = out

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._out.put("log", record.levelno, record.getMessage())
        except Exception:
            self.handleError(record)
