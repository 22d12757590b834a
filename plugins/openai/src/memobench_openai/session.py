"""An open chat session: one coroutine per request, and the handling of fatal errors."""

from __future__ import annotations

from collections.abc import Mapping

from harness import HarnessError, JudgeReply, JudgeRequest, ReplyError
from harness.mllm import answer_words
from memobench_openai.api_call import ApiCall
from memobench_openai.chat_body import ChatBodyBuilder, Json
from memobench_openai.chat_replies import (
    Completion,
    add_cost,
    count_tokens,
    make_reply,
    parse_completion,
)
from memobench_openai.dispatcher import EventLoopThread
from memobench_openai.error_responses import one_line
from memobench_openai.errors import ApiError
from memobench_openai.exact_logprobs import ExactLogprobs
from memobench_openai.fatal_errors import fatal_error
from memobench_openai.options import JudgeOptions
from memobench_openai.retry import RetryPolicy
from memobench_openai.served import ServedModel
from memobench_openai.servers import Server
from memobench_openai.startup import Startup
from memobench_openai.top_logprobs import top_logprob_scores
from memobench_openai.transport import Transport

CHAT = "/chat/completions"


class ChatCall(ApiCall):
    """A chat completion and the calls it needs, such as tokenization."""

    def __init__(self, transport: Transport, retry_policy: RetryPolicy, startup: Startup) -> None:
        super().__init__(startup)
        self._transport, self._retry_policy = transport, retry_policy

    async def send(self, path: str, body: Json) -> Json:
        """Post `body` and return the JSON reply. Raises `ApiError`."""

        async def attempt() -> Json:
            found = await self._transport.post(path, body)
            if path == CHAT:
                parse_completion(found)  # An invalid completion is retried, as broken JSON is.
            return found

        return await self.run(attempt, self._retry_policy)


class ChatSession:
    """Queries one endpoint. Only construction and `close` run outside its event loop's thread."""

    def __init__(self, options: JudgeOptions, server: Server, key: str) -> None:
        self._options = options
        self._transport = Transport(
            options.address, key, key_env=options.api_key_env, timeout=options.timeout, proxy=options.proxy
        )
        self._retry_policy = RetryPolicy(options.max_retries, max_wait=options.wait)
        self._builder = ChatBodyBuilder(options, server)
        self._exact = ExactLogprobs(self._transport, self._builder, options) if server.exact else None
        self._served = ServedModel(self._transport, options.ref, options.fingerprint)
        self._startup = Startup()
        self.loop = EventLoopThread()

    def close(self) -> None:
        """Cancel requests in flight, close the connections and stop the thread."""
        self.loop.close(last=self._transport.close())

    async def reply(self, request: JudgeRequest) -> JudgeReply:
        """The reply to one request. A failure is a reply too, unless every other request would fail the same way."""
        async with self._startup.slot():
            return await self._reply(request)

    async def _reply(self, request: JudgeRequest) -> JudgeReply:
        try:
            reply = await self._ask(request)
        except ApiError as e:
            error, answered = self._startup.judge_failure(e), self._startup.answered
            if error.refusal:
                reply = JudgeReply(request.id, refusal=error.message, finish_reason=error.kind)
            elif error.fatal and not (error.unless_answered and answered):
                raise await fatal_error(
                    error, self._transport, self._options.ref, "chat", answered=answered > 0
                ) from None
            else:
                return _failed(request, error.kind, error.message, error.retryable, error.hint)
        except HarnessError:
            raise
        except Exception as e:  # one unexpected reply or picture must not stop the others
            return _failed(request, type(e).__name__, one_line(self._transport.secrets.hide(str(e))), False)
        self._startup.succeeded()
        return reply

    async def _ask(self, request: JudgeRequest) -> JudgeReply:
        call = ChatCall(self._transport, self._retry_policy, self._startup)
        scores: Mapping[str, float] | None = None
        if request.question.answer_mode == "logprobs" and self._exact is not None:
            completion, scores, bodies = await self._exact.score(request, call.send)
        else:
            bodies = [await call.send(CHAT, self._builder.build(request))]
            completion = parse_completion(bodies[0])
            if request.question.answer_mode == "logprobs" and not completion.refusal:
                scores = self._top_logprob_scores(request, completion)
        tokens = count_tokens(bodies)
        # Cached tokens belong with the timings: both vary between runs with identical answers.
        timings = call.timings() | {k: v for k, v in tokens.items() if k == "cached_tokens"}
        served = await self._served.record(bodies[0])
        return make_reply(request, completion, scores, add_cost(tokens, self._options), timings, served)

    def _top_logprob_scores(self, request: JudgeRequest, completion: Completion) -> dict[str, float]:
        if not completion.logprobs and not self._startup.answered:
            raise ApiError(
                "no_logprobs",
                "the replies contain no log-probabilities",
                unless_answered=True,
                fatal="Disable them: -o logprobs=off. For vllm serve, set -o server=vllm.",
            )
        options = dict(zip(answer_words(request.question), request.question.options, strict=True))
        return {
            options[word]: score
            for word, score in top_logprob_scores(completion.logprobs, tuple(options)).items()
        }


def _failed(request: JudgeRequest, kind: str, message: str, retryable: bool, hint: str = "") -> JudgeReply:
    return JudgeReply(request.id, error=ReplyError(kind, message or "no reason given", retryable, hint))
