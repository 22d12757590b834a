"""Checks a plugin: what it declares, then the behaviour of its components with the conformance kit."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from harness.checking.process import Report, run
from harness.checking.records import RULES, Checked, Offer, Verdict
from harness.errors import BadOption, UnknownName, nearest
from harness.installing import install_extra, is_importable
from harness.registry.loading import CORE, GROUP

PREFIX = "memobench-plugin-"
STEP = 120.0
"""Seconds that one rule or one test may take by default."""
MOST_ENDS = 3
"""How often the process of a component may end within a test before the rest of its tests is left out."""


def installed_plugins() -> dict[str, str]:
    """Installed distributions with an entry point in the group memobench, with their versions; the core aside."""
    found = {}
    for point in importlib.metadata.entry_points(group=GROUP):
        try:
            assert point.dist is not None, "entry points that were looked up have one"
            found[point.dist.name or "?"] = point.dist.version or "?"
        except Exception:  # damaged metadata
            continue
    return {name: found[name] for name in sorted(found, key=str.lower) if name not in (CORE, "?")}


def find_plugin(name: str) -> tuple[str, str]:
    """The name and version of an installed distribution. Raises `UnknownName` with the nearest plugin."""
    found = []
    for wanted in (name, f"{PREFIX}{name}"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError, ValueError):
            found.append(importlib.metadata.distribution(wanted))
    # `transformers` is a package of its own, too.
    plugins = [dist for dist in found if dist.entry_points.select(group=GROUP)]
    if found:
        dist = (plugins or found)[0]
        return dist.name, dist.version
    known = installed_plugins()
    guess = nearest(name, known if name.startswith(PREFIX) else short(known))
    hint = f"Did you mean {guess!r}? " if guess else ""
    raise UnknownName(
        f"No plugin {name!r} is installed.",
        f"{hint}Installed: {', '.join(known) or 'none'}. Install yours: pip install -e FOLDER",
    )


def short(names: Iterable[str]) -> list[str]:
    """Names of plugins without their prefix."""
    return [name.removeprefix(PREFIX) for name in names]


def check(
    dist: str,
    version: str,
    options: Mapping[str, Mapping[str, str]],
    *,
    behaviour: bool = True,
    limit: float = STEP,
    progress: Callable[[str], None] = lambda text: None,
) -> Checked:
    """The verdicts on an installed plugin.

    `options`: by the name of the component that they are for; "" for those of every component that has them. Each rule
    and test may take `limit` seconds.
    """
    done = Checked(dist, version)
    progress(f"{dist}: what it declares")
    request = json.dumps({"dist": dist, "options": options})
    report = run("harness.checking.child", [request], limit)
    offers = []
    for line in report.lines:
        if "verdict" in line:
            done.verdicts.append(Verdict(**line["verdict"]))
        elif "offer" in line:
            offers.append(Offer(**line["offer"]))
    if report.end:
        done.verdicts.append(_cut_short(report))
    _check_names(options, offers)
    for offer in offers:
        done.verdicts += _behaviour(dist, offer, options, behaviour, limit, progress)
    return done


def _cut_short(report: Report) -> Verdict:
    """The verdict on the rule in which the process ended."""
    rule, _, component = report.unfinished.partition(" ")
    known = rule if rule in RULES else "entry-point"
    fix = "A plugin returns from everything that it is called for, and ends no process"
    last = report.errors.strip().splitlines()[-1:] if not report.unfinished else []
    return Verdict(known, "failed", ": ".join([report.end, *last]), fix, component)


def _check_names(options: Mapping[str, Mapping[str, str]], offers: list[Offer]) -> None:
    """Raise `BadOption` for options of a component that the plugin does not have, or that no component has."""
    refused = next((offer for offer in offers if offer.refused), None)
    if refused is not None:
        raise BadOption(refused.refused, f"See `harness show {refused.name}` for its options.")
    names = sorted({offer.name for offer in offers})
    for name, given in options.items():
        if not offers:
            return
        if name and name not in names:
            guess = nearest(name, names)
            hint = (f"Did you mean {guess!r}? " if guess else "") + f"Its components: {', '.join(names)}."
            raise BadOption(f"-o {name}.KEY: the plugin has no component {name!r}.", hint)
        known = sorted({key for offer in offers if name in ("", offer.name) for key in offer.options})
        for key in given:
            if key not in known:
                guess = nearest(key, known)
                hint = (
                    f"Did you mean {guess!r}? " if guess else ""
                ) + f"Options: {', '.join(known) or 'none'}."
                raise BadOption(
                    f"-o {key}: {f'{name!r} has no such' if name else 'no component has this'} option.", hint
                )


def _behaviour(
    dist: str,
    offer: Offer,
    options: Mapping[str, Mapping[str, str]],
    wanted: bool,
    limit: float,
    progress: Callable[[str], None],
) -> list[Verdict]:
    """The verdicts on what a component does."""
    name = f"{offer.kind} {offer.name}"
    if offer.skip:
        # What cannot be loaded or made has its verdict already.
        needs = offer.skip.startswith(("it needs", "it contacts"))
        fix = f"To check it: -o {offer.name}.KEY=VALUE"
        return [Verdict("behaviour", "skipped", offer.skip, fix, name)] if needs else []
    if not wanted:
        return []
    if not is_importable("pytest"):
        fix = f"Install the kit: {install_extra('testing')}"
        return [
            Verdict(
                "behaviour", "skipped", "the conformance kit needs pytest, which is not installed", fix, name
            )
        ]
    progress(f"{dist}: {name}")
    return tested(dist, offer, options, limit)


def tested(dist: str, offer: Offer, options: Mapping[str, Mapping[str, str]], limit: float) -> list[Verdict]:
    """Run the contract of a component's kind; a process that ends within a test is followed by one for the others."""
    name = f"{offer.kind} {offer.name}"
    found: list[Verdict] = []
    finished: list[str] = []
    for _ in range(MOST_ENDS):
        asked: dict[str, Any] = {
            "dist": dist,
            "kind": offer.kind,
            "name": offer.name,
            "shared": options.get("", {}),
            "own": options.get(offer.name, {}),
            "finished": finished,
        }
        report = run("harness.testing.checked", [json.dumps(asked)], limit)
        found += [Verdict(**line["verdict"], component=name) for line in report.lines if "verdict" in line]
        finished += [line["end"] for line in report.lines if "end" in line]
        if not report.end:
            return found
        rule = report.unfinished or "behaviour"
        last = report.errors.strip().splitlines()[-1:] if not report.unfinished else []
        fix = "A component returns from everything that it is called for, and ends no process"
        found.append(Verdict(_rule(rule), "failed", ": ".join([report.end, *last]), fix, name))
        if not report.unfinished or rule == "opens":
            return found
        finished.append(rule)
    left = f"the process ended {MOST_ENDS} times: the other tests were not run"
    return [*found, Verdict("behaviour", "skipped", left, "Fix these first", name)]


def _rule(test: str) -> str:
    return test.removeprefix("test_").replace("_", " ")
