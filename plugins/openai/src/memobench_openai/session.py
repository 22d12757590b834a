"""An open connection at work: one coroutine for each request, and what ends them all."""

from __future__ import annotations

from collections.abc import Mapping

from harness import HarnessError, JudgeReply, JudgeRequest, ReplyError
from harness.mllm import answer_words
from memobench_openai.body import Bodies, Json
from memobench_openai.client import Wire
from memobench_openai.ending import ending
from memobench_openai.errand import Errand
from memobench_openai.exact import ExactScores
from memobench_openai.faults import Fault
from memobench_openai.likely import likely_scores
from memobench_openai.options import JudgeOptions
from memobench_openai.pump import LoopThread
from memobench_openai.replies import Said, add_cost, count_tokens, make_reply, origin, read_completion
from memobench_openai.retry import Patience
from memobench_openai.servers import Server
from memobench_openai.verdict import explain

CHAT = "/chat/completions"


class ChatErrand(Errand):
    """What one question takes."""

    def __init__(self, wire: Wire, patience: Patience) -> None:
        super().__init__()
        self._wire, self._patience = wire, patience

    async def send(self, path: str, body: Json) -> Json:
        """The JSON object that answers `body`. Raises `Fault`."""

        async def attempt() -> Json:
            found = await self._wire.post(path, body)
            if path == CHAT:
                read_completion(found)  # What is no completion is worth another try, as broken JSON is.
            return found

        return await self.run(attempt, self._patience)


class Session:
    """Asks one endpoint. Everything but making and closing it happens in its event loop's thread."""

    def __init__(self, options: JudgeOptions, server: Server, key: str) -> None:
        self._options = options
        self._wire = Wire(options.address, key, key_env=options.api_key_env, timeout=options.timeout)
        self._patience = Patience(options.max_retries)
        self._bodies = Bodies(options, server)
        self._exact = ExactScores(self._wire, self._bodies, options) if server.exact else None
        self._answered = 0
        self.loop = LoopThread()

    def close(self) -> None:
        """Cancel what is in flight, close the connections, end the thread."""
        self.loop.close(last=self._wire.close())

    async def reply(self, request: JudgeRequest) -> JudgeReply:
        """The reply to one request; failures are replies, unless every request must fail in the same way."""
        try:
            reply = await self._ask(request)
        except Fault as fault:
            if fault.refusal:
                reply = JudgeReply(request.id, refusal=fault.message, finish_reason=fault.kind)
            elif fault.ends and not (fault.unless_answered and self._answered):
                raise await ending(
                    fault, self._wire, self._options.ref, "chat", midway=self._answered > 0
                ) from None
            else:
                return _failed(request, fault.kind, fault.message, fault.retryable)
        except HarnessError:
            raise
        except Exception as e:  # one odd reply or picture must not stop the others
            return _failed(request, type(e).__name__, explain(self._wire.secrets.hide(str(e))), False)
        self._answered += 1
        return reply

    async def _ask(self, request: JudgeRequest) -> JudgeReply:
        errand = ChatErrand(self._wire, self._patience)
        scores: Mapping[str, float] | None = None
        if request.question.read == "logprobs" and self._exact is not None:
            said, scores, bodies = await self._exact.of(request, errand.send)
        else:
            bodies = [await errand.send(CHAT, self._bodies.ask(request))]
            said = read_completion(bodies[0])
            if request.question.read == "logprobs" and not said.refusal:
                scores = self._likely(request, said)
        tokens = count_tokens(bodies)
        # Cached tokens stand with the times: both differ between two runs with the same answers.
        timings = errand.timings() | {k: v for k, v in tokens.items() if k == "cached_tokens"}
        return make_reply(request, said, scores, add_cost(tokens, self._options), timings, origin(bodies[0]))

    def _likely(self, request: JudgeRequest, said: Said) -> dict[str, float]:
        if not said.logprobs and not self._answered:
            raise Fault(
                "no_logprobs",
                "the replies hold no log-probabilities",
                unless_answered=True,
                ends="Leave them out: -o logprobs=off. With vllm serve, say so: -o server=vllm.",
            )
        options = dict(zip(answer_words(request.question), request.question.options, strict=True))
        return {options[word]: score for word, score in likely_scores(said.logprobs, tuple(options)).items()}


def _failed(request: JudgeRequest, kind: str, message: str, retryable: bool) -> JudgeReply:
    return JudgeReply(request.id, error=ReplyError(kind, message or "no reason given", retryable))
