"""Exact log-probabilities of answers from vLLM servers.

vLLM returns the log-probability of any requested tokens (`logprob_token_ids`), before sampling is modified.
Words of several tokens need the distributions at later positions: the server is forced along a word's first tokens by
allowing no others, and the generated tokens are verified. The server's own tokenizer splits the words into tokens, in the
context of the end of its chat template.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness import JudgeRequest
from harness.mllm import WordTree, answer_words, candidate_tokens, open_thought
from harness.remote import RemoteError
from memobench_openai.chat_body import ChatBodyBuilder, Json
from memobench_openai.chat_replies import Completion, parse_completion
from memobench_openai.options import JudgeOptions

if TYPE_CHECKING:
    from memobench_openai.replicas import Replicas


Tokens = tuple[int, ...]
Send = Callable[[str, Json], Awaitable[Json]]
"""Posts a body to a path, with retries."""

_MINUS_INFINITY = -9000.0
"""vLLM reports -9999 for minus infinity."""
_HINT = "vLLM 0.32 supports them. For other servers disable them: -o logprobs=off."


class ExactLogprobs:
    """Scores the options of questions with one model."""

    def __init__(self, transport: Replicas, bodies: ChatBodyBuilder, options: JudgeOptions) -> None:
        self._builder, self._options, self._root = bodies, options, transport.address.root
        self._trees: dict[tuple[str, ...], WordTree] = {}
        self._lock = asyncio.Lock()

    async def score(
        self, request: JudgeRequest, send: Send
    ) -> tuple[Completion, dict[str, float], list[Json]]:
        """Return the first completion, the score of each option, and all completions used.

        Raises `RemoteError`; `RequestError` if two options have the same tokens.
        """
        pairs = sorted(zip(answer_words(request.question), request.question.options, strict=True))
        messages = self._builder.messages(request)
        tree = await self._word_tree(tuple(word for word, _ in pairs), messages, send)
        found: dict[Tokens, Mapping[int, float]] = {}
        completions: list[Json] = []
        for path in _longest_paths(tree.prefixes):
            body = self._body(messages, path, tree)
            completions.append(await send("/chat/completions", body))
            found |= _distributions(parse_completion(completions[-1]), path, tree)
        scores = zip((option for _, option in pairs), tree.scores(found), strict=True)
        # The server was forced along a path, so the text is not the model's own.
        return replace(parse_completion(completions[0]), text=None), dict(scores), completions

    def _body(self, messages: list[Json], path: Tokens, tree: WordTree) -> Json:
        wanted = {token for end in range(len(path) + 1) for token in tree.children(path[:end])}
        body: Json = {
            "model": self._options.ref,
            "messages": messages,
            "temperature": 0.0,
            "max_tokens": len(path) + 1,
            "logprobs": True,
            "logprob_token_ids": sorted(wanted),
            "return_tokens_as_token_ids": True,
        }
        if path:
            body["allowed_token_ids"] = sorted(set(path))
        return self._builder.apply_user_fields(body)

    async def _word_tree(self, words: tuple[str, ...], messages: list[Json], send: Send) -> WordTree:
        """The tokens of the words. Requested once: every sample uses the same words."""
        async with self._lock:
            if words not in self._trees:
                prompt = await self._prompt(messages, send)
                loop = asyncio.get_running_loop()

                def encode(text: str) -> list[int]:
                    return asyncio.run_coroutine_threadsafe(
                        self._encode({"prompt": text}, send), loop
                    ).result()

                # In a thread: it blocks on each reply, which this loop has to deliver.
                self._trees[words] = WordTree(
                    await asyncio.to_thread(candidate_tokens, encode, prompt, words)
                )
            return self._trees[words]

    async def _prompt(self, messages: list[Json], send: Send) -> str:
        """The rendered prompt without its pictures: only its end affects how an answer is split into tokens."""
        template = self._builder.template_fields
        tokens = await self._encode({"messages": [_without_pictures(m) for m in messages], **template}, send)
        body = await self._call_tool("detokenize", {"tokens": tokens}, send)
        prompt = str(body.get("prompt", ""))
        if open_thought(prompt) is not None:
            raise RemoteError(
                "opens_thought",
                "the prompt of this model opens a thought, whose first word would be scored",
                fatal="Turn thinking off (-o thinking=off), or read what follows it: -o thinking=on --read reasoned.",
            )
        return prompt

    async def _encode(self, what: Json, send: Send) -> list[int]:
        body = await self._call_tool("tokenize", {"add_special_tokens": False, **what}, send)
        tokens = body.get("tokens")
        if not isinstance(tokens, list) or not all(isinstance(t, int) for t in tokens):
            raise RemoteError("no_tokenizer", "the server does not expose its tokenizer", fatal=_HINT)
        return tokens

    async def _call_tool(self, name: str, body: Json, send: Send) -> Json:
        """Call an endpoint of the server outside its chat API."""
        try:
            return await send(f"{self._root}/{name}", {"model": self._options.ref, **body})
        except RemoteError as error:
            if error.fatal != "path":
                raise
            raise RemoteError("no_tokenizer", f"the server has no /{name}", fatal=_HINT) from None


def _without_pictures(message: Json) -> Json:
    content = message["content"]
    if isinstance(content, str):
        return message
    return {"role": message["role"], "content": " ".join(p["text"] for p in content if p["type"] == "text")}


def _longest_paths(prefixes: tuple[Tokens, ...]) -> list[Tokens]:
    """The prefixes that no other prefix extends. Following them covers all others."""
    return [p for p in prefixes if not any(len(q) > len(p) and q[: len(p)] == p for q in prefixes)]


def _distributions(completion: Completion, path: Tokens, tree: WordTree) -> dict[Tokens, Mapping[int, float]]:
    """Prefix -> token -> log-probability, for the path and all its prefixes. Raises `RemoteError` for unusable values."""
    found: dict[Tokens, Mapping[int, float]] = {}
    for end in range(len(path) + 1):
        prefix, known = (
            path[:end],
            _token_logprobs(completion.logprobs[end]) if end < len(completion.logprobs) else {},
        )
        missing = [t for t in tree.children(prefix) if t not in known]
        if missing:
            raise RemoteError(
                "no_logprobs", "the server returns no log-probabilities for requested tokens", fatal=_HINT
            )
        if end < len(path) and _generated_token(completion.logprobs[end]) != path[end]:
            raise RemoteError(
                "not_led",
                "the server did not follow the tokens of an option; use a different answer mode "
                "(--read choice)",
            )
        values = {t: known[t] for t in tree.children(prefix)}
        invalid = [v for v in values.values() if v > 1e-3 or (path and v <= _MINUS_INFINITY)]
        if invalid:
            raise RemoteError(
                "processed_logprobs",
                "the server returns processed log-probabilities, not the raw ones of the model",
                fatal="Start it with --logprobs-mode raw_logprobs, or disable them: -o logprobs=off.",
            )
        found[prefix] = values
    return found


def _token_logprobs(position: Mapping[str, Any]) -> dict[int, float]:
    top = position.get("top_logprobs")
    entries = [position, *(top if isinstance(top, list) else [])]
    known = {_token_id(e.get("token")): e.get("logprob") for e in entries if isinstance(e, Mapping)}
    return {
        t: float(v)
        for t, v in known.items()
        if t is not None and isinstance(v, (int, float)) and -1e300 < v < 1e300
    }


def _generated_token(position: Mapping[str, Any]) -> int | None:
    return _token_id(position.get("token"))


def _token_id(token: object) -> int | None:
    """The id in `token_id:123`."""
    name, _, number = str(token).partition(":")
    return int(number) if name == "token_id" and number.isdecimal() and len(number) < 20 else None
