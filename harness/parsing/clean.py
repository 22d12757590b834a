"""Clean a raw reply: remove thinking blocks, special tokens, invented turns and markup."""

from __future__ import annotations

import re
import unicodedata

from harness.parsing.thinking import outside_thinking

MAX_SEARCHED = 200_000  # characters searched for thinking blocks and end tokens
HEAD, TAIL = 4_000, 16_000  # characters kept from the start and the end of an overlong reply
ANSWER_MARK = "\ue000"  # placed before the content of an answer tag or a box
END_MARK = "\ue001"  # placed after it

_MARKS = re.compile("[\u0300-\u036f\u064b-\u065f\u0640]")
_INVISIBLE = re.compile("[\u200b-\u200f\u2060\ufeff\ufe0e\ufe0f\u00ad\u20e3\u0000-\u0008]")
_SPACED = re.compile(
    "(?<=[\u3040-\u30ff\u3400-\u9fff])[ \t\u3000]+(?=[\u3040-\u30ff\u3400-\u9fff])"
    "|(?:(?<=\ub9e4\uc6b0)|(?<=\uc544\uc8fc))\\s+(?=[\uac00-\ud7af])|(?:(?<=\ub450)|(?<=\uccab))\\s+(?=\ubc88\uc9f8)"
)
"""Spaces within Chinese and Japanese, and between "very" and its level, or an ordinal and its noun, in Korean: such words
are found within others."""
_QUOTES = str.maketrans(
    {
        "\u2018": "'",
        "\u2019": "'",
        "\u00b4": "'",
        "\u02bc": "'",
        "\u201c": '"',
        "\u201d": '"',
        "\u00ab": '"',
        "\u00bb": '"',
        "\u2013": "-",
        "\u2014": " - ",
        "\u2212": "-",
        "\u2010": "-",
        "\u2011": "-",
        "\u00df": "ss",
        "\u301c": "~",
        "\u2192": ":",
        "\u0964": ". ",
        "\u060c": ",",
        "\u061b": ";",
        "\u061f": "?",
        "\u300c": '"',
        "\u300d": '"',
        "\u3010": "[",
        "\u3011": "]",
        "\u300e": '"',
        "\u300f": '"',
    }
)

_END = re.compile(
    r"</s>|<\|im_end\|>|<\|endoftext\|>|<eos>|<\|eos\|>|<\|eot_id\|>|<\|end_of_text\|>|<end_of_turn>|<\|end\|>|<\|return\|>"
    r"|<\|end_of_sentence\|>|<\uff5cend\u2581of\u2581sentence\uff5c>|<\|endofassistant\|>|<\|eom_id\|>|<\|user\|>|<\|END_OF_TURN_TOKEN\|>"
    r"|<end_of_utterance>|<\|im_start\|>\s*(?:user|system)|<start_of_turn>\s*user|<\|start_header_id\|>\s*user|\[INST\]|<\|stop\|>",
    re.IGNORECASE,
)
_START = re.compile(
    r"\A\s*(?:<s>|<bos>|<\|begin_of_text\|>|<\|im_start\|>\s*assistant|<start_of_turn>\s*model|<\|assistant\|>|\[/INST\]"
    r"|<\|start_header_id\|>\s*assistant\s*<\|end_header_id\|>|(?:###\s*)?(?:assistant|ASSISTANT|Assistant|GPT|AI|Bot)\s*:)",
)
_ASK = r"(?:human|user|question|q|instruction|input|prompt|follow-up question|next question|new question|next image|usuario|frage|pregunta|\u95ee\u9898|\u7528\u6237|\u7528\u6236|\u8cea\u554f|\u554f\u984c)"
_TURN = re.compile(
    rf"(?:(?:^|\n)[ \t]*(?:#+[ \t]*)?(?:\*\*)?{_ASK}[ \t]*(?:\d+[ \t]*)?(?:\*\*)?[:\uff1a]|###[ \t]*(?:human|user|instruction|question|input)\b|\bUSER:|\bHuman:)",
    re.IGNORECASE,
)
_NEXT_QUESTION = re.compile(
    r"\n\s*(?:how|which|what)\b[^\n?]*\b(?:emotions?|expressions?|intensity|strong|feeling|feel|pictures?|images?|portraits?)\b[^\n?]*\?[ \t]*(?:\n|\Z)",
    re.IGNORECASE,
)
_REPLY = re.compile(
    r"\b(?:ASSISTANT|Assistant|GPT|assistant)\s*:|<\|assistant\|>|<\|im_start\|>\s*assistant|\[/INST\]|###\s*(?:Response|Assistant|Answer)\s*:?"
)

_BOX = re.compile(r"\\(?:boxed|fbox)\s*\{((?:[^{}]|\{[^{}]{0,200}\}){0,400})\}")
_TEX = re.compile(
    r"\\(?:text|textbf|mathrm|mathbf|texttt|textit|mathit|operatorname|emph)\s*\{([^{}]{0,200})\}"
)
_ANSWER_OPEN = re.compile(
    r"<\s*(?:final_?)?(?:answer|ans|choice|output|response|result)\s*>|<\|begin_of_box\|>|\[ANSWER\]",
    re.IGNORECASE,
)
_ANSWER_CLOSE = re.compile(
    r"<\s*/\s*(?:final_?)?(?:answer|ans|choice|output|response|result)\s*>|<\|end_of_box\|>|\[/ANSWER\]",
    re.IGNORECASE,
)
_FENCE = re.compile(r"```[ \t]*(?:json|JSON|text|txt|python|markdown|xml|yaml|plaintext)?")
_ADDRESS = re.compile(r"\b(?:https?://|www\.)\S{1,2000}")
_EXTENSION = re.compile(r"\.(?:jpe?g|png|webp|gif|bmp|tiff?|mp4)\b", re.IGNORECASE)
_FILE_NAME = re.compile(r"\b[\w-]{1,200}\.(?:jpe?g|png|webp|gif|bmp|tiff?|mp4)\b", re.IGNORECASE)
_STRUCK = re.compile(r"~~[^~\n]{1,200}~~|<(?:s|del|strike)>[^<\n]{1,200}</(?:s|del|strike)>")
_BREAK = re.compile(r"<\s*/?\s*(?:br|p|div|li|ul|ol|h[1-6]|tr)\s*/?\s*>", re.IGNORECASE)
_HTML = re.compile(r"</?[a-zA-Z][^<>\n]{0,60}>|<\|[^<>|\n]{1,40}\|>|&nbsp;")
_RULE = re.compile(r"(?m)^[ \t|:=*_-]{2,}$")
_DRAWN = re.compile(r"--|[=*_]{3}")
"""A line of signs is a rule, or a row of a table's head, if it holds one of these."""
_LINE_MARK = re.compile(r"(?m)^[ \t]*(?:#{1,6}[ \t]+|>[ \t]*|[-*+\u2022\u25cf\u25aa\u2023][ \t]+)+")
_CHECK = re.compile(r"\[[xX\u2713\u2714]\]|\u2705|\u2714|\u2611|\u2713")
_CHECKED_LINE = re.compile(rf"(?m)^[ \t]*([^\n]{{1,300}}?)[ \t]*(?:{_CHECK.pattern})[ \t]*$")
_UNCHECKED_LINE = re.compile(r"(?m)^[ \t]*(?:[-*+][ \t]*)?(?:\[ ?\]|\u2610)[^\n]*$")
_CROSSED_LINE = re.compile(r"(?m)^[^\n]{0,300}[\u2717\u2718\u274c][^\n]*$")
_CROSS = re.compile("[\u2717\u2718\u274c]")
_EITHER_MARK = re.compile(f"{_CHECK.pattern}|{_CROSS.pattern}")
_ASIDES = re.compile(r",\s*though\s*(?=[,.;!?]|\Z)|\bto be (?:fair|honest)\s*,", re.IGNORECASE)
"""Remarks that turn nothing round, unlike "though" at the start of a clause."""
_CODE_COMMENT = re.compile(r"(?m)^([ \t]*\w+[ \t]*=[ \t]*[^\s#]+)[ \t]+#[ \t].*$")
_EMPHASIS = re.compile(r"\*+|`+|__+|\$+")
_IS = re.compile(r"\b[\u00e8\u00c8\u00e9\u00c9]\b")
_ORDINAL = re.compile(r"\b(1st|2nd|3rd)\b")
_ORDINALS = {"1st": "first", "2nd": "second", "3rd": "third"}
_INNER_HYPHEN = re.compile(r"(?<=[^\W\d_])-(?=[^\W\d_])")
_DOTTED = re.compile(r"\b(?:(i)\.(e)\.|(e)\.(g)\.|(vs|Mr|Ms|Mrs|Dr|approx|cf|v)\.(?=\s))", re.IGNORECASE)


def fold(text: str) -> str:
    """Normalise width, accents, quotes and dashes; letters keep their case."""
    if text.isascii():
        return text
    if any(letter in text for letter in "\u00e8\u00c8\u00e9\u00c9"):
        text = _IS.sub("est", text)  # folded to "e", it would mean "and"
    text = unicodedata.normalize("NFKD", text.translate(_QUOTES))
    text = unicodedata.normalize("NFC", _MARKS.sub("", text))
    return _INVISIBLE.sub("", text.translate(_QUOTES))


def key(text: str) -> str:
    """Comparison key of a lexicon word, an option or a label: folded, lower case, hyphens as spaces."""
    return squeezed(" ".join(fold(text).lower().replace("_", " ").replace("-", " ").split()))


def squeezed(text: str) -> str:
    """The text without spaces where the script has none, or where an intensifier belongs to its level."""
    return text if text.isascii() else _SPACED.sub("", text)


def answer_part(text: str) -> str | None:
    """The part of a reply after its thinking and before any invented turn.

    None if only thinking is left: the block is never closed, or nothing follows it.
    """
    if len(text) > MAX_SEARCHED:
        text = f"{text[:HEAD]}\n\n{text[HEAD - MAX_SEARCHED :]}"
    text = _START.sub("", text, count=1)
    outside = outside_thinking(text)
    if outside is None:
        return None
    text = outside if outside is text else _START.sub("", outside, count=1)
    end = _END.search(text) if "<" in text or "[" in text else None
    if end:
        text = text[: end.start()]
    return _own_turn(text)


def _own_turn(text: str) -> str:
    """Cut invented next turns; if the reply echoes the prompt first, keep what follows it."""
    text = text.strip()
    turn = _TURN.search(text)
    if turn is None:
        return text
    if turn.start() > 0:
        return text[: turn.start()]
    reply = _REPLY.search(text, turn.end())
    start = reply.end() if reply else turn.end()
    later = _TURN.search(text, start)
    return text[start : later.start()] if later else text[start:]


def before_next_question(text: str) -> str:
    """The text before a line that repeats a question about a picture; "" if there is no such line."""
    found = _NEXT_QUESTION.search(text)
    return text[: found.start()] if found else ""


def bounded(text: str) -> str:
    """The text, or only its start and end if it is too long to parse."""
    if len(text) <= HEAD + TAIL:
        return text
    return f"{text[:HEAD]}\n\n{text[-TAIL:]}"


def plain(text: str) -> str:
    """Fold the text and remove its markup; answer tags and boxes become `ANSWER_MARK`."""
    text = squeezed(fold(text))
    if "\\" in text:
        text = _TEX.sub(r"\1", text)
        text = _BOX.sub(rf"\n{ANSWER_MARK} \1 {END_MARK}\n", text)
        text = text.replace("\\n", "\n").replace("\\(", " ").replace("\\)", " ").replace("\\", " ")
    if ("[" in text or not text.isascii()) and _CHECK.search(text):
        if _CROSS.search(text):
            text = "\n".join(map(_mark_by_mark, text.split("\n")))
        text = _UNCHECKED_LINE.sub("", text)
        text = _CHECKED_LINE.sub(rf"{ANSWER_MARK} \1 ", text)
        text = _CHECK.sub(f" {ANSWER_MARK} ", text)
    if "\u2717" in text or "\u2718" in text or "\u274c" in text:
        text = _CROSSED_LINE.sub(" ", text)
    if "<" in text or "[" in text:
        text = _ANSWER_OPEN.sub(f"\n{ANSWER_MARK} ", text)
        text = _ANSWER_CLOSE.sub(f" {END_MARK}\n", text)
        text = _STRUCK.sub(" ", text)
        without = _HTML.sub(" ", _BREAK.sub("\n", text))
        text = without if without.strip() else text
    if "://" in text or "www." in text:
        text = _ADDRESS.sub(" ", text)
    if _EXTENSION.search(text):
        text = _FILE_NAME.sub(" ", text)
    if "~~" in text:
        text = _STRUCK.sub(" ", text)
    if "```" in text:
        text = _FENCE.sub("\n", text)
    if "---" in text or "===" in text or "***" in text or "___" in text:
        text = _RULE.sub(lambda line: "" if _DRAWN.search(line.group()) else line.group(), text)
    text = _EMPHASIS.sub("", _LINE_MARK.sub("", text))
    if "." in text:
        text = _DOTTED.sub(_join_groups, text)
    if "1st" in text or "2nd" in text or "3rd" in text:
        text = _ORDINAL.sub(lambda found: _ORDINALS[found.group()], text)
    if "though" in text or "to be " in text:
        text = _ASIDES.sub("", text)
    if "#" in text:
        text = _CODE_COMMENT.sub(r"\1", text)
    return _INNER_HYPHEN.sub(" ", text).replace("_", " ")


def _mark_by_mark(line: str) -> str:
    """Split a line that ticks one option and crosses out another, so that each keeps its own mark."""
    if not (_CHECK.search(line) and _CROSS.search(line)):
        return line
    first = _EITHER_MARK.match(line.strip()) is not None
    return _EITHER_MARK.sub(lambda found: f"\n{found.group()}" if first else f"{found.group()}\n", line)


def _join_groups(found: re.Match[str]) -> str:
    return "".join(part for part in found.groups() if part)
