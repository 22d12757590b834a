"""The generator `diffusers`: groups requests into compatible batches and runs them through one pipeline."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from harness import (
    Generator,
    HarnessError,
    ImageReply,
    ImageRequest,
    PresetCheck,
    ReplyError,
    RequestSource,
)
from harness.hub import Preset
from memobench_diffusers.components import given_components, identity
from memobench_diffusers.failures import Cancelled, is_out_of_memory, load_error, out_of_memory
from memobench_diffusers.options import DiffusersOptions
from memobench_diffusers.presets import preset_of
from memobench_diffusers.reference import Reference, diffusers_version
from memobench_diffusers.settings import Settings, resolve_settings

if TYPE_CHECKING:
    from memobench_diffusers.runner import Job

WINDOW = 4
"""Number of batches to look ahead, so that compatible requests end up in one batch."""


class DiffusersGenerator(Generator):
    """A text-to-image model on diffusers. Each image gets its own noise, seeded by its request."""

    class Options(DiffusersOptions):
        pass

    options: DiffusersOptions

    def __init__(self, options: DiffusersOptions | None = None) -> None:
        super().__init__(options)
        self.batch_size = self.options.batch_size
        self._pipeline: Any = None
        self._lock = threading.Lock()
        self._closed = threading.Event()

    @cached_property
    def reference(self) -> Reference:
        """The model, checked without loading it. Raises `HarnessError` if it is not available."""
        return Reference(self.options.ref, self.options.revision, given_components(self.options))

    @cached_property
    def preset(self) -> Preset | None:
        return preset_of(self.reference.model.ref)

    @cached_property
    def settings(self) -> Settings:
        return resolve_settings(self.options, self.preset)

    @cached_property
    def dtype(self) -> str:
        """The data type of the model's weights and computation."""
        return self.reference.dtype(self.options.dtype, self.preset)

    def identity(self) -> Mapping[str, str]:
        backend = f"diffusers {diffusers_version()}"
        return {
            **self.reference.model.identity(),
            **identity(self.reference.components),
            "pipeline": self.reference.pipeline,
            "scheduler": self.options.scheduler or self.reference.scheduler,
            "dtype": self.dtype,
            "settings": self.settings.to_json(),
            "backend": backend,
        }

    def check_preset(self, facts: Mapping[str, str]) -> Iterable[PresetCheck]:
        """Check the reference, the files, the pipeline class and the arguments of its call."""
        from memobench_diffusers.preset_check import check

        return check(self.options, facts)

    def open(self) -> None:
        """Load the model. Raises `HarnessError` with a hint."""
        diffusers_version()
        reference = self.reference
        from memobench_diffusers.encoding import PromptEncoder
        from memobench_diffusers.loading import load
        from memobench_diffusers.runner import PipelineRunner
        from memobench_diffusers.settings import PipelineCall
        from memobench_diffusers.tokens import TruncationCounter

        try:
            pipeline = load(self.options, reference, self.dtype, self.settings.variant)
        except Exception as e:
            raise load_error(e, reference.model.ref, self.preset, self.dtype) from e
        self._call = PipelineCall(type(pipeline), self.settings)
        self._call.arguments  # noqa: B018 - rejects unknown arguments before the first image
        counter = TruncationCounter(pipeline)
        self._runner = PipelineRunner(pipeline, self._call, counter, self._on_step)
        self._encoder = (
            PromptEncoder(pipeline, self._call, counter, self.batch_size, self.options.cache_mb * 2**20)
            if self._call.family.embeddings
            else None
        )
        self._max_batch = 1 if self._call.family.generate_singly else self.batch_size
        self._pipeline = pipeline
        self._closed.clear()

    def generate(self, batch: Sequence[ImageRequest]) -> Iterator[ImageReply]:
        jobs: list[Job] = []
        yield from self._prepare(batch, jobs)
        while jobs:
            yield from self._run_batch(self._next_batch(jobs))

    def stream(self, requests: RequestSource[ImageRequest]) -> Iterator[ImageReply]:
        """Generate all requests in batches that share a size and the shape of the encoded prompt."""
        jobs: list[Job] = []
        while True:
            room = WINDOW * self.batch_size - len(jobs)
            new = requests.ready(room, 0.0 if jobs else 0.5) if room > 0 else []
            yield from self._prepare(new, jobs)
            if jobs:
                yield from self._run_batch(self._next_batch(jobs))
            elif requests.exhausted:
                return

    def _prepare(self, requests: Sequence[ImageRequest], jobs: list[Job]) -> Iterator[ImageReply]:
        """Encode prompts and append to `jobs`; yields error replies for requests that fail to encode."""
        from memobench_diffusers.runner import Job

        if self._pipeline is None:
            self.open()
        wanted, uses_negative = self.settings, self._call.uses_negative
        negative = {
            r.id: (r.negative_prompt or wanted.negative_prompt) if uses_negative else "" for r in requests
        }
        encoded: Mapping[Any, Any] = {}
        if self._encoder is not None and requests:
            try:
                with self._lock:
                    encoded = self._encoder.encode([(r.prompt, negative[r.id]) for r in requests])
            except Exception as e:  # one failing prompt must not stop the other requests
                if is_out_of_memory(e):
                    raise self._out_of_memory() from e
                yield from _error_replies(requests, e)
                return
        for request in requests:
            size = request.size or (wanted.width, wanted.height)
            key = (request.prompt, negative[request.id])
            jobs.append(Job(request, size, negative[request.id], encoded.get(key)))

    def _next_batch(self, jobs: list[Job]) -> list[Job]:
        """Remove and return the next batch: jobs with the most common batch key."""
        groups: dict[object, list[Job]] = {}
        for job in jobs:
            groups.setdefault(job.batch_key, []).append(job)
        batch = max(groups.values(), key=len)[: self._max_batch]
        taken = {id(job) for job in batch}
        jobs[:] = [job for job in jobs if id(job) not in taken]
        return batch

    def _run_batch(self, jobs: Sequence[Job]) -> Iterable[ImageReply]:
        """Run one batch, split in half when memory runs out."""
        try:
            with self._lock:
                self._on_step(0)
                return self._runner.run(jobs)
        except HarnessError:
            raise
        except Exception as e:  # one failing batch must not stop the others
            if not is_out_of_memory(e):
                return _error_replies([job.request for job in jobs], e)
            if len(jobs) == 1:
                raise self._out_of_memory() from e
        # Outside the handler: the exception keeps the failed batch's tensors alive.
        _free_memory()
        self._max_batch = min(self._max_batch, len(jobs) // 2)
        middle = self._max_batch
        return [*self._run_batch(jobs[:middle]), *self._run_batch(jobs[middle:])]

    def _out_of_memory(self) -> HarnessError:
        return out_of_memory("generate a single image", self.reference.model.ref, self.preset, self.dtype)

    def _on_step(self, done: int) -> None:
        if self._closed.is_set():
            raise Cancelled
        if done and self.progress is not None:
            planned = getattr(getattr(self._pipeline, "scheduler", None), "timesteps", None)
            self.progress(f"step {done}" + (f" of {len(planned)}" if planned is not None else ""))

    def close(self) -> None:
        """Free the model's memory. Called from another thread, it cancels generation after the current step."""
        self._closed.set()
        with self._lock:
            self._pipeline = self._runner = self._encoder = None  # type: ignore[assignment]
        _free_memory()


def _error_replies(requests: Sequence[ImageRequest], error: Exception) -> list[ImageReply]:
    reply_error = ReplyError(
        type(error).__name__, str(error)[:500], retryable=not isinstance(error, ValueError)
    )
    return [ImageReply(r.id, outcome="error", error=reply_error) for r in requests]


def _free_memory() -> None:
    gc.collect()
    import sys

    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
