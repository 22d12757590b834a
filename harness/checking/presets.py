"""Checks presets without weights and without network: their options, and what their components say about them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from harness.components.failures import is_interrupt, message_of
from harness.components.guest_code import guest_code
from harness.components.preset_check import PresetCheck
from harness.errors import BadOption, HarnessError, MissingPackage, UnknownName, nearest
from harness.registry.factory import CLASSES, OBJECTS, WITHOUT_OPTIONS, load_class, make, preset_problem
from harness.registry.plugin import RegisteredComponent
from harness.registry.registry import registry


@dataclass(frozen=True, slots=True)
class CheckedPreset:
    """A preset, and what was checked of it."""

    kind: str
    name: str
    """As a user types it."""
    dist: str
    ref: str
    """The model that it stands for; "" if it stands for none."""
    checks: tuple[PresetCheck, ...]

    @property
    def state(self) -> str:
        """ "failed" if anything is, "skipped" if nothing could be checked, "held" otherwise."""
        states = {check.state for check in self.checks}
        return "failed" if "failed" in states else "held" if "held" in states else "skipped"

    def document(self) -> dict[str, Any]:
        """The preset as JSON values."""
        checks = [{"state": check.state, **asdict(check)} for check in self.checks]
        return {"kind": self.kind, "name": self.name, "plugin": self.dist, "ref": self.ref, "state": self.state,
                "checks": checks}  # fmt: skip


def check_presets(names: Collection[str] = ()) -> Iterator[CheckedPreset]:
    """Check all presets, or those with the `names`, one by one. Raises `UnknownName` for a name that none has."""
    found = [(name, preset) for name, preset in _presets() if not names or _is_named(name, preset, names)]
    for wanted in names:
        if not any(_is_named(name, preset, [wanted]) for name, preset in found):
            known = [name for name, _ in _presets()]
            guess = nearest(wanted, known)
            raise UnknownName(
                f"There is no preset {wanted!r}.",
                f"Did you mean {guess!r}?" if guess else "See `harness list models`.",
            )
    for name, preset in found:
        yield _checked(name, preset)


def _is_named(name: str, preset: RegisteredComponent, names: Collection[str]) -> bool:
    own = (name, f"{preset.dist}/{preset.component.name}")
    return not {*own, *(preset.component.aliases if preset.ref is None else ())}.isdisjoint(names)


def _presets() -> Iterator[tuple[str, RegisteredComponent]]:
    """Every component with defaults of its own or of another, and each short name that a component takes as reference."""
    for kind in CLASSES:
        if kind in OBJECTS or kind in WITHOUT_OPTIONS:
            continue
        for found in registry().components(kind):
            name = registry().name_of(found)
            if found.component.defaults or found.component.extends:
                yield name, found
                continue
            for short in _short_names(found):
                yield f"{name}:{short}", RegisteredComponent(kind, found.component, found.dist, short)


def _short_names(found: RegisteredComponent) -> tuple[str, ...]:
    """The short names that a component knows; () where it cannot say, which `harness doctor` reports."""
    try:
        loaded = load_class(found)
        with guest_code():
            return tuple(str(name) for name in getattr(loaded, "known_references", tuple)())
    except BaseException as e:
        if is_interrupt(e):
            raise
        return ()


def _checked(name: str, found: RegisteredComponent) -> CheckedPreset:
    checks: list[PresetCheck] = []
    ref = str(found.ref or found.component.defaults.get("ref", ""))
    try:
        load_class(found)
        problem = preset_problem(found)
        fix = f"Correct the defaults of the preset: `harness show {name}` lists the options."
        checks.append(PresetCheck("defaults", problem, fix if problem else ""))
        if not problem:
            with guest_code():
                component = make(found)
                ref = str(getattr(component.options, "ref", None) or ref)
                checks += _sound(component.check_preset(_facts(found)))
    except MissingPackage as e:
        checks.append(PresetCheck("package", skipped=f"{e.message} {e.hint}"))
    except BadOption as e:
        # Options that must still be given are the user's to give: what the preset lacks is no fault.
        state = (
            {"skipped": e.message} if "must be given" in e.message else {"problem": e.message, "fix": e.hint}
        )
        checks.append(PresetCheck("options", **state))
    except HarnessError as e:
        checks.append(PresetCheck("component", e.message, e.hint))
    except BaseException as e:  # a plugin may raise anything
        if is_interrupt(e):
            raise
        text = f"It raised {type(e).__name__}: {message_of(e)}."
        checks.append(PresetCheck("check", text, f"Report it to the authors of {found.dist}."))
    return CheckedPreset(found.kind, name, found.dist, ref, tuple(checks))


def _sound(checks: Any) -> list[PresetCheck]:
    found = list(checks)
    for check in found:
        if not isinstance(check, PresetCheck):
            raise TypeError(f"check_preset must yield PresetCheck, but yielded {type(check).__name__}")
    return found


def _facts(found: RegisteredComponent) -> Mapping[str, str]:
    """The facts of a preset by name, and those of the presets that it extends for the same model."""
    facts: dict[str, str] = {}
    ref, one = found.component.defaults.get("ref"), found
    for _ in range(10):
        if one.component.facts is not None and one.component.defaults.get("ref", ref) == ref:
            facts = {**{str(name): str(value) for name, value, _ in one.component.facts()}, **facts}
        if not one.component.extends:
            break
        one = registry().find(found.kind, one.component.extends)
        ref = one.component.defaults.get("ref", ref) if ref is None else ref
    return facts
