"""What one clause does with the options it names: commits to one, denies, lists, leaves open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, IntEnum, auto

from harness.parsing.clauses import Clause
from harness.parsing.lexicon import Tag
from harness.parsing.tokens import Item
from harness.parsing.vocabulary import Value


class Strength(IntEnum):
    """How explicitly a clause answers the question; the order decides which clause wins."""

    PASSING = 1  # named for a detail, or with "maybe"
    STATEMENT = 3  # said of the person or the picture
    TOPICAL = 4  # "the emotion is ..."
    CONCLUDING = 5  # "overall, ..."
    BARE = 6  # nothing but the option
    FINAL = 7  # "the answer is ..."


class Kind(Enum):
    """What an event is."""

    COMMIT = auto()
    OPEN = auto()  # several, none preferred
    LIST = auto()  # the options recited
    DENY = auto()
    REFUSE = auto()


@dataclass(slots=True)
class Event:
    """What a clause says about the answer."""

    kind: Kind
    strength: Strength
    value: Value = None
    how: str = ""
    correction: bool = False
    field: bool = False  # a line "key: value"
    clause: Clause | None = None
    bare: bool = False
    hedged: bool = False  # "might be"
    also: bool = False
    alternative: bool = False  # "maybe worry", after another answer
    subject: Tag | None = None
    score: float | None = None
    reason: str = ""


class _Role(Enum):
    PLAIN = auto()
    PREFERRED = auto()
    MINOR = auto()
    DENIED = auto()
    ASIDE = auto()
    VOID = auto()


@dataclass(slots=True)
class _Found:
    """A mention in its clause."""

    item: Item
    position: int
    role: _Role
    strength: Strength = Strength.PASSING


_BROAD_TOPICS = ("expression", "ausdruck", "visage", "表情", "state", "demeanor", "impression", "tone", "type", "выражение", "volto")
_LIST_WORDS = ("options", "choices", "such as", "emotions like", "emotions such as", "choose from", "labels", "possible emotions")
_COMPARES = frozenset(
    "more most slightly more greater greatest higher highest deeper deepest clearer clearest better best intense intenser "
    "mas mehr starker starkere starkste plus davantage \u66f4 \u6700 \u3082\u3063\u3068 \u3088\u308a winner wins".split()
) | {"slightly more"}
_PICTURES = frozenset("image picture photo portrait face person one photograph imagen bild foto 图 图片".split())
_ASPECTS = frozenset("light lighting composition sharpness focus contrast exposure resolution background shadows".split())
_OR = ("or", "oder", "ou", "o ", "\u6216", "\u307e\u305f\u306f", "\u8fd8\u662f")
_DOING = ("smiling", "crying", "frowning", "grinning", "laughing", "scowling")
_NEAR = frozenset({Tag.LINK, Tag.FILLER, Tag.PUNCT})
Reconcile = Callable[[list[Value]], Value]


class ClauseReader:
    """Reads one clause; `subject` is whom or what the clause before spoke of."""

    def __init__(
        self, clause: Clause, subject: Tag | None, reconcile: Reconcile | None = None, *, comparing: bool = False
    ) -> None:
        self.comparing = comparing  # the options are two things compared: describing one is no answer
        self.clause = clause
        self.items = clause.items
        self.previous = subject
        self.reconcile = reconcile
        self.tags = {item.tag for item in self.items}
        self.found: list[_Found] = []
        self.subject: Tag | None = None

    def read(self) -> list[Event]:
        """The events of the clause: none where it names no option and refuses nothing."""
        self.subject = next((item.tag for item in self.items if item.tag in (Tag.PERSON, Tag.FEATURE, Tag.TOPIC)), None)
        if Tag.MENTION not in self.tags:
            return self._without_mention()
        self._assign_roles()
        self._void_lists()
        self._look_back()
        return self._decide()

    def _without_mention(self) -> list[Event]:
        """A clause that names no option can still refuse, or take an answer back ("no, wait")."""
        corrects = Tag.CORRECT in self.tags
        if Tag.UNSURE in self.tags:
            return [Event(Kind.REFUSE, Strength.STATEMENT, clause=self.clause, correction=corrects, reason="says it cannot tell")]
        words = sum(item.tag not in (Tag.CORRECT, Tag.NOT, Tag.PUNCT, Tag.FILLER, Tag.MAYBE) for item in self.items)
        if Tag.NOT in self.tags and (corrects or Tag.MAYBE in self.tags) and words <= 1:
            return [Event(Kind.REFUSE, Strength.STATEMENT, clause=self.clause, correction=True, reason="takes its answer back")]
        return []

    def _assign_roles(self) -> None:
        """Give each mention the role that the words before it set."""
        role = _Role.PLAIN
        clause_void = self._void()
        feature_since = False
        for position, item in enumerate(self.items):
            tag = item.tag
            if tag is Tag.MENTION:
                given = _Role.VOID if clause_void or self._of_aspect(position) else role
                self.found.append(_Found(item, position, given))
            elif tag is Tag.NOT:
                role, feature_since = _Role.DENIED, False
            elif tag is Tag.THAN or item.text == ">" and self._has_plain() or item.text in ("que", "qu'") and Tag.PREFER in self.tags and self._has_plain():
                role = _Role.ASIDE
            elif tag in (Tag.NOT_BEFORE, Tag.THAN_BEFORE):
                self._set_aside(_Role.DENIED if tag is Tag.NOT_BEFORE else _Role.ASIDE)
            elif tag is Tag.FEATURE:
                feature_since = True
            elif tag is Tag.MINOR:
                role = _Role.MINOR if role is not _Role.DENIED else role
            elif tag is Tag.PREFER:
                role = _Role.PREFERRED if role is not _Role.DENIED else role
            elif role is _Role.DENIED and (
                tag in (Tag.ANSWER, Tag.CONCLUDE, Tag.CORRECT)
                and not self._denied_verb(position)
                or feature_since
                and tag in (Tag.SUGGEST, Tag.LINK)
                or tag is Tag.PUNCT
                and item.text in ",\u3001"
                and not self._denied_list(position)
            ):
                role = _Role.PLAIN
            elif role is _Role.ASIDE and tag is Tag.PUNCT and item.text in ",\u3001" and not self._has_plain():
                role = _Role.PLAIN
            elif role is _Role.MINOR and tag is Tag.PUNCT and item.text in ",;":
                role = _Role.PLAIN

    def _of_aspect(self, position: int) -> bool:
        """Whether what is rated or named is the light or the picture's making, not the person."""
        subjects = [item for item in self.items[:position] if item.tag in (Tag.TOPIC, Tag.PERSON, Tag.FEATURE)]
        return bool(subjects) and subjects[-1].text in _ASPECTS and self.items[position - 1].tag is not Tag.JOIN

    def _denied_verb(self, position: int) -> bool:
        """"would not choose": the denial stands close before the answering word."""
        near = self.items[max(0, position - 3) : position]
        return any(item.tag is Tag.NOT for item in near)

    def _has_plain(self) -> bool:
        return any(found.role in (_Role.PLAIN, _Role.PREFERRED) for found in self.found)

    def _denied_list(self, position: int) -> bool:
        """Whether a comma after a denied mention goes on with the list: "not happy, sad or angry"."""
        later = self.items[position + 1 :]
        mentions = [item for item in later if item.tag is Tag.MENTION]
        joined = any(item.tag is Tag.JOIN or item.tag is Tag.NOT for item in later)
        return bool(mentions) and (joined or len(mentions) > 1) or not self.found

    def _void(self) -> bool:
        """Whether the clause as a whole asserts nothing: a question, a condition, a doubt, another key."""
        if self.clause.stop in ("?",) or Tag.IF in self.tags and Tag.PREFER not in self.tags:
            return True
        if Tag.AT_FIRST in self.tags and Tag.CORRECT not in self.tags:
            return True
        if Tag.UNSURE in self.tags and Tag.PREFER not in self.tags:
            return True
        return Tag.OTHER_KEY in self.tags and self.items[0].tag in (Tag.OTHER_KEY, Tag.FILLER, Tag.PUNCT)

    def _set_aside(self, role: _Role) -> None:
        for found in reversed(self.found):
            if found.role is not _Role.PLAIN:
                break
            found.role = role

    def _void_lists(self) -> None:
        """Options recited after "between" or "options:" are no answers."""
        listing = next((i for i, item in enumerate(self.items) if item.tag is Tag.LISTING), None)
        if listing is None:
            return
        run: list[_Found] = []
        for found in self.found:
            if found.position < listing:
                continue
            repeats = found.item.value in {one.item.value for one in run[:-1]}
            numbers = {one.item.value for one in run if one.item.how != "number"}
            repeats = repeats or found.item.how == "number" and len(numbers) > 1
            if run and (repeats or not self._connected(run[-1].position, found.position)):
                break
            run.append(found)
        several = len({found.item.value for found in run}) > 1
        alone = run and self.items[listing].text in _LIST_WORDS and self._connected(listing, run[0].position)
        if several or alone and all(item.text != "," for item in self.items[listing : run[0].position]):
            for found in run:
                found.role = _Role.VOID

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
            if not before or before[-1].role is _Role.VOID:
                continue
            near = all(other.tag in _NEAR for other in self.items[before[-1].position + 1 : position])
            if item.tag is Tag.PREFER and (not ahead or near and position - before[-1].position > 1):
                before[-1].role = _Role.PREFERRED
                for found in ahead:
                    found.role = _Role.MINOR if found.role is _Role.PREFERRED else found.role
            elif item.tag is Tag.NOT and near and not ahead and not self._feature_after(position):
                before[-1].role = _Role.DENIED

    def _feature_after(self, position: int) -> bool:
        return any(item.tag is Tag.FEATURE for item in self.items[position + 1 : position + 4])

    def _decide(self) -> list[Event]:
        chosen = [found for found in self.found if found.role is _Role.PREFERRED]
        preferred = bool(chosen)
        if not chosen:
            chosen = [found for found in self.found if found.role is _Role.PLAIN]
        if not chosen:
            return self._without_answer()
        for found in chosen:
            found.strength = self._strength(found, preferred)
        values = list(dict.fromkeys(found.item.value for found in chosen))
        if len(values) > 1:
            strong = [found for found in chosen if found.strength > Strength.PASSING]
            between = self.items[chosen[0].position : chosen[-1].position]
            narrowed = list(dict.fromkeys(found.item.value for found in strong))
            if len(narrowed) == 1 and not any(item.tag is Tag.JOIN for item in between):
                chosen, values = strong, narrowed
        best = max(chosen, key=lambda found: found.strength)
        value: Value | None = values[0]
        if len(values) > 1:
            value = self.reconcile(values) if self.reconcile else None
        event = self._event(Kind.COMMIT if value is not None else Kind.OPEN, best)
        event.value = value
        if value is not None and self._adds_to_another():
            event.kind, event.also, event.reason = Kind.OPEN, True, "names several options, prefers none"
        if value is None:
            event.reason = self._why_open(chosen)
            if len(values) > 2 and event.strength < Strength.FINAL:
                event.kind = Kind.LIST
        return [event]

    def _head(self) -> Item:
        return next((item for item in self.items if item.tag is not Tag.PUNCT), self.items[0])

    def _adds_to_another(self) -> bool:
        """Whether the clause only joins an option to what came before ("but also ..."), or leaves a way out ("or ...")."""
        head = self._head()
        if self.clause.but and head.tag is Tag.ALSO:
            return True
        if head.tag is Tag.JOIN and head.text.startswith(_OR):
            return True
        last = self.found[-1].position
        way_out = [item.tag for item in self.items[last + 1 :] if item.tag is not Tag.PUNCT]
        return Tag.MAYBE in self.tags and bool(way_out) and self.items[last + 1].text in ("or", "o", "oder", "ou")

    def _why_open(self, chosen: list[_Found]) -> str:
        kinds = {found.item.how in ("letter", "number") for found in chosen}
        return "label and word contradict each other" if len(kinds) == 2 else "names several options, prefers none"

    def _without_answer(self) -> list[Event]:
        minor = [found for found in self.found if found.role is _Role.MINOR]
        denied = [found for found in self.found if found.role is _Role.DENIED]
        if minor and len({found.item.value for found in minor}) == 1:
            return [self._event(Kind.COMMIT, minor[0], weaken=True)]
        if denied:
            return [self._event(Kind.DENY, found) for found in denied]
        if Tag.UNSURE in self.tags:
            return [Event(Kind.REFUSE, Strength.STATEMENT, clause=self.clause, reason="says it cannot tell")]
        kind = Kind.OPEN if Tag.CORRECT in self.tags else Kind.LIST
        strength = Strength.FINAL if Tag.CORRECT in self.tags else Strength.PASSING
        head = self._head()
        if head.tag is Tag.JOIN and head.text.startswith(_OR):
            event = self._event(Kind.OPEN, self.found[0])
            event.also, event.strength, event.reason = True, Strength.STATEMENT, "names several options, prefers none"
            return [event]
        return [Event(kind, strength, clause=self.clause, correction=Tag.CORRECT in self.tags, reason="options listed, none chosen")]

    def _event(self, kind: Kind, found: _Found, *, weaken: bool = False) -> Event:
        strength = Strength.PASSING if weaken else found.strength
        return Event(
            kind,
            strength,
            found.item.value,
            found.item.how,
            correction=Tag.CORRECT in self.tags,
            field=self._is_field(),
            clause=self.clause,
            bare=self._bare(),
            hedged=Tag.MAYBE in self.tags,
            alternative=self._head().tag is Tag.MAYBE and len(self.items) <= 5 and not self.tags & {Tag.LINK, Tag.PERSON, Tag.MINOR},
            also=Tag.ALSO in self.tags,
            subject=self.subject,
        )

    def _is_field(self) -> bool:
        keys = [i for i, item in enumerate(self.items) if item.tag in (Tag.TOPIC, Tag.ANSWER)]
        first_mention = self.found[0].position if self.found else len(self.items)
        return bool(keys) and any(item.text in ":|=" for item in self.items[:first_mention] if item.tag is Tag.PUNCT)

    def _bare(self) -> bool:
        allowed = (Tag.MENTION, Tag.FILLER, Tag.PUNCT, Tag.SKIP, Tag.JOIN, Tag.CAUSE)
        picture = self.comparing and len(self.items) <= 5
        return all(item.tag in allowed or item.tag is Tag.NUMBER or picture and item.text in _PICTURES for item in self.items) and (
            Tag.CAUSE not in self.tags or self.items[0].tag is not Tag.CAUSE
        )

    def _strength(self, found: _Found, preferred: bool) -> Strength:
        before = self.items[: found.position]
        earlier = {item.tag for item in before}
        if Tag.CORRECT in earlier or Tag.ANSWER in self.tags:
            return Strength.FINAL
        if preferred:
            return Strength.BARE if Tag.FEATURE not in earlier else Strength.STATEMENT
        if Tag.MAYBE in self.tags or Tag.MINOR in earlier:
            return Strength.PASSING
        if self._bare():
            return Strength.BARE
        if Tag.CONCLUDE in earlier:
            return Strength.CONCLUDING
        if self._of_feature(found):
            return Strength.PASSING
        strength = self._by_subject(found, before)
        if self.comparing and not any(item.text in _COMPARES or item.text.startswith("strong") for item in self.items):
            return Strength.PASSING
        return strength

    def _of_feature(self, found: _Found) -> bool:
        """Whether the mention describes a part: "sad eyes", "good in color"."""
        after = self.items[found.position + 1 : found.position + 4]
        if after and after[0].tag is Tag.FEATURE:
            return True
        return bool(after) and after[0].text == "in" and any(item.tag is Tag.FEATURE for item in after)

    def _by_subject(self, found: _Found, before: list[Item]) -> Strength:
        """A face's owner or "the emotion" answers the question; a brow or a mouth only argues for it."""
        subjects = [item for item in before if item.tag in (Tag.TOPIC, Tag.PERSON, Tag.FEATURE, Tag.SUGGEST)]
        if any(item.tag is Tag.PERSON for item in subjects):
            subjects = [item for item in subjects if item.text not in _DOING]
        after = {item.tag for item in self.items[found.position + 1 :]}
        if subjects and subjects[-1].tag is Tag.SUGGEST and len(subjects) > 1:
            subjects.pop()
        if not subjects:
            if self.items[0].tag in (Tag.LINK, Tag.SUGGEST, Tag.CAUSE):
                return Strength.PASSING if self.previous is Tag.FEATURE else Strength.STATEMENT
            if Tag.LINK in after and Tag.TOPIC in after:
                return Strength.TOPICAL
            words = sum(item.tag is Tag.WORD for item in self.items)
            return Strength.STATEMENT if words <= 4 and Tag.FEATURE not in after else Strength.PASSING
        nearest = subjects[-1]
        if nearest.tag is Tag.TOPIC:
            if any(word in nearest.text for word in _BROAD_TOPICS):
                return Strength.STATEMENT
            return Strength.TOPICAL
        return Strength.STATEMENT if nearest.tag is Tag.PERSON else Strength.PASSING
