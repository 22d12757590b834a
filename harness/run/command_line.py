"""The command line as `run.json` stores it: everything but secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable

from harness.secrets import HIDDEN, hide_keys, names_secret

_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)(?P<rest>[^\s\"'<>]*)")
_OPTION = re.compile(
    r"(?P<head>(?:--?[A-Za-z][\w-]*=)?(?:[^=\s]*[.])?)(?P<name>[^=.\s]+)=(?P<value>.*)", re.S
)
_MEMBER = re.compile(
    r"(?P<head>[\"'](?P<name>[^\"']{1,80})[\"']\s*:\s*)(?:\"(?:[^\"\\]|\\.)*\"|'[^']*'|[^,{}\[\]\s]+)"
)


def without_secrets(arguments: Iterable[str]) -> list[str]:
    """The arguments with `***` for users, passwords and queries in URLs, for keys, and for values of secret options.

    An option is secret if its name has a word such as key, token or password; not the name of a variable (`api_key_env`).
    """
    shown: list[str] = []
    hide_next = False
    for argument in arguments:
        if hide_next and not argument.startswith("-"):
            shown.append(HIDDEN)
            hide_next = False
            continue
        hide_next = argument.startswith("--") and "=" not in argument and names_secret(argument)
        shown.append(_safe(argument))
    return shown


def _safe(argument: str) -> str:
    option = _OPTION.fullmatch(argument)
    if option and names_secret(option["name"]):
        return f"{option['head']}{option['name']}={HIDDEN}"
    argument = _MEMBER.sub(lambda m: f'{m["head"]}"{HIDDEN}"' if names_secret(m["name"]) else m[0], argument)
    return hide_keys(_URL.sub(_safe_url, argument))


def _safe_url(found: re.Match[str]) -> str:
    rest, question, _ = found["rest"].partition("?")
    host, slash, path = rest.partition("/")
    if "@" in host:
        host = f"{HIDDEN}@{host.rpartition('@')[2]}"
    return f"{found['scheme']}{host}{slash}{path}" + (f"?{HIDDEN}" if question else "")
