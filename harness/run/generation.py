"""Generates portraits: each image is checked for blanks and faces, and stored before it is counted."""

from __future__ import annotations

import hashlib
import io
import json
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from harness._version import __version__
from harness.components.context import open_component
from harness.components.detector import Detector
from harness.components.executor import Executor, LocalExecutor, Work
from harness.components.failures import ItemTimeout, failure, is_interrupt, message_of
from harness.components.generator import Generator
from harness.components.sources import Listed
from harness.errors import HarnessError
from harness.images.decoding import to_rgb
from harness.run.contexts import context_for
from harness.run.failures import ALIKE_GENERATOR, FailureLog, culprit, failure_of, start_error
from harness.run.image_requests import IMAGES, PlannedImage
from harness.run.manifest import write_manifest
from harness.run.participants import Participant
from harness.run.received import Unasked, identified, json_value, note_left_out, served_record, used_numbers
from harness.run.stopping import Halt, Stopping, Until
from harness.run.stored_images import ids_of_stored_images
from harness.run.supervisor import current
from harness.run.watch import Watch
from harness.store import RunFolder
from harness.store.files import write_atomically
from harness.store.replies import GENERATOR, latest_image_replies
from harness.types import ImageReply, ImageRequest, ReplyError

OUTCOMES = ("ok", "blocked", "blank")
MOST_BARREN = 3
"""Attempts in a row in which a generator hangs before it delivers anything."""


class Generation:
    """One generator at work on a list of planned images."""

    def __init__(
        self,
        generator: Participant,
        folder: RunFolder,
        watch: Watch,
        detector: Detector | None,
        max_failures: int | None,
        stopping: Stopping | None = None,
        executor: Executor | None = None,
    ) -> None:
        """`stopping` may end the generation early; `executor` runs the generator, by default in this process."""
        self._executor = executor or LocalExecutor()
        self._work = Work(
            generator.instance, generator.specification, context_for(folder.path, generator.name, watch)
        )
        self.stopping = stopping or Stopping()
        self.generator, self.folder, self.watch, self.detector = generator, folder, watch, detector
        self.failures = FailureLog(
            generator.name, folder, watch, max_failures, ALIKE_GENERATOR, self.stopping
        )
        self.faults: list[str] = []
        """Ways in which the plugin broke its contract."""
        self.halt: Halt | None = None
        """Why not everything was requested."""
        self._unasked = Unasked(generator.name, self.faults)
        self._answered = 0
        self._in_flight: dict[str, PlannedImage] = {}
        self._left_out: set[str] = set()
        """Names of numbers in replies that were not stored."""

    def run(self, wanted: Sequence[PlannedImage]) -> None:
        """Generate what has no reply yet. Raises `TooManyFailures`, `NothingAnswered`, and what the generator's `open` raises."""
        done = ids_of_stored_images(self.folder.path, self.watch)
        self._in_flight = {p.request.id: p for p in wanted if p.request.id not in done}
        stored = len(wanted) - len(self._in_flight)
        self.watch.phase(f"generating with {self.generator.name}", len(wanted), stored)
        if self._in_flight:
            listed = Listed([p.request for p in self._in_flight.values()])
            until = Until(listed, self.stopping)
            error = None if until.halt() else self._ask(until, listed)
            left = {request.id for request in listed} if until.reason is not None else set()
            if left:  # A stop after the last request cut nothing short.
                self.halt = until.halted(self.generator.name, stored + self._answered, len(wanted))
            if error is not None:
                for id_ in [id_ for id_ in self._in_flight if id_ not in left]:
                    self._fail(id_, error)
        self.faults += self._work.faults
        note_left_out(self.watch, self.generator.name, self._left_out)
        self.watch.end()
        found = latest_image_replies(self.folder.path)
        delivered = {id_ for id_, reply in found.items() if reply["outcome"] == "ok"}
        write_manifest(self.folder.path, wanted, self.generator.name, delivered)

    def _ask(self, requests: Until[ImageRequest], listed: Listed[ImageRequest]) -> ReplyError:
        """Generate; a generator that hangs is opened again for what is left. Returns the error of what has no reply."""
        barren = 0
        while True:
            answered = self._answered
            error = self._generate(requests, listed)
            barren = 0 if self._answered > answered else barren + 1
            if not isinstance(error, ItemTimeout):
                return error
            if barren == MOST_BARREN or requests.halt() or listed.exhausted:
                return failure(error)
            waiting = {request.id for request in listed.left}
            for id_ in [id_ for id_ in self._in_flight if id_ not in waiting]:
                self._fail(id_, failure(error), own=True)

    def _generate(
        self, requests: Until[ImageRequest], listed: Listed[ImageRequest]
    ) -> ReplyError | ItemTimeout:
        """Store what the generator yields, until there is no more, or nothing in time."""
        model: Generator = self.generator.instance
        model.progress = self.watch.working
        raised: list[BaseException] = []
        calls, by, waiting = current(), self.generator.name, len(listed.left)
        asked = calls.requests(requests)
        try:
            self._open_detector()
            # Encoding and face detection run in threads while the generator works.
            with (
                ThreadPoolExecutor(2, thread_name_prefix="memobench-store") as pool,
                closing(calls.replies(by, lambda: self._executor.run(self._work, asked), raised)) as replies,
            ):
                self._store_all(replies, pool)
        finally:
            self._close_detector()
        if not raised:
            return ReplyError("no_reply", f"{by} gave no reply to this request")
        cause = raised[0]
        if isinstance(cause, HarnessError):
            raise cause
        whose = culprit("generator", by, cause, self._work, self._executor)
        if len(listed.left) == waiting:
            raise start_error(*whose, cause) from cause
        # What it generated is kept.
        return cause if isinstance(cause, ItemTimeout) else failure_of(whose, cause)

    def _open_detector(self) -> None:
        if self.detector is None:
            return
        name = type(self.detector).__name__
        try:
            with current().calling(name, "loading"):
                open_component(self.detector, context_for(self.folder.path, name, self.watch))
        except HarnessError:
            raise
        except BaseException as e:  # it is a plugin's code
            if is_interrupt(e):
                raise
            raise start_error("face detector", name, e) from e

    def _close_detector(self) -> None:
        if self.detector is None:
            return
        try:
            with current().calling(type(self.detector).__name__, "closing"):
                self.detector.close()
        except BaseException as e:  # the images are stored: a plugin that fails to close does no harm
            if is_interrupt(e):
                raise
            self.faults.append(f"close() raises {type(e).__name__}: {message_of(e)}")

    def _store_all(self, replies: Iterator[ImageReply], pool: ThreadPoolExecutor) -> None:
        pending: deque[Future[dict[str, Any]]] = deque()
        try:
            for reply in replies:
                self._take(reply, pending, pool)
                while pending and (len(pending) > 16 or pending[0].done()):
                    self._store(pending.popleft().result())
        finally:
            # Whatever ended the loop, images that were generated are kept.
            problem: HarnessError | None = None
            while pending:
                try:
                    self._store(pending.popleft().result())
                except HarnessError as e:
                    problem = problem or e
            if problem is not None:
                raise problem

    def _take(self, reply: Any, pending: deque[Future[dict[str, Any]]], pool: ThreadPoolExecutor) -> None:
        found = identified(reply, ImageReply)
        if isinstance(found, str):
            self._unasked.add(found)
            return
        id_, error, reply = found
        planned = self._in_flight.pop(id_, None)
        if planned is None:
            self._unasked.add(f"it answered {id_!r}, which was not requested or already has a reply")
        elif error is not None or reply.outcome == "error":
            self._fail(id_, error or ReplyError("error", "the generator reported an error"), own=True)
        else:
            self.stopping.arrived({"by": self.generator.name, "extra": reply.extra})
            pending.append(pool.submit(self._finish, reply, id_, planned))

    def _finish(self, reply: ImageReply, id_: str, planned: PlannedImage) -> dict[str, Any]:
        """Check one image and write it; runs in a thread. Returns the reply's record, or one with an error."""
        try:
            return self._checked(reply, id_, planned)
        except HarnessError:
            raise
        except BaseException as e:  # a generator may reply with anything
            error = ReplyError("invalid_reply", f"{type(e).__name__}: {message_of(e)}", False)
            return {"id": id_, "outcome": "error", "error": error}

    def _checked(self, reply: ImageReply, id_: str, planned: PlannedImage) -> dict[str, Any]:
        if reply.outcome not in OUTCOMES:
            raise ValueError(f"the outcome {reply.outcome!r} is none of {', '.join(OUTCOMES)}, error")
        if reply.image is not None and not isinstance(reply.image, Image.Image):
            raise TypeError(f"the image is {type(reply.image).__name__}, not a PIL image")
        extra = used_numbers("extra", {str(k): json_value(v) for k, v in reply.extra.items()}, self._left_out)
        json.dumps(extra, allow_nan=False)
        record: dict[str, Any] = {
            "id": id_,
            "role": GENERATOR,
            "by": self.generator.name,
            "sample_id": id_,
            "outcome": reply.outcome,
            "extra": extra,
        }
        served = served_record(reply.served)
        if served is not None:
            record["served"] = served
        if reply.image is None:
            return record | {"outcome": reply.outcome if reply.outcome != "ok" else "error"}
        image = to_rgb(reply.image)
        if reply.outcome == "ok" and all(high == 0 for _, high in image.getextrema()):  # type: ignore[misc]
            record["outcome"] = "blank"
        if record["outcome"] != "ok":
            return record
        data, size = encode(image, self._provenance(planned.request)), list(image.size)
        if self.detector is not None:
            # Once it is encoded: a detector may draw on it.
            record["faces"] = self._faces(self.detector, image, extra)
        write_atomically(self.folder.path / IMAGES / f"{id_}.png", data, sync=False)
        return record | {"picture": hashlib.sha256(data).hexdigest(), "size": size}

    def _provenance(self, request: ImageRequest) -> dict[str, str]:
        """What the image was made from, as text chunks of its file (judges never see them)."""
        asked = {
            "version": __version__,
            "negative_prompt": request.negative_prompt,
            "emotion": request.emotion,
            "intensity": request.intensity,
            "index": request.index,
            **self.generator.described,
        }
        return {
            "prompt": request.prompt,
            "seed": str(request.seed),
            "generator": self.generator.name,
            "memobench": json.dumps(asked, default=str),
        }

    @staticmethod
    def _faces(detector: Detector, image: Image.Image, extra: dict[str, Any]) -> int | None:
        try:
            return len(detector.detect(image))
        except BaseException as e:  # a detector is a plugin's code; the image is good without it
            extra["detector_error"] = f"{type(e).__name__}: {message_of(e)}"
            return None

    def _store(self, record: dict[str, Any]) -> None:
        if record["outcome"] == "error":
            none = ReplyError("no_image", "the generator returned neither an image nor an outcome")
            self._fail(record["id"], record.get("error", none), own=True)
            return
        self.folder.add_reply(record)
        self.stopping.stored(record)
        self._answered += 1
        self.failures.answered()
        self.watch.advance()

    def _fail(self, id_: str, error: ReplyError, *, own: bool = False) -> None:
        self._in_flight.pop(id_, None)
        self.failures.add(id_, None, id_, error, own=own)


def encode(image: Image.Image, texts: Mapping[str, str]) -> bytes:
    """PNG bytes with provenance in text chunks."""
    info = PngInfo()
    for key, value in texts.items():
        info.add_itxt(key, value)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", pnginfo=info, compress_level=4)
    return buffer.getvalue()
