"""Answers that a reply declares: an explicit form that says which option is meant, so that nothing need be understood.

The forms: a bare option, its label, or both; JSON and "key: value" fields; answer tags, boxes and `[[A]]`; "Answer: X" and
"The answer is X"; a verdict such as `A > B`; and a bold or single first or last line. A declared answer stands, whatever
is explained after it; another declared answer contradicts it, unless a correction or "final" comes with the later one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from harness.parsing import fields
from harness.parsing.clean import key
from harness.parsing.lexicon import alternatives
from harness.parsing.prose.events import FIELDS_CONTRADICT, MORE_THAN_ONE, Event, Kind
from harness.parsing.result import Parsed, Unparsed
from harness.parsing.vocabulary import NOT_OFFERED, Value

LONGEST = 120
"""Characters of a fragment that is read as a name."""
_STRIP = " \t\r\n.!*`_\"'\u3002\uff01\u201c\u201d\u2018\u2019,;:\uff1a\u2026"
_TAGS = alternatives("tags")
_TAG = re.compile(rf"<\s*({_TAGS})\s*>(.{{0,400}}?)(?:<\s*/\s*\1\s*>|\Z)", re.IGNORECASE | re.DOTALL)
_BOXES = (
    re.compile(r"\\(?:boxed|fbox)\s*\{((?:[^{}]|\{[^{}]{0,200}\}){0,400})\}"),
    re.compile(r"<\|begin_of_box\|>(.{0,400}?)(?:<\|end_of_box\|>|\Z)", re.DOTALL),
    re.compile(r"\[ANSWER\](.{0,400}?)(?:\[/ANSWER\]|\Z)", re.DOTALL | re.IGNORECASE),
    re.compile(r"\[\[\s*([^\[\]\n]{1,60}?)\s*\]\]"),
)
_TEX = re.compile(r"\\(?:text|textbf|mathrm|mathbf|texttt|textit|mathit|emph)\s*\{([^{}]{0,200})\}")
_BEFORE = r"(?:^|(?<=[.!?:;\u3002\uff01\n>]))[-*#>_`\u2022 \t]{0,8}"
_LEAD = rf"(?:(?:{alternatives('leads')})\s*,?\s+)?"
_NOUNS = alternatives("nouns")
_TOPICS = alternatives("topics")
_ADJECTIVES = rf"(?:(?:{alternatives('adjectives')})\s+){{0,4}}"
_FOREIGN = alternatives("other_languages")
_COLON = r"(?:\*\*|__)?[ \t]*(?:[:\uff1a=]|->|\u2192|=>)[ \t]*(?:\*\*|__)?[ \t]*"
_IS = r"(?:\*\*|__)?[ \t]+(?:is|would be|should be|must be|has to be|=)[ \t]*:?[ \t]*(?:\*\*|__)?[ \t]*"
_CUE = re.compile(
    rf"{_BEFORE}(?P<cue>{_LEAD}(?:{_ADJECTIVES}(?:{_NOUNS}|{_TOPICS})|{_FOREIGN}))(?:{_COLON}|{_IS}(?P<is>)|(?P<cjk>[\u662f\u306f]|\uc740|\ub294)[ \t]*)"
    r"(?=(?P<rest>[^\n]{1,300}))",
    re.IGNORECASE | re.MULTILINE,
)
_VERDICT = re.compile(
    r"(?:^|[\n:.,(])[ \t*]{0,8}(?:verdict|answer)?[ \t:*]{0,8}(?P<left>[^\W\d_][\w ()]{0,24}?|\d)[ \t]*"
    r"(?P<sign>>{1,2}=?|\u2265|\u226b|\uff1e|<{1,2}=?|\u2264|\u226a|\uff1c|(?:is |are |looks )?(?:much |slightly |clearly )?(?:better|stronger|greater|worse|weaker) than)"
    r"[ \t]*(?P<right>[^\W\d_][\w ()]{0,24}?|\d)(?=[ \t*]{0,8}(?:$|[\n.,;!)]))",
    re.IGNORECASE,
)
_TOPIC_CUE = re.compile(rf"(?:{_TOPICS})\Z", re.IGNORECASE)
_HEAD_END = re.compile(
    r"""\s*(?:
        [.!?;\n\u3002\uff01\uff1f\uff1b\uff0c\u3001]|
        ,\s*(?=(?:since|because|as|which|with|given|though|although|but|while|whereas|not|rather|and\ not|due|based|for|the|so|it|this|there|he|she|they)\b)|
        \s[-\u2013\u2014]+\s|\(|\[|
        \b(?:because|since|given|due\ to|rather\ than|instead\ of|based\ on|as\ the|as\ it|as\ there|with\ the)\b
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_CORRECTS = re.compile(
    rf"\b(?:{alternatives('corrections')})\b|{alternatives('corrections_without_spaces')}", re.IGNORECASE
)
_FINAL = re.compile(alternatives("final"), re.IGNORECASE)
_CONDITION = re.compile(
    r"\b(?:if|unless|when|whether|or|either|nor|and|vs|versus)\b|[/|&]|\u6216|\u8fd8\u662f|\u548c",
    re.IGNORECASE,
)
_EXAMPLE = re.compile(
    r"\b(?:for example|for instance|e\.g\.|an? example|example(?: of [^\n.]{0,40})?|would look like|should look like|looks like this)"
    r"[^\n.!?]{0,40}\Z",
    re.IGNORECASE | re.DOTALL,
)
ONLY_EXAMPLE = "only shows an example of an answer"
_LINE_MARKS = re.compile(r"^[ \t]*(?:[-*#>\u2022]+[ \t]+)?")

# Cheap signs of each form: most replies have none.
_BRACKETED = ("<", "\\", "[")
_COMPARED = (">", "<", " than ", "\u2264", "\u2265", "\u226a", "\u226b", "\uff1e", "\uff1c")
_COLONS = (":", "\uff1a", "=", "->", "\u2192", "\u662f", "\u306f", "\uc740", "\ub294")
_CALLED = tuple(dict.fromkeys(noun.rpartition(" ")[2] for noun in _NOUNS.split("|") if noun != "ans"))

Bare = Callable[[str], "tuple[Value, str] | None"]
Whole = Callable[[str], "Event | None"]


class Found(NamedTuple):
    """A declared answer, or that the place names several."""

    start: int
    end: int
    value: Value
    how: str
    final: bool = False
    label: bool = False
    """Only the option's label is named, which says nothing about what is meant if words do not agree with it."""
    reason: str = ""
    """Why the place has no single answer."""


@dataclass(frozen=True, slots=True)
class Names:
    """How one question's options are named: `bare` reads a text that is nothing but a name, `whole` a field's value."""

    bare: Bare
    whole: Whole
    labels: bool
    """Options are shown with labels."""
    contradicts: Callable[[str], bool]
    """Whether the sentences of a text assert different options."""

    def by_label(self, how: str) -> bool:
        """Whether a name found by the rule `how` is a label."""
        return self.labels and how in ("letter", "number")


def declared(text: str, names: Names) -> Parsed[Value] | Unparsed | None:
    """The answer that `text`, a reply without its thinking, declares; None where it declares none."""
    found = sorted(_explicit(text, names), key=lambda one: one.start)
    if found and all(_EXAMPLE.search(text, max(0, one.start - LONGEST), one.start + 1) for one in found):
        return Unparsed(ONLY_EXAMPLE)
    if not found:
        found = list(_lines(text, names))
    if not found:
        return None
    last = found[-1]
    if _CORRECTS.search(text, last.end) and len(text) > last.end + 8:
        return None
    opening = _opening(text, names)
    if opening is not None and opening.end <= last.start:
        found.insert(0, opening)
    conflict = [one for one in found if one.value != last.value or one.reason]
    if conflict:
        before = conflict[-1]
        corrected = (last.final and not before.final) or _CORRECTS.search(text[before.end : last.start])
        if last.reason or not corrected:
            return Unparsed(last.reason or before.reason or _contradiction(found))
    if last.value is NOT_OFFERED or (last.label and names.contradicts(text)):
        return None
    return Parsed(last.value, last.how)


def _opening(text: str, names: Names) -> Found | None:
    """A first sentence that is nothing but a name: no declaration that stands alone, but it can contradict one."""
    first = re.split(r"[.!;\n]", text.lstrip(), maxsplit=1)[0]
    value = names.bare(key(first.strip(_STRIP))) if len(first) < LONGEST else None
    if value is None or value[1] in ("letter", "number"):
        return None
    return Found(0, len(first), value[0], value[1])


def _contradiction(found: list[Found]) -> str:
    fields_alone = all(one.how in ("field", "json field", "json scores") for one in found)
    return FIELDS_CONTRADICT if fields_alone else MORE_THAN_ONE


def _explicit(text: str, names: Names) -> Iterator[Found]:
    """Fields, tags, boxes and cues, wherever they are in the text."""
    taken: list[tuple[int, int]] = []
    for json in fields.objects(text):
        for event in fields.events(json.content, names.whole, lambda prose: []):
            taken.append((json.start, json.end))
            yield _from_event(json.start, json.end, event)
    for pattern in (_TAG, *_BOXES) if any(sign in text for sign in _BRACKETED) else ():
        for match in pattern.finditer(text):
            found = _fragment(match, pattern.groups, names)
            if found is not None and not _inside(match, taken):
                taken.append(match.span())
                yield found
    for match in _VERDICT.finditer(text) if any(sign in text for sign in _COMPARED) else ():
        found = _verdict(match, names)
        if found is not None:
            yield found
    for match in _CUE.finditer(text) if _has_cue(text) else ():
        if not _inside(match, taken):
            cue = _after_cue(match, names)
            if cue is not None:
                yield cue


def _has_cue(text: str) -> bool:
    for sign in _COLONS:
        if sign in text:
            return True
    lower = text.lower()
    for words in _CALLED:  # noqa: SIM110 - a generator costs more than the search
        if words in lower:
            return True
    return False


def _verdict(match: re.Match[str], names: Names) -> Found | None:
    """The winner of a verdict: "A > B", "image 2 < image 1", "A better than B"."""
    sides = [names.bare(key(match.group(side).strip(_STRIP + "()[]"))) for side in ("left", "right")]
    if sides[0] is None or sides[1] is None or sides[0][0] == sides[1][0]:
        return None
    sign = match.group("sign").lower()
    sign = re.sub(r"^(?:is|are|looks) |(?:much|slightly|clearly) ", "", sign)
    winner = (
        sides[1]
        if sign[0] in "<\u2264\u226a\uff1c" or sign.startswith(("worse", "weaker", "less"))
        else sides[0]
    )
    return Found(*match.span(), winner[0], "verdict")


def _inside(match: re.Match[str], taken: list[tuple[int, int]]) -> bool:
    return any(
        start <= match.start("rest" if "rest" in match.re.groupindex else 0) < end for start, end in taken
    )


def _from_event(start: int, end: int, event: Event) -> Found:
    if event.kind is Kind.COMMIT:
        return Found(start, end, event.value, event.how if event.how.startswith("json") else "json field")
    return Found(start, end, None, "json field", reason=event.reason or FIELDS_CONTRADICT)


def _fragment(match: re.Match[str], group: int, names: Names) -> Found | None:
    """The answer of a tag or a box: a name, or a short text that names one option."""
    content = _TEX.sub(r"\1", match.group(group)).strip()
    final = "final" in match.group(0).lower()[:20]
    how = "tag" if match.re is _TAG else "box"
    value = names.bare(key(content.strip(_STRIP)))
    if value is not None:
        return Found(*match.span(), value[0], how, final, names.by_label(value[1]))
    if not content or len(content) > LONGEST or content.startswith("{"):
        return None
    event = names.whole(content)
    if event is None:
        return None
    if event.kind is Kind.COMMIT:
        return Found(*match.span(), event.value, how, final)
    return Found(*match.span(), None, how, final, reason=event.reason)


def _after_cue(match: re.Match[str], names: Names) -> Found | None:
    """The answer of "Answer: X" or "The answer is X": a name, followed by nothing or by an explanation."""
    rest = match.group("rest")
    if match.group("is") is not None and _TOPIC_CUE.search(match.group("cue")):
        return None  # "The emotion is sad, but ..." is a sentence to be understood.
    head, after = _split_head(rest)
    value = names.bare(key(_TEX.sub(r"\1", head).strip(_STRIP + "()[]")))
    if value is None or after.lstrip().startswith("?") or _contradicted(after, value[0], names):
        return None
    how = "cue" if match.group("is") is not None or not _TOPIC_CUE.search(match.group("cue")) else "field"
    end = match.start("rest") + len(head)
    final = bool(_FINAL.search(match.group("cue")))
    return Found(match.start(), end, value[0], how, final, names.by_label(value[1]))


def _split_head(rest: str) -> tuple[str, str]:
    """The first words of an answer, and what follows: the whole line if it is a name itself."""
    end = _HEAD_END.search(rest, 1)
    while end is not None and rest[end.start() : end.end()].strip() == "." and _inner_stop(rest, end.start()):
        end = _HEAD_END.search(rest, end.end())
    return (rest, "") if end is None else (rest[: end.start()], rest[end.start() :])


def _inner_stop(rest: str, at: int) -> bool:
    """Whether a stop belongs to a number or to a label: "3.5", "B. sad"."""
    head = rest[:at].strip(_STRIP + "()[]")
    return rest[at + 1 : at + 2].isdigit() or (len(head) == 1 and bool(re.match(r"\.\s*\w", rest[at:])))


def _contradicted(after: str, value: Value, names: Names) -> bool:
    """Whether what stands directly behind a name is another one, or makes it a condition."""
    text = after.lstrip(_STRIP + "([-\u2013\u2014 ")
    close = re.split(r"[)\].,;\n]", text, maxsplit=1)[0]
    other = names.bare(key(close.strip(_STRIP)))
    if other is not None and other[0] != value:
        return True
    opening = text[:24].lower()
    return bool(re.match(r"(?:if|unless|when|or|and|/)\b", opening))


def _lines(text: str, names: Names) -> Iterator[Found]:
    """A first or last line, or a bold part, that is nothing but a name, if no other line names another option."""
    if "\n" not in text:
        return
    position, rows = 0, []
    for line in text.split("\n"):
        rows.append((position, line))
        position += len(line) + 1
    rows = [(start, line) for start, line in rows if line.strip()]
    named = []
    for start, line in rows:
        value = names.bare(key(_LINE_MARKS.sub("", line).strip(_STRIP)))
        if value is not None:
            named.append(Found(start, start + len(line), value[0], "line", label=names.by_label(value[1])))
    if len(rows) > 1 and named and len({one.value for one in named}) == 1:
        ends = {rows[0][0], rows[-1][0]}
        yield from (one for one in named[-1:] if one.start in ends)
