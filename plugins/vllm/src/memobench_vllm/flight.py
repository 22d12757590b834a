"""Requests that are in the engine, and the replies that its outputs make."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness import HarnessError, JudgeReply, JudgeRequest, ReplyError
from harness.mllm import Prompter, WordTree, image_order
from memobench_vllm.failures import engine_died, innermost

_ROOM = 4
"""Tokens beyond the longest option that a guided answer may take: it may be cut into tokens in another way."""


@dataclass
class _Asked:
    """One request; a rating by log-probabilities is several questions to the engine."""

    id: str
    read: str
    begun: float
    open: int = 1
    tree: WordTree | None = None
    options: tuple[str, ...] = ()
    logprobs: dict[tuple[int, ...], dict[int, float]] = field(default_factory=dict)
    usage: dict[str, float] = field(default_factory=lambda: {"prompt_tokens": 0, "completion_tokens": 0})
    cached: dict[str, int] = field(default_factory=lambda: {"cached_tokens": 0, "cached_pictures": 0})
    error: ReplyError | None = None


class Flight:
    """What one stream has in the engine."""

    def __init__(
        self, llm: Any, prompter: Prompter, lora: Any, ends: Sequence[int], refused: Counter[str]
    ) -> None:
        """`refused` counts, for as long as the engine runs, how often a prompt with the picture of a digest was refused."""
        from vllm import SamplingParams
        from vllm.sampling_params import StructuredOutputsParams

        self._params, self._structured = SamplingParams, StructuredOutputsParams
        self._llm, self._prompter, self._lora, self._ends = llm, prompter, lora, list(ends)
        self._refused = refused
        self._params_of: dict[tuple[int, ...], Any] = {}
        self._waiting: dict[str, tuple[_Asked, tuple[int, ...]]] = {}

    @property
    def count(self) -> int:
        """How many prompts are in the engine."""
        return len(self._waiting)

    def add(self, requests: Sequence[JudgeRequest]) -> Iterator[JudgeReply]:
        """Hand requests to the engine. Gives an error as the reply to each that the model's processor refuses."""
        rendered = [self._prompter.render(request.messages) for request in requests]
        for request, text, tokens in zip(requests, rendered, self._prompter.tokens(rendered), strict=True):
            try:
                self._ask(request, text, tokens)
            except HarnessError:
                raise
            except Exception as e:  # the processor may refuse one picture or prompt in any way
                if engine_died(e):
                    raise
                yield JudgeReply(request.id, error=ReplyError("refused_input", innermost(e), retryable=False))

    def _ask(self, request: JudgeRequest, rendered: str, tokens: list[int]) -> None:
        asked = _Asked(request.id, request.question.read, time.monotonic())
        if asked.read != "logprobs":
            self._enqueue(request, tokens, self._free(request, rendered), asked, ())
            return
        asked.tree, asked.options = self._prompter.words(request.question, rendered)
        asked.open = len(asked.tree.prefixes)
        for prefix in asked.tree.prefixes:
            wanted = self._scored(asked.tree.children(prefix))
            self._enqueue(request, [*tokens, *prefix], wanted, asked, prefix)

    def _scored(self, tokens: tuple[int, ...]) -> Any:
        """Sampling parameters that give the log-probabilities of `tokens`; the engine copies what it is given."""
        if tokens not in self._params_of:
            self._params_of[tokens] = self._params(
                temperature=0.0,
                max_tokens=1,
                logprob_token_ids=list(tokens),
                ignore_eos=True,
                detokenize=False,
            )
        return self._params_of[tokens]

    def _free(self, request: JudgeRequest, rendered: str) -> Any:
        s = request.sampling
        fields: dict[str, Any] = {"temperature": s.temperature, "max_tokens": s.max_tokens, "top_p": s.top_p}
        if self._ends:
            fields["stop_token_ids"] = self._ends
        if s.temperature > 0:
            fields["seed"] = s.seed
        if request.question.read == "choice":
            choices = list(self._prompter.guided(request.question, rendered))
            fields["structured_outputs"] = self._structured(choice=choices)
            fields["max_tokens"] = max(s.max_tokens, self._longest(choices) + _ROOM)
        return self._params(**fields)

    def _longest(self, choices: list[str]) -> int:
        # A token holds at least one byte, so this is never too few.
        return max(len(choice.encode()) for choice in choices)

    def _enqueue(
        self, request: JudgeRequest, tokens: list[int], params: Any, asked: _Asked, prefix: tuple[int, ...]
    ) -> None:
        prompt: dict[str, Any] = {"prompt_token_ids": tokens}
        shown = [request.images[i] for i in image_order(request.messages)]
        if shown:
            prompt["multi_modal_data"] = {"image": [p.image for p in shown]}
            # The digest spares the engine hashing the pixels, and lets questions on one picture share its work.
            prompt["multi_modal_uuids"] = {"image": [self._name(p.digest) for p in shown]}
        try:
            [id_] = self._llm.enqueue(prompt, params, lora_request=self._lora, use_tqdm=False)
        except Exception:
            # One half of the engine now takes the picture for sent, and the other never got it: the next prompt has
            # to hand it over once more, under another name.
            self._refused.update(p.digest for p in shown)
            raise
        asked.cached["cached_pictures"] += self._cached_pictures()
        # Newer engines add random characters to the id that they know a request by; outputs carry the plain one.
        self._waiting[id_.partition("-")[0]] = (asked, prefix)

    def _name(self, digest: str) -> str:
        times = self._refused[digest]
        return f"{digest}-{times}" if times else digest

    def _cached_pictures(self) -> int:
        """How many pictures of the last prompt the engine had prepared already; 0 where it does not tell."""
        tell = getattr(getattr(self._llm.llm_engine, "renderer", None), "stat_mm_cache", None)
        stats = tell() if callable(tell) else None
        return int(stats.hits) if stats is not None else 0

    def step(self) -> Iterator[JudgeReply]:
        """One step of the engine; the replies that it completed."""
        if not self._llm.llm_engine.has_unfinished_requests():
            lost, self._waiting = {asked.id: asked for asked, _ in self._waiting.values()}, {}
            error = ReplyError("engine", "vLLM lost the request")
            yield from (JudgeReply(id_, error=error) for id_ in lost)
            return
        for output in self._llm.llm_engine.step():
            if not output.finished:
                continue
            found = self._waiting.pop(output.request_id, None)
            if found is not None:
                reply = self._taken(*found, output)
                if reply is not None:
                    yield reply

    def _taken(self, asked: _Asked, prefix: tuple[int, ...], output: Any) -> JudgeReply | None:
        answer = output.outputs[0]
        asked.open -= 1
        asked.usage["prompt_tokens"] += len(output.prompt_token_ids or ())
        asked.usage["completion_tokens"] += len(answer.token_ids)
        asked.cached["cached_tokens"] += output.num_cached_tokens or 0
        if answer.finish_reason in ("error", "abort"):
            asked.error = ReplyError("engine", f"vLLM ended the request: {answer.finish_reason}")
        elif asked.tree is not None:
            [given] = answer.logprobs
            asked.logprobs[prefix] = {t: given[t].logprob for t in asked.tree.children(prefix)}
        if asked.open:
            return None
        if asked.error is not None:
            return JudgeReply(asked.id, error=asked.error)
        timings = {"seconds": round(time.monotonic() - asked.begun, 6), **asked.cached}
        if asked.tree is None:
            return JudgeReply(
                asked.id,
                text=answer.text.strip(),
                finish_reason=answer.finish_reason,
                usage=asked.usage,
                timings=timings,
            )
        scores = asked.tree.scores(asked.logprobs)
        return JudgeReply(
            asked.id, scores=dict(zip(asked.options, scores, strict=True)), usage=asked.usage, timings=timings
        )

    def abort(self) -> None:
        """Take back what is still in the engine."""
        waiting, self._waiting = list(self._waiting), {}
        if waiting:
            self._llm.llm_engine.abort_request(waiting)
