"""What of a reply is not its answer: thinking, before anything is read. One table of markers, with a test for each."""

from __future__ import annotations

import re

_NAMES = (
    r"think(?:ing)?|thoughts?|reasoning|reason|analysis|reflection|scratchpad|seed:think|mm:think|cot|rationale"
    r"|summary_of_thought"
)

MARKERS: tuple[tuple[str, str], ...] = (
    (rf"<\s*(?:{_NAMES})\s*>", rf"<\s*/\s*(?:{_NAMES})\s*>"),
    (r"\u25c1\s*think\s*\u25b7", r"\u25c1\s*/\s*think\s*\u25b7"),
    (r"\[\s*think(?:ing)?\s*\]", r"\[\s*/\s*think(?:ing)?\s*\]"),
    (r"<\|START_(?:THINKING|THOUGHT)\|>", r"<\|END_(?:THINKING|THOUGHT)\|>"),
    (r"<\|begin_of_thought\|>", r"<\|end_of_thought\|>"),
    (r"<\|(?:thinking|think)\|>", r"<\|/(?:thinking|think)\|>"),
    (r"<!--\s*think", r"-->"),
    (r"<\|channel>\s*thought\b", r"<channel\|>"),  # Gemma
)
"""How a thinking block opens and closes, as regular expressions. A closing mark without an opening one ends a block that
began before the reply; an opening one without a closing one begins a block that never ends."""

_BLOCK = re.compile(
    "|".join(f"(?P<o{i}>{opens})|(?P<c{i}>{closes})" for i, (opens, closes) in enumerate(MARKERS)),
    re.IGNORECASE,
)
_CHANNEL = re.compile(r"<\|channel\|>\s*(\w+)[^<]{0,40}<\|message\|>")
_CHANNEL_END = re.compile(r"<\|(?:end|return|start|call)\|>")
_BARE_CHANNELS = re.compile(r"\A\s*(?:analysis|commentary)(?=[A-Z\W])")
"""gpt-oss without its special tokens: "analysisThe face ...assistantfinalsad"."""
_ASSISTANT_FINAL = re.compile(r"assistant\s*final\s*(?:message)?")
_BARE_THOUGHT = re.compile(r"\A\s*thought[ \t]*\n")
"""Gemma without its special tokens: nothing says where the thought ends."""


def outside_thinking(text: str) -> str | None:
    """The reply without its thinking. None if nothing is left, or if only thinking is.

    Text before a block that is opened counts, as text after it does; everything before a closing mark that was never
    opened is thinking.
    """
    final = _final_channel(text)
    if final is None or _BARE_THOUGHT.match(final):
        return None
    text = final
    if not any(sign in text for sign in "<>\u25c1["):
        return text
    kept: list[str] = []
    start = depth = 0
    for mark in _BLOCK.finditer(text):
        opens = (mark.lastgroup or "")[0] == "o"
        if opens:
            if not depth:
                kept.append(text[start : mark.start()])
            depth += 1
        else:
            if not depth:
                kept.clear()
            depth = max(0, depth - 1)
        start = mark.end()
    if not kept and not start:
        return text
    if not depth:
        kept.append(text[start:])
    left = "\n".join(part for part in kept if part.strip())
    return left if left.strip() else None


def _final_channel(text: str) -> str | None:
    """What gpt-oss says in its final channel, with or without the special tokens; other replies as they are."""
    channels = list(_CHANNEL.finditer(text)) if "<|channel|>" in text else []
    if channels:
        last = channels[-1]
        if last.group(1).lower() != "final":
            return None
        return _CHANNEL_END.split(text[last.end() :], maxsplit=1)[0]
    if _BARE_CHANNELS.match(text):
        found = list(_ASSISTANT_FINAL.finditer(text))
        return text[found[-1].end() :] if found else None
    return text
