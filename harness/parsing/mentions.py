"""The part each mention plays in its clause: asserted, preferred, denied, set aside, or only quoted."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from itertools import pairwise

from harness.parsing.clauses import Clause
from harness.parsing.events import Strength
from harness.parsing.lexicon import Tag
from harness.parsing.lexicon.particulars import (
    ASPECTS,
    DEFINES,
    EMOTIVE_NOUNS,
    INSCRIBED,
    INSCRIBES,
    LIST_WORDS,
    OR,
    SUPPOSING,
)
from harness.parsing.tokens import Item

_JOINING = frozenset({Tag.JOIN, Tag.FILLER, Tag.PUNCT, Tag.PERSON})
_SPEAKER = frozenset(["i", "we", "i think", "i believe", "best", "correct", "fit", "right"])
_NEAR = frozenset({Tag.LINK, Tag.FILLER, Tag.PUNCT})


class Role(Enum):
    """What the words around a mention make of it."""

    PLAIN = auto()
    PREFERRED = auto()
    MINOR = auto()
    DENIED = auto()
    ASIDE = auto()
    VOID = auto()


@dataclass(slots=True)
class Found:
    """A mention in its clause."""

    item: Item
    position: int
    role: Role
    strength: Strength = Strength.PASSING


class MentionReader:
    """Finds the mentions of one clause and their roles."""

    def __init__(self, clause: Clause) -> None:
        self.clause = clause
        self.items = clause.items
        self.tags = {item.tag for item in self.items}
        self.found: list[Found] = []

    def find(self) -> None:
        """Fill `found`, in reading order."""
        self._assign_roles()
        self._void_lists()
        self._look_back()

    def _assign_roles(self) -> None:
        """Give each mention the role that the words before it set."""
        role = Role.PLAIN
        clause_void = self._void()
        feature_since = False
        for position, item in enumerate(self.items):
            if item.tag is Tag.MENTION:
                given = Role.VOID if clause_void or self._beside_the_point(position) else role
                self.found.append(Found(item, position, given))
            elif item.tag in (Tag.NOT_BEFORE, Tag.THAN_BEFORE):
                self._set_aside(Role.DENIED if item.tag is Tag.NOT_BEFORE else Role.ASIDE)
            elif self._scope_ends(role, position, feature_since):
                role = Role.PLAIN
            else:
                role = self._next_role(role, item)
            feature_since = item.tag is Tag.FEATURE or (feature_since and item.tag is not Tag.NOT)

    def _next_role(self, role: Role, item: Item) -> Role:
        """The role of the mentions after this word."""
        if item.tag is Tag.NOT:
            return Role.DENIED
        if item.tag is Tag.ALSO and item.text == "too" and self._too_much(item):
            return Role.DENIED
        if item.tag is Tag.MINOR and item.text.startswith("alternative") and self._after_or(item):
            return role
        than = item.tag is Tag.THAN or (item.text == ">" and self._has_plain())
        if than or (item.text in ("que", "qu'") and Tag.PREFER in self.tags and self._has_plain()):
            return Role.ASIDE
        if role is Role.DENIED:
            return role
        if item.text in ("probably", "likely") and self._alternatives_before(item):
            return Role.PREFERRED
        return {Tag.MINOR: Role.MINOR, Tag.PREFER: Role.PREFERRED}.get(item.tag, role)

    def _after_or(self, item: Item) -> bool:
        at = next(index for index, other in enumerate(self.items) if other is item)
        before = [other for other in self.items[:at] if other.tag is not Tag.PUNCT]
        return bool(before) and before[-1].tag is Tag.JOIN

    def _too_much(self, item: Item) -> bool:
        """ "too calm to be anger", "too open for worry"."""
        at = next(index for index, other in enumerate(self.items) if other is item)
        texts = [other.text for other in self.items[at + 2 : at + 6]]
        return ("to", "be") in pairwise(texts)

    def _alternatives_before(self, item: Item) -> bool:
        """Whether "a or b," stands before this word."""
        at = next(index for index, other in enumerate(self.items) if other is item)
        before = self.items[:at]
        named = sum(one.tag is Tag.MENTION for one in before) > 1
        return (
            named
            and before[-1].text == ","
            and any(one.text.startswith(OR) for one in before if one.tag is Tag.JOIN)
        )

    def _scope_ends(self, role: Role, position: int, feature_since: bool) -> bool:
        """Whether a denial, a comparison or "a hint of" reaches no further than this word."""
        item = self.items[position]
        tag = item.tag
        stops = tag is Tag.PUNCT and item.text in ",\u3001"
        if role is Role.DENIED:
            answers = tag in (Tag.ANSWER, Tag.CONCLUDE, Tag.CORRECT) and not self._denied_verb(position)
            argued = feature_since and tag in (Tag.SUGGEST, Tag.LINK)
            breaks = stops or (tag is Tag.PUNCT and item.text in "-:")
            return answers or argued or (breaks and not self._denied_list(position))
        if role is Role.ASIDE:
            return (stops and not self._has_plain()) or (tag is Tag.PUNCT and item.text == ":")
        return role is Role.MINOR and tag is Tag.PUNCT and item.text in ",;"

    def _beside_the_point(self, position: int) -> bool:
        return self._of_aspect(position) or self._of_thing(position)

    def _of_aspect(self, position: int) -> bool:
        """Whether what is rated or named is the light or the picture's making, not the person."""
        subjects = [
            item for item in self.items[:position] if item.tag in (Tag.TOPIC, Tag.PERSON, Tag.FEATURE)
        ]
        return (
            bool(subjects) and subjects[-1].text in ASPECTS and self.items[position - 1].tag is not Tag.JOIN
        )

    def _of_thing(self, position: int) -> bool:
        """Whether it describes a noun that is neither person nor face: "a happy yellow shirt"."""
        before = self.items[position - 1].text if position else ""
        after = self.items[position + 1 : position + 4]
        if before not in ("a", "an") or len(after) < 1 or self.items[position].how in ("letter", "number"):
            return False
        if after[0].text == "looking":
            after = after[1:]
        ends = next((i for i, item in enumerate(after) if item.tag is not Tag.WORD), len(after))
        owners = (Tag.PERSON, Tag.TOPIC, Tag.FEATURE, Tag.MENTION)
        return (
            ends > 0
            and not (after[ends:] and after[ends].tag in owners)
            and after[0].text not in EMOTIVE_NOUNS
        )

    def _denied_verb(self, position: int) -> bool:
        """ "would not choose": the denial stands close before the answering word."""
        near = self.items[max(0, position - 3) : position]
        return any(item.tag is Tag.NOT and item.text != "without" for item in near)

    def _has_plain(self) -> bool:
        return any(found.role in (Role.PLAIN, Role.PREFERRED) for found in self.found)

    def _denied_list(self, position: int) -> bool:
        """Whether a comma after a denied mention goes on with the list: "not happy, sad or angry"."""
        later = self.items[position + 1 :]
        mentions = [item for item in later if item.tag is Tag.MENTION]
        joined = any(item.tag is Tag.JOIN or item.tag is Tag.NOT for item in later)
        if not self.found:
            ahead = later[: later.index(mentions[0])] if mentions else []
            tags = [item.tag for item in ahead]
            return not (Tag.LINK in tags and {Tag.TOPIC, Tag.PERSON} & set(tags[: tags.index(Tag.LINK)]))
        return bool(mentions) and (joined or len(mentions) > 1)

    def _void(self) -> bool:
        """Whether the clause as a whole asserts nothing: a question, a condition, a doubt, another key."""
        if self.clause.stop == "?" or self.clause.supposed or self._hypothetical() or self._inscribed():
            return True
        if self.clause.opens and [item.text for item in self.items[:2]] == ["to", "be"]:
            return len(self.items) > 2 and self.items[2].tag is Tag.MENTION
        if self._defines() or self._would_be():
            return True
        hedged = Tag.MAYBE in self.tags and Tag.ANSWER not in self.tags
        way_out = hedged and not self.clause.opens  # "though worry can't be ruled out"
        conceded = Tag.AT_FIRST in self.tags and Tag.CORRECT not in self.tags and not way_out
        if conceded and (self.clause.opens or Tag.PREFER not in self.tags):
            return True
        if Tag.UNSURE in self.tags and Tag.PREFER not in self.tags:
            return True
        return Tag.OTHER_KEY in self.tags and self.items[0].tag in (Tag.OTHER_KEY, Tag.FILLER, Tag.PUNCT)

    def _hypothetical(self) -> bool:
        """ "if it were sad", "anger would show", but not "if I had to pick"."""
        if self.clause.conditional:
            return True
        conditions = [item for item in self.items if item.tag is Tag.IF and item.text not in SUPPOSING]
        if self.clause.opens and self.items[0].text == "that would":
            return False
        would = any(item.text.startswith("would") for item in conditions)
        return bool(conditions) and (would or Tag.PREFER not in self.tags)

    def _defines(self) -> bool:
        """Whether the sentence speaks of the emotion as such: "anger is characterized by", "a typical angry face has"."""
        if not self.clause.opens:
            return False
        head = [item for item in self.items[:5] if item.tag is not Tag.PUNCT]
        if len(head) > 2 and (head[0].text, head[1].text) == ("a", "typical"):
            return True
        words = [item for item in head if item.tag not in (Tag.FILLER, Tag.LINK)]
        return len(words) > 1 and words[0].tag is Tag.MENTION and words[1].text in DEFINES

    def _would_be(self) -> bool:
        """Whether it tells of another case: "worry would look softer", not "worry would be my choice"."""
        if self.tags & {Tag.ANSWER, Tag.TOPIC, Tag.PREFER, Tag.CONCLUDE, Tag.CORRECT}:
            return False
        texts = [item.text for item in self.items]
        if self.clause.opens and texts[0] in ("this", "that"):
            return False
        return any(text.startswith("would") for text in texts) and not _SPEAKER & set(texts)

    def _inscribed(self) -> bool:
        """Whether the clause quotes what stands written: "the poster says ..."."""
        words = {item.text for item in self.items}
        return bool(words & INSCRIBED) and bool(words & INSCRIBES)

    def _set_aside(self, role: Role) -> None:
        for found in reversed(self.found):
            if found.role is not Role.PLAIN:
                break
            found.role = role

    def _void_lists(self) -> None:
        """Options recited after "between" or "options:" are no answers."""
        listing = next((i for i, item in enumerate(self.items) if item.tag is Tag.LISTING), None)
        if listing is None:
            return
        run: list[Found] = []
        for found in self.found:
            if found.position < listing:
                continue
            repeats = found.item.value in {one.item.value for one in run[:-1]}
            numbers = {one.item.value for one in run if one.item.how != "number"}
            repeats = repeats or (
                found.item.how == "number" and len(numbers) > 1 and found.item.value != run[-1].item.value
            )
            if run and (repeats or not self._connected(run[-1].position, found.position)):
                break
            run.append(found)
        several = len({found.item.value for found in run}) > 1 or self.items[listing].text == "either"
        alone = run and self.items[listing].text in LIST_WORDS and self._connected(listing, run[0].position)
        if several or (alone and all(item.text != "," for item in self.items[listing : run[0].position])):
            for found in run:
                found.role = Role.VOID

    def _connected(self, left: int, right: int) -> bool:
        between = self.items[left + 1 : right]
        if between and between[0].tag is Tag.JOIN and len(between) <= 3:
            between = [
                item for item in between if item.tag is not Tag.WORD
            ]  # "either sadness or quiet worry"
        return all(item.tag in (Tag.JOIN, Tag.FILLER, Tag.PUNCT, Tag.ALSO, Tag.OPEN) for item in between)

    def _look_back(self) -> None:
        """Apply what is said after a mention: "sad is the most likely", "happy isn't right"."""
        for position, item in enumerate(self.items):
            if item.tag not in (Tag.PREFER, Tag.NOT):
                continue
            before = [found for found in self.found if found.position < position]
            ahead = [found for found in self.found if found.position > position]
            if not before or before[-1].role is Role.VOID:
                continue
            near = all(other.tag in _NEAR for other in self.items[before[-1].position + 1 : position])
            if item.tag is Tag.PREFER and (not ahead or (near and position - before[-1].position > 1)):
                for found in self._joined_back(before):
                    found.role = Role.PREFERRED
                for found in ahead:
                    found.role = Role.MINOR if found.role is Role.PREFERRED else found.role
            elif item.tag is Tag.NOT and near and not ahead and not self._feature_after(position):
                for found in before:
                    if found.item.value == before[-1].item.value:
                        found.role = Role.DENIED

    def _joined_back(self, before: list[Found]) -> list[Found]:
        """The last of these mentions and those joined to it: "sad or worried is most likely" prefers neither."""
        joined = [before[-1]]
        for found in before[-2::-1]:
            between = self.items[found.position + 1 : joined[-1].position]
            linked = any(item.tag is Tag.JOIN or item.text in ("/", "(", "&") for item in between)
            linked = linked or found.item.how in ("letter", "number")
            only = all(item.tag in _JOINING for item in between)
            if not linked or not only or found.role is not Role.PLAIN:
                break
            joined.append(found)
        return joined

    def _feature_after(self, position: int) -> bool:
        return any(item.tag is Tag.FEATURE for item in self.items[position + 1 : position + 4])
