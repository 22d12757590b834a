"""The generator: requests are sorted into batches of one kind, and drawn."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from harness import Generator, HarnessError, ImageReply, ImageRequest, ReplyError, RequestSource
from harness.hub import Preset
from memobench_diffusers.failures import Cancelled, is_memory, no_memory, not_loaded
from memobench_diffusers.options import DiffusersOptions
from memobench_diffusers.reference import Reference, version
from memobench_diffusers.settings import Settings, settings
from memobench_diffusers.zoo import preset_of

if TYPE_CHECKING:
    from memobench_diffusers.painter import Job

WINDOW = 4
"""Batches of requests that are looked at together, so that those of one kind meet."""


class DiffusersGenerator(Generator):
    """A text-to-image model on diffusers. Every picture has its own noise, from its request's seed."""

    class Options(DiffusersOptions):
        """Options of the generator."""

    options: DiffusersOptions

    def __init__(self, options: DiffusersOptions | None = None) -> None:
        super().__init__(options)
        self.batch_size = self.options.batch_size
        self._pipeline: Any = None
        self._drawing = threading.Lock()
        self._closed = threading.Event()

    @cached_property
    def reference(self) -> Reference:
        """The model, checked without loading it. Raises `HarnessError` where it cannot be had."""
        return Reference(self.options.ref, self.options.revision)

    @cached_property
    def preset(self) -> Preset | None:
        """What is known of the model."""
        return preset_of(self.reference.model.ref)

    @cached_property
    def settings(self) -> Settings:
        """How pictures are drawn."""
        return settings(self.options, self.preset)

    @cached_property
    def dtype(self) -> str:
        """The type of numbers that the model draws with."""
        return self.reference.dtype(self.options.dtype, self.preset)

    def identity(self) -> Mapping[str, str]:
        """The weights' commit or digest, pipeline, scheduler, number type, settings, and the version of diffusers."""
        backend = f"diffusers {version()}"
        return {**self.reference.model.identity(), "pipeline": self.reference.pipeline,
                "scheduler": self.options.scheduler or self.reference.scheduler, "dtype": self.dtype,
                "settings": self.settings.described(), "backend": backend}  # fmt: skip

    def open(self) -> None:
        """Load the model. Raises `HarnessError` that says what to change."""
        version()
        reference = self.reference
        from memobench_diffusers.encoding import PromptEncoder
        from memobench_diffusers.loading import load
        from memobench_diffusers.painter import Painter
        from memobench_diffusers.settings import Call
        from memobench_diffusers.tokens import TokenCounter

        try:
            pipeline = load(self.options, reference, self.dtype, self.settings.variant)
        except Exception as e:
            raise not_loaded(e, reference.model.ref, self.preset, self.dtype) from e
        self._call = Call(type(pipeline), self.settings)
        self._call.arguments  # noqa: B018 - a wrong argument is found before the first picture
        counter = TokenCounter(pipeline)
        self._painter = Painter(pipeline, self._call, counter, self._between_steps)
        self._encoder = (
            PromptEncoder(pipeline, self._call, counter, self.batch_size, self.options.cache_mb * 2**20)
            if self._call.family.embeddings
            else None
        )
        self._fits = self.batch_size
        self._pipeline = pipeline
        self._closed.clear()

    def generate(self, batch: Sequence[ImageRequest]) -> Iterator[ImageReply]:
        """Draw some requests."""
        jobs: list[Job] = []
        yield from self._prepared(batch, jobs)
        while jobs:
            yield from self._drawn(self._next(jobs))

    def stream(self, requests: RequestSource[ImageRequest]) -> Iterator[ImageReply]:
        """Draw everything in `requests`, in batches of pictures of one size whose prompts fit together."""
        jobs: list[Job] = []
        while True:
            room = WINDOW * self.batch_size - len(jobs)
            new = requests.ready(room, 0.0 if jobs else 0.5) if room > 0 else []
            yield from self._prepared(new, jobs)
            if jobs:
                yield from self._drawn(self._next(jobs))
            elif requests.exhausted:
                return

    def _prepared(self, requests: Sequence[ImageRequest], jobs: list[Job]) -> Iterator[ImageReply]:
        """Encode prompts and add jobs to `jobs`; yields replies to requests that cannot be."""
        from memobench_diffusers.painter import Job

        if self._pipeline is None:
            self.open()
        wanted, reads = self.settings, self._call.reads_negative
        negative = {r.id: (r.negative_prompt or wanted.negative_prompt) if reads else "" for r in requests}
        encoded: Mapping[Any, Any] = {}
        if self._encoder is not None and requests:
            try:
                with self._drawing:
                    encoded = self._encoder.encode([(r.prompt, negative[r.id]) for r in requests])
            except Exception as e:  # a text encoder may fail in any way; the other requests must not suffer
                if is_memory(e):
                    raise self._no_memory() from e
                yield from _failed(requests, e)
                return
        for request in requests:
            size = request.size or (wanted.width, wanted.height)
            key = (request.prompt, negative[request.id])
            jobs.append(Job(request, size, negative[request.id], encoded.get(key)))

    def _next(self, jobs: list[Job]) -> list[Job]:
        """Take the next batch out of `jobs`: of the kind of which there are most."""
        kinds: dict[object, list[Job]] = {}
        for job in jobs:
            kinds.setdefault(job.kind, []).append(job)
        batch = max(kinds.values(), key=len)[: self._fits]
        taken = {id(job) for job in batch}
        jobs[:] = [job for job in jobs if id(job) not in taken]
        return batch

    def _drawn(self, jobs: Sequence[Job]) -> Iterable[ImageReply]:
        """Draw one batch, in halves where memory does not suffice."""
        try:
            with self._drawing:
                self._between_steps(0)
                return self._painter.paint(jobs)
        except HarnessError:
            raise
        except Exception as e:  # a model may fail in any way; the other batches must not suffer
            if not is_memory(e):
                return _failed([job.request for job in jobs], e)
            if len(jobs) == 1:
                raise self._no_memory() from e
        # Outside of the handler, whose error holds on to what the failed batch took.
        _free()
        self._fits = min(self._fits, len(jobs) // 2)
        middle = self._fits
        return [*self._drawn(jobs[:middle]), *self._drawn(jobs[middle:])]

    def _no_memory(self) -> HarnessError:
        return no_memory("draw a single picture", self.reference.model.ref, self.preset, self.dtype)

    def _between_steps(self, done: int) -> None:
        if self._closed.is_set():
            raise Cancelled
        if done and self.progress is not None:
            planned = getattr(getattr(self._pipeline, "scheduler", None), "timesteps", None)
            self.progress(f"step {done}" + (f" of {len(planned)}" if planned is not None else ""))

    def close(self) -> None:
        """Free the model and its memory. From another thread it stops drawing at the end of the step."""
        self._closed.set()
        with self._drawing:
            self._pipeline = self._painter = self._encoder = None  # type: ignore[assignment]
        _free()


def _failed(requests: Sequence[ImageRequest], error: Exception) -> list[ImageReply]:
    told = ReplyError(type(error).__name__, str(error)[:500], retryable=not isinstance(error, ValueError))
    return [ImageReply(r.id, outcome="error", error=told) for r in requests]


def _free() -> None:
    gc.collect()
    import sys

    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
