"""The judge `vllm`: streams requests through a vLLM engine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
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
    PresetCheck,
    Question,
    RequestError,
    RequestSource,
)
from harness.hub import Resolved, check_files, resolve
from harness.mllm import (
    Prompter,
    Thinking,
    find_thinking,
    image_token,
    known_reference,
    model_identity,
    model_template,
    preset_of,
)
from memobench_vllm import engine
from memobench_vllm.failures import NO_PICTURES, EngineFailed, captured_output, to_harness_error
from memobench_vllm.in_flight import InFlightRequests
from memobench_vllm.options import VllmOptions

_POLL = 0.05
"""Seconds to wait for the first picture while the engine is idle."""


class VllmJudge(Judge):
    """An open multimodal LLM on vLLM, with continuous batching and cached pictures and prompts."""

    class Options(VllmOptions):
        """Options of the judge."""

    options: VllmOptions
    takes = "pixels"

    def __init__(self, options: VllmOptions | None = None) -> None:
        super().__init__(options)
        if self.options.data_parallel_size > 1:
            raise BadOption(
                "vLLM supports several copies of a model only as a server.",
                f"Start `vllm serve {self.options.ref} --data-parallel-size {self.options.data_parallel_size}` and use the "
                "judge openai (memobench-plugin-openai) with it.",
            )
        self._llm: Any = None
        self._running: engine.RunningEngine | None = None
        self._lora: Any = None
        self._stop_token_ids: list[int] = []
        self._rejections: Counter[str] = Counter()

    @property
    def capabilities(self) -> frozenset[Capability]:
        """TEXT, CHOICE and exact LOGPROBS; MULTI_IMAGE if more than one picture per prompt is allowed; REASONED if it thinks."""
        supported = {Capability.TEXT, Capability.CHOICE, Capability.LOGPROBS}
        with suppress(HarnessError):  # identity() reports it
            supported |= self.thinking.capabilities()
        return frozenset(supported | ({Capability.MULTI_IMAGE} if self._picture_limit > 1 else set()))

    def cannot_answer(self, question: Question) -> str:
        """An answer is never read from the first word of a thought."""
        return self.thinking.refusal(question.answer_mode)

    @property
    def _picture_limit(self) -> int:
        preset = preset_of(known_reference(self.options.ref).partition("@")[0])
        limit = (
            self.options.limit_mm_per_prompt or (preset and preset.get("limit_mm_per_prompt")) or {"image": 1}
        )
        return int(limit.get("image", 1))

    @cached_property
    def model(self) -> Resolved:
        """The resolved weights, not loaded yet. Raises `HarnessError` if they are unavailable."""
        # Check what the preset knows first: this needs no network and no download.
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
                f"{ref} requires Python code from its repository.",
                "Review that code. If you trust it: -o trust_remote_code=true",
            )
        return check_files(resolve(given, self.options.revision))

    @cached_property
    def template(self) -> str:
        """The chat template or prompt form: the user's, the preset's, or the model's own."""
        return model_template(self.model, self.options.chat_template)

    @cached_property
    def thinking(self) -> Thinking:
        """Whether the model thinks before it answers. Raises `BadOption`."""
        return find_thinking(self.model, self.template, self.options)

    def identity(self) -> Mapping[str, str]:
        """The weights' commit or digest, the template's digest, how it thinks, and the engine's version."""
        backend = f"vllm {engine.version()}"
        identity = model_identity(self.model, self.template, backend, self.options.lora)
        return {**identity, **self.thinking.identity()}

    def check_preset(self, facts: Mapping[str, str]) -> Iterable[PresetCheck]:
        """Check the reference, the files, the architecture, the prompt and the words of the options."""
        from memobench_vllm.preset_check import check

        return check(self.options, facts)

    def open(self) -> None:
        """Start the engine. Raises `HarnessError` with a hint."""
        engine.version()
        engine.check_weights(self.options, self.model)
        thought = self.thinking.budget if self.thinking.active else 0
        self._running = engine.start(self.options, self.model, thought)
        self._llm = self._running.llm
        if not self._llm.llm_engine.model_config.is_multimodal_model:
            raise RequestError(f"{self.model.ref!r} does not accept pictures.", NO_PICTURES)
        tokenizer = self._llm.get_tokenizer()
        preset = preset_of(self.model.ref)
        self._prompter = Prompter(
            tokenizer, self.template, image_token(self.model, tokenizer), self.model.ref, self.thinking
        )
        self._lora = engine.adapter_request(self.options, self.model)
        stop_tokens = preset.get("stop_tokens", ()) if preset else ()
        self._stop_token_ids = [
            token if isinstance(token, int) else tokenizer.convert_tokens_to_ids(token)
            for token in stop_tokens
        ]

    def stream(self, requests: RequestSource[JudgeRequest]) -> Iterator[JudgeReply]:
        """Feed the engine as pictures become ready, and yield each reply when it is complete."""
        if self._llm is None:
            self.open()
        in_flight = InFlightRequests(
            self._llm, self._prompter, self._lora, self._stop_token_ids, self._rejections
        )
        limit = 2 * int(self._llm.llm_engine.vllm_config.scheduler_config.max_num_seqs)
        try:
            while True:
                room = limit - in_flight.count
                wait = 0.0 if in_flight.count else _POLL
                if room > 0:
                    yield from in_flight.add(requests.ready(room, wait))
                if in_flight.count:
                    yield from in_flight.step()
                elif requests.exhausted:
                    return
        except HarnessError:
            raise
        except Exception as e:
            raise self._stopped_error(e) from e
        finally:
            # Also if the stream is closed early: leftover requests would disturb the next stream.
            with suppress(Exception):
                in_flight.abort()

    def _stopped_error(self, error: Exception) -> HarnessError:
        log = self._running.log.tail() if self._running is not None else ""
        failure = to_harness_error(error, log, self.options, self.model)
        return EngineFailed(
            failure.message.replace("could not start", "stopped while running"),
            f"{failure.hint} Replies so far are kept: run the same command to resume.",
        )

    def close(self) -> None:
        """Stop the engine and free its memory."""
        running, self._running, self._llm = self._running, None, None
        if running is None:
            return
        log = running.log
        with captured_output(log):
            with suppress(Exception):
                running.llm.llm_engine.engine_core.shutdown()
            running.watchdog.stop()
            del running
            engine.release_memory()
        log.close()
