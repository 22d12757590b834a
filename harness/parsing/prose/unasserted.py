"""Detect mentions that assert nothing: questions, conditions, definitions, inscriptions, descriptions of things."""

from __future__ import annotations

from itertools import pairwise

from harness.parsing.lexicon import Tag, words
from harness.parsing.prose.attribution import is_attributed, looks_like_person
from harness.parsing.prose.clauses import Clause
from harness.parsing.prose.tokens import Item
from harness.parsing.prose.word_sets import (
    ASPECTS,
    CONDITIONALS,
    DEFINES,
    EMOTIVE_NOUNS,
    IN_GENERAL,
    INSCRIBED,
    INSCRIBES,
)

_SPEAKER = words("unasserted.speaker")
_POSSESSES = words("unasserted.possesses")
_ADJECTIVES = words("unasserted.adjectives")
_ADVERBS = words("unasserted.adverbs")
_SPEAKS_OF_SELF = frozenset(
    {
        ("i", "am"),
        ("i", "was"),
        ("i", "feel"),
        ("i", "felt"),
        ("ich", "bin"),
        ("je", "suis"),
        ("yo", "estoy"),
        ("io", "sono"),
    }
)
_ANYONE = words("unasserted.anyone")
_CALLING = words("unasserted.calling")
_CONTRACTED = frozenset(["he'd", "she'd", "they'd", "it'd", "that'd"])
_SEEM = frozenset(["be", "seem", "look", "appear", "feel"])
_YOU_ARE = words("unasserted.you_are")
_FITS = words("unasserted.fits")
_TITLES = words("unasserted.titles")
_SETTINGS = words("unasserted.settings")
_IMPERATIVES = words("unasserted.imperatives")
_SELF_WORDS = words("unasserted.self_words")
_ADVERBIAL = ("happily", "angrily")
_OWN = words("unasserted.own")


class AssertionChecks:
    """Checks whether a clause, or one of its mentions, asserts nothing."""

    def __init__(self, clause: Clause) -> None:
        self.clause = clause
        self.items = clause.items
        self.tags = {item.tag for item in self.items}
        self.words = frozenset([item.text for item in self.items])

    def asserts_nothing(self) -> bool:
        """Whether the whole clause asserts nothing: a question, a condition, a doubt, an unrelated key."""
        if self.clause.stop == "?" or self.clause.hypothetical:
            return True
        if len(self.items) == 1:
            return False
        if self._hypothetical() or self._inscribed() or self._demands():
            return True
        if is_attributed(self.items, self.words):
            return True
        if self.clause.opens and [item.text for item in self.items[:2]] == ["to", "be"]:
            return len(self.items) > 2 and self.items[2].tag is Tag.MENTION
        if self._defines() or self._counterfactual() or self._unjustified():
            return True
        hedged = Tag.MAYBE in self.tags and Tag.ANSWER not in self.tags
        conceded_option = hedged and not self.clause.opens  # "though worry can't be ruled out"
        conceded = Tag.AT_FIRST in self.tags and Tag.CORRECT not in self.tags and not conceded_option
        if conceded and (self.clause.opens or Tag.PREFER not in self.tags):
            return True
        if Tag.UNSURE in self.tags and Tag.PREFER not in self.tags:
            return True
        return Tag.OTHER_KEY in self.tags and self.items[0].tag in (Tag.OTHER_KEY, Tag.FILLER, Tag.PUNCT)

    def _demands(self) -> bool:
        """Whether the sentence asks for something: "please send the second image again"."""
        if not self.clause.opens or self.tags & {Tag.ANSWER, Tag.PREFER, Tag.CONCLUDE}:
            return False
        first = next((item for item in self.items if item.tag not in (Tag.FILLER, Tag.PUNCT)), None)
        return first is not None and first.text in _IMPERATIVES

    def _hypothetical(self) -> bool:
        """Whether the clause is conditional: "if it were sad", "anger would show", but not "if I had to pick"."""
        if self.clause.conditional:
            return True
        if (
            self.items[0].text == "in"
            and Tag.MAYBE in self.tags
            and _SETTINGS & {item.text for item in self.items[2:4]}
        ):
            return True  # "in brighter light this might be happy"
        if Tag.IF not in self.tags:
            return False
        conditions = [item for item in self.items if item.tag is Tag.IF and item.text not in CONDITIONALS]
        if not self.clause.opens and any(item.text == "which" for item in self.items[:3]):
            conditions = [item for item in conditions if item.text not in IN_GENERAL]
        if self.clause.opens and self.items[0].text == "that would":
            return False
        would = any(item.text.startswith("would") for item in conditions)
        if conditions and not self.clause.conditional and self._named_after_colon(conditions[-1]):
            return False
        return bool(conditions) and (would or Tag.PREFER not in self.tags)

    def _named_after_colon(self, condition: Item) -> bool:
        """Whether a colon separates the condition from the option: "it looks like someone who lost a friend: sad"."""
        at = next(index for index, item in enumerate(self.items) if item is condition)
        first = next((i for i, item in enumerate(self.items) if item.tag is Tag.MENTION), at)
        return any(item.text == ":" for item in self.items[at:first])

    def _defines(self) -> bool:
        """Whether the sentence describes an emotion in general: "anger is characterized by", "a typical angry face has"."""
        head = [item for item in self.items[:5] if item.tag is not Tag.PUNCT]
        if len(head) > 2 and (head[0].text, head[1].text) == ("a", "typical"):
            return True
        words = [item for item in head if item.tag not in (Tag.FILLER, Tag.LINK) and item.text not in _ANYONE]
        return len(words) > 1 and words[0].tag is Tag.MENTION and words[1].text in DEFINES

    def _counterfactual(self) -> bool:
        """Whether the clause is counterfactual: "worry would look softer", not "worry would be my choice"."""
        if self.tags & {Tag.ANSWER, Tag.TOPIC, Tag.PREFER, Tag.CONCLUDE, Tag.CORRECT}:
            return False
        texts = [item.text for item in self.items]
        if self.clause.opens and texts[0] in ("this", "that"):
            return False
        if not self.words.isdisjoint(_CONTRACTED) and any(
            left in _CONTRACTED and right in _SEEM for left, right in pairwise(texts)
        ):
            return True
        return any(text.startswith("would") for text in texts) and not _SPEAKER & set(texts)

    def _unjustified(self) -> bool:
        """Whether the clause rejects a description: "calling her sad isn't justified"."""
        if Tag.NOT not in self.tags or self.words.isdisjoint(_CALLING):
            return False
        head = next((item for item in self.items if item.tag is not Tag.PUNCT), self.items[0])
        return head.text in _CALLING and any(item.tag is Tag.NOT for item in self.items)

    def _inscribed(self) -> bool:
        """Whether the clause quotes written text: "the poster says ..."."""
        if self.words.isdisjoint(INSCRIBED):
            return False
        described = any(
            left.text in INSCRIBED and left.tag is Tag.WORD and right.text in ("is", "was")
            for left, right in pairwise(self.items)
        )
        quoted = any(left.text == "with" and right.text in ("'", '"') for left, right in pairwise(self.items))
        return described or quoted or not self.words.isdisjoint(INSCRIBES)

    def is_irrelevant(self, position: int) -> bool:
        """Whether the mention at `position` describes light, a thing or the speaker, or is part of a name."""
        if len(self.items) == 1 and self.items[0].text not in _ADVERBIAL:
            return False
        named = self._of_name(position) or self._in_title(position)
        return named or self._of_aspect(position) or self._of_thing(position) or self._of_speaker(position)

    def _of_speaker(self, position: int) -> bool:
        """Whether the mention describes the speaker: "I'm so sad that", "my only worry is"."""
        item = self.items[position]
        if item.how in ("letter", "number") or self.words.isdisjoint(_SELF_WORDS):
            return False
        after = self.items[position + 1].text if position + 1 < len(self.items) else ""
        if self.clause.opens and not self.clause.stop and after in ("", ",") and item.text in _ADVERBIAL:
            return True
        lead = [one.text for one in self.items[max(0, position - 4) : position] if one.tag is not Tag.FILLER]
        if lead[-1:] == ["my"] or (lead[-2:-1] == ["my"] and lead[-1] in _OWN):
            return True
        described = any(word in ("you", "you're") for word in lead) and lead[-1] in _YOU_ARE
        return described or lead[-1:] == ["i'm"] or tuple(lead[-2:]) in _SPEAKS_OF_SELF

    def _of_name(self, position: int) -> bool:
        """Whether the mention is part of a name: "Sad Sam", "Happy Valley School", a hashtag."""
        item, before = self.items[position], self.items[position - 1] if position else None
        if before is not None and (before.text in _TITLES or (before.text == "#" and Tag.WORD in self.tags)):
            return True
        after = self.items[position + 1] if position + 1 < len(self.items) else None
        named = after is not None and after.tag is Tag.WORD and after.raw.istitle() and item.raw.istitle()
        return named and any(one.raw.islower() for one in self.items if one.tag is not Tag.PUNCT)

    def _in_title(self, position: int) -> bool:
        """Whether the mention is part of a quoted title: 'World's Happiest Dad'."""
        if self.words.isdisjoint(("'", '"')):
            return False
        quotes = [at for at, item in enumerate(self.items) if item.text in ("'", '"')]
        left = max((at for at in quotes if at < position), default=None)
        right = min((at for at in quotes if at > position), default=None)
        if not left or right is None or right - left > 8:
            return False
        if self.items[left + 1].raw == "The" and self.items[left - 1].tag is Tag.WORD:
            return True
        inside = [item for item in self.items[left:right] if item.tag is Tag.WORD]
        titled = any(item.raw.istitle() for item in inside) or len(inside) > 1
        return titled and (self.items[left - 1].text not in (":", "=") or len(inside) > 1)

    def _of_aspect(self, position: int) -> bool:
        """Whether the mention describes the light or the style of the picture, not the person."""
        if self.words.isdisjoint(ASPECTS):
            return False
        subjects = [
            item
            for item in self.items[:position]
            if item.tag in (Tag.TOPIC, Tag.PERSON, Tag.FEATURE) and item.text != "es"
        ]
        if not subjects or subjects[-1].text not in ASPECTS:
            return False
        after = self.items[position + 1].tag if position + 1 < len(self.items) else None
        described = Tag.LINK in {item.tag for item in self.items[:position]}  # "the light is moody and sad"
        ends = described and after not in (Tag.TOPIC, Tag.PERSON, Tag.FEATURE)
        return self.items[position - 1].tag is not Tag.JOIN or ends

    def _of_thing(self, position: int) -> bool:
        """Whether the mention describes a noun that is neither person nor face: "a happy yellow shirt"."""
        item = self.items[position]
        before = self.items[position - 1].text if position else ""
        after = self.items[position + 1 : position + 5]
        if after and before in ("'", '"') and after[0].text == before and position > 1:
            before, after = self.items[position - 2].text, after[1:]  # the 'neutral' setting
        if not after or not self._describes(item.text, before, after[0]):
            return False
        if after[0].text == "shade of":
            return True
        ends = next((i for i, item in enumerate(after) if item.tag is not Tag.WORD), len(after))
        owners = (Tag.PERSON, Tag.TOPIC, Tag.FEATURE, Tag.MENTION)
        owned = bool(after[ends:]) and after[ends].tag in owners
        if ends and looks_like_person(after[ends - 1].text):
            return False
        return ends > 0 and not owned and after[0].text not in EMOTIVE_NOUNS

    def _describes(self, word: str, before: str, after: Item) -> bool:
        """Whether an option at this position can be an adjective of what follows."""
        if before in ("a", "an", "what"):
            return True
        if word not in _ADJECTIVES or after.text in _FITS or after.text in _ADVERBS:
            return False
        if before in ("", ",", "and"):
            return after.text.endswith("s") or word == "neutral"
        return before in _POSSESSES or (before == "the" and after.tag is Tag.WORD)
