"""The vocabulary of one question: all unambiguous names of its options, and the grammar words around them."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from harness.parsing.clean import key
from harness.parsing.lexicon import Tag, ambiguous, described_nouns, families, forms, grammar

CJK = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
"""Scripts whose words are found within others: without spaces (Chinese, Japanese), or with suffixes (Korean)."""
_HAS_CJK = re.compile(f"[{CJK}]")
_LABEL_MARKS = re.compile(r"^[(\[{\s]+|[)\]}.:\s]+$")
_YES_OR_NO = re.compile(r"\(?([^\W\d_])[).]\s*(?:yes|no)")
_HAS_LETTER = re.compile(r"[^\W\d_]")

NOT_OFFERED: Hashable = "\ue002 not offered"

Value = Hashable


class Entry(NamedTuple):
    """Meaning of a word or phrase: its tag and, for a mention, the answer and the rule."""

    tag: Tag
    value: Value = None
    how: str = ""


@dataclass(slots=True)
class Vocabulary:
    """Lookup tables for one set of options.

    `single` holds one-word forms, `multi` longer ones by their first and second word (longest first), `cjk` the forms
    of scripts without spaces, `symbols` emoji. `labels` maps a shown label to its answer.
    """

    single: dict[str, Entry] = field(default_factory=dict)
    multi: dict[str, dict[str, list[tuple[tuple[str, ...], Entry]]]] = field(default_factory=dict)
    spaceless: dict[str, Entry] = field(default_factory=dict)
    symbols: dict[str, Value] = field(default_factory=dict)
    labels: dict[str, Value] = field(default_factory=dict)
    exact: dict[str, tuple[Value, str]] = field(default_factory=dict)
    typos: dict[str, Value] = field(default_factory=dict)
    cjk: re.Pattern[str] | None = None
    numeric: bool = False  # numbers are answers (ratings)
    numeric_labels: bool = False
    letter_labels: bool = False
    labels_first: bool = False  # a bare "1" is the label before it is the number
    pictures: bool = False  # the answers are pictures of a pair

    def add(self, form: str, entry: Entry, *, replace: bool = True) -> None:
        """Register one folded form; when text is parsed, longer phrases win over shorter ones."""
        if not _HAS_LETTER.search(form) and not form.isdigit():
            if entry.tag is Tag.MENTION:
                self.symbols.setdefault(form, entry.value)
            return
        if _HAS_CJK.search(form):
            if replace or form not in self.spaceless:
                self.spaceless[form] = entry
            return
        first, *rest = form.split(" ")
        if not rest:
            if replace or first not in self.single:
                self.single[first] = entry
            return
        phrases = self.multi.setdefault(first, {}).setdefault(rest[0], [])
        known = [index for index, (words, _) in enumerate(phrases) if words == tuple(rest)]
        if known and replace:
            phrases[known[0]] = (tuple(rest), entry)
        elif not known:
            phrases.append((tuple(rest), entry))

    def bare(self, text: str) -> tuple[Value, str] | None:
        """The answer and the rule of a text that is exactly one known form; None for any other text."""
        word = self.exact.get(text)
        if text in self.labels and (word is None or self.labels_first):
            return self.labels[text], "number" if text.isdigit() else "letter"
        if word is None and self.letter_labels and text.endswith(("yes", "no")):
            # "(B) No" names the option B, whose text is "No": nothing is denied.
            shown = _YES_OR_NO.fullmatch(text)
            if shown is not None and shown[1] in self.labels:
                return self.labels[shown[1]], "letter"
        return word

    def finish(self) -> Vocabulary:
        """Sort phrases longest first and compile the pattern for scripts without spaces."""
        for by_second in self.multi.values():
            for phrases in by_second.values():
                phrases.sort(key=lambda item: -len(item[0]))
        alternatives = sorted(self.spaceless, key=len, reverse=True)
        self.cjk = re.compile("|".join(map(re.escape, alternatives)))
        return self


def build(
    names: Mapping[Value, Iterable[str]], *, synonyms: Mapping[Value, Iterable[str]] | None = None
) -> Vocabulary:
    """A vocabulary of the grammar words and of every form that matches exactly one of `names`.

    `names` gives each answer its own names; `synonyms` adds the words that a task declares.
    """
    vocabulary = Vocabulary()
    for form, tag in grammar().items():
        vocabulary.add(form, Entry(tag))
    own = {key(name): value for value, listed in names.items() for name in listed}
    claims: dict[str, dict[Value, str]] = {}
    for form, value, how in _claims(own, synonyms or {}):
        claims.setdefault(form, {}).setdefault(value, how)
    for form, values in claims.items():
        if len(values) != 1 or form in own:
            continue
        ((value, how),) = values.items()
        if grammar().get(form) is not Tag.SKIP:
            vocabulary.add(form, Entry(Tag.MENTION, value, how))
            _add_exact(vocabulary, form, value, how)
            if how == "word" and form.isascii() and form.isalpha() and len(form) >= 5:
                vocabulary.typos[form] = value
    for form, value in own.items():
        vocabulary.add(form, Entry(Tag.MENTION, value, "word"))
        _add_exact(vocabulary, form, value, "word")
        if form.isascii() and form.isalpha() and len(form) >= 5:
            vocabulary.typos[form] = value
        _add_described_nouns(vocabulary, form)
    return vocabulary


def _add_exact(vocabulary: Vocabulary, form: str, value: Value, how: str) -> None:
    if _HAS_LETTER.search(form):
        vocabulary.exact[form] = (value, how)


def _claims(
    own: Mapping[str, Value], synonyms: Mapping[Value, Iterable[str]]
) -> Iterable[tuple[str, Value, str]]:
    """Every form with an answer that it may mean; a form claimed by two answers is dropped later."""
    declared = {key(word): value for value, words in synonyms.items() for word in words}
    for form, value in declared.items():
        if form not in own:
            yield form, value, "synonym"
    roots = {**declared, **own}
    for name, groups in families().items():
        family_value = roots.get(name)
        for index, group in enumerate(groups):
            owners = {roots[form] for form in group if form in roots}
            claimed = owners or ({family_value} if family_value is not None else set())
            if not claimed and index and not _family_named(groups, roots):
                continue
            if not claimed:
                claimed = _family_named(groups, roots)
            for form in group:
                if form in declared or form in own:
                    continue
                for value in claimed:
                    yield form, value, "word" if index == 0 else "synonym"
    for form, fitting in ambiguous().items():
        if form not in own and form not in declared:
            for name in fitting:
                if name in own:
                    yield key(form), own[name], "synonym"
    for form, value in own.items():
        if (
            form.isalpha()
            and form.isascii()
            and not any(form in group for groups in families().values() for group in groups)
        ):
            for ending in ("ness", "ly", "s", "ment"):
                yield form + ending, value, "word"


def _family_named(groups: Sequence[Sequence[str]], roots: Mapping[str, Value]) -> set[Value]:
    """The answers named by any word of a family."""
    return {roots[form] for group in groups for form in group if form in roots}


def _add_described_nouns(vocabulary: Vocabulary, option: str) -> None:
    for thing in forms(described_nouns().get(option, [])):
        vocabulary.add(f"{option} {thing}", Entry(Tag.SKIP), replace=False)


def with_labels(base: Vocabulary, labels: Mapping[str, Value]) -> Vocabulary:
    """A copy of `base` with the labels shown before the options ("A", "(b)", "1.").

    The order of options differs between samples, so the expensive part, the words, is shared.
    """
    named = {_LABEL_MARKS.sub("", key(shown)): value for shown, value in labels.items()}
    vocabulary = replace(
        base,
        labels=named,
        numeric_labels=any(label.isdigit() for label in named),
        letter_labels=any(len(label) == 1 and label.isalpha() for label in named),
    )
    long_ones = {label: value for label, value in named.items() if len(label) > 1 and not label.isdigit()}
    if not long_ones:
        return vocabulary
    vocabulary.single = dict(base.single)
    vocabulary.multi = {
        first: {second: list(phrases) for second, phrases in by_second.items()}
        for first, by_second in base.multi.items()
    }
    vocabulary.spaceless = dict(base.spaceless)
    for label, value in long_ones.items():
        if label not in base.single or base.single[label].tag is not Tag.MENTION:
            vocabulary.add(label, Entry(Tag.MENTION, value, "label"))
    return vocabulary.finish()
