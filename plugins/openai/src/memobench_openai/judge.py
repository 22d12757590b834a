"""The judge `openai`: queries any server with an OpenAI-compatible chat API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from harness import AsyncJudge, Capability, JudgeReply, JudgeRequest, Question, RemoteError
from harness.mllm import answer_words
from memobench_openai.chat_body import ChatBodyBuilder, Json
from memobench_openai.chat_replies import Completion, add_cost, count_tokens, make_reply, parse_completion
from memobench_openai.endpoint import Endpoint
from memobench_openai.exact_logprobs import ExactLogprobs
from memobench_openai.options import JudgeOptions
from memobench_openai.replicas import ABOUT
from memobench_openai.servers import endpoint_key, find_server
from memobench_openai.thinking import check_thinking, thinks
from memobench_openai.top_logprobs import top_logprob_scores

CHAT = "/chat/completions"


class OpenAIJudge(Endpoint, AsyncJudge):
    """A model behind an OpenAI-compatible endpoint. Pictures are sent as their original files where possible."""

    class Options(JudgeOptions):
        """Options of the judge `openai`."""

    asks: ClassVar[str] = "chat"

    def __init__(self, options: Any = None) -> None:
        """Check the options. Raises `RequestError` if a required key is missing."""
        self._server = find_server(self.Options() if options is None else options)
        check_thinking(self.Options() if options is None else options, self._server)
        super().__init__(options)

    @property
    def capabilities(self) -> frozenset[Capability]:
        """TEXT and MULTI_IMAGE; CHOICE if the server enforces it; LOGPROBS if enabled or exact; REASONED if it thinks."""
        supported = {Capability.TEXT, Capability.MULTI_IMAGE}
        if self._server.structured != "prompt":
            supported.add(Capability.CHOICE)
        if self.options.logprobs == "on" or (self.options.logprobs == "auto" and self._server.exact):
            supported.add(Capability.LOGPROBS)
        if thinks(self.options):
            supported.add(Capability.REASONED)
        return frozenset(supported)

    def cannot_answer(self, question: Question) -> str:
        """An answer is never read from the first word of a thought."""
        if self.options.thinking != "on" or question.answer_mode in ("reasoned", "text"):
            return ""
        return f"with thinking=on, {question.answer_mode} would be read from the first word of a thought"

    def find_key(self) -> str:
        return endpoint_key(self.options, self._server)

    def expected_cost(self, requests: int, prompt_tokens: float, reply_tokens: float) -> float | None:
        """By the prices that are given, without a provider's cache; with `max_tokens`, if that is set."""
        return super().expected_cost(
            requests, prompt_tokens, requests * self.options.max_tokens or reply_tokens
        )

    async def start(self) -> None:
        self.connect()
        self._builder = ChatBodyBuilder(self.options, self._server)
        exact = self._server.exact
        self._exact = ExactLogprobs(self._transport, self._builder, self.options) if exact else None

    async def ask(self, request: JudgeRequest) -> JudgeReply:
        ABOUT.set(request.images[0].digest if request.images else "")
        scores: Mapping[str, float] | None = None
        if request.question.answer_mode == "logprobs" and self._exact is not None:
            completion, scores, bodies = await self._exact.score(request, self._send)
        else:
            bodies = [await self._send(CHAT, self._builder.build(request))]
            completion = parse_completion(bodies[0])
            if request.question.answer_mode == "logprobs" and not completion.refusal:
                scores = self._top_logprob_scores(request, completion)
        self._check_thought(request, completion, bodies)
        tokens = count_tokens(bodies)
        # Cached tokens belong with the timings: both vary between runs with identical answers.
        timings = {name: tokens[name] for name in ("cached_tokens",) if name in tokens}
        served = await self._transport.record(bodies[0])
        return make_reply(request, completion, scores, add_cost(tokens, self.options), timings, served)

    async def _send(self, path: str, body: Json) -> Json:
        """Post `body` and return the JSON reply. Raises `RemoteError`."""

        async def attempt() -> Json:
            found = await self._transport.post(path, body)
            if path == CHAT:
                parse_completion(found)  # An invalid completion is retried, as broken JSON is.
            return found

        return await self.attempt(attempt)

    def _check_thought(self, request: JudgeRequest, completion: Completion, bodies: Sequence[Json]) -> None:
        """Refuse a server that was asked for a thought and held its model to the options from the first word on."""
        asked = request.question.answer_mode == "reasoned" and self._server.templates
        if not asked or completion.thought or count_tokens(bodies).get("reasoning_tokens"):
            return
        if not self.answered and not completion.refusal:
            raise RemoteError(
                "no_thought",
                "the reply contains no thought",
                unless_answered=True,
                fatal="Start the server with the parser of its model's thoughts (vllm serve --reasoning-parser NAME), or choose "
                "a model that thinks.",
            )

    def _top_logprob_scores(self, request: JudgeRequest, completion: Completion) -> dict[str, float]:
        if not completion.logprobs and not self.answered:
            raise RemoteError(
                "no_logprobs",
                "the replies contain no log-probabilities",
                unless_answered=True,
                fatal="Disable them: -o logprobs=off. For vllm serve, set -o server=vllm.",
            )
        options = dict(zip(answer_words(request.question), request.question.options, strict=True))
        found = top_logprob_scores(completion.logprobs, tuple(options))
        return {options[word]: score for word, score in found.items()}
