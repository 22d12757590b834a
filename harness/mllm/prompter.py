"""Build the prompts of one model: messages to text and tokens, and options to candidate words."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from harness.errors import RequestError
from harness.hub import Resolved
from harness.mllm.chat import chat_content, check_image_slot, plain_prompt
from harness.mllm.model_presets import preset_of
from harness.mllm.thinking import Thinking, Thought
from harness.mllm.words import WordTree, answer_words, candidate_tokens, leading_space
from harness.types import Message, Question

_TAIL = 24
"""Characters at the end of a prompt that determine the tokenisation of the answer after it, with a margin."""
_IMAGE_TOKEN_IDS = ("image_token_id", "image_token_index", "media_placeholder_token_id")


def find_template(model: Resolved) -> str:
    """The chat template in a model's files, read without loading the model; "" if there is none."""
    text = model.read_text("chat_template.jinja")
    if text:
        return text
    for file in ("chat_template.json", "processor_config.json", "tokenizer_config.json"):
        template = model.read_json(file).get("chat_template")
        if isinstance(template, list):  # named templates
            template = next((t.get("template") for t in template if t.get("name") == "default"), None)
        if isinstance(template, str) and template:
            return template
    return ""


def image_token_id(config: dict[str, Any]) -> int | None:
    """The id of the image token according to a model's config.json."""
    found = next((config[key] for key in _IMAGE_TOKEN_IDS if isinstance(config.get(key), int)), None)
    return found if found is None else int(found)


def image_token(model: Resolved, tokenizer: Any) -> str:
    """The image token of a model's prompts, from the preset, the tokenizer or config.json."""
    preset = preset_of(model.ref)
    if preset is not None and preset.get("image_token"):
        return str(preset.get("image_token"))
    named = getattr(tokenizer, "image_token", None)
    if isinstance(named, str) and named:
        return named
    number = image_token_id(model.read_json("config.json"))
    return "<image>" if number is None else str(tokenizer.convert_ids_to_tokens(number))


class Prompter:
    """Builds the prompts of one model.

    `tokenizer` is a transformers tokenizer. `template` is a chat template (Jinja), or a plain form with `{image}` and
    `{text}` for models without one. `image_token` represents a picture in prompts, `what` names the model in messages,
    `thinking` says what the template is given and how a thought is opened and closed.
    """

    def __init__(
        self,
        tokenizer: Any,
        template: str,
        image_token: str,
        what: str,
        thinking: Thinking | None = None,
    ) -> None:
        self.tokenizer, self.template, self.image_token, self.what = tokenizer, template, image_token, what
        self.thinking = thinking or Thinking()
        self._plain = "{text}" in template and "{%" not in template
        self._bos = getattr(tokenizer, "bos_token", None) or ""
        self._trees: dict[tuple[str, tuple[str, ...]], WordTree] = {}

    def render(self, messages: Sequence[Message]) -> str:
        """The text of the prompt, up to the model's answer.

        Raises `RequestError` if the template fails or has no place for the pictures.
        """
        rendered = self.text(messages)
        wanted = sum(part.image is not None for message in messages for part in message.parts)
        if wanted:
            check_image_slot(rendered, [self.image_token], self.what, count=wanted)
        return rendered + self.thinking.appended

    def thinks_first(self, question: Question) -> bool:
        """Whether a thought precedes the answer to a question."""
        return self.thinking.active and question.answer_mode in ("reasoned", "text")

    def thought_of(self, tokens: Sequence[int]) -> Thought:
        """The thought in what the model wrote after a prompt, without a token that ended it."""
        text, closing = self.decoded(tokens), self.thinking.closing
        before, mark, _ = text.partition(closing) if closing else (text, "", "")
        if not mark:
            before = before.rstrip(
                "\ufffd"
            )  # It may be cut within a character, whose first bytes are no text.
        # The model's own tokens are kept, so that a cache of the prompt and the thought serves the answer.
        kept = len(tokens)
        while kept and not before.startswith(self.decoded(tokens[:kept])):
            kept -= 1
        rest = before[len(self.decoded(tokens[:kept])) :]
        # A placeholder for a picture in a thought would stand for one that is not there.
        plain = [token for token in tokens[:kept] if token not in self._special]
        thought = self.decoded(plain) + rest
        after = [*plain, *self._encode(rest + self.thinking.after(thought))]
        return Thought(thought, bool(mark), tuple(after))

    @property
    def end_of_thought(self) -> int:
        """Tokens that close a thought."""
        return len(self._encode(self.thinking.end))

    @cached_property
    def _special(self) -> frozenset[int]:
        added = self.tokenizer.added_tokens_decoder.items()
        return frozenset((*self.tokenizer.all_special_ids, *(i for i, t in added if t.special)))

    def decoded(self, tokens: Sequence[int]) -> str:
        """The text of tokens, marks and special tokens included."""
        return str(
            self.tokenizer.decode(list(tokens), skip_special_tokens=False, clean_up_tokenization_spaces=False)
        )

    def text(self, messages: Sequence[Message]) -> str:
        """The text of the prompt, whether or not it has a place for the pictures. Raises `RequestError` if the template fails."""
        if self._plain:
            return plain_prompt(messages, self.template, image=self.image_token)
        try:
            return str(
                self.tokenizer.apply_chat_template(
                    chat_content(messages),
                    chat_template=self.template,
                    tokenize=False,
                    add_generation_prompt=True,
                    **self.thinking.arguments,
                )
            )
        except Exception as e:  # a template is a program and can raise anything
            raise RequestError(
                f"The chat template of {self.what} failed: {type(e).__name__}: {e}.",
                "Specify a different one: -o chat_template=FILE.",
            ) from e

    def tokens(self, rendered: Sequence[str]) -> list[list[int]]:
        """The token ids of each rendered prompt, with a start token unless the template wrote one.

        Encoding a batch is much faster than encoding prompts one by one.
        """
        backend = getattr(self.tokenizer, "backend_tokenizer", None)
        if backend is None:
            return [self._encode(text, special=self._starts(text)) for text in rendered]
        found: dict[int, list[int]] = {}
        for special in (False, True):
            chosen = [i for i, text in enumerate(rendered) if self._starts(text) is special]
            encoded = backend.encode_batch([rendered[i] for i in chosen], add_special_tokens=special)
            found.update(zip(chosen, (list(e.ids) for e in encoded), strict=True))
        return [found[i] for i in range(len(rendered))]

    def _starts(self, rendered: str) -> bool:
        """Whether a start token must be added."""
        return not (self._bos and rendered.startswith(self._bos))

    def words(self, question: Question, rendered: str) -> tuple[WordTree, tuple[str, ...]]:
        """The candidate words of a question as a tree, and the option of each sequence in the tree."""
        # The order of options differs between samples; sorting makes the tree the same for all orders.
        pairs = sorted(zip(answer_words(question), question.options, strict=True))
        words = tuple(word for word, _ in pairs)
        if self.thinks_first(question):
            rendered = self.thinking.end  # It is the same after every thought.
        # Only the end of the prompt matters for the tree; earlier text differs with the order of options.
        key = (rendered[-_TAIL:], words)
        if key not in self._trees:
            self._trees[key] = WordTree(
                candidate_tokens(
                    self._encode, rendered, words, unknown=getattr(self.tokenizer, "unk_token_id", None)
                )
            )
        return self._trees[key], tuple(option for _, option in pairs)

    def guided(self, question: Question, rendered: str) -> dict[str, str]:
        """The texts allowed in guided decoding, each with its option."""
        space = leading_space(rendered)
        return {space + w: o for w, o in zip(answer_words(question), question.options, strict=True)}

    def _encode(self, text: str, special: bool = False) -> list[int]:
        # Ten times faster than calling the tokenizer, which prepares for batches and padding.
        backend = getattr(self.tokenizer, "backend_tokenizer", None)
        if backend is not None:
            return list(backend.encode(text, add_special_tokens=special).ids)
        return list(self.tokenizer(text, add_special_tokens=special)["input_ids"])


def template_text(given: str) -> str:
    """The template from a user option: a file to read, or a plain form. Raises `RequestError`."""
    if "{text}" in given or "{%" in given:
        return given
    try:
        with open(given, encoding="utf-8") as file:
            text = file.read()
        return str(json.loads(text).get("chat_template", "")) if given.endswith(".json") else text
    except (OSError, ValueError, AttributeError, RecursionError) as e:
        raise RequestError(
            f"The chat template {given!r} cannot be read: {e}.",
            "Specify a file with a Jinja template, or a form with {image} and {text}.",
        ) from e
