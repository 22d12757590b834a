"""Assign each mention its role in the clause: asserted, preferred, minor, denied, set aside or only quoted."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from itertools import pairwise

from harness.parsing.lexicon import Tag
from harness.parsing.prose.clauses import Clause
from harness.parsing.prose.events import Strength
from harness.parsing.prose.tokens import Item
from harness.parsing.prose.unasserted import AssertionChecks
from harness.parsing.prose.word_sets import LIST_WORDS, OR

_JOINING = frozenset({Tag.JOIN, Tag.FILLER, Tag.PUNCT, Tag.PERSON})
_NEAR = frozenset({Tag.LINK, Tag.FILLER, Tag.PUNCT})


class Role(Enum):
    PLAIN = auto()
    PREFERRED = auto()
    MINOR = auto()
    DENIED = auto()
    ASIDE = auto()
    VOID = auto()


@dataclass(slots=True)
class Found:
    item: Item
    position: int
    role: Role
    strength: Strength = Strength.PASSING
    doubtful: bool = False


_TURNING_TAGS = frozenset({Tag.NOT, Tag.THAN, Tag.ALSO, Tag.MINOR, Tag.PREFER})
_TURNING_WORDS = frozenset({">", "que", "qu'", "then", "probably", "likely"})


class MentionParser(AssertionChecks):
    """Finds the mentions of one clause and their roles."""

    def __init__(self, clause: Clause) -> None:
        super().__init__(clause)
        self.found: list[Found] = []

    def find(self) -> None:
        """Fill `found`, in reading order."""
        self._assign_roles()
        self._void_quoted_lists()
        self._look_back()

    def _assign_roles(self) -> None:
        """Give each mention the role determined by the words before it."""
        role = Role.PLAIN
        clause_void = self.asserts_nothing()
        feature_since = False
        for position, item in enumerate(self.items):
            if item.tag is Tag.MENTION:
                given = Role.VOID if clause_void or self.is_irrelevant(position) else role
                self.found.append(Found(item, position, given))
            elif item.tag in (Tag.NOT_BEFORE, Tag.THAN_BEFORE):
                self._set_aside(item.tag)
            elif self._scope_ends(role, position, feature_since):
                role = Role.PLAIN
            else:
                role = self._next_role(role, item)
            feature_since = item.tag is Tag.FEATURE or (feature_since and item.tag is not Tag.NOT)

    def _next_role(self, role: Role, item: Item) -> Role:
        """The role of the mentions after this word."""
        tag = item.tag
        if tag not in _TURNING_TAGS and item.text not in _TURNING_WORDS:
            return role
        if tag is Tag.NOT or (tag is Tag.ALSO and item.text == "too" and self._too_much(item)):
            return Role.DENIED
        if tag is Tag.THAN and item.text == "than" and self._less():
            return Role.PLAIN
        than = tag is Tag.THAN or (item.text == ">" and self._has_plain())
        if than or (item.text in ("que", "qu'") and Tag.PREFER in self.tags and self._has_plain()):
            return Role.ASIDE
        if role is Role.DENIED:
            return role
        if item.text == "then" and self._has_plain() and any(other.text == "first" for other in self.items):
            return Role.MINOR
        if item.text in ("probably", "likely") and self._alternatives_before(item):
            return Role.PREFERRED
        if tag is Tag.MINOR:
            return Role.MINOR
        return Role.PREFERRED if tag is Tag.PREFER else role

    def _less(self) -> bool:
        """Whether the clause compares with "less": "less happy than surprised" denies only the first."""
        return bool(self.found) and any(
            item.tag is Tag.NOT and item.text == "less" for item in self.items[: self.found[0].position]
        )

    def _too_much(self, item: Item) -> bool:
        """Whether "too" denies what follows: "too calm to be anger"."""
        at = next(index for index, other in enumerate(self.items) if other is item)
        texts = [other.text for other in self.items[at + 2 : at + 6]]
        return ("to", "be") in pairwise(texts)

    def _alternatives_before(self, item: Item) -> bool:
        """Whether "a or b," precedes this word."""
        at = next(index for index, other in enumerate(self.items) if other is item)
        before = self.items[:at]
        named = sum(one.tag is Tag.MENTION for one in before) > 1
        return (
            named
            and before[-1].text == ","
            and any(one.text.startswith(OR) for one in before if one.tag is Tag.JOIN)
        )

    def _scope_ends(self, role: Role, position: int, feature_since: bool) -> bool:
        """Whether the scope of a denial, a comparison or "a hint of" ends at this word."""
        item = self.items[position]
        tag = item.tag
        stops = tag is Tag.PUNCT and item.text in ",\u3001"
        if role is Role.DENIED:
            if item.text in ("choose", "pick", "select") and self.items[position - 1].tag is Tag.JOIN:
                return True  # "I'd rule out D and choose E"
            answers = tag in (Tag.ANSWER, Tag.CONCLUDE, Tag.CORRECT) and not self._denied_verb(position)
            argued = feature_since and tag in (Tag.SUGGEST, Tag.LINK)
            breaks = stops or (tag is Tag.PUNCT and item.text in "-:")
            return answers or argued or (breaks and not self._denied_list(position))
        if role is Role.ASIDE:
            if self.found and not self._has_plain() and item.text in ("i", "we", "he", "she"):
                return True  # "instead of happiness I see worry"
            return (stops and not self._has_plain()) or (tag is Tag.PUNCT and item.text == ":")
        return role is Role.MINOR and tag is Tag.PUNCT and item.text in ",;"

    def _denied_verb(self, position: int) -> bool:
        """Whether a denial directly precedes the verb of the answer: "would not choose"."""
        for item in self.items[position - 1 : max(0, position - 3) - 1 if position > 3 else None : -1]:
            if item.tag is Tag.PUNCT:
                return False
            if item.tag is Tag.NOT and item.text != "without":
                return True
        return False

    def _has_plain(self) -> bool:
        return any(found.role in (Role.PLAIN, Role.PREFERRED) for found in self.found)

    def _denied_list(self, position: int) -> bool:
        """Whether a comma after a denied mention continues the list: "not happy, sad or angry"."""
        later = self.items[position + 1 :]
        mentions = [item for item in later if item.tag is Tag.MENTION]
        joined = any(item.tag is Tag.JOIN or item.tag is Tag.NOT for item in later)
        if self.items[position].text == ":" and later[:1] and later[0].tag in (Tag.PERSON, Tag.TOPIC):
            return False  # "I disagree: she is worried"
        only = len(mentions) == 1 and later[0].tag is Tag.MENTION
        if only and self.items[position].text in ":-" and self.items[position - 1].tag is not Tag.NOT:
            return False  # "no smile, no frown: neutral"
        nots = sum(item.tag is Tag.NOT for item in self.items)
        if only and len(later) <= 2 and self.found and nots == 1 and self._denied_key():
            return True
        if not self.found:
            ahead = later[: later.index(mentions[0])] if mentions else []
            tags = [item.tag for item in ahead]
            return not (Tag.LINK in tags and {Tag.TOPIC, Tag.PERSON} & set(tags[: tags.index(Tag.LINK)]))
        return bool(mentions) and (joined or len(mentions) > 1)

    def _denied_key(self) -> bool:
        """Whether a key denies the list that follows it: "Incorrect: happy, sad"."""
        denial = next(index for index, item in enumerate(self.items) if item.tag is Tag.NOT)
        return any(item.text == ":" for item in self.items[denial : self.found[0].position])

    def _set_aside(self, tag: Tag) -> None:
        """Apply a denial to all mentions before it, and a comparison to the last one."""
        if tag is Tag.THAN_BEFORE and self.found:
            for found in self._joined_back(self.found):
                found.role = Role.ASIDE
        elif tag is Tag.NOT_BEFORE:
            for found in self.found:
                found.role = Role.DENIED

    def _void_quoted_lists(self) -> None:
        """Void the options listed after "between" or "options:", which are no answers."""
        if Tag.CORRECT in self.tags and any(item.text == "from" for item in self.items):
            for found, after in pairwise(self.found):  # "changing my answer from sad to worry"
                if any(item.text == "to" for item in self.items[found.position : after.position]):
                    found.role = Role.ASIDE
            return
        listing = next((i for i, item in enumerate(self.items) if item.tag is Tag.LISTING), None)
        if listing is None:
            return
        run: list[Found] = []
        for found in self.found:
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
        """Apply words that follow a mention: "sad is the most likely", "happy isn't right"."""
        self._void_either_way()
        for position, item in enumerate(self.items):
            if item.tag is Tag.MINOR and self._ranked_second(position):
                self.found[-1].role = Role.MINOR
            if item.tag not in (Tag.PREFER, Tag.NOT):
                continue
            before = [found for found in self.found if found.position < position]
            ahead = [found for found in self.found if found.position > position]
            if not before or before[-1].role is Role.VOID:
                continue
            if item.tag is Tag.PREFER and before[-1].role in (Role.DENIED, Role.ASIDE):
                continue  # "I wouldn't say that the first is stronger"
            nearby = _NEAR | {Tag.PERSON} if item.text == "nicht" else _NEAR
            near = all(other.tag in nearby for other in self.items[before[-1].position + 1 : position])
            if item.tag is Tag.PREFER and (not ahead or (near and position - before[-1].position > 1)):
                for found in self._joined_back(before):
                    found.role = Role.PREFERRED
                for found in ahead:
                    found.role = Role.MINOR if found.role is Role.PREFERRED else found.role
            elif item.tag is Tag.NOT and near and not ahead and not self._feature_after(position):
                joined = {found.item.value for found in self._joined_back(before)}
                for found in before:
                    if found.item.value in joined:
                        found.role = Role.DENIED

    def _void_either_way(self) -> None:
        """Void both mentions of "sad or not sad"."""
        for left, right in pairwise(self.found):
            between = self.items[left.position + 1 : right.position]
            either = any(item.tag is Tag.JOIN and item.text.startswith(OR) for item in between)
            if either and left.item.value == right.item.value and right.role is Role.DENIED:
                left.role = right.role = Role.VOID

    def _ranked_second(self, position: int) -> bool:
        """Whether the last mention is ranked second: "sad is my first choice, worry my second"."""
        last = self.found[-1]
        return (
            self.items[position].text.startswith(("my ", "a "))
            and 0 < position - last.position <= 2
            and last.role is Role.PLAIN
        )

    def _joined_back(self, before: list[Found]) -> list[Found]:
        """The last of these mentions and those joined to it: "sad or worried is most likely"."""
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
