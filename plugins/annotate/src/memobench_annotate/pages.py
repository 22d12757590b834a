"""The pages: what a view looks like, as HTML."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from harness.people import SurveyQuestion
from memobench_annotate import plates
from memobench_annotate.config import StudyConfig
from memobench_annotate.records import CANNOT_TELL, NOT_A_FACE, Rater
from memobench_annotate.sessions import View
from memobench_annotate.wording import NAMES, TAGS, Words, words

HERE = Path(__file__).parent
MEDIA = {"study.css": "text/css; charset=utf-8", "study.js": "text/javascript; charset=utf-8"}
DARK, LIGHT = (3, 6, 9, 12, 16, 20, 26, 34), (252, 249, 246, 243, 239, 235, 229, 221)
"""Grey levels of the squares that raters may tell from black, and from white."""
ERRORS = {403: "refused", 404: "not_found", 421: "refused", 429: "busy", 500: "error"}
"""Status -> the words of its page; other statuses are refusals too."""
SHORT = 14
"""Characters of an option that fits beside others on a phone."""


@dataclass(frozen=True)
class Choice:
    """A button of a trial."""

    value: str
    text: str
    mark: str
    """What stands before it, and the key that chooses it."""
    fixed: bool
    """Whether the mark is the task's own: then it stands there on every device."""
    chosen: bool
    """Whether it was the answer before."""


@dataclass(frozen=True)
class Shown:
    """A picture of a trial."""

    key: str
    alt: str
    caption: str


class Pages:
    """Templates, static files and words of a study."""

    def __init__(self, config: StudyConfig, study_key: str) -> None:
        """`study_key` marks pages as those of this study: it is no secret."""
        self._config = config
        self._environment = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.static: dict[str, tuple[bytes, str]] = {}
        addresses = {}
        for name, media in MEDIA.items():
            data = (HERE / "static" / name).read_bytes()
            hashed = f"{hashlib.sha256(data).hexdigest()[:16]}-{name}"
            self.static[hashed] = (data, media)
            addresses[name.rpartition(".")[2]] = f"/static/{hashed}"
        names = [(code, name, TAGS.get(code, code)) for code, name in NAMES.items()]
        self._always: Mapping[str, Any] = {
            **addresses,
            "title": config.title,
            "study_key": study_key,
            "names": names,
        }

    def render(self, template: str, t: Words, heading: str, **values: Any) -> str:
        """A page from a template."""
        found = self._environment.get_template(template)
        return found.render(**self._always, t=t, heading=heading, **values)

    def landing(self, t: Words, action: str, field: str, value: str) -> str:
        """Where a link leads: nothing happens before the button is pressed, so that previews of links are harmless."""
        return self.render("landing.html", t, t("landing_title"), action=action, field=field, value=value)

    def message(self, t: Words, name: str, *, home: bool = False, contact: bool = True) -> str:
        """A page of one message."""
        told = self._config.access.contact if contact else ""
        return self.render(
            "message.html", t, t(f"{name}_title"), text=t(f"{name}_text"), contact=told, home=home
        )

    def error(self, t: Words, status: int) -> str:
        """The page of a status."""
        return self.message(t, ERRORS.get(status, "refused"), home=status in (403, 404, 500), contact=False)

    def withdrawing(self, t: Words, rater: Rater) -> str:
        """Asks whether somebody really wants to withdraw."""
        return self.render("withdraw.html", t, t("withdraw_title"), key=rater.form_key)

    def view(self, t: Words, rater: Rater, view: View, upcoming: Sequence[str], now: float) -> str:
        """What a rater sees now."""
        if view.kind == "consent":
            return self._consent(t, rater)
        if view.kind == "check":
            return self._check(t, rater)
        if view.kind == "trial":
            return self._trial(t, rater, view, upcoming)
        if view.kind in ("feedback", "break", "rest"):
            return self._between(t, rater, view, now)
        return self._end(t, view)

    def _consent(self, t: Words, rater: Rater) -> str:
        own = self._config.consent
        # The experimenter's text stands for itself: ours would not say the same in other languages.
        language = next((x for x in (t.language, self._config.language, *own) if x in own), t.language)
        text = own.get(language) or t("consent_text")
        return self.render(
            "consent.html",
            t,
            t("consent_title"),
            key=rater.form_key,
            consent_tag=words(language).tag,
            paragraphs=[part.strip() for part in text.split("\n\n") if part.strip()],
            contact=self._config.access.contact,
        )

    def _check(self, t: Words, rater: Rater) -> str:
        shown = [plates.plate(index, number) for index, number in enumerate(plates.numbers(rater.seed))]
        return self.render(
            "check.html",
            t,
            t("check_title"),
            key=rater.form_key,
            plates=shown,
            dark_steps=DARK,
            light_steps=LIGHT,
        )

    def _trial(self, t: Words, rater: Rater, view: View, upcoming: Sequence[str]) -> str:
        question = view.question
        assert question is not None, "a trial has a question"
        others = [
            Choice(value, t(name), "", False, view.answered == value)
            for value, name in ((NOT_A_FACE, "not_a_face"), (CANNOT_TELL, "cannot_tell"))
        ]
        return self.render(
            "trial.html",
            t,
            question.text if view.instructed is None else t("answers"),
            key=rater.form_key,
            view=view,
            pictures=_pictures(t, view, question),
            options=_options(view, question),
            layout=_layout(question),
            others=others,
            upcoming=upcoming,
        )

    def _between(self, t: Words, rater: Rater, view: View, now: float) -> str:
        left, name, note = 0, view.kind, ""
        values: dict[str, object] = {"done": view.done, "total": view.total}
        if view.kind == "rest":
            left = max(0, math.ceil(view.until - now))
        if (view.kind == "rest" and not left) or (view.kind == "break" and view.position < 0):
            heading, text = t("pause_title"), t("pause_text")
        elif view.kind == "feedback":
            right, note = ("right" if view.right else "wrong"), t("feedback_note")
            given = {NOT_A_FACE: t("not_a_face"), CANNOT_TELL: t("cannot_tell")}.get(view.given, view.given)
            heading = t(f"feedback_{right}_title")
            text = t(f"feedback_{right}", given=given, expected=view.expected)
        else:
            heading, text = t(f"{name}_title"), t(f"{name}_text", **values)
        clock = f"{left // 60}:{left % 60:02}"
        return self.render(
            "between.html",
            t,
            heading,
            key=rater.form_key,
            view=view,
            text=text,
            note=note,
            left=left,
            clock=clock,
        )

    def _end(self, t: Words, view: View) -> str:
        access, done = self._config.access, view.kind == "done"
        link = access.completion_url.replace("{code}", quote(view.code, safe="")) if done else ""
        return self.render(
            "end.html",
            t,
            t(f"{view.kind}_title"),
            text=t(f"{view.kind}_text"),
            code=view.code if done else "",
            link=link,
            can_withdraw=done,
            contact=access.contact,
        )


def checked_display(fields: Mapping[str, str], rater: Rater) -> dict[str, Any]:
    """What the form of the check says about a display, and about the colour vision of the person before it."""
    names = ("width", "height", "ratio", "screen_width", "screen_height", "depth")
    parts = fields.get("screen", "")[:200].split(",")
    found: dict[str, Any] = {name: _number(part) for name, part in zip(names, parts, strict=False)}
    for name in ("dark", "light"):
        steps = _number(fields.get(name, ""))
        found[f"{name}_steps"] = int(steps) if steps is not None and 0 <= steps <= len(DARK) else None
    expected = plates.numbers(rater.seed)
    read = [fields.get(f"plate{n}", "").strip()[:4] for n in range(1, len(expected) + 1)]
    found["plates"] = [{"shown": a, "read": b, "right": a == b} for a, b in zip(expected, read, strict=True)]
    return found


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _options(view: View, question: SurveyQuestion) -> list[Choice]:
    fixed = question.labels != "none"
    marks = [
        chr(ord("A") + n) if question.labels == "letters" else str(n + 1) for n in range(len(view.options))
    ]
    return [
        Choice(option, option, mark if fixed or n < 9 else "", fixed, view.answered == option)
        for n, (option, mark) in enumerate(zip(view.options, marks, strict=True))
    ]


def _layout(question: SurveyQuestion) -> str:
    longest = max(map(len, question.options))
    if longest > SHORT:
        return "long"
    if question.kind == "rating" and 3 <= len(question.options) <= 7:
        return "scale"
    return f"o{len(question.options)}" if len(question.options) <= 6 else "many"


def _pictures(t: Words, view: View, question: SurveyQuestion) -> list[Shown]:
    if len(view.pictures) == 1:
        return [Shown(view.pictures[0], t("picture"), "")]
    alts = (t("picture_first"), t("picture_second"))
    # The words of the question, such as "first": they stand on the buttons.
    captions = question.options if question.kind == "pair" else alts
    return [Shown(*shown) for shown in zip(view.pictures, alts, captions, strict=False)]
