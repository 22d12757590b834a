"""Checks a preset of a multimodal LLM without weights and without network: reference, files, architecture, prompt, words."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.components.preset_check import PresetCheck
from harness.errors import HarnessError, nearest
from harness.hub import Resolved, on_disk
from harness.mllm.chat import check_image_slot
from harness.mllm.model_presets import known_reference, preset_of
from harness.mllm.prompter import Prompter, find_template, image_token_id, template_text
from harness.mllm.thinking import Thinking, find_thinking
from harness.types import EMOTIONS, Message, Part, Question

if TYPE_CHECKING:
    from harness.mllm.options import ThinkingOptions

ABSENT = "the model is not on this disk"
_PROBE = (Message("user", (Part(image=0), Part("Which emotion?"))),)
_WITHOUT = (Message("user", (Part("Which emotion?"),)),)
_WORDS = (
    EMOTIONS,
    ("positive", "neutral", "negative", "surprise"),
    ("very weak", "weak", "moderate", "strong", "very strong"),
    ("bad", "poor", "fair", "good", "excellent"),
    ("first", "second"),
)
"""The options of the tasks: each must have tokens of its own."""
_TOKENIZERS = (
    "tokenizer.json",
    "tokenizer.model",
    "vocab.json",
    "vocab.txt",
    "tekken.json",
    "tiktoken.model",
)
_PROCESSORS = ("preprocessor_config.json", "processor_config.json", "params.json")


@dataclass(frozen=True, slots=True)
class ModelPreset:
    """What a judge on an engine knows of the preset that it was made with."""

    ref: str
    revision: str | None
    chat_template: str | None
    lora: str | None
    facts: Mapping[str, str]
    """The preset's facts by name, as `harness show` prints them."""
    thinking: ThinkingOptions
    """Whether the model is to think, and what its chat template is given."""
    overridden: bool = False
    """Whether options of the preset replace parts of the model's config.json."""


Architecture = Callable[[Mapping[str, Any], Mapping[str, str]], PresetCheck]
"""Whether the installed engine knows a model, from its config.json ({} if that is not on the disk) and the preset's facts."""
LoadTokenizer = Callable[[str | None], Any]
"""The tokenizer in a folder; with None one without a vocabulary, which only renders chat templates."""


def check_model(
    preset: ModelPreset, architecture: Architecture, tokenizer: LoadTokenizer
) -> Iterator[PresetCheck]:
    """The checks of one preset, in order; a reference that is wrong ends them."""
    try:
        ref = known_reference(preset.ref)
        model = on_disk(ref, preset.revision)
    except HarnessError as e:
        yield PresetCheck("reference", e.message, e.hint)
        return
    yield PresetCheck("reference")
    known = preset_of(ref.partition("@")[0])
    facts = {**({name: value for name, value, _ in known.table()} if known else {}), **preset.facts}
    yield from _files(preset, model)
    yield _guarded("architecture", lambda: _architecture(preset, model, facts, architecture))
    yield from _prompt(preset, model, facts, tokenizer)


def _architecture(
    preset: ModelPreset, model: Resolved | None, facts: Mapping[str, str], known: Architecture
) -> PresetCheck:
    config = model.read_json("config.json") if model else {}
    stated, stored = facts.get("architecture"), [str(name) for name in config.get("architectures") or ()]
    replaced = preset.overridden or "hf_overrides" in facts
    if stated and stored and not replaced and stated not in stored:
        return PresetCheck(
            "architecture",
            f"The preset says {stated!r}, but config.json of {preset.ref!r} says {stored[0]!r}.",
            "Correct the architecture, or the reference.",
        )
    return known(config, facts)


def known_name(
    engine: str, names: Sequence[str], known: Collection[str], fix: str, *, text_only: Collection[str] = ()
) -> PresetCheck:
    """Whether an engine knows one of the model classes of a model, and whether that takes pictures."""
    if not names:
        return PresetCheck("architecture", skipped=f"{ABSENT}, and the preset does not say its architecture")
    found = [name for name in names if name in known]
    shown = ", ".join(names)
    if not found:
        guess = nearest(names[0], known)
        hint = f"Did you mean {guess!r}? " if guess else ""
        return PresetCheck("architecture", f"{engine} does not know the architecture {shown!r}.", hint + fix)
    if all(name in text_only for name in found):
        return PresetCheck(
            "architecture", f"{shown} of {engine} takes no pictures.", "Choose a multimodal model."
        )
    return PresetCheck("architecture")


def _guarded(name: str, check: Callable[[], PresetCheck]) -> PresetCheck:
    try:
        return check()
    except HarnessError as e:
        return PresetCheck(name, e.message, e.hint)


def _files(preset: ModelPreset, model: Resolved | None) -> Iterator[PresetCheck]:
    """Whether a folder of the user's has what an engine reads beside the weights; the cache may hold a part of a model."""
    if model is None or model.path is None:
        yield PresetCheck("files", skipped=ABSENT)
    else:
        here = {entry.name for entry in model.path.iterdir()}
        lacks = [
            f"no {what} ({names[0]})"
            for what, names in (("tokenizer", _TOKENIZERS), ("image processor", _PROCESSORS))
            if not here.intersection(names) and not any(name.endswith(".tiktoken") for name in here)
        ]
        if lacks and model.kind == "hub":
            yield PresetCheck("files", skipped=f"the cache has {' and '.join(lacks)}")
        elif lacks:
            yield PresetCheck(
                "files",
                f"The folder {model.ref!r} has {' and '.join(lacks)}.",
                "Download the model completely.",
            )
        else:
            yield PresetCheck("files")
    if preset.lora:
        lora = preset.lora
        yield _guarded("adapter", lambda: _adapter(lora))


def _adapter(lora: str) -> PresetCheck:
    found = on_disk(lora, config="adapter_config.json")
    return PresetCheck("adapter", skipped="" if found else "the adapter is not on this disk")


def _prompt(
    preset: ModelPreset, model: Resolved | None, facts: Mapping[str, str], load: LoadTokenizer
) -> Iterator[PresetCheck]:
    """Whether a picture has a place in the prompt, and whether each option has tokens of its own after it."""
    form = facts.get("prompt", "")
    try:
        if preset.chat_template:
            template = template_text(preset.chat_template)
        else:
            template = form if "{text}" in form else find_template(model) if model else ""
    except HarnessError as e:
        yield PresetCheck("template", e.message, e.hint)
        return
    if not template:
        absent = _no_template(model)
        yield absent
        yield PresetCheck("options", skipped=absent.skipped or "there is no prompt to continue")
        return
    here = model is not None and any((model.path / name).is_file() for name in _TOKENIZERS if model.path)
    try:
        tokenizer = load(str(model.path) if here and model else None)
    except Exception as e:  # a damaged file makes a tokenizer raise anything
        lines = f"{type(e).__name__}: {e}".splitlines()
        fix = "Download the model again."
        yield PresetCheck("options", f"The tokenizer of {preset.ref!r} cannot be loaded: {lines[0]}.", fix)
        return
    what = f"The prompt of {preset.ref!r}"
    try:
        thinking = find_thinking(model, template, preset.thinking) if model else Thinking()
        tokens = _image_tokens(model, tokenizer, facts)
        prompter, rendered = _rendered(tokenizer, template, tokens, what, thinking)
    except HarnessError as e:
        yield PresetCheck("template", e.message, e.hint)
        return
    yield PresetCheck("template")
    yield _guarded("options", lambda: _options(prompter, rendered, here))


def _no_template(model: Resolved | None) -> PresetCheck:
    if model is None:
        return PresetCheck("template", skipped=ABSENT)
    if model.kind == "hub":
        return PresetCheck("template", skipped="the cache has no chat template")
    return PresetCheck(
        "template",
        f"The folder {model.ref!r} has no chat template.",
        "Add chat_template.jinja, or give the preset the option chat_template: a file, or a form with {image} and {text}.",
    )


def _image_tokens(model: Resolved | None, tokenizer: Any, facts: Mapping[str, str]) -> list[str]:
    """The texts that may stand for a picture in the prompts of a model; [] if none is known."""
    number = image_token_id(model.read_json("config.json")) if model else None
    by_id = (
        tokenizer.convert_ids_to_tokens(number) if number is not None and len(tokenizer) > number else None
    )
    named = [getattr(tokenizer, name, None) for name in ("image_token", "boi_token", "start_image_token")]
    found = [facts.get("image_token"), *named, by_id]
    return [token for token in dict.fromkeys(found) if isinstance(token, str) and token]


def _rendered(
    tokenizer: Any, template: str, tokens: Sequence[str], what: str, thinking: Thinking
) -> tuple[Prompter, str]:
    """A prompter, and its prompt for one picture. Raises `RequestError` if the picture has no place in it."""
    prompter = Prompter(tokenizer, template, tokens[0] if tokens else "<image>", what, thinking)
    rendered = prompter.text(_PROBE)
    if tokens or rendered == prompter.text(_WITHOUT):
        check_image_slot(rendered, tokens or ["<image>"], what)
    return prompter, rendered + thinking.appended


def _options(prompter: Prompter, rendered: str, here: bool) -> PresetCheck:
    if not here:
        return PresetCheck("options", skipped="the tokenizer is not on this disk")
    for words in _WORDS:
        prompter.words(Question("choice", words, answer_mode="logprobs"), rendered)
    return PresetCheck("options")
