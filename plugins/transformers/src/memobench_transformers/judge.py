"""The judge: batches of like requests through a model of transformers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from harness import (
    BadOption,
    Capability,
    HarnessError,
    Judge,
    JudgeReply,
    JudgeRequest,
    ReplyError,
    RequestSource,
)
from harness.hub import Resolved, resolve
from harness.mllm import known_reference, model_identity, model_template, preset_of
from memobench_transformers import packages
from memobench_transformers.batching import Item, batches
from memobench_transformers.options import TransformersOptions

if TYPE_CHECKING:
    from memobench_transformers.runner import Runner


class TransformersJudge(Judge):
    """An open multimodal LLM on transformers: for models and machines that vLLM does not serve."""

    class Options(TransformersOptions):
        """Options of the judge."""

    options: TransformersOptions
    takes = "pixels"

    def __init__(self, options: TransformersOptions | None = None) -> None:
        super().__init__(options)
        self._runner: Runner | None = None

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Text, guided choices and exact log-probabilities, on as many pictures as the chat template places."""
        return frozenset({Capability.TEXT, Capability.CHOICE, Capability.LOGPROBS, Capability.MULTI_IMAGE})

    @cached_property
    def model(self) -> Resolved:
        """The weights, checked without loading them. Raises `HarnessError` where they cannot be had."""
        ref = known_reference(self.options.ref)
        preset = preset_of(ref.partition("@")[0])
        if preset is not None and preset.get("transformers") is False and not self.options.trust_remote_code:
            raise BadOption(
                f"transformers has no code of its own for {preset.ref}.",
                f"Use vllm:{preset.ref}, or try its repository's code: -o trust_remote_code=true",
            )
        return resolve(ref, self.options.revision)

    @cached_property
    def template(self) -> str:
        """The chat template or prompt form: the user's, the preset's, or the model's own."""
        return model_template(self.model, self.options.chat_template)

    def identity(self) -> Mapping[str, str]:
        """The weights' commit or digest, the template's digest, the engine's version."""
        model, backend = self.model, f"transformers {packages.version()}"
        packages.check(self.options)
        return model_identity(model, self.template, backend, self.options.lora)

    def open(self) -> None:
        """Load the model. Raises `HarnessError` that says what to change."""
        model = self.model
        packages.version()
        packages.check(self.options)
        from memobench_transformers.runner import Runner

        self._runner = Runner(self.options, model, self.template)

    def judge(self, batch: Sequence[JudgeRequest]) -> Iterator[JudgeReply]:
        """Answer some requests, like ones together."""
        yield from self._answer(batch)

    def stream(self, requests: RequestSource[JudgeRequest]) -> Iterator[JudgeReply]:
        """Answer all requests; like ones out of a window of some batches together."""
        yield from self._answer(requests)

    def _answer(self, requests: Iterable[JudgeRequest]) -> Iterator[JudgeReply]:
        if self._runner is None:
            self.open()
        runner = self._runner
        assert runner is not None, "open() has made it"
        refused: list[JudgeReply] = []
        for batch in batches(_items(runner, requests, refused), self.options.batch_size):
            yield from _drained(refused)
            yield from runner.answer(batch)
        yield from _drained(refused)

    def close(self) -> None:
        """Free the model and its memory."""
        runner, self._runner = self._runner, None
        if runner is not None:
            runner.close()


def _items(runner: Runner, requests: Iterable[JudgeRequest], refused: list[JudgeReply]) -> Iterator[Item]:
    """The requests that can be put to the model; the others have their replies in `refused`."""
    for request in requests:
        try:
            yield runner.item(request)
        except HarnessError as e:
            refused.append(JudgeReply(request.id, error=ReplyError("refused_input", str(e), retryable=False)))
        except Exception as e:  # a chat template is a program: it may fail on one conversation
            message = f"{type(e).__name__}: {e}"[:500]
            refused.append(
                JudgeReply(request.id, error=ReplyError("refused_input", message, retryable=False))
            )


def _drained(replies: list[JudgeReply]) -> Iterator[JudgeReply]:
    while replies:
        yield replies.pop(0)
