"""A loaded model at work: prompts made, batches run, replies read off."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from typing import Any

import torch

from harness import HarnessError, JudgeReply, JudgeRequest, Message, Part, Question, ReplyError, RequestError
from harness.hub import Resolved
from harness.mllm import Prompter, image_order, image_token, preset_of
from memobench_transformers import loading
from memobench_transformers.batching import Item
from memobench_transformers.guide import Guide, SpellingGuide, TreeGuide, spellings
from memobench_transformers.options import TransformersOptions
from memobench_transformers.reading import Answer, decode, read_scores
from memobench_transformers.steps import Steps, settings, walk

NO_ROOM = (
    "There is not enough memory for this request alone. "
    "Lower -o batch_size or -o max_pixels, or load the model smaller: -o dtype=bfloat16, -o quantization=4bit."
)
_PROBE = (Message("user", (Part(image=0), Part("Which emotion?"))),)


class Runner:
    """One model with its processor. Raises `HarnessError` where it cannot be loaded or cannot see pictures."""

    def __init__(self, options: TransformersOptions, model: Resolved, template: str) -> None:
        loading.check(options, model)
        device = loading.device_of(options)
        self._processor = loading.load_processor(options, model)
        self._tokenizer = self._processor.tokenizer
        self._prompter = _prompter(self._processor, model, template)
        self._model: Any = loading.load_model(options, model, device)
        self._device = self._model.get_input_embeddings().weight.device
        self._ends = _end_tokens(self._model, self._tokenizer, model)
        self._room = getattr(self._model.config.get_text_config(), "max_position_embeddings", None)
        self._settings = settings(self._tokenizer.pad_token_id)
        self._limit = options.batch_size
        self._guides: dict[tuple[str, ...], Guide] = {}
        self._vocabulary: dict[bytes, list[int]] | None = None

    def close(self) -> None:
        """Give the memory back."""
        self._model = self._processor = None
        gc.collect()
        if self._device.type == "cuda":
            torch.cuda.empty_cache()

    def item(self, request: JudgeRequest) -> Item:
        """A request made ready. Raises `RequestError` where its prompt or its options do not suit the model."""
        prompt = self._prompter.render(request.messages)
        order = image_order(request.messages)
        if prompt.count(self._prompter.image_token) > len(order):
            # Pictures are put to the marks of a batch in turn: one mark too many would shift all that follow.
            raise RequestError(
                f"The text itself holds {self._prompter.image_token!r}, the model's mark for a picture.",
                "Change the wording or the label.",
            )
        read: str = request.question.read
        plan: Any = None
        kind: tuple[object, ...] = (read, len(order))
        if read == "logprobs":
            plan = self._prompter.words(request.question, prompt)
            kind += (plan[0].sequences,)
        elif read == "choice":
            plan = self._guide(request.question, prompt)
        elif read != "text":
            raise RequestError(
                f"A language model cannot be read by {read!r}.", "Use logprobs, choice or text."
            )
        pictures = [request.images[number].image for number in order]
        pixels = sum(p.width * p.height for p in pictures if p is not None)
        return Item(request, prompt, kind, (pixels, len(prompt)), plan)

    def _guide(self, question: Question, prompt: str) -> Guide:
        texts = tuple(sorted(self._prompter.guided(question, prompt)))
        if texts not in self._guides:
            if self._vocabulary is None:
                self._vocabulary = spellings(self._tokenizer) or {}
            letters = {bytes([byte]) for text in texts for byte in text.encode()}
            if letters <= self._vocabulary.keys():
                self._guides[texts] = SpellingGuide(texts, self._vocabulary)
            else:
                tree, options = self._prompter.words(question, prompt)
                said = {option: text for text, option in self._prompter.guided(question, prompt).items()}
                self._guides[texts] = TreeGuide(tree, [said[option] for option in options])
        return self._guides[texts]

    def answer(self, batch: Sequence[Item]) -> Iterator[JudgeReply]:
        """The replies to items of one kind. An item that fails does not fail the others."""
        at = 0
        while at < len(batch):
            part = batch[at : at + self._limit]
            at += len(part)
            yield from self._attempt(part)

    def _attempt(self, batch: Sequence[Item]) -> Iterator[JudgeReply]:
        try:
            replies, error = self._run(batch), None
        except HarnessError:
            raise
        except Exception as e:  # a model may fail in any way on one picture
            # Without its traceback, which would keep the tensors of the failed attempt.
            replies, error = [], e.with_traceback(None)
        if error is None:
            yield from replies
        elif len(batch) == 1:
            self._forget()
            yield JudgeReply(batch[0].request.id, error=_reply_error(error))
        elif loading.out_of_memory(error):
            self._limit = len(batch) // 2
            self._forget()
            yield from self.answer(batch)
        else:
            for item in batch:
                yield from self._attempt([item])

    def _forget(self) -> None:
        if self._device.type == "cuda":
            torch.cuda.empty_cache()

    def _run(self, batch: Sequence[Item]) -> list[JudgeReply]:
        inputs, lengths = self._inputs(batch)
        long = [n for n, length in enumerate(lengths) if self._room is not None and length >= self._room]
        if long:
            rest = [item for n, item in enumerate(batch) if n not in long]
            told = "a prompt of {} tokens; the model takes " + str(self._room)
            replies = [
                JudgeReply(
                    batch[n].request.id, error=ReplyError("prompt_too_long", told.format(lengths[n]), False)
                )
                for n in long
            ]
            return replies + (self._run(rest) if rest else [])
        with torch.inference_mode(), loading.quietly():
            if batch[0].request.question.read == "logprobs":
                return self._scored(batch, inputs, lengths)
            return self._decoded(batch, inputs, lengths)

    def _inputs(self, batch: Sequence[Item]) -> tuple[dict[str, Any], list[int]]:
        """What the model takes, padded on the left, and the number of tokens of each prompt."""
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
            # One by one, which is what follows from an error, nothing is padded.
            raise ValueError("the model's processor pads on the right")
        return dict(inputs), mask.sum(dim=1).tolist()

    def _scored(
        self, batch: Sequence[Item], inputs: dict[str, Any], lengths: Sequence[int]
    ) -> list[JudgeReply]:
        tree = batch[0].plan[0]
        rows = walk(self._model, inputs, self._settings, lambda steps: read_scores(steps, tree))
        return [
            JudgeReply(
                item.request.id,
                scores=dict(zip(item.plan[1], row, strict=True)),
                finish_reason="stop",
                usage={"prompt_tokens": length, "completion_tokens": 0},
            )
            for item, row, length in zip(batch, rows, lengths, strict=True)
        ]

    def _decoded(
        self, batch: Sequence[Item], inputs: dict[str, Any], lengths: Sequence[int]
    ) -> list[JudgeReply]:
        answers = [Answer(item.request.sampling, self._ends, item.plan) for item in batch]

        def reader(steps: Steps) -> None:
            decode(steps, answers)

        walk(self._model, inputs, self._settings, reader)
        return [
            JudgeReply(
                item.request.id,
                text=self._text(answer),
                finish_reason=answer.finish,
                usage={"prompt_tokens": length, "completion_tokens": answer.count},
            )
            for item, answer, length in zip(batch, answers, lengths, strict=True)
        ]

    def _text(self, answer: Answer) -> str:
        if answer.guide is not None:
            return (answer.guide.complete(tuple(answer.tokens)) or "").strip()
        text = self._tokenizer.decode(
            answer.tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        # An answer may be cut off within a character, whose first bytes are no text.
        return str(text).rstrip("\ufffd").strip()


def _prompter(processor: Any, model: Resolved, template: str) -> Prompter:
    """A prompter that is known to have a place for pictures. Raises `RequestError`."""
    others = (getattr(processor, name, None) for name in ("image_token", "boi_token", "start_image_token"))
    marks = [image_token(model, processor.tokenizer), *(mark for mark in others if isinstance(mark, str))]
    prompters = [Prompter(processor.tokenizer, template, mark, model.ref) for mark in marks]
    for prompter in prompters[1:]:
        # Templates of some models (Gemma 3) write another mark, at which the processor puts the picture's tokens.
        if not _sees(prompters[0]) and _sees(prompter):
            return prompter
    prompters[0].render(_PROBE)
    return prompters[0]


def _sees(prompter: Prompter) -> bool:
    try:
        prompter.render(_PROBE)
    except RequestError:
        return False
    return True


def _end_tokens(model: Any, tokenizer: Any, found: Resolved) -> frozenset[int]:
    """The tokens that end an answer, by the model's files and by what else is known of it."""
    preset = preset_of(found.ref)
    given = getattr(model.generation_config, "eos_token_id", None)
    ends = [*(given if isinstance(given, list) else [given]), tokenizer.eos_token_id]
    for token in (preset.get("stop_tokens") if preset else None) or ():
        ends.append(token if isinstance(token, int) else tokenizer.convert_tokens_to_ids(token))
    return frozenset(end for end in ends if isinstance(end, int))


def _reply_error(error: Exception) -> ReplyError:
    if loading.out_of_memory(error):
        return ReplyError("out_of_memory", NO_ROOM)
    return ReplyError(type(error).__name__, str(error)[:500] or type(error).__name__)
