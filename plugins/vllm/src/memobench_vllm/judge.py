"""The judge: requests enter the engine while replies leave it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cached_property
from typing import Any

from harness import (
    BadOption,
    Capability,
    HarnessError,
    Judge,
    JudgeReply,
    JudgeRequest,
    RequestError,
    RequestSource,
)
from harness.hub import Resolved, resolve
from harness.mllm import Prompter, image_token, known_reference, model_identity, model_template, preset_of
from memobench_vllm import engine
from memobench_vllm.failures import NO_PICTURES, EngineFailed, quietly, translated
from memobench_vllm.flight import Flight
from memobench_vllm.options import VllmOptions

_POLL = 0.05
"""Seconds to wait for the first picture while the engine has nothing to do."""


class VllmJudge(Judge):
    """An open multimodal LLM on vLLM: continuous batching, with pictures and prompts cached between questions."""

    class Options(VllmOptions):
        """Options of the judge."""

    options: VllmOptions
    takes = "pixels"

    def __init__(self, options: VllmOptions | None = None) -> None:
        super().__init__(options)
        if self.options.data_parallel_size > 1:
            raise BadOption(
                "vLLM runs several copies of a model only as a server.",
                f"Start `vllm serve {self.options.ref} --data-parallel-size {self.options.data_parallel_size}` and use the "
                "judge openai (memobench-plugin-openai) on it.",
            )
        self._llm: Any = None
        self._running: engine.Running | None = None
        self._lora: Any = None
        self._ends: list[int] = []
        self._refused: Counter[str] = Counter()

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Text, guided choices and exact log-probabilities; several pictures where the model takes them."""
        known = {Capability.TEXT, Capability.CHOICE, Capability.LOGPROBS}
        return frozenset(known | ({Capability.MULTI_IMAGE} if self._pictures > 1 else set()))

    @property
    def _pictures(self) -> int:
        preset = preset_of(known_reference(self.options.ref).partition("@")[0])
        limit = (
            self.options.limit_mm_per_prompt or (preset and preset.get("limit_mm_per_prompt")) or {"image": 1}
        )
        return int(limit.get("image", 1))

    @cached_property
    def model(self) -> Resolved:
        """The weights, checked without loading them. Raises `HarnessError` where they cannot be had."""
        # What is known already is said first: it needs no network, and no download.
        given = known_reference(self.options.ref)
        ref = given.partition("@")[0]
        preset = preset_of(ref)
        if preset is not None and preset.get("vllm") is False:
            raise BadOption(
                f"vLLM does not run {ref} ({preset.facts['vllm'].source}).",
                f"Use transformers:{preset.name} instead.",
            )
        if preset is not None and preset.get("trust_remote_code") and not self.options.trust_remote_code:
            raise BadOption(
                f"{ref} runs Python code that its repository holds.",
                "Read that code; if you trust it: -o trust_remote_code=true",
            )
        return resolve(given, self.options.revision)

    @cached_property
    def template(self) -> str:
        """The chat template or prompt form: the user's, the preset's, or the model's own."""
        return model_template(self.model, self.options.chat_template)

    def identity(self) -> Mapping[str, str]:
        """The weights' commit or digest, the template's digest, the engine's version."""
        return model_identity(self.model, self.template, f"vllm {engine.version()}", self.options.lora)

    def open(self) -> None:
        """Start the engine. Raises `HarnessError` that says what to change."""
        engine.version()
        self._running = engine.start(self.options, self.model)
        self._llm = self._running.llm
        if not self._llm.llm_engine.model_config.is_multimodal_model:
            raise RequestError(f"{self.model.ref!r} reads text alone.", NO_PICTURES)
        tokenizer = self._llm.get_tokenizer()
        preset = preset_of(self.model.ref)
        self._prompter = Prompter(
            tokenizer, self.template, image_token(self.model, tokenizer), self.model.ref
        )
        self._lora = engine.adapter_request(self.options, self.model)
        ends = preset.get("stop_tokens", ()) if preset else ()
        self._ends = [e if isinstance(e, int) else tokenizer.convert_tokens_to_ids(e) for e in ends]

    def stream(self, requests: RequestSource[JudgeRequest]) -> Iterator[JudgeReply]:
        """Feed the engine as pictures become ready, and give each reply when it is complete."""
        if self._llm is None:
            self.open()
        flight = Flight(self._llm, self._prompter, self._lora, self._ends, self._refused)
        limit = 2 * int(self._llm.llm_engine.vllm_config.scheduler_config.max_num_seqs)
        try:
            while True:
                room = limit - flight.count
                wait = 0.0 if flight.count else _POLL
                if room > 0:
                    yield from flight.add(requests.ready(room, wait))
                if flight.count:
                    yield from flight.step()
                elif requests.exhausted:
                    return
        except HarnessError:
            raise
        except Exception as e:
            raise self._stopped(e) from e
        finally:
            # Also when the run is left early: an engine that goes on with old requests would mix up the next ones.
            with suppress(Exception):
                flight.abort()

    def _stopped(self, error: Exception) -> HarnessError:
        log = self._running.log.end() if self._running is not None else ""
        told = translated(error, log, self.options, self.model)
        return EngineFailed(
            told.message.replace("could not start", "stopped at"),
            f"{told.hint} What was answered is kept: the same command goes on.",
        )

    def close(self) -> None:
        """Free the engine and its memory."""
        running, self._running, self._llm = self._running, None, None
        if running is None:
            return
        log = running.log
        with quietly(log):
            with suppress(Exception):
                running.llm.llm_engine.engine_core.shutdown()
            running.guard.dismiss()
            del running
            engine.release()
        log.close()
