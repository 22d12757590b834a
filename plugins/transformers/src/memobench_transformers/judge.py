"""The judge: batches of like requests through a model of transformers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
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
from harness.mllm import find_template, preset_of, presets, template_digest, template_text
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
        """Text, guided choices and exact log-probabilities."""
        return frozenset({Capability.TEXT, Capability.CHOICE, Capability.LOGPROBS})

    @cached_property
    def model(self) -> Resolved:
        """The weights, checked without loading them. Raises `HarnessError` where they cannot be had."""
        ref = _reference(self.options.ref)
        preset = preset_of(ref.partition("@")[0])
        if preset is not None and preset.get("transformers") is False and not self.options.trust_remote_code:
            raise BadOption(f"transformers has no code of its own for {preset.ref}.",
                            f"Use vllm:{preset.ref}, or try its repository's code: -o trust_remote_code=true")  # fmt: skip
        return resolve(ref, self.options.revision)

    @cached_property
    def template(self) -> str:
        """The chat template or prompt form: the user's, the preset's, or the model's own."""
        if self.options.chat_template:
            return template_text(self.options.chat_template)
        preset = preset_of(self.model.ref)
        form = str(preset.get("prompt", "")) if preset else ""
        return form if "{text}" in form else find_template(self.model)

    def identity(self) -> Mapping[str, str]:
        """The weights' commit or digest, the template's digest, the engine's version."""
        model, backend = self.model, f"transformers {packages.version()}"
        packages.check(self.options)
        lora = (
            resolve(self.options.lora, config="adapter_config.json").identity() if self.options.lora else {}
        )
        return {**model.identity(), **{f"lora {k}": v for k, v in lora.items()},
                "template": template_digest(self.template), "backend": backend}  # fmt: skip

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


def _reference(given: str) -> str:
    """A folder or a reference on the hub, for which a known name may stand. Raises `BadOption`."""
    if "/" in given or Path(given).expanduser().exists():
        return given
    name, at, revision = given.partition("@")
    names = {alias: preset.ref for preset in presets().values() for alias in (preset.name, *preset.aliases)}
    if name in names:
        return names[name] + at + revision
    near = get_close_matches(name, names, n=1)
    raise BadOption(f"{given!r} is neither a folder here, nor a hub reference (ORG/NAME), nor a known name.",
                    f"Did you mean {near[0]!r}?" if near else "Known names: " + ", ".join(presets()))  # fmt: skip


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
