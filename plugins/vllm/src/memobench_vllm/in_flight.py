"""Requests in flight in the engine, and the replies built from its outputs."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from harness import HarnessError, JudgeReply, JudgeRequest, ReplyError, Sampling
from harness.mllm import Prompter, Thought, WordTree, image_order, nan_error, with_thought
from memobench_vllm.failures import engine_died, root_cause

_EXTRA_TOKENS = 4
"""Extra tokens for a guided answer, which may use a different tokenization than the options."""


@dataclass
class _PendingRequest:
    """One request. With log-probabilities it may take several prompts to the engine."""

    id: str
    answer_mode: str
    started: float
    open_prompts: int = 1
    tree: WordTree | None = None
    options: tuple[str, ...] = ()
    logprobs: dict[tuple[int, ...], dict[int, float]] = field(default_factory=dict)
    usage: dict[str, float] = field(default_factory=lambda: {"prompt_tokens": 0, "completion_tokens": 0})
    cached: dict[str, int] = field(default_factory=lambda: {"cached_tokens": 0, "cached_pictures": 0})
    error: ReplyError | None = None
    request: JudgeRequest | None = None
    """The request, while the model thinks about it."""
    tokens: list[int] = field(default_factory=list)
    """Those of the prompt that the thought follows."""
    thought: Thought | None = None
    thinking_tokens: int = 0
    finish: str | None = None
    """How the thought ended, if the model did not close it."""


class InFlightRequests:
    """The requests of one stream that are in the engine."""

    def __init__(
        self, llm: Any, prompter: Prompter, lora: Any, stop_token_ids: Sequence[int], rejections: Counter[str]
    ) -> None:
        """`rejections`: picture digest -> number of rejected prompts with it, kept while the engine runs."""
        from vllm import SamplingParams
        from vllm.sampling_params import StructuredOutputsParams

        self._params, self._structured = SamplingParams, StructuredOutputsParams
        self._llm, self._prompter, self._lora = llm, prompter, lora
        self._stop_token_ids, self._rejections = list(stop_token_ids), rejections
        self._ends = {*self._stop_token_ids, prompter.tokenizer.eos_token_id}
        self._max_length = int(llm.llm_engine.model_config.max_model_len)
        self._params_of: dict[tuple[int, ...], Any] = {}
        self._pending: dict[str, tuple[_PendingRequest, tuple[int, ...]]] = {}

    @property
    def count(self) -> int:
        """Number of prompts in the engine."""
        return len(self._pending)

    def add(self, requests: Sequence[JudgeRequest]) -> Iterator[JudgeReply]:
        """Submit requests to the engine. Yields an error reply for each one that the model's processor rejects."""
        rendered = [self._prompter.render(request.messages) for request in requests]
        for request, text, tokens in zip(requests, rendered, self._prompter.tokens(rendered), strict=True):
            try:
                self._submit(request, text, tokens)
            except HarnessError:
                raise
            except Exception as e:  # the processor may reject a picture or prompt with any exception
                if engine_died(e):
                    raise
                yield JudgeReply(
                    request.id, error=ReplyError("refused_input", root_cause(e), retryable=False)
                )

    def _submit(self, request: JudgeRequest, rendered: str, tokens: list[int]) -> None:
        pending = _PendingRequest(request.id, request.question.answer_mode, time.monotonic())
        thinking = self._prompter.thinking
        reason = thinking.refusal(request.question.answer_mode)
        if not reason and pending.answer_mode == "reasoned" and not thinking.active:
            reason = "its prompt opens no thought"
        if reason:
            raise ValueError(f"the answer mode {pending.answer_mode!r} does not suit the model: {reason}")
        if self._prompter.thinks_first(request.question):
            pending.request, pending.tokens = request, tokens
            self._enqueue(request, tokens, self._thinking_params(request), pending, ())
        else:
            self._ask(request, rendered, tokens, pending)

    def _ask(self, request: JudgeRequest, rendered: str, tokens: list[int], pending: _PendingRequest) -> None:
        """Submit the question itself; `tokens` are those of the prompt, and of the thought if there is one."""
        if pending.answer_mode not in ("logprobs", "reasoned"):
            self._enqueue(request, tokens, self._generation_params(request, rendered), pending, ())
            return
        pending.tree, pending.options = self._prompter.words(request.question, rendered)
        pending.open_prompts = len(pending.tree.prefixes)
        for prefix in pending.tree.prefixes:
            params = self._scoring_params(pending.tree.children(prefix))
            self._enqueue(request, [*tokens, *prefix], params, pending, prefix)

    def _thinking_params(self, request: JudgeRequest) -> Any:
        s, thinking = request.sampling, self._prompter.thinking
        fields = self._sampling_fields(s) | {"max_tokens": thinking.budget}
        if thinking.closing:
            # The mark may be a special token, which is left out of the text otherwise.
            fields |= {"stop": [thinking.closing], "skip_special_tokens": False}
        return self._params(**fields)

    def _after_thought(self, pending: _PendingRequest, output: Any) -> JudgeReply | None:
        """Ask the question after a thought, which is complete; the cache of the prompt and the thought serves it."""
        request, answer = pending.request, output.outputs[0]
        assert request is not None, "a thought is of a request"
        pending.request, pending.open_prompts = None, 1
        if math.isnan(answer.cumulative_logprob or 0.0):
            return JudgeReply(pending.id, error=nan_error("vLLM", (math.nan,)))
        written = list(answer.token_ids)
        pending.thinking_tokens, pending.finish = len(written), answer.finish_reason
        if answer.finish_reason == "stop" and written and written[-1] in self._ends:
            written.pop()
        room = self._max_length - len(output.prompt_token_ids) - self._reserve(request)
        pending.thought = self._prompter.thought_of(written[: max(room, 0)])
        if room < 1:
            message = f"a thought and an answer do not fit into {self._max_length} tokens"
            hint = "Raise -o max_model_len."
            return JudgeReply(pending.id, error=ReplyError("prompt_too_long", message, False, hint))
        tokens = [*pending.tokens, *pending.thought.continuation]
        try:
            self._ask(request, self._prompter.thinking.end, tokens, pending)
        except HarnessError:
            raise
        except Exception as e:
            if engine_died(e):
                raise
            return JudgeReply(pending.id, error=ReplyError("engine", root_cause(e), retryable=False))
        return None

    def _reserve(self, request: JudgeRequest) -> int:
        """Tokens that must be left for the end of a thought and an answer."""
        if request.question.answer_mode == "text":
            return self._prompter.end_of_thought + request.sampling.max_tokens
        tree, _ = self._prompter.words(request.question, "")
        return self._prompter.end_of_thought + max(map(len, tree.sequences))

    def _scoring_params(self, tokens: tuple[int, ...]) -> Any:
        """Sampling parameters that return the log-probabilities of `tokens`. Can be shared: the engine copies them."""
        if tokens not in self._params_of:
            self._params_of[tokens] = self._params(
                temperature=0.0,
                max_tokens=1,
                logprob_token_ids=list(tokens),
                ignore_eos=True,
                detokenize=False,
            )
        return self._params_of[tokens]

    def _generation_params(self, request: JudgeRequest, rendered: str) -> Any:
        s = request.sampling
        fields = self._sampling_fields(s)
        if request.question.answer_mode == "choice":
            choices = list(self._prompter.guided(request.question, rendered))
            fields["structured_outputs"] = self._structured(choice=choices)
            fields["max_tokens"] = max(s.max_tokens, self._max_choice_tokens(choices) + _EXTRA_TOKENS)
        return self._params(**fields)

    def _sampling_fields(self, s: Sampling) -> dict[str, Any]:
        fields: dict[str, Any] = {"temperature": s.temperature, "max_tokens": s.max_tokens, "top_p": s.top_p}
        fields["logprobs"] = 0  # of the chosen tokens alone, which are NaN if the engine computes garbage
        if self._stop_token_ids:
            fields["stop_token_ids"] = self._stop_token_ids
        if s.temperature > 0:
            fields["seed"] = s.seed
        return fields

    def _max_choice_tokens(self, choices: list[str]) -> int:
        # A token has at least one byte, so the number of bytes is an upper bound.
        return max(len(choice.encode()) for choice in choices)

    def _enqueue(
        self,
        request: JudgeRequest,
        tokens: list[int],
        params: Any,
        pending: _PendingRequest,
        prefix: tuple[int, ...],
    ) -> None:
        prompt: dict[str, Any] = {"prompt_token_ids": tokens}
        shown = [request.images[i] for i in image_order(request.messages)]
        if shown:
            prompt["multi_modal_data"] = {"image": [p.image for p in shown]}
            # With the digest as id, the engine need not hash the pixels, and questions about one picture share its cache.
            prompt["multi_modal_uuids"] = {"image": [self._picture_id(p.digest) for p in shown]}
        try:
            [id_] = self._llm.enqueue(prompt, params, lora_request=self._lora, use_tqdm=False)
        except Exception:
            # One side of the engine now considers the picture sent, but the other never received it. The next prompt
            # must send it again under a new id.
            self._rejections.update(p.digest for p in shown)
            raise
        pending.cached["cached_pictures"] += self._cached_pictures()
        # Newer engines append random characters to the request id; outputs contain the plain id.
        self._pending[id_.partition("-")[0]] = (pending, prefix)

    def _picture_id(self, digest: str) -> str:
        times = self._rejections[digest]
        return f"{digest}-{times}" if times else digest

    def _cached_pictures(self) -> int:
        """Number of pictures of the last prompt that were in the engine's cache; 0 if it does not report it."""
        get_stats = getattr(getattr(self._llm.llm_engine, "renderer", None), "stat_mm_cache", None)
        stats = get_stats() if callable(get_stats) else None
        return int(stats.hits) if stats is not None else 0

    def step(self) -> Iterator[JudgeReply]:
        """Run one engine step and yield the completed replies."""
        if not self._llm.llm_engine.has_unfinished_requests():
            lost, self._pending = {pending.id: pending for pending, _ in self._pending.values()}, {}
            error = ReplyError("engine", "vLLM lost the request")
            yield from (JudgeReply(id_, error=error) for id_ in lost)
            return
        for output in self._llm.llm_engine.step():
            if not output.finished:
                continue
            found = self._pending.pop(output.request_id, None)
            if found is not None:
                reply = self._record_output(*found, output)
                if reply is not None:
                    yield reply

    def _record_output(
        self, pending: _PendingRequest, prefix: tuple[int, ...], output: Any
    ) -> JudgeReply | None:
        answer = output.outputs[0]
        pending.open_prompts -= 1
        pending.usage["prompt_tokens"] += len(output.prompt_token_ids or ())
        pending.usage["completion_tokens"] += len(answer.token_ids)
        pending.cached["cached_tokens"] += output.num_cached_tokens or 0
        if pending.request is not None and answer.finish_reason not in ("error", "abort"):
            pending.usage["completion_tokens"] -= len(answer.token_ids)
            return self._after_thought(pending, output)
        if answer.finish_reason in ("error", "abort"):
            pending.error = ReplyError("engine", f"vLLM ended the request: {answer.finish_reason}")
        elif pending.tree is not None:
            [given] = answer.logprobs
            pending.logprobs[prefix] = {t: given[t].logprob for t in pending.tree.children(prefix)}
        if pending.open_prompts:
            return None
        if pending.error is not None:
            return JudgeReply(pending.id, error=pending.error)
        timings = {"seconds": round(time.monotonic() - pending.started, 6), **pending.cached}
        scores = pending.tree.scores(pending.logprobs) if pending.tree is not None else ()
        error = nan_error("vLLM", scores if pending.tree is not None else (answer.cumulative_logprob or 0.0,))
        if error is not None:
            return JudgeReply(pending.id, error=error)
        if pending.tree is None:
            reply = JudgeReply(pending.id, text=answer.text.strip(), finish_reason=answer.finish_reason)
        else:
            reply = JudgeReply(pending.id, scores=dict(zip(pending.options, scores, strict=True)))
        reply = replace(reply, usage=pending.usage, timings=timings)
        if pending.thought is None:
            return reply
        return with_thought(reply, pending.thought, pending.thinking_tokens, pending.finish)

    def abort(self) -> None:
        """Abort all prompts that are still in the engine."""
        ids, self._pending = list(self._pending), {}
        if ids:
            self._llm.llm_engine.abort_request(ids)
