"""From a request to the fields of a chat completion."""

from __future__ import annotations

from typing import Any

from harness import JudgeRequest, Message
from harness.mllm import answer_words
from memobench_openai.options import JudgeOptions
from memobench_openai.pictures import DataUrls
from memobench_openai.servers import Server

Json = dict[str, Any]

TOP = 20
"""How many likeliest tokens are asked for: the most that OpenAI and vLLM give by default."""
_JSON_AROUND = 16
"""Tokens that the JSON around an answer takes, beyond what a task allows for the answer."""


class Bodies:
    """Makes request bodies for one model. Messages keep their order, so that equal beginnings are equal bytes."""

    def __init__(self, options: JudgeOptions, server: Server) -> None:
        self._options, self._server = options, server
        self._urls = DataUrls()

    def messages(self, request: JudgeRequest) -> list[Json]:
        """The conversation, with pictures as data URLs. Raises `ValueError` for a picture that cannot be sent."""
        return [{"role": m.role, "content": self._content(m, request)} for m in request.messages]

    def _content(self, message: Message, request: JudgeRequest) -> str | list[Json]:
        if len(message.parts) == 1 and message.parts[0].image is None:
            return message.parts[0].text  # The plain form: some servers know no other for system messages.
        return [
            {"type": "text", "text": part.text}
            if part.image is None
            else {"type": "image_url", "image_url": self._picture(request, part.image)}
            for part in message.parts
        ]

    def _picture(self, request: JudgeRequest, number: int) -> Json:
        url = {"url": self._urls.of(request.images[number])}
        return url if self._options.detail is None else url | {"detail": self._options.detail}

    def ask(self, request: JudgeRequest) -> Json:
        """The whole body for the way in which the reply will be read."""
        sampling, allowed = request.sampling, self._options.max_tokens or request.sampling.max_tokens
        fields: Json = {
            "model": self._options.ref,
            "messages": self.messages(request),
            "temperature": sampling.temperature,
        }
        if sampling.top_p != 1.0:
            fields["top_p"] = sampling.top_p
        if self._server.seed and sampling.temperature > 0.0:
            fields["seed"] = sampling.seed  # At temperature 0 it decides nothing, and some servers refuse it.
        if request.question.read == "choice" and self._server.structured != "prompt":
            fields |= _enforced(answer_words(request.question), self._server.structured)
            allowed += _JSON_AROUND if self._server.structured == "json_schema" else 0
        if request.question.read == "logprobs":
            fields |= {"logprobs": True, "top_logprobs": TOP}
        fields[self._server.max_tokens_field] = allowed
        return self.finish(fields)

    def finish(self, fields: Json) -> Json:
        """`fields` with what the user adds to every request, and without what the user leaves out."""
        if self._options.reasoning_effort is not None:
            fields["reasoning_effort"] = self._options.reasoning_effort
        return {k: v for k, v in (fields | self._options.extra_body).items() if k not in self._options.omit}


def _enforced(words: tuple[str, ...], how: str) -> Json:
    """The fields by which a server lets nothing pass but one of `words`.

    Sorted: providers put the schema before the conversation, and the order shown differs from sample to sample.
    """
    words = tuple(sorted(words))
    if how == "guided_choice":
        # With and without a space before it: which of them is natural depends on the chat template.
        return {"structured_outputs": {"choice": [*words, *(f" {word}" for word in words)]}}
    schema = {"type": "object", "properties": {"answer": {"type": "string", "enum": list(words)}},
              "required": ["answer"], "additionalProperties": False}  # fmt: skip
    return {
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "strict": True, "schema": schema},
        }
    }
