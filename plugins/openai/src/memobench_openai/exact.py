"""Exact log-probabilities of words, from servers that are vLLM.

vLLM gives the log-probability of any tokens asked for (`logprob_token_ids`), before anything that steers sampling.
Words of several tokens need distributions further on: the server is led along a word's first tokens by allowing no
others, and the tokens that it took are checked. Which tokens a word takes is asked of the server's own tokenizer, behind
the end of its own chat template.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from harness import JudgeRequest
from harness.mllm import WordTree, answer_words, candidate_tokens
from memobench_openai.body import Bodies, Json
from memobench_openai.client import Wire
from memobench_openai.faults import Fault
from memobench_openai.options import JudgeOptions
from memobench_openai.replies import Said, read_completion

Tokens = tuple[int, ...]
Send = Callable[[str, Json], Awaitable[Json]]
"""Posts a body to a path, with the retries that belong to it."""

_IMPOSSIBLE = -9000.0
"""vLLM writes -9999 for minus infinity."""
_HINT = "vLLM 0.32 is known to give them; for other servers leave them out: -o logprobs=off."


class ExactScores:
    """Scores the words of questions on one model."""

    def __init__(self, wire: Wire, bodies: Bodies, options: JudgeOptions) -> None:
        self._bodies, self._options, self._root = bodies, options, wire.address.root
        self._trees: dict[tuple[str, ...], WordTree] = {}
        self._finding = asyncio.Lock()

    async def of(self, request: JudgeRequest, send: Send) -> tuple[Said, dict[str, float], list[Json]]:
        """What the first completion said, the score of each option, and all completions that it took.

        Raises `Fault`; `RequestError` where the tokenizer cannot tell the options apart.
        """
        pairs = sorted(zip(answer_words(request.question), request.question.options, strict=True))
        messages = self._bodies.messages(request)
        tree = await self._tree(tuple(word for word, _ in pairs), messages, send)
        found: dict[Tokens, Mapping[int, float]] = {}
        completions: list[Json] = []
        for path in _longest(tree.prefixes):
            body = self._body(messages, path, tree)
            completions.append(await send("/chat/completions", body))
            found |= _distributions(read_completion(completions[-1]), path, tree)
        scores = zip((option for _, option in pairs), tree.scores(found), strict=True)
        # Where the server was led, its text is none of the model's.
        return replace(read_completion(completions[0]), text=None), dict(scores), completions

    def _body(self, messages: list[Json], path: Tokens, tree: WordTree) -> Json:
        wanted = {token for end in range(len(path) + 1) for token in tree.children(path[:end])}
        body: Json = {"model": self._options.ref, "messages": messages, "temperature": 0.0, "max_tokens": len(path) + 1,
                      "logprobs": True, "logprob_token_ids": sorted(wanted), "return_tokens_as_token_ids": True}  # fmt: skip
        if path:
            body["allowed_token_ids"] = sorted(set(path))
        return self._bodies.finish(body)

    async def _tree(self, words: tuple[str, ...], messages: list[Json], send: Send) -> WordTree:
        """The tokens of the words; asked of the server once, since each sample asks for the same ones."""
        async with self._finding:
            if words not in self._trees:
                prompt = await self._prompt(messages, send)
                loop = asyncio.get_running_loop()

                def encode(text: str) -> list[int]:
                    return asyncio.run_coroutine_threadsafe(
                        self._encode({"prompt": text}, send), loop
                    ).result()

                # In a thread, since it waits for each answer, which this loop has to bring.
                self._trees[words] = WordTree(
                    await asyncio.to_thread(candidate_tokens, encode, prompt, words)
                )
            return self._trees[words]

    async def _prompt(self, messages: list[Json], send: Send) -> str:
        """The rendered prompt, without its pictures: only its end decides how an answer is cut into tokens."""
        template = {k: v for k, v in self._options.extra_body.items() if k.startswith("chat_template")}
        tokens = await self._encode({"messages": [_without_pictures(m) for m in messages], **template}, send)
        body = await self._tool("detokenize", {"tokens": tokens}, send)
        return str(body.get("prompt", ""))

    async def _encode(self, what: Json, send: Send) -> list[int]:
        body = await self._tool("tokenize", {"add_special_tokens": False, **what}, send)
        tokens = body.get("tokens")
        if not isinstance(tokens, list) or not all(isinstance(t, int) for t in tokens):
            raise Fault("no_tokenizer", "the server does not say how it cuts text into tokens", ends=_HINT)
        return tokens

    async def _tool(self, name: str, body: Json, send: Send) -> Json:
        """What a tool of the server beside its chat endpoint says."""
        try:
            return await send(f"{self._root}/{name}", {"model": self._options.ref, **body})
        except Fault as fault:
            if fault.ends != "path":
                raise
            raise Fault("no_tokenizer", f"the server has no /{name}", ends=_HINT) from None


def _without_pictures(message: Json) -> Json:
    content = message["content"]
    if isinstance(content, str):
        return message
    return {"role": message["role"], "content": " ".join(p["text"] for p in content if p["type"] == "text")}


def _longest(prefixes: tuple[Tokens, ...]) -> list[Tokens]:
    """The prefixes that begin no other: being led along them passes all the others."""
    return [p for p in prefixes if not any(len(q) > len(p) and q[: len(p)] == p for q in prefixes)]


def _distributions(said: Said, path: Tokens, tree: WordTree) -> dict[Tokens, Mapping[int, float]]:
    """Prefix -> token -> log-probability, for the path and all that leads to it. Raises `Fault` for what is unsound."""
    found: dict[Tokens, Mapping[int, float]] = {}
    for end in range(len(path) + 1):
        prefix, known = path[:end], _known(said.logprobs[end]) if end < len(said.logprobs) else {}
        missing = [t for t in tree.children(prefix) if t not in known]
        if missing:
            raise Fault("no_logprobs", "the server gives no log-probabilities of chosen tokens", ends=_HINT)
        if end < len(path) and _taken(said.logprobs[end]) != path[end]:
            raise Fault(
                "not_led",
                "the server could not be led along the tokens of an option; read this task another "
                "way (--read choice)",
            )
        values = {t: known[t] for t in tree.children(prefix)}
        unsound = [v for v in values.values() if v > 1e-3 or (path and v <= _IMPOSSIBLE)]
        if unsound:
            raise Fault(
                "processed_logprobs",
                "the server gives log-probabilities after steering, not the model's own",
                ends="Start it with --logprobs-mode raw_logprobs, or leave them out: -o logprobs=off.",
            )
        found[prefix] = values
    return found


def _known(position: Mapping[str, Any]) -> dict[int, float]:
    top = position.get("top_logprobs")
    entries = [position, *(top if isinstance(top, list) else [])]
    known = {_token_id(e.get("token")): e.get("logprob") for e in entries if isinstance(e, Mapping)}
    return {t: float(v) for t, v in known.items() if t is not None and isinstance(v, (int, float))}


def _taken(position: Mapping[str, Any]) -> int | None:
    return _token_id(position.get("token"))


def _token_id(token: object) -> int | None:
    """The id in `token_id:123`."""
    name, _, number = str(token).partition(":")
    return int(number) if name == "token_id" and number.isdigit() else None
