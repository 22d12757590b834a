"""The judge `transformers`: runs batches of similar requests through a model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING

from harness import (
    BadOption,
    Capability,
    HarnessError,
    Judge,
    JudgeReply,
    JudgeRequest,
    PresetCheck,
    Question,
    ReplyError,
    RequestSource,
)
from harness.hub import Resolved, check_files, resolve
from harness.mllm import (
    Thinking,
    find_thinking,
    known_reference,
    model_identity,
    model_template,
    preset_of,
    presets,
)
from memobench_transformers import packages
from memobench_transformers.batching import Item, batches
from memobench_transformers.options import TransformersOptions

if TYPE_CHECKING:
    from memobench_transformers.runner import Runner


class TransformersJudge(Judge):
    """An open multimodal LLM on transformers, for models and machines that vLLM does not support."""

    class Options(TransformersOptions):
        """Options of the judge."""

    options: TransformersOptions
    takes = "pixels"

    def __init__(self, options: TransformersOptions | None = None) -> None:
        super().__init__(options)
        self._runner: Runner | None = None

    @property
    def capabilities(self) -> frozenset[Capability]:
        """TEXT, CHOICE, exact LOGPROBS and MULTI_IMAGE; REASONED for a model that thinks."""
        supported = {Capability.TEXT, Capability.CHOICE, Capability.LOGPROBS, Capability.MULTI_IMAGE}
        with suppress(HarnessError):  # identity() reports it
            supported |= self.thinking.capabilities()
        return frozenset(supported)

    def cannot_answer(self, question: Question) -> str:
        """An answer is never read from the first word of a thought."""
        return self.thinking.refusal(question.answer_mode)

    @cached_property
    def model(self) -> Resolved:
        """The resolved weights, not loaded yet. Raises `HarnessError` if they are unavailable."""
        ref = known_reference(self.options.ref)
        preset = preset_of(ref.partition("@")[0])
        if preset is not None and preset.get("transformers") is False and not self.options.trust_remote_code:
            raise BadOption(
                f"transformers has no built-in support for {preset.ref}.",
                f"Use vllm:{preset.ref}, or try the code in its repository: -o trust_remote_code=true",
            )
        return check_files(resolve(ref, self.options.revision))

    @cached_property
    def template(self) -> str:
        """The chat template or prompt form: the user's, the preset's, or the model's own."""
        return model_template(self.model, self.options.chat_template)

    @cached_property
    def thinking(self) -> Thinking:
        """Whether the model thinks before it answers. Raises `BadOption`."""
        return find_thinking(self.model, self.template, self.options)

    def identity(self) -> Mapping[str, str]:
        """The weights' commit or digest, the template's digest, how it thinks, and the version of transformers."""
        model, backend = self.model, f"transformers {packages.version()}"
        packages.check_options(self.options)
        identity = model_identity(model, self.template, backend, self.options.lora)
        return {**identity, **self.thinking.identity()}

    @classmethod
    def known_references(cls) -> Sequence[str]:
        """The presets of open models that transformers runs without code from their repositories."""
        return [name for name, preset in presets().items() if preset.get("transformers")]

    def check_preset(self, facts: Mapping[str, str]) -> Iterable[PresetCheck]:
        """Check the reference, the files, the architecture, the prompt and the words of the options."""
        from memobench_transformers.preset_check import check

        return check(self.options, facts)

    def open(self) -> None:
        """Load the model. Raises `HarnessError` with a hint."""
        model = self.model
        packages.version()
        packages.check_options(self.options)
        from memobench_transformers.runner import Runner

        self._runner = Runner(self.options, model, self.template, self.thinking)

    def judge(self, batch: Sequence[JudgeRequest]) -> Iterator[JudgeReply]:
        yield from self._answer(batch)

    def stream(self, requests: RequestSource[JudgeRequest]) -> Iterator[JudgeReply]:
        """Answer all requests, in batches of similar ones from a window."""
        yield from self._answer(requests)

    def _answer(self, requests: Iterable[JudgeRequest]) -> Iterator[JudgeReply]:
        if self._runner is None:
            self.open()
        runner = self._runner
        assert runner is not None, "open() creates it"
        rejected: list[JudgeReply] = []
        for batch in batches(_items(runner, requests, rejected), self.options.batch_size):
            yield from _drain(rejected)
            yield from runner.answer(batch)
        yield from _drain(rejected)

    def close(self) -> None:
        runner, self._runner = self._runner, None
        if runner is not None:
            runner.close()


def _items(runner: Runner, requests: Iterable[JudgeRequest], rejected: list[JudgeReply]) -> Iterator[Item]:
    """Prepare the requests. Those that the model cannot take get an error reply in `rejected`."""
    for request in requests:
        try:
            yield runner.prepare(request)
        except HarnessError as e:
            rejected.append(
                JudgeReply(request.id, error=ReplyError("refused_input", str(e), retryable=False))
            )
        except Exception as e:  # a chat template is a program and may fail on one conversation
            message = f"{type(e).__name__}: {e}"[:500]
            rejected.append(
                JudgeReply(request.id, error=ReplyError("refused_input", message, retryable=False))
            )


def _drain(replies: list[JudgeReply]) -> Iterator[JudgeReply]:
    while replies:
        yield replies.pop(0)
