"""Runs batches of requests on a loaded model."""

from __future__ import annotations

import gc
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch

from harness import HarnessError, JudgeReply, JudgeRequest, Message, Part, Question, ReplyError, RequestError
from harness.hub import Resolved
from harness.mllm import Prompter, Thinking, image_order, image_token, nan_error, preset_of, with_thought
from memobench_transformers import loading
from memobench_transformers.batch_decoder import BatchDecoder, generation_settings, run_decoder
from memobench_transformers.batching import Item
from memobench_transformers.constraints import Constraint, SpellingConstraint, TreeConstraint, token_bytes
from memobench_transformers.decoding import RowState, decode_rows, score_sequences
from memobench_transformers.options import TransformersOptions
from memobench_transformers.thoughts import closed_by, continued

OUT_OF_MEMORY_MESSAGE = (
    "There is not enough memory for a single request. "
    "Lower -o batch_size or -o max_pixels, or load a smaller model: -o dtype=bfloat16, -o quantization=4bit."
)
_PROBE = (Message("user", (Part(image=0), Part("Which emotion?"))),)


class Runner:
    """One model with its processor. Raises `HarnessError` if it cannot be loaded or does not accept pictures."""

    def __init__(
        self, options: TransformersOptions, model: Resolved, template: str, thinking: Thinking
    ) -> None:
        loading.check_architecture(options, model)
        device = loading.select_device(options)
        self._processor = loading.load_processor(options, model)
        self._tokenizer = self._processor.tokenizer
        self._prompter = _prompter(self._processor, model, template, thinking)
        self._model: Any = loading.load_model(options, model, device)
        self._device = self._model.get_input_embeddings().weight.device
        self._stop_tokens = _find_stop_tokens(self._model, self._tokenizer, model)
        self._max_length = getattr(self._model.config.get_text_config(), "max_position_embeddings", None)
        self._settings = generation_settings(self._tokenizer.pad_token_id)
        self._limit = options.batch_size
        self._constraints: dict[tuple[str, ...], Constraint] = {}
        self._vocabulary: dict[bytes, list[int]] | None = None

    def close(self) -> None:
        self._model = self._processor = None
        gc.collect()
        if self._device.type == "cuda":
            torch.cuda.empty_cache()

    def prepare(self, request: JudgeRequest) -> Item:
        """Prepare a request. Raises `RequestError` if its prompt or its options do not suit the model."""
        prompt = self._prompter.render(request.messages)
        order = image_order(request.messages)
        if prompt.count(self._prompter.image_token) > len(order):
            # Pictures are assigned to placeholders in order: an extra placeholder would shift all that follow.
            raise RequestError(
                f"The text itself contains {self._prompter.image_token!r}, the model's placeholder for a picture.",
                "Change the text or the label.",
            )
        mode: str = request.question.answer_mode
        plan: Any = None
        kind: tuple[object, ...] = (mode, len(order))
        if mode in ("logprobs", "reasoned"):
            plan = self._prompter.words(request.question, prompt)
            kind += (plan[0].sequences,)
        elif mode == "choice":
            plan = self._constraint(request.question, prompt)
        elif mode != "text":
            raise RequestError(
                f"Language models do not support the answer mode {mode!r}.",
                "Use logprobs, choice, text or reasoned.",
            )
        if (reason := self._prompter.thinking.refusal(request.question.answer_mode)) or (
            mode == "reasoned" and not self._prompter.thinking.active
        ):
            raise RequestError(
                f"The answer mode {mode!r} does not suit the prompt: {reason or 'it opens no thought'}.",
                "Use reasoned with a model that thinks, and thinking=off for the others.",
            )
        pictures = [request.images[number].image for number in order]
        pixels = sum(p.width * p.height for p in pictures if p is not None)
        return Item(request, prompt, kind, (pixels, len(prompt)), plan)

    def _constraint(self, question: Question, prompt: str) -> Constraint:
        texts = tuple(sorted(self._prompter.guided(question, prompt)))
        if texts not in self._constraints:
            if self._vocabulary is None:
                self._vocabulary = token_bytes(self._tokenizer) or {}
            letters = {bytes([byte]) for text in texts for byte in text.encode()}
            if letters <= self._vocabulary.keys():
                self._constraints[texts] = SpellingConstraint(texts, self._vocabulary)
            else:
                tree, options = self._prompter.words(question, prompt)
                text_of = {option: text for text, option in self._prompter.guided(question, prompt).items()}
                self._constraints[texts] = TreeConstraint(tree, [text_of[option] for option in options])
        return self._constraints[texts]

    def answer(self, batch: Sequence[Item]) -> Iterator[JudgeReply]:
        """The replies to items of one kind. A failing item does not fail the others."""
        start = 0
        while start < len(batch):
            part = batch[start : start + self._limit]
            start += len(part)
            yield from self._attempt(part)

    def _attempt(self, batch: Sequence[Item]) -> Iterator[JudgeReply]:
        try:
            replies, error = self._run(batch), None
        except HarnessError:
            raise
        except Exception as e:  # a model may raise anything for one picture
            # Drop the traceback, which would keep the tensors of the failed attempt alive.
            replies, error = [], e.with_traceback(None)
        if error is None:
            yield from replies
        elif len(batch) == 1:
            self._empty_cache()
            yield JudgeReply(batch[0].request.id, error=_reply_error(error))
        elif loading.out_of_memory(error):
            self._limit = len(batch) // 2
            self._empty_cache()
            yield from self.answer(batch)
        else:
            for item in batch:
                yield from self._attempt([item])

    def _empty_cache(self) -> None:
        if self._device.type == "cuda":
            torch.cuda.empty_cache()

    def _run(self, batch: Sequence[Item]) -> list[JudgeReply]:
        inputs, lengths = self._inputs(batch)
        too_long = [
            n
            for n, length in enumerate(lengths)
            if self._max_length is not None and length + self._reserve(batch[n]) >= self._max_length
        ]
        if too_long:
            rest = [item for n, item in enumerate(batch) if n not in too_long]
            message = f"the prompt has {{}} tokens, but the model's context length is {self._max_length}"
            replies = [
                JudgeReply(
                    batch[n].request.id,
                    error=ReplyError("prompt_too_long", message.format(lengths[n]), False),
                )
                for n in too_long
            ]
            return replies + (self._run(rest) if rest else [])
        with torch.inference_mode(), loading.silenced_libraries():
            if self._prompter.thinks_first(batch[0].request.question):
                return self._think(batch, inputs, lengths)
            if batch[0].request.question.answer_mode == "logprobs":
                return self._score(batch, inputs, lengths)
            return self._decode(batch, inputs, lengths)

    def _inputs(self, batch: Sequence[Item]) -> tuple[dict[str, Any], list[int]]:
        """Model inputs, padded on the left, and the number of tokens of each prompt."""
        pictures = [
            [item.request.images[n].image for n in image_order(item.request.messages)] for item in batch
        ]
        bos = self._tokenizer.bos_token
        inputs = self._processor(
            text=[item.prompt for item in batch],
            images=pictures if any(pictures) else None,
            padding=True,
            return_tensors="pt",
            add_special_tokens=not (bos and batch[0].prompt.startswith(bos)),
        ).to(self._device, dtype=self._model.dtype)
        mask = inputs["attention_mask"]
        if not bool(mask[:, -1].all()):
            # After an error, items run one by one, without padding.
            raise ValueError("the model's processor pads on the right")
        return dict(inputs), mask.sum(dim=1).tolist()

    def _reserve(self, item: Item) -> int:
        """Tokens that must be left after the prompt, besides a thought, where one comes first."""
        if not self._prompter.thinks_first(item.request.question):
            return 0
        closing = self._prompter.end_of_thought
        if item.plan is None:
            return closing + item.request.sampling.max_tokens
        return closing + max(map(len, item.plan[0].sequences))

    def _think(
        self, batch: Sequence[Item], inputs: dict[str, Any], lengths: Sequence[int]
    ) -> list[JudgeReply]:
        """Let each row think up to the budget, close the thought, and answer after it."""
        budget = self._prompter.thinking.budget
        room = [
            budget if self._max_length is None else self._max_length - length - self._reserve(item)
            for item, length in zip(batch, lengths, strict=True)
        ]
        rows = [
            RowState(
                replace(item.request.sampling, max_tokens=min(budget, free)),
                self._stop_tokens,
                ended=closed_by(self._prompter),
            )
            for item, free in zip(batch, room, strict=True)
        ]
        run_decoder(self._model, dict(inputs), self._settings, lambda decoder: decode_rows(decoder, rows))
        thoughts = [self._prompter.thought_of(row.tokens) for row in rows]
        added = [thought.continuation for thought in thoughts]
        inputs = continued(inputs, lengths, added, self._tokenizer.pad_token_id)
        answer = self._decode if batch[0].plan is None else self._score
        replies = answer(batch, inputs, lengths)
        broken = JudgeReply("", error=nan_error("transformers", (math.nan,)))
        return [
            replace(broken, id=reply.id)
            if row.finish == "nan"
            else with_thought(reply, thought, row.count, row.finish)
            for reply, row, thought in zip(replies, rows, thoughts, strict=True)
        ]

    def _score(
        self, batch: Sequence[Item], inputs: dict[str, Any], lengths: Sequence[int]
    ) -> list[JudgeReply]:
        tree = batch[0].plan[0]
        rows = run_decoder(
            self._model, inputs, self._settings, lambda decoder: score_sequences(decoder, tree)
        )
        return [
            JudgeReply(item.request.id, error=error)
            if (error := nan_error("transformers", row)) is not None
            else JudgeReply(
                item.request.id,
                scores=dict(zip(item.plan[1], row, strict=True)),
                finish_reason="stop",
                usage={"prompt_tokens": length, "completion_tokens": 0},
            )
            for item, row, length in zip(batch, rows, lengths, strict=True)
        ]

    def _decode(
        self, batch: Sequence[Item], inputs: dict[str, Any], lengths: Sequence[int]
    ) -> list[JudgeReply]:
        rows = [RowState(item.request.sampling, self._stop_tokens, item.plan) for item in batch]

        def callback(decoder: BatchDecoder) -> None:
            decode_rows(decoder, rows)

        run_decoder(self._model, inputs, self._settings, callback)
        return [
            JudgeReply(item.request.id, error=nan_error("transformers", (math.nan,)))
            if row.finish == "nan"
            else JudgeReply(
                item.request.id,
                text=self._text(row),
                finish_reason=row.finish,
                usage={"prompt_tokens": length, "completion_tokens": row.count},
            )
            for item, row, length in zip(batch, rows, lengths, strict=True)
        ]

    def _text(self, row: RowState) -> str:
        if row.constraint is not None:
            return (row.constraint.completed_text(tuple(row.tokens)) or "").strip()
        text = self._tokenizer.decode(
            row.tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        # A truncated answer may end within a character, whose first bytes are not valid text.
        return str(text).rstrip("\ufffd").strip()


def _prompter(processor: Any, model: Resolved, template: str, thinking: Thinking) -> Prompter:
    """A prompter whose template has a placeholder for pictures. Raises `RequestError`."""
    others = (getattr(processor, name, None) for name in ("image_token", "boi_token", "start_image_token"))
    tokens = [image_token(model, processor.tokenizer), *(token for token in others if isinstance(token, str))]
    prompters = [Prompter(processor.tokenizer, template, token, model.ref, thinking) for token in tokens]
    for prompter in prompters[1:]:
        # Templates of some models (Gemma 3) use a different token, which the processor replaces by the picture's tokens.
        if not _places_pictures(prompters[0]) and _places_pictures(prompter):
            return prompter
    prompters[0].render(_PROBE)
    return prompters[0]


def _places_pictures(prompter: Prompter) -> bool:
    try:
        prompter.render(_PROBE)
    except RequestError:
        return False
    return True


def _find_stop_tokens(model: Any, tokenizer: Any, found: Resolved) -> frozenset[int]:
    """The tokens that end an answer, according to the model's files and its preset."""
    preset = preset_of(found.ref)
    given = getattr(model.generation_config, "eos_token_id", None)
    stop_tokens = [*(given if isinstance(given, list) else [given]), tokenizer.eos_token_id]
    for token in (preset.get("stop_tokens") if preset else None) or ():
        stop_tokens.append(token if isinstance(token, int) else tokenizer.convert_tokens_to_ids(token))
    return frozenset(token for token in stop_tokens if isinstance(token, int))


def _reply_error(error: Exception) -> ReplyError:
    if loading.out_of_memory(error):
        return ReplyError("out_of_memory", OUT_OF_MEMORY_MESSAGE)
    return ReplyError(type(error).__name__, str(error)[:500] or type(error).__name__)
