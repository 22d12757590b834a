"""What ends a stream: an endpoint of which no request can have anything, in words that say what to change."""

from __future__ import annotations

import difflib

from harness import HarnessError, RequestError
from memobench_openai.client import Wire
from memobench_openai.faults import Fault
from memobench_openai.verdict import explain


class StoppedMidway(HarnessError):
    """The endpoint refused to go on after it had answered: what was answered is kept, and resuming asks the rest."""

    exit_code = 3


async def ending(fault: Fault, wire: Wire, model: str, endpoint: str, *, midway: bool) -> HarnessError:
    """The error for a fault with `ends`. `endpoint`: what is asked, "chat" or "image"; `midway`: something was answered."""
    address, name = wire.address, wire.key_env
    message, hint = f"{address}: {fault.message}", fault.ends
    if fault.ends == "key" and name:
        message = f"{address} refuses the key in {name} ({fault.message})"
        hint = f"Set {name} to a key that is valid there, or name another variable: -o api_key_env=NAME."
    elif fault.ends == "key":
        message = f"{address} asks for a key ({fault.message})"
        hint = "Put it into an environment variable and name that: -o api_key_env=NAME."
    elif fault.ends == "model":
        message = f"{address} has no model {model!r} ({fault.message})"
        hint = await _known_models(wire, model)
    elif fault.ends == "path":
        message = f"{address} has no {endpoint} endpoint ({fault.message})"
        hint = "Check base_url; most end in /v1."
    stopped = StoppedMidway if midway else RequestError
    return stopped(message.rstrip(".") + ".", hint)


async def _known_models(wire: Wire, model: str) -> str:
    """The names that the endpoint lists, the nearest first; a general hint where it lists none."""
    try:
        listed = (await wire.get("/models")).get("data")
    except Fault:
        listed = None
    entries = listed if isinstance(listed, list) else []
    names = [explain(str(m["id"])) for m in entries if isinstance(m, dict) and "id" in m]
    if not names:
        return "Check the model's name, and that this account may use it."
    near = difflib.get_close_matches(model, names, n=1)
    more = f", and {len(names) - 12} more" if len(names) > 12 else ""
    return (f"Did you mean {near[0]!r}? " if near else "") + f"It serves: {', '.join(names[:12])}{more}."
