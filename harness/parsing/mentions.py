"""The part each mention plays in its clause: asserted, preferred, denied, set aside, or only quoted."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from harness.parsing.clauses import Clause
from harness.parsing.events import Strength
from harness.parsing.lexicon import Tag
from harness.parsing.lexicon.particulars import ASPECTS, LIST_WORDS
from harness.parsing.tokens import Item

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
                given = Role.VOID if clause_void or self._of_aspect(position) else role
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
        than = item.tag is Tag.THAN or (item.text == ">" and self._has_plain())
        if than or (item.text in ("que", "qu'") and Tag.PREFER in self.tags and self._has_plain()):
            return Role.ASIDE
        if role is Role.DENIED:
            return role
        return {Tag.MINOR: Role.MINOR, Tag.PREFER: Role.PREFERRED}.get(item.tag, role)

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
            return stops and not self._has_plain()
        return role is Role.MINOR and tag is Tag.PUNCT and item.text in ",;"

    def _of_aspect(self, position: int) -> bool:
        """Whether what is rated or named is the light or the picture's making, not the person."""
        subjects = [
            item for item in self.items[:position] if item.tag in (Tag.TOPIC, Tag.PERSON, Tag.FEATURE)
        ]
        return (
            bool(subjects) and subjects[-1].text in ASPECTS and self.items[position - 1].tag is not Tag.JOIN
        )

    def _denied_verb(self, position: int) -> bool:
        """ "would not choose": the denial stands close before the answering word."""
        near = self.items[max(0, position - 3) : position]
        return any(item.tag is Tag.NOT for item in near)

    def _has_plain(self) -> bool:
        return any(found.role in (Role.PLAIN, Role.PREFERRED) for found in self.found)

    def _denied_list(self, position: int) -> bool:
        """Whether a comma after a denied mention goes on with the list: "not happy, sad or angry"."""
        later = self.items[position + 1 :]
        mentions = [item for item in later if item.tag is Tag.MENTION]
        joined = any(item.tag is Tag.JOIN or item.tag is Tag.NOT for item in later)
        return (bool(mentions) and (joined or len(mentions) > 1)) or not self.found

    def _void(self) -> bool:
        """Whether the clause as a whole asserts nothing: a question, a condition, a doubt, another key."""
        if self.clause.stop in ("?",) or self._hypothetical():
            return True
        conceded = Tag.AT_FIRST in self.tags and Tag.CORRECT not in self.tags
        if conceded and (self.clause.opens or Tag.PREFER not in self.tags):
            return True
        if Tag.UNSURE in self.tags and Tag.PREFER not in self.tags:
            return True
        return Tag.OTHER_KEY in self.tags and self.items[0].tag in (Tag.OTHER_KEY, Tag.FILLER, Tag.PUNCT)

    def _hypothetical(self) -> bool:
        """ "if it were sad", "anger would show", but not "if I had to pick"."""
        conditions = [item for item in self.items if item.tag is Tag.IF]
        would = any(item.text.startswith("would") for item in conditions)
        return bool(conditions) and (would or Tag.PREFER not in self.tags)

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
            repeats = repeats or (found.item.how == "number" and len(numbers) > 1)
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
                before[-1].role = Role.PREFERRED
                for found in ahead:
                    found.role = Role.MINOR if found.role is Role.PREFERRED else found.role
            elif item.tag is Tag.NOT and near and not ahead and not self._feature_after(position):
                for found in before:
                    if found.item.value == before[-1].item.value:
                        found.role = Role.DENIED

    def _feature_after(self, position: int) -> bool:
        return any(item.tag is Tag.FEATURE for item in self.items[position + 1 : position + 4])
