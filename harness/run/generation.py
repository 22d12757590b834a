"""Draws portraits: one picture for each request, checked for blanks and faces, stored before it is counted."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections import deque
from collections.abc import Generator as Gen
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from harness._version import __version__
from harness.components.base import Configured
from harness.components.detector import Detector
from harness.components.generator import Generator
from harness.components.sources import Listed
from harness.datasets import stratified
from harness.errors import HarnessError, MissingPackage, PluginError, TooManyFailures
from harness.images.decoding import to_rgb
from harness.run.judging import as_error
from harness.run.watch import Watch
from harness.store.files import storage_errors, write_atomically
from harness.tasks.promptsets import PromptRow
from harness.types import ImageReply, ImageRequest, ReplyError, Sample

if TYPE_CHECKING:
    from harness.run.plan import Participant
    from harness.store import RunFolder

IMAGES = "images"
MANIFEST = "manifest.csv"
DELIVERED = ("ok", "blocked", "blank")


@dataclass(frozen=True, slots=True)
class PlannedImage:
    """One portrait that is asked for, with the prompt it comes from and the tasks that want it."""

    request: ImageRequest
    row: PromptRow
    tasks: tuple[str, ...]

    def sample(self, generator: str, *, drawn: bool) -> Sample:
        """The portrait as a sample, labelled with what was asked."""
        attributes = {**self.row.attributes, "prompt_id": self.row.prompt_id, "generator": generator}
        path = f"{IMAGES}/{self.request.id}.png" if drawn else None
        return Sample(self.request.id, path, self.row.emotion, self.row.intensity, None, attributes)


def plan_images(
    generator: Participant,
    rows: Mapping[str, Sequence[PromptRow]],
    *,
    per_prompt: Mapping[str, int],
    negative: Mapping[str, str],
    limit: int | None,
    seed: int,
) -> list[PlannedImage]:
    """The portraits that tasks (name -> prompts) ask for, each once, a limit taken from each task in proportion."""
    found: dict[str, tuple[ImageRequest, PromptRow, list[str]]] = {}
    described = json.dumps(generator.described, sort_keys=True)
    for task, prompts in rows.items():
        pairs = [(row, index) for row in prompts for index in range(per_prompt[task])]
        ordered = stratified(
            pairs,
            key=lambda p: f"{p[0].prompt_id}:{p[1]}",
            stratum=lambda p: (p[0].emotion, p[0].intensity),
            seed=seed,
        )
        for row, index in ordered[:limit]:
            fixed = [described, row.prompt, negative[task], row.emotion, row.intensity, sorted(row.attributes.items()),
                     row.prompt_id, index, seed]  # fmt: skip
            id_ = hashlib.blake2b(json.dumps(fixed).encode(), digest_size=16).hexdigest()
            image_seed = int.from_bytes(hashlib.blake2b(id_.encode(), digest_size=4).digest(), "big") >> 1
            request = ImageRequest(
                id_,
                row.prompt,
                negative[task],
                row.emotion,
                row.intensity,
                index,
                image_seed,
                None,
                row.attributes,
            )
            found.setdefault(id_, (request, row, []))[2].append(task)
    return [PlannedImage(request, row, tuple(tasks)) for request, row, tasks in found.values()]


@dataclass
class Generation:
    """One generator at work on one list of drawings."""

    generator: Participant
    folder: RunFolder
    watch: Watch
    detector: Detector | None
    max_failures: int | None
    failed: int = 0
    faults: list[str] = field(default_factory=list)

    def run(self, wanted: Sequence[PlannedImage]) -> None:
        """Draw what has no picture yet. Raises `TooManyFailures` and what the generator's `open` raises."""
        (self.folder.path / IMAGES).mkdir(exist_ok=True)
        for torn in (self.folder.path / IMAGES).glob(".*.tmp"):
            torn.unlink(missing_ok=True)
        done = {r["id"] for r in self.folder.replies() if "outcome" in r}
        self._open = {d.request.id: d for d in wanted if d.request.id not in done}
        self.watch.phase(f"drawing with {self.generator.name}", len(wanted), len(wanted) - len(self._open))
        if self._open:
            self._draw([d.request for d in self._open.values()])
        self.watch.end()
        write_manifest(
            self.folder.path,
            wanted,
            self.generator.name,
            {r["id"] for r in self.folder.replies() if r.get("outcome") == "ok"},
        )

    def _draw(self, requests: Sequence[ImageRequest]) -> None:
        model: Generator = self.generator.instance
        error = ReplyError("no_reply", f"{self.generator.name} gave no reply to this request")
        started = False
        try:
            model.progress = self.watch.working
            model.open()
            if self.detector is not None:
                self.detector.open()
            started = True
            # Encoding and face detection go on in threads while the generator draws.
            with (
                ThreadPoolExecutor(2, thread_name_prefix="memobench-store") as pool,
                closing(_replies(model, requests)) as replies,
            ):
                self._store_all(replies, pool)
        except HarnessError:
            raise
        except (Exception, SystemExit) as e:  # a generator may fail in any way; what it drew is kept
            if not started:
                if isinstance(e, ModuleNotFoundError):
                    raise MissingPackage(f"The generator {self.generator.name!r}", e.name or "?") from e
                raise PluginError(
                    f"The generator {self.generator.name!r} could not be started: {type(e).__name__}: {e}.",
                    "See `harness doctor`; --traceback shows where.",
                ) from e
            error = ReplyError(type(e).__name__, str(e))
        finally:
            self._close(model)
            if self.detector is not None:
                self._close(self.detector)
        for id_ in list(self._open):
            self._fail(id_, error)

    def _close(self, component: Configured) -> None:
        try:
            component.close()
        except Exception as e:  # what was drawn is stored: a plugin that cannot end does no harm
            self.faults.append(f"close() raises {type(e).__name__}: {e}")

    def _store_all(self, replies: Iterator[ImageReply], pool: ThreadPoolExecutor) -> None:
        pending: deque[Future[dict[str, Any]]] = deque()
        try:
            for reply in replies:
                shown = getattr(reply, "id", reply)
                known = isinstance(reply, ImageReply) and isinstance(reply.id, str)
                planned = self._open.pop(reply.id, None) if known else None
                if planned is None:
                    self.faults.append(f"it answered {shown!r}, which was never asked or is answered already")
                elif reply.error is not None or reply.outcome == "error":
                    self._fail(reply.id, as_error(reply.error or "the generator reported an error"))
                else:
                    pending.append(pool.submit(self._finish, reply, planned))
                while pending and (len(pending) > 16 or pending[0].done()):
                    self._stored(pending.popleft().result())
        finally:
            # Whatever ended the loop, pictures that were drawn are kept.
            problem: HarnessError | None = None
            while pending:
                try:
                    self._stored(pending.popleft().result())
                except HarnessError as e:
                    problem = problem or e
            if problem is not None:
                raise problem

    def _finish(self, reply: ImageReply, planned: PlannedImage) -> dict[str, Any]:
        """Check one picture and write it; runs in a thread. Returns the reply's record, or one with an error."""
        try:
            return self._checked(reply, planned)
        except HarnessError:
            raise
        except Exception as e:  # a generator may reply with anything
            error = ReplyError("invalid_reply", f"{type(e).__name__}: {e}", False)
            return {"id": reply.id, "outcome": "error", "error": error}

    def _checked(self, reply: ImageReply, planned: PlannedImage) -> dict[str, Any]:
        if reply.outcome not in DELIVERED:
            raise ValueError(f"the outcome {reply.outcome!r} is none of {', '.join(DELIVERED)}, error")
        if reply.image is not None and not isinstance(reply.image, Image.Image):
            raise TypeError(f"the image is {type(reply.image).__name__}, not a PIL image")
        extra = {str(k): v for k, v in reply.extra.items()}
        json.dumps(extra, allow_nan=False)
        record: dict[str, Any] = {"id": reply.id, "by": self.generator.name, "sample_id": reply.id,
                                  "outcome": reply.outcome, "extra": extra}  # fmt: skip
        if reply.image is None:
            return record | {"outcome": reply.outcome if reply.outcome != "ok" else "error"}
        image = to_rgb(reply.image)
        if reply.outcome == "ok" and all(high == 0 for _, high in image.getextrema()):  # type: ignore[misc]
            record["outcome"] = "blank"
        if record["outcome"] != "ok":
            return record
        if self.detector is not None:
            record["faces"] = self._faces(self.detector, image, extra)
        data = encode(image, self._provenance(planned.request))
        write_atomically(self.folder.path / IMAGES / f"{reply.id}.png", data, sync=False)
        return record | {"picture": hashlib.sha256(data).hexdigest(), "size": list(image.size)}

    def _provenance(self, request: ImageRequest) -> dict[str, str]:
        """What the picture was made from, as texts that travel inside its file (judges never see them)."""
        asked = {"negative_prompt": request.negative_prompt, "emotion": request.emotion,
                 "intensity": request.intensity, "index": request.index}  # fmt: skip
        return {"prompt": request.prompt, "seed": str(request.seed), "generator": self.generator.name,
                "memobench": json.dumps({"version": __version__, **asked, **self.generator.described}, default=str)}  # fmt: skip

    @staticmethod
    def _faces(detector: Detector, image: Image.Image, extra: dict[str, Any]) -> int | None:
        try:
            return len(detector.detect(image))
        except Exception as e:  # a detector is a plugin's code; the picture is good without it
            extra["detector_error"] = f"{type(e).__name__}: {e}"
            return None

    def _stored(self, record: dict[str, Any]) -> None:
        if record["outcome"] == "error":
            none = ReplyError("no_image", "the generator returned neither a picture nor an outcome")
            self._fail(record["id"], record.get("error", none))
            return
        self.folder.add_reply(record)
        self.watch.advance()

    def _fail(self, id_: str, error: ReplyError) -> None:
        self._open.pop(id_, None)
        self.failed += 1
        self.folder.add_failure(
            {
                "id": id_,
                "task": None,
                "by": self.generator.name,
                "sample_id": id_,
                "error": {"kind": error.kind, "message": error.message, "retryable": error.retryable},
            }
        )
        self.watch.advance(failed=True)
        if self.max_failures is not None and self.failed >= self.max_failures:
            raise TooManyFailures(
                f"Stopped after {self.failed} failures; the last: {error.kind}: {error.message}.",
                "Mend the cause and run the same command again: what was drawn is kept.",
            )


def _replies(model: Generator, requests: Sequence[ImageRequest]) -> Gen[ImageReply, None, None]:
    yield from model.stream(Listed(requests))


def encode(image: Image.Image, texts: Mapping[str, str]) -> bytes:
    """PNG bytes with provenance in text chunks."""
    info = PngInfo()
    for key, value in texts.items():
        info.add_itxt(key, value)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", pnginfo=info, compress_level=4)
    return buffer.getvalue()


def write_manifest(folder: Path, wanted: Sequence[PlannedImage], generator: str, drawn: set[str]) -> None:
    """Make the folder a data set: a manifest of all portraits that were drawn, labelled with what was asked.

    Portraits that an earlier attempt with a larger limit drew keep their rows.
    """
    rows: dict[str, dict[str, str]] = {}
    for d in wanted:
        strength = "" if d.row.intensity is None else f"{d.row.intensity:g}"
        rows[d.request.id] = {
            "image": f"{IMAGES}/{d.request.id}.png", "id": d.request.id, "emotion": d.row.emotion or "",
            "intensity": strength, "prompt_id": d.row.prompt_id, "generator": generator, "prompt": d.row.prompt,
            **d.row.attributes}  # fmt: skip
    if (folder / MANIFEST).is_file():
        with (folder / MANIFEST).open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                rows.setdefault(row["id"], row)
    own = ("image", "id", "emotion", "intensity", "prompt_id", "generator", "prompt")
    factors = sorted({k for row in rows.values() for k in row} - set(own))
    text = io.StringIO()
    writer = csv.DictWriter(text, [*own, *factors], restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(row for id_, row in rows.items() if id_ in drawn)
    with storage_errors(folder):
        write_atomically(folder / MANIFEST, text.getvalue().encode())
