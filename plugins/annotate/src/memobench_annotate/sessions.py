"""The way of one rater through a study: what to show now, and what an answer does."""

from __future__ import annotations

import hashlib
import hmac
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from harness.people import SurveyQuestion
from memobench_annotate.allocation import plan_trials
from memobench_annotate.config import LANGUAGES
from memobench_annotate.records import CANNOT_TELL, COUNTED, NOT_A_FACE, Answer, Part, Rater, Trial
from memobench_annotate.study import Study

AHEAD = 3
"""Trials whose pictures may be fetched before they are shown."""
LONGEST_MS = 3_600_000
PAUSE = 120.0
"""Seconds without an answer that do not count as time of a session."""

Kind = Literal["consent", "check", "trial", "feedback", "break", "rest", "done", "withdrawn", "full"]


@dataclass(frozen=True)
class View:
    """What a rater sees now."""

    kind: Kind
    position: int = 0
    part: Part = "main"
    done: int = 0
    """Trials that are answered."""
    total: int = 0
    question: SurveyQuestion | None = None
    options: tuple[str, ...] = ()
    """In the order shown."""
    pictures: tuple[str, ...] = ()
    """Keys of the pictures, in the order shown."""
    can_go_back: bool = False
    answered: str | None = None
    """What was answered before, where the rater went back."""
    instructed: str | None = None
    """Attention trials: the option to choose."""
    first_of_task: bool = False
    """Whether the question is another one than that of the trial before."""
    right: bool = False
    expected: str = ""
    given: str = ""
    until: float = 0.0
    """When the rest is over."""
    code: str = ""


class Sessions:
    """What raters see and do. All state is in the store, so that any process can go on."""

    def __init__(self, study: Study, now: Callable[[], float] = time.time) -> None:
        self.study, self._store, self._now = study, study.store, now
        self._secret = study.secret

    def view(self, rater: Rater) -> View:
        """What to show now."""
        if rater.state in ("withdrawn", "done"):
            return View(rater.state, code=rater.code)
        if rater.state in ("invited", "consent"):
            return View("consent")
        if rater.state == "check":
            return View("check")
        # Places become free when somebody withdraws, or stays away.
        trials, answers = self._store.trials(rater.id) or self._plan(rater), self._store.answers(rater.id)
        if not trials:
            return View("full")
        if rater.rest_until is not None and rater.rest_until > 0:
            until = min(rater.rest_until, self._now() + self.study.config.sessions.rest_minutes * 60)
            return View("rest", until=until, done=len(answers), total=len(trials))
        shown = self._waiting(rater)
        if shown is not None:
            return self._between(shown, trials, answers)
        position = self._position(rater, trials, answers)
        if position is None:
            return View("done", code=self._finish(rater).code)
        return self._trial(rater, trials, answers, position)

    def consent(self, rater: Rater, language: str) -> Rater:
        """The rater agreed to take part."""
        if rater.state not in ("invited", "consent"):
            return rater
        spoken = language if language in LANGUAGES else self.study.config.language
        return self._store.update_rater(rater.id, state="check", language=spoken, started=self._now())

    def speak(self, rater: Rater, language: str) -> Rater:
        """Choose the language of the interface."""
        return self._store.update_rater(rater.id, language=language) if language in LANGUAGES else rater

    def checked(self, rater: Rater, display: Mapping[str, Any]) -> Rater:
        """The display was checked: the order of all trials is fixed now."""
        if rater.state != "check":
            return rater
        self._plan(rater)
        return self._store.update_rater(
            rater.id, state="main", display={"check": dict(display)}, session=1, session_began=self._now()
        )

    def _plan(self, rater: Rater) -> list[Trial]:
        """The trials of a rater, whose order is fixed now where it was not; none where every question has its raters."""
        study = self.study
        return self._store.plan(
            rater.id,
            lambda assigned: plan_trials(
                rater.id, rater.seed, study.questions, study.training, study.config, assigned
            ),
        )

    def answer(self, rater: Rater, position: int, value: str, ms: int) -> bool:
        """Store an answer; False where it is none, or where the position is not the one that is shown."""
        if rater.state != "main":
            return False
        trials, answers = self._store.trials(rater.id), self._store.answers(rater.id)
        if not 0 <= position < len(trials) or self._waiting(rater) is not None or self._resting(rater):
            return False
        trial = trials[position]
        if value not in (*trial.options, NOT_A_FACE, CANNOT_TELL):
            return False
        changing = rater.display.get("back") == position
        if position != self._position(rater, trials, answers):
            return False
        now = self._now()
        last = max((a.answered for a in answers.values()), default=rater.session_began or now)
        session = self._session(rater, max(last, rater.session_began or 0), now)
        number = session.get("session", rater.session)
        given = Answer(rater.id, position, value, min(max(ms, 0), LONGEST_MS), now, number)
        done = len(answers) + (position not in answers)
        began = session.get("session_began", rater.session_began)
        fields = session | self._after(rater, trials, position, began, done)
        return self._store.answer(given, change=changing, **fields)

    def go_on(self, rater: Rater, position: int) -> Rater:
        """Leave the feedback, a break, or a rest that is over."""
        if rater.rest_until:
            if self._now() < self.view(rater).until:
                return rater
            return self._next_session(rater)
        if self._waiting(rater) == position:
            return self._mark(rater, wait=None)
        return rater

    def _next_session(self, rater: Rater) -> Rater:
        """A new session, which begins with discarded trials too: questions that were answered, so that none is used up."""
        trials = self._store.trials(rater.id)
        left = self._position(rater, trials, self._store.answers(rater.id))
        number = rater.session + 1
        rng = random.Random(f"{rater.seed}:{number}")
        task = None if left is None else self.study.questions[trials[left].question].task
        asked = [t for t in trials if t.part in COUNTED and t.position < (left or 0)]
        asked = [t for t in asked if self.study.questions[t.question].task == task] or asked
        openings = rng.sample(asked, min(len(asked), self.study.config.design.openings))
        added = [
            replace(trial, position=len(trials) + at, part="opening") for at, trial in enumerate(openings)
        ]
        return self._store.add_trials(
            added, rater.id, rest_until=None, session=number, session_began=self._now()
        )

    def back(self, rater: Rater, position: int) -> Rater:
        """Go back by one, from the trial at `position` that is shown."""
        trials, answers = self._store.trials(rater.id), self._store.answers(rater.id)
        if self._position(rater, trials, answers) == position and self._can_go_back(rater, trials, position):
            return self._mark(rater, back=position - 1)
        return rater

    def pause(self, rater: Rater) -> Rater:
        """Show a break until the rater goes on (with the position -1)."""
        free = rater.state == "main" and self._waiting(rater) is None and not self._resting(rater)
        return self._mark(rater, wait=-1) if free else rater

    def withdraw(self, rater: Rater) -> Rater:
        """Delete all that the rater answered."""
        if rater.state == "withdrawn":
            return rater
        self._store.withdraw(rater.id)
        self._store.note("withdrawn", rater.id, "The rater withdrew; the answers are deleted.")
        return self._store.rater(rater.id)

    def upcoming(self, rater: Rater) -> list[str]:
        """Keys of the pictures of the next trials, in order."""
        trials = self._near(rater)
        shown = [digest for trial in trials for digest in self._digests(trial)]
        return [self._key(rater, digest) for digest in dict.fromkeys(shown)]

    def picture(self, rater: Rater, key: str) -> tuple[bytes, str] | None:
        """A picture of this rater's next trials, or of the last one, and its media type; None for any other key."""
        for trial in self._near(rater, behind=1):
            for digest in self._digests(trial):
                if hmac.compare_digest(self._key(rater, digest).encode(), key.encode()):
                    return self.study.shown(digest)
        return None

    def _near(self, rater: Rater, behind: int = 0) -> list[Trial]:
        if rater.state != "main":
            return []
        trials, answers = self._store.trials(rater.id), self._store.answers(rater.id)
        position = self._position(rater, trials, answers)
        waiting = self._waiting(rater)
        at = len(trials) if position is None else position
        at = at if waiting is None or waiting < 0 else min(at, waiting)
        return trials[max(0, at - behind) : at + AHEAD + 1]

    def _digests(self, trial: Trial) -> list[str]:
        return [picture.digest for picture in self.study.questions[trial.question].pictures]

    def _key(self, rater: Rater, digest: str) -> str:
        # Nobody can tell from it which picture it is, or ask for one of another rater.
        return hmac.new(self._secret, f"{rater.id}:{digest}".encode(), hashlib.sha256).hexdigest()[:32]

    def _position(self, rater: Rater, trials: list[Trial], answers: Mapping[int, Answer]) -> int | None:
        back = rater.display.get("back")
        if isinstance(back, int) and back in answers:
            return back
        left = [trial for trial in trials if trial.position not in answers]
        # The discarded trials of a later session stand at the end, and are shown first.
        later = last_planned(trials)
        first = next((trial for trial in left if trial.position > later), None)
        return first.position if first else left[0].position if left else None

    def _waiting(self, rater: Rater) -> int | None:
        """The position after which feedback or a break is shown."""
        found = rater.display.get("wait")
        return found if isinstance(found, int) else None

    def _resting(self, rater: Rater) -> bool:
        return bool(rater.rest_until)

    def _mark(self, rater: Rater, **fields: Any) -> Rater:
        display = {k: v for k, v in {**rater.display, **fields}.items() if v is not None}
        return self._store.update_rater(rater.id, display=display)

    def _session(self, rater: Rater, last: float, now: float) -> dict[str, Any]:
        """Fields of a rater who went away without a word, for as long as a rest: the time in between does not count."""
        if now - last <= max(self.study.config.sessions.rest_minutes * 60, PAUSE):
            return {}
        return {"session": rater.session + 1, "session_began": now}

    def _after(
        self, rater: Rater, trials: list[Trial], position: int, began: float | None, done: int
    ) -> dict[str, Any]:
        """Fields of the rater after an answer: feedback, a break, or the end of a session follow. `done`: trials so far."""
        settings, now = self.study.config.sessions, self._now()
        more, again = done < len(trials), rater.display.get("back") == position
        display = {k: v for k, v in rater.display.items() if k not in ("back", "wait")}
        pause = settings.break_every and not again and done % settings.break_every == 0
        if trials[position].part == "training" or (pause and more):
            display["wait"] = position
        fields: dict[str, Any] = {} if display == dict(rater.display) else {"display": display}
        if began is not None and now - began > settings.minutes * 60 and more:
            fields["rest_until"] = now + settings.rest_minutes * 60
        return fields

    def _can_go_back(self, rater: Rater, trials: list[Trial], position: int) -> bool:
        """By one step, never from a trial that was gone back to, nor into the training."""
        if "back" in rater.display or position == 0:
            return False
        # Trials of another kind before or after: feedback was given, or another session began.
        return trials[position - 1].part != "training" and position <= last_planned(trials)

    def _trial(self, rater: Rater, trials: list[Trial], answers: Mapping[int, Answer], position: int) -> View:
        trial = trials[position]
        question = self.study.questions[trial.question]
        before = self.study.questions[trials[position - 1].question] if position else None
        return View(
            "trial",
            position,
            trial.part,
            len(answers),
            len(trials),
            question,
            trial.options,
            tuple(self._key(rater, digest) for digest in self._digests(trial)),
            self._can_go_back(rater, trials, position),
            answers[position].value if position in answers else None,
            trial.expected if trial.part == "attention" else None,
            before is None or before.task != question.task,
        )

    def _between(self, position: int, trials: list[Trial], answers: Mapping[int, Answer]) -> View:
        shown = View("break", position, done=len(answers), total=len(trials))
        if position < 0 or trials[position].part != "training":
            return shown
        trial, given = trials[position], answers[position].value
        expected = trial.expected or ""
        return replace(
            shown,
            kind="feedback",
            part=trial.part,
            question=self.study.questions[trial.question],
            options=trial.options,
            right=given == expected,
            expected=expected,
            given=given,
        )

    def _finish(self, rater: Rater) -> Rater:
        return self._store.update_rater(rater.id, state="done", finished=self._now())


def last_planned(trials: list[Trial]) -> int:
    """The position of the last trial that was planned at the beginning: what follows opens later sessions."""
    return next((t.position for t in reversed(trials) if t.part != "opening"), len(trials) - 1)
