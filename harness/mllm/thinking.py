"""Models that think: whether a prompt begins a thought, and how a thought is opened, bounded and closed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from harness.errors import BadOption, HarnessError, MissingPackage
from harness.hub import Resolved
from harness.mllm.model_presets import preset_of
from harness.parsing.thinking import MARKERS
from harness.types import AnswerMode, Capability, JudgeReply

if TYPE_CHECKING:
    from harness.mllm.options import Setting, ThinkingOptions

SWITCHES = ("enable_thinking", "thinking")
"""The arguments by which chat templates turn thinking on and off; a template ignores those that it does not know."""
_OPENS = re.compile("|".join(f"(?:{opens})" for opens, _ in MARKERS), re.IGNORECASE)
_CLOSES = re.compile("|".join(f"(?:{closes})" for _, closes in MARKERS), re.IGNORECASE)
_EMPTY = re.compile(
    "(?:" + "|".join(rf"(?:{opens})(\s*)(?:{closes})" for opens, closes in MARKERS) + r")\s*\Z", re.IGNORECASE
)
_SIGN = re.compile("|".join((_OPENS.pattern, "think", "thought", "reason")), re.IGNORECASE)
_GENERATION_TAG = re.compile(r"\{%-?\s*(?:end)?generation\s*-?%\}")
"""Marks what a template trains on; it means nothing for a prompt."""
_PROBE = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "Which emotion?"}]}]


@dataclass(frozen=True)
class Thinking:
    """How one model thinks with one chat template."""

    arguments: Mapping[str, Any] = field(default_factory=dict)
    """What the chat template is given."""
    appended: str = ""
    """What follows the rendered prompt: it opens a thought, or closes one that the template opened."""
    active: bool = False
    """Whether the prompt ends within a thought."""
    lead: str = ""
    """What stands between a thought and the mark that closes it, unless the thought ends in it."""
    closing: str = ""
    """The mark that closes a thought; "" if the model has none."""
    trail: str = ""
    """What stands between that mark and the answer."""
    budget: int = 2048
    """Maximum tokens of a thought."""

    def after(self, thought: str) -> str:
        """The text between a thought and the answer."""
        lead = "" if self.lead and thought.endswith(self.lead) else self.lead
        return lead + self.closing + self.trail

    @property
    def end(self) -> str:
        """The end of a prompt after a thought, as far as it is known in advance."""
        return self.lead + self.closing + self.trail

    def capabilities(self) -> frozenset[Capability]:
        """REASONED where a thought comes first."""
        return frozenset({Capability.REASONED} if self.active else ())

    def refusal(self, mode: AnswerMode) -> str:
        """Why a question cannot be answered in an answer mode, as the end of a sentence; "" if it can."""
        if not self.active or mode in ("reasoned", "text"):
            return ""
        return f"its prompt opens a thought, and {mode} would be read from the first word of that thought"

    def identity(self) -> dict[str, str]:
        """What of it can change answers; nothing for a model that is given no arguments and does not think."""
        found: dict[str, Any] = {"arguments": dict(self.arguments)} if self.arguments else {}
        if self.appended or self.active:
            found |= {"appended": self.appended, "closed": self.end}
        if self.active:
            found["tokens"] = self.budget
        return {"thinking": json.dumps(found, sort_keys=True, ensure_ascii=False)} if found else {}


@dataclass(frozen=True, slots=True)
class Thought:
    """What a model thought before its answer."""

    text: str
    closed: bool
    """Whether the model closed it."""
    continuation: tuple[int, ...] = ()
    """The tokens between the prompt and the answer: the thought, and what closes it."""


def find_thinking(model: Resolved, template: str, options: ThinkingOptions) -> Thinking:
    """How a model thinks, from its chat template, its preset and the options; no weights are loaded.

    A preset may have `template_arguments`, `thinking` and, for a model that thinks without being told in its template,
    `thinking_markers`; what the options say counts more. Raises `BadOption` for settings that contradict each other or
    the template.
    """
    preset = preset_of(model.ref)
    known = dict(preset.get("template_arguments") or {}) if preset else {}
    setting: Setting = options.thinking
    if (
        setting == "auto"
        and preset is not None
        and not any(n in options.template_arguments for n in SWITCHES)
    ):
        setting = preset.get("thinking", "auto")
    markers = tuple(preset.get("thinking_markers") or ()) if preset else ()
    given = known | options.template_arguments
    _check_switches(options.thinking, options.template_arguments)
    if not (_SIGN.search(template) or markers):
        if options.thinking == "on":
            raise _no_thought(model)
        return Thinking(given, budget=options.thinking_tokens)
    own = {name: value for name, value in given.items() if name not in SWITCHES}
    arguments = given if setting == "auto" else _switched(setting) | own
    special = {name: _special(model, name) for name in ("bos_token", "eos_token")}
    try:
        prompt, off = (
            render_template(template, special | chosen) for chosen in (arguments, _switched("off") | own)
        )
    except HarnessError:
        raise
    except (
        Exception
    ) as e:  # a template is a program and can raise anything; rendering for the model reports it
        if options.thinking == "on":
            raise BadOption(
                f"The chat template of {model.ref} failed: {type(e).__name__}: {e}.",
                "Specify a different one: -o chat_template=FILE.",
            ) from e
        return Thinking(arguments, budget=options.thinking_tokens)
    return _found(model, template, setting, arguments, (prompt, off), markers, options.thinking_tokens)


def _found(
    model: Resolved,
    template: str,
    setting: Setting,
    arguments: Mapping[str, Any],
    rendered: tuple[str, str],
    markers: tuple[str, ...],
    budget: int,
) -> Thinking:
    """What a rendered prompt, and the same one with thinking turned off, say."""
    prompt, off = rendered
    opened = open_thought(prompt)
    opening, lead, closing, trail = _form(template, off, opened, markers)

    def thinking(active: bool, appended: str = "") -> Thinking:
        return Thinking(arguments, appended, active, lead, closing, trail, budget)

    if setting == "off":
        if len(markers) > 2 and opened is None:
            return thinking(False, markers[2])
        # A model that thinks whatever its template is told gets an empty thought.
        start = "" if opened is not None else opening if markers and not _EMPTY.search(prompt) else None
        return thinking(False, "" if start is None else start + lead + closing + trail)
    if opened is not None:
        return thinking(True)
    if _EMPTY.search(prompt):
        if setting == "on":
            raise BadOption(
                f"The chat template of {model.ref} closes the thought before the answer, whatever thinking is set to.",
                "Specify a different one: -o chat_template=FILE, or omit thinking=on.",
            )
        return thinking(False)
    # Without a switch in the template, only the preset or the user knows that the model thinks.
    thinks = setting == "on" or prompt != off or bool(markers)
    if not thinks:
        return thinking(False)
    if not opening:
        if setting == "on":
            raise _no_thought(model)
        return thinking(False)
    return thinking(True, opening)


def _form(template: str, off: str, opened: str | None, markers: tuple[str, ...]) -> tuple[str, str, str, str]:
    """How a thought is opened, what precedes the mark that closes it, that mark, and what follows it."""
    empty = _EMPTY.search(off)
    if empty is not None:
        closes = _last(_CLOSES, empty[0])
        opens = _OPENS.match(empty[0])
        assert opens is not None, "an empty thought has both marks"
        assert closes is not None, "an empty thought has both marks"
        inner, trail = empty[0][opens.end() : closes.start()], empty[0][closes.end() :]
        line = "\n" if "\n" in inner or (opened or "").endswith("\n") else ""
        return opens[0] + line, line, closes[0], trail
    if opened is not None:
        opening = opened
    elif markers:
        opening = markers[0]
    else:
        mark = _literal(_OPENS, template)
        opening = mark + "\n" if mark else ""
    if not opening:
        return "", "", "", ""
    line = "\n" if opening.endswith("\n") else ""
    closing = markers[1] if len(markers) > 1 else closing_of(opening.strip(), template)
    return opening, line, closing, 2 * line


def open_thought(prompt: str) -> str | None:
    """The mark, with what follows it, of a thought that a prompt begins and leaves open; None if there is none."""
    mark = _last(_OPENS, prompt)
    return None if mark is None or prompt[mark.end() :].strip() else prompt[mark.start() :]


def closing_of(opening: str, template: str = "") -> str:
    """The mark that closes a thought: as the chat template writes it, or derived from the one that opens it."""
    for opens, closes in MARKERS:
        if re.fullmatch(opens, opening, re.IGNORECASE):
            derived = opening.replace("START", "END").replace("begin", "end")
            if derived == opening:
                derived = re.sub(r"\A(<\||\W)", r"\1/", opening, count=1)
            candidates = [derived, *(m[0] for m in re.finditer(closes, template, re.IGNORECASE))]
            fitting = [c for c in candidates if re.fullmatch(closes, c, re.IGNORECASE)]
            written = [c for c in fitting if c in template]
            return (written or fitting or [{"<!--": "-->"}.get(opening[:4], "<channel|>")])[0]
    return ""


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    return max(pattern.finditer(text), key=lambda mark: mark.start(), default=None)


def _literal(pattern: re.Pattern[str], template: str) -> str:
    """The first mark that a template has anywhere, such as where it removes earlier thoughts; "" without one."""
    found = pattern.search(template)
    return found[0] if found else ""


def _switched(setting: str) -> dict[str, Any]:
    return dict.fromkeys(SWITCHES, setting == "on")


def _check_switches(setting: Setting, given: Mapping[str, Any]) -> None:
    for name in SWITCHES:
        if setting != "auto" and name in given and bool(given[name]) is not (setting == "on"):
            raise BadOption(
                f"thinking={setting} contradicts {name} in template_arguments.", "Give one of the two."
            )


def _no_thought(model: Resolved) -> BadOption:
    return BadOption(
        f"thinking=on: the chat template of {model.ref} knows no thought.",
        "Omit it, choose a model that thinks, or specify its template: -o chat_template=FILE.",
    )


def _special(model: Resolved, name: str) -> str:
    token = model.read_json("tokenizer_config.json").get(name)
    token = token.get("content") if isinstance(token, dict) else token
    return token if isinstance(token, str) else ""


def render_template(template: str, arguments: Mapping[str, Any]) -> str:
    """A chat template for one question about a picture, in a sandbox and without a tokenizer; a plain form as it is."""
    if "{text}" in template and "{%" not in template:
        return template
    try:
        import jinja2.ext
        import jinja2.sandbox
    except ModuleNotFoundError as e:
        raise MissingPackage("A chat template", "jinja2") from e

    def refuse(message: str) -> None:
        raise jinja2.exceptions.TemplateError(message)

    # The settings are those of transformers, so that both render the same.
    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[jinja2.ext.loopcontrols]
    )
    environment.filters["tojson"] = lambda value, **kwargs: json.dumps(value, ensure_ascii=False)
    environment.globals |= {"raise_exception": refuse, "strftime_now": lambda form: ""}
    compiled = environment.from_string(_GENERATION_TAG.sub("", template))
    return compiled.render(messages=_PROBE, add_generation_prompt=True, **arguments)


def with_thought(reply: JudgeReply, thought: Thought, tokens: int, finish: str | None) -> JudgeReply:
    """A reply with the thought before it, how that ended (closed, stop, or length at the budget), and its tokens."""
    if reply.error is not None:
        return reply
    usage = dict(reply.usage or {})
    usage["completion_tokens"] = usage.get("completion_tokens", 0) + tokens
    ended = "closed" if thought.closed else finish or "stop"
    return replace(
        reply,
        thought=thought.text.strip(),
        usage=usage | {"thinking_tokens": tokens},
        extra={**reply.extra, "thought_end": ended},
    )
