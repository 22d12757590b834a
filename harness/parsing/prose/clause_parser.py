"""Parse one clause: it commits to an option, denies options, lists them or leaves the answer open."""

from __future__ import annotations

from collections.abc import Callable

from harness.parsing.lexicon import Tag, emotion_words, english, foreign, words
from harness.parsing.prose.attribution import about_someone_else, about_unknown_noun
from harness.parsing.prose.clauses import Clause
from harness.parsing.prose.contradictions import conflict_reason
from harness.parsing.prose.events import CANNOT_TELL, LISTED, RETRACTED, SEVERAL_NAMED, Event, Kind, Strength
from harness.parsing.prose.mentions import Found, MentionParser, Role
from harness.parsing.prose.tokens import Item
from harness.parsing.prose.word_sets import (
    BLENDS,
    COMPARES,
    DOING,
    EQUALLY,
    GIVES_UP,
    GIVES_UP_FILLERS,
    HIDDEN,
    LEAD_WORDS,
    OR,
    PARTLY,
    PERHAPS,
    PICTURES,
    RETRACTS,
)
from harness.parsing.vocabulary import Value

Reconcile = Callable[[list[Value]], Value]


_SUBJECTS = frozenset({Tag.PERSON, Tag.TOPIC, Tag.FEATURE})
_EXPLAINS = frozenset({Tag.LINK, Tag.SUGGEST, Tag.ANSWER, Tag.PREFER, Tag.CONCLUDE, Tag.CORRECT, Tag.MAYBE})
_ENGLISH_LINKS = words("clause_parser.english_links")
_FOREIGN_ARTICLES = words("clause_parser.foreign_articles")
_REFUSAL_TAGS = frozenset({Tag.UNSURE, Tag.CORRECT, Tag.NOT, Tag.MAYBE})
_REFUSAL_WORDS = GIVES_UP | HIDDEN | PERHAPS | {"back", "turned"}
_ON_TOPIC = frozenset({Tag.ANSWER, Tag.PREFER, Tag.CONCLUDE, Tag.CORRECT, Tag.TOPIC, Tag.FEATURE})
_SAYING, _OWN_SUBJECTS = words("clause_parser.saying"), words("clause_parser.own_subjects")
_INTRODUCES = words("clause_parser.introduces")


def _unknown(item: Item) -> bool:
    """Whether the item is an unknown word other than an adverb."""
    text = item.text
    return item.tag is Tag.WORD and text.isascii() and text.isalpha() and not text.endswith(("ly", "ment"))


class ClauseParser(MentionParser):
    """Parses one clause; `previous` is the subject of the clause before."""

    def __init__(
        self,
        clause: Clause,
        previous: Tag | None,
        reconcile: Reconcile | None = None,
        *,
        comparing: bool = False,
    ) -> None:
        super().__init__(clause)
        self.comparing = comparing  # the options are compared, so a description of one is no answer
        self.previous = previous
        self.reconcile = reconcile
        self.subject: Tag | None = None

    def parse(self) -> list[Event]:
        """The events of the clause; none if it neither names an option nor refuses to answer."""
        self.subject = next(
            (item.tag for item in self.items if item.tag in (Tag.PERSON, Tag.FEATURE, Tag.TOPIC)), None
        )
        if Tag.MENTION not in self.tags:
            return self._without_mention()
        self.find()
        return self._decide()

    def _without_mention(self) -> list[Event]:
        """A clause that names no option can still refuse to answer or retract an answer ("no, wait")."""
        if _REFUSAL_TAGS.isdisjoint(self.tags) and _REFUSAL_WORDS.isdisjoint(self.words):
            return []
        if self._adds_alternative():
            return [Event(Kind.OPEN, Strength.PASSING, clause=self.clause, reason=SEVERAL_NAMED)]
        corrects = Tag.CORRECT in self.tags or self._gives_up() or self._face_hidden()
        if Tag.UNSURE in self.tags or (corrects and Tag.CORRECT not in self.tags):
            return [
                Event(
                    Kind.REFUSE,
                    Strength.STATEMENT,
                    clause=self.clause,
                    correction=corrects,
                    reason=CANNOT_TELL,
                )
            ]
        if any(item.tag is Tag.CORRECT and item.text in RETRACTS for item in self.items):
            return [
                Event(Kind.REFUSE, Strength.STATEMENT, clause=self.clause, correction=True, reason=RETRACTED)
            ]
        words = sum(
            item.tag not in (Tag.CORRECT, Tag.NOT, Tag.PUNCT, Tag.FILLER, Tag.MAYBE) for item in self.items
        )
        if Tag.NOT in self.tags and (corrects or Tag.MAYBE in self.tags) and words <= 1:
            return [
                Event(
                    Kind.REFUSE,
                    Strength.STATEMENT,
                    clause=self.clause,
                    correction=True,
                    reason=RETRACTED,
                )
            ]
        return []

    def _gives_up(self) -> bool:
        """Whether the clause only says it cannot tell: "sorry, I'm not able to tell", not "I can't tell why"."""
        quiet = (Tag.PUNCT, Tag.FILLER, Tag.SKIP, Tag.BUT, Tag.TOPIC, Tag.NEWLINE, Tag.CORRECT)
        return not self.words.isdisjoint(GIVES_UP) and all(
            item.tag in quiet or item.text in GIVES_UP or item.text in GIVES_UP_FILLERS for item in self.items
        )

    def _adds_alternative(self) -> bool:
        """Whether the clause adds an alternative that is not an option: "possibly just tired"."""
        if self.items[-1].tag is Tag.NOT or (
            self.clause.stop and [item.tag for item in self.items[-2:-1]] == [Tag.NOT]
        ):
            return Tag.FEATURE in self.tags  # "her lips are happy, her eyes are not"
        head = [item.text for item in self.items[:3]]
        return any(text in PERHAPS for text in head) and Tag.WORD in self.tags

    def _face_hidden(self) -> bool:
        """Whether no face is visible: "her face is cropped out", "he has his back to us"."""
        words = self.words
        if words & HIDDEN and words & {"face", "faces", "head"}:
            return not words & PARTLY and Tag.NOT not in self.tags
        if self.clause.but and {"turned", "away"} <= words:
            return True
        return "back" in words and bool(words & {"us", "camera", "viewer"})

    def _decide(self) -> list[Event]:
        chosen = [found for found in self.found if found.role is Role.PREFERRED]
        preferred = bool(chosen)
        if not chosen:
            chosen = [found for found in self.found if found.role is Role.PLAIN]
        if not chosen:
            return self._without_answer()
        for found in chosen:
            found.strength = self._strength(found, preferred)
            found.doubtful = found.strength <= Strength.STATEMENT and self._unexplained(found)
        values = list(dict.fromkeys(found.item.value for found in chosen))
        best = max(chosen, key=lambda found: found.strength)
        value: Value | None = values[0]
        if len(values) > 1:
            value = self.reconcile(values) if self.reconcile else None
        elif self._or_foreign(chosen[-1].position):
            value = None
        event = self._event(Kind.COMMIT if value is not None else Kind.OPEN, best)
        event.value = value
        event.doubtful = all(found.doubtful for found in chosen)
        if value is not None and self._adds_to_another():
            event.kind, event.also, event.reason = Kind.OPEN, True, SEVERAL_NAMED
        if value is None:
            event.reason = conflict_reason(chosen)
        return [event]

    def _head(self) -> Item:
        return next((item for item in self.items if item.tag is not Tag.PUNCT), self.items[0])

    def _adds_to_another(self) -> bool:
        """Whether the clause only adds an option to an earlier one ("but also ...") or ends with an alternative ("or ...")."""
        head = self._head()
        if self.clause.but and head.tag is Tag.ALSO:
            return True
        if head.tag is Tag.JOIN and head.text.startswith(OR):
            return True
        last = self.found[-1].position
        ending = [item.tag for item in self.items[last + 1 :] if item.tag is not Tag.PUNCT]
        return (
            Tag.MAYBE in self.tags and bool(ending) and self.items[last + 1].text in ("or", "o", "oder", "ou")
        )

    def _equally_likely(self) -> bool:
        """Whether the clause ranks an option equal to another: "just as likely"."""
        return any(item.text.startswith(EQUALLY) for item in self.items)

    def _or_foreign(self, position: int) -> bool:
        """Whether the clause adds an emotion that is not an option: "anger or disgust"."""
        blends = any(item.text in BLENDS for item in self.items[:position])
        after, before = self.items[position + 1 : position + 5], self.items[max(0, position - 5) : position]
        for near in (after, before[::-1]):
            quiet = (Tag.FILLER, Tag.PUNCT, Tag.MAYBE)
            words = [
                item for item in near if item.tag not in quiet and item.text not in ("de", "di", "d'", "von")
            ]
            either = len(words) > 1 and words[0].tag is Tag.JOIN
            either = either and (blends or words[0].text.startswith(OR))
            if either and words[1].tag is Tag.WORD and words[1].text in foreign():
                return True
        return False

    def _without_answer(self) -> list[Event]:
        minor = [found for found in self.found if found.role is Role.MINOR]
        denied = [found for found in self.found if found.role is Role.DENIED]
        if minor and len({found.item.value for found in minor}) == 1:
            if self._or_foreign(minor[0].position):
                return [Event(Kind.OPEN, Strength.STATEMENT, clause=self.clause, reason=SEVERAL_NAMED)]
            return [self._event(Kind.COMMIT, minor[0], weaken=True)]
        if denied:
            return [self._event(Kind.DENY, found) for found in denied]
        level = self._equally_likely() or (self.clause.parallel and about_someone_else(self.items))
        kind = Kind.OPEN if Tag.CORRECT in self.tags else Kind.LIST
        strength = Strength.FINAL if Tag.CORRECT in self.tags else Strength.PASSING
        head = self._head()
        if level or (head.tag is Tag.JOIN and head.text.startswith(OR)):
            event = self._event(Kind.OPEN, self.found[0])
            event.also, event.strength, event.reason = (
                True,
                Strength.STATEMENT,
                SEVERAL_NAMED,
            )
            return [event]
        return [
            Event(
                kind,
                strength,
                clause=self.clause,
                correction=Tag.CORRECT in self.tags,
                reason=LISTED,
            )
        ]

    def _event(self, kind: Kind, found: Found, *, weaken: bool = False) -> Event:
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
            alternative=self._alternative(),
            also=Tag.ALSO in self.tags,
            subject=self.subject,
            doubtful=found.doubtful or (kind is Kind.COMMIT and self._off_topic(found)),
        )

    def _off_topic(self, found: Found) -> bool:
        """Whether nothing in the clause says that it is about the portrait, and a word says that it is about something else.

        Words that are in no lexicon count, save those with which people say what they see.
        """
        if (
            self.comparing
            or self.subject is not None
            or self.tags & _ON_TOPIC
            or "face" in self.words
            or not found.item.text.isascii()
        ):
            return False
        if self.previous is not None and not self.clause.opens:
            return False
        if not self.words.isdisjoint(_OWN_SUBJECTS):
            return False
        return any(
            _unknown(item) and item.text not in _SAYING and item.text not in emotion_words()
            for item in self.items
        )

    def _alternative(self) -> bool:
        """Whether the clause adds an option to another one: "maybe worry", "happy yet surprised"."""
        if self.tags & {Tag.LINK, Tag.PERSON, Tag.MINOR, Tag.CORRECT, Tag.PREFER, Tag.ANSWER, Tag.CONCLUDE}:
            return False
        if self.clause.but and not self.clause.opens and self._bare():
            return True
        return self._head().text in PERHAPS and len(self.items) <= 5

    def _is_field(self) -> bool:
        keys = [i for i, item in enumerate(self.items) if item.tag in (Tag.TOPIC, Tag.ANSWER)]
        first_mention = self.found[0].position if self.found else len(self.items)
        return bool(keys) and any(
            item.text in ":|=" for item in self.items[:first_mention] if item.tag is Tag.PUNCT
        )

    def _bare(self) -> bool:
        allowed = (Tag.MENTION, Tag.FILLER, Tag.PUNCT, Tag.SKIP, Tag.JOIN, Tag.CAUSE)
        picture = self.comparing and len(self.items) <= 5
        return all(
            item.tag in allowed or item.tag is Tag.NUMBER or (picture and item.text in PICTURES)
            for item in self.items
        ) and (Tag.CAUSE not in self.tags or self.items[0].tag is not Tag.CAUSE)

    def _strength(self, found: Found, preferred: bool) -> Strength:
        before = self.items[: found.position]
        earlier = {item.tag for item in before}
        if Tag.CORRECT in earlier or (Tag.ANSWER in self.tags and Tag.MAYBE not in self.tags):
            return Strength.FINAL
        if preferred and self.comparing and Tag.MAYBE in self.tags:
            return Strength.PASSING
        if preferred:
            return Strength.BARE if Tag.FEATURE not in earlier else Strength.STATEMENT
        if Tag.MAYBE in self.tags or Tag.MINOR in earlier:
            return Strength.PASSING
        if self._bare():
            return Strength.BARE
        if Tag.CONCLUDE in earlier:
            return Strength.CONCLUDING
        if self._describes_feature(found):
            return Strength.PASSING
        strength = self._by_subject(found, before)
        if self.comparing and not any(
            item.text in COMPARES or item.text.startswith("strong") for item in self.items
        ):
            return Strength.PASSING
        return strength

    def _unexplained(self, found: Found) -> bool:
        """Whether unknown words precede the mention: "the entry for this photo mentions happiness"."""
        if self.comparing or self.reconcile or found.item.text not in english():
            return False
        start = next(
            (at for at in range(found.position - 1, -1, -1) if self.items[at].tag in _SUBJECTS), None
        )
        if start is None:
            return about_unknown_noun(self.items[: found.position]) or self._names_no_subject()
        lead = self.items[start + 1 : found.position]
        after = self.items[found.position + 1 : found.position + 2]
        near = next((item for item in reversed(lead) if item.tag is not Tag.FILLER), None)
        quoted = bool(lead) and lead[-1].text in ("'", '"')
        if after and after[0].tag in _SUBJECTS and not quoted:
            return False  # "he keeps a neutral expression"
        if near is not None and (near.tag is Tag.JOIN or near.text in ("with", "in")):
            return False  # "her face lights up with joy"
        if any(item.tag in _EXPLAINS or item.text in _INTRODUCES or item.text in LEAD_WORDS for item in lead):
            return False
        if any(item.text in _FOREIGN_ARTICLES for item in self.items[: start + 1]):
            return False
        return any(_unknown(item) for item in lead)

    def _names_no_subject(self) -> bool:
        """Whether unknown words mention no person, face or verb of showing: "a pamphlet about worry lies there"."""
        if self.tags & (_SUBJECTS | _EXPLAINS) or any(item.text in _INTRODUCES for item in self.items):
            return False
        if not _ENGLISH_LINKS & {item.text for item in self.items}:
            return False
        return sum(_unknown(item) and item.text not in LEAD_WORDS for item in self.items) > 1

    def _describes_feature(self, found: Found) -> bool:
        """Whether the mention describes a part: "sad eyes", "good in color"."""
        after = self.items[found.position + 1 : found.position + 4]
        if after and after[0].tag is Tag.FEATURE:
            return True
        return bool(after) and after[0].text == "in" and any(item.tag is Tag.FEATURE for item in after)

    def _by_subject(self, found: Found, before: list[Item]) -> Strength:
        """Strength by subject: a person or "the emotion" states the answer; a brow or a mouth only supports one."""
        subjects = [item for item in before if item.tag in (Tag.TOPIC, Tag.PERSON, Tag.FEATURE, Tag.SUGGEST)]
        if any(item.tag is Tag.PERSON for item in subjects):
            subjects = [item for item in subjects if item.text not in DOING]
        after = {item.tag for item in self.items[found.position + 1 :]}
        if not subjects:
            if not self.clause.opens and self.previous is Tag.FEATURE:
                return Strength.PASSING
            words = sum(item.tag is Tag.WORD for item in self.items)
            return Strength.STATEMENT if words <= 4 and Tag.FEATURE not in after else Strength.PASSING
        nearest = subjects[-1]
        if nearest.tag is Tag.TOPIC:
            return Strength.TOPICAL
        return Strength.STATEMENT if nearest.tag is Tag.PERSON else Strength.PASSING
