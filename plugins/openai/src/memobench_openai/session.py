"""An open connection at work: one coroutine for each request, and what ends them all."""

from __future__ import annotations

import difflib
import time
from collections.abc import Mapping

from harness import HarnessError, JudgeReply, JudgeRequest, ReplyError, RequestError
from harness.mllm import answer_words
from memobench_openai.body import Bodies, Json
from memobench_openai.client import Wire
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


class StoppedMidway(HarnessError):
    """The endpoint refused to go on after it had answered: what was answered is scored, and resuming asks the rest."""

    exit_code = 3


class Errand:
    """What one request takes: failures that may pass are asked again."""

    def __init__(self, wire: Wire, patience: Patience) -> None:
        self._wire, self._patience = wire, patience
        self._retries, self._started = 0, time.monotonic()

    async def send(self, path: str, body: Json) -> Json:
        """The JSON object that answers `body`. Raises `Fault`."""

        async def attempt() -> Json:
            found = await self._wire.post(path, body)
            if path == CHAT:
                read_completion(found)  # What is no completion is worth another try, as broken JSON is.
            return found

        found, tries = await self._patience.call(attempt)
        self._retries += tries - 1
        return found

    def timings(self) -> dict[str, float]:
        """Seconds since the errand began, waits included, and how often something was asked again."""
        return {"seconds": round(time.monotonic() - self._started, 4), "retries": float(self._retries)}


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
                raise await self._end(fault) from None
            else:
                return _failed(request, fault.kind, fault.message, fault.retryable)
        except HarnessError:
            raise
        except Exception as e:  # one odd reply or picture must not stop the others
            return _failed(request, type(e).__name__, explain(self._wire.secrets.hide(str(e))), False)
        self._answered += 1
        return reply

    async def _ask(self, request: JudgeRequest) -> JudgeReply:
        errand = Errand(self._wire, self._patience)
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
            raise Fault("no_logprobs", "the replies hold no log-probabilities", unless_answered=True,
                        ends="Leave them out: -o logprobs=off. With vllm serve, say so: -o server=vllm.")  # fmt: skip
        options = dict(zip(answer_words(request.question), request.question.options, strict=True))
        return {options[word]: score for word, score in likely_scores(said.logprobs, tuple(options)).items()}

    async def _end(self, fault: Fault) -> HarnessError:
        """What ends the stream, in words that say what to change."""
        address, model, name = self._options.address, self._options.ref, self._wire.key_env
        message, hint = f"{address}: {fault.message}", fault.ends
        if fault.ends == "key" and name:
            message = f"{address} refuses the key in {name} ({fault.message})"
            hint = f"Set {name} to a key that is valid there, or name another variable: -o api_key_env=NAME."
        elif fault.ends == "key":
            message = f"{address} asks for a key ({fault.message})"
            hint = "Put it into an environment variable and name that: -o api_key_env=NAME."
        elif fault.ends == "model":
            message = f"{address} has no model {model!r} ({fault.message})"
            hint = await self._known_models(model)
        elif fault.ends == "path":
            message = f"{address} has no chat endpoint ({fault.message})"
            hint = "Check base_url; most end in /v1."
        stopped = StoppedMidway if self._answered else RequestError
        return stopped(message.rstrip(".") + ".", hint)

    async def _known_models(self, model: str) -> str:
        """The names that the endpoint lists, the nearest first; a general hint where it lists none."""
        try:
            listed = (await self._wire.get("/models")).get("data")
        except Fault:
            listed = None
        entries = listed if isinstance(listed, list) else []
        names = [explain(str(m["id"])) for m in entries if isinstance(m, dict) and "id" in m]
        if not names:
            return "Check the model's name, and that this account may use it."
        near = difflib.get_close_matches(model, names, n=1)
        more = f", and {len(names) - 12} more" if len(names) > 12 else ""
        return (f"Did you mean {near[0]!r}? " if near else "") + f"It serves: {', '.join(names[:12])}{more}."


def _failed(request: JudgeRequest, kind: str, message: str, retryable: bool) -> JudgeReply:
    return JudgeReply(request.id, error=ReplyError(kind, message or "no reason given", retryable))
