"""Turns errors that would hit every request into one message that says what to change."""

from __future__ import annotations

import difflib

from harness import ExitCode, HarnessError, RequestError
from memobench_openai.error_responses import one_line
from memobench_openai.errors import ApiError
from memobench_openai.transport import Transport


class EndpointStopped(HarnessError):
    """The endpoint failed after it had answered some requests. Those replies are kept; resuming the run asks the rest."""

    exit_code = ExitCode.FAILED


async def fatal_error(
    error: ApiError, transport: Transport, model: str, endpoint: str, *, answered: bool
) -> HarnessError:
    """The user-facing error for an `ApiError` with `fatal`. `endpoint`: "chat" or "image"; `answered`: some requests were."""
    address, name = transport.address, transport.key_env
    message, hint = f"{address}: {error.message}", error.fatal
    if error.fatal == "key" and name:
        message = f"{address} rejects the key in {name} ({error.message})"
        hint = f"Set {name} to a valid key, or name a different variable: -o api_key_env=NAME."
    elif error.fatal == "key":
        message = f"{address} requires a key ({error.message})"
        hint = "Store the key in an environment variable and pass its name: -o api_key_env=NAME."
    elif error.fatal == "model":
        message = f"{address} has no model {model!r} ({error.message})"
        hint = await _model_hint(transport, model)
    elif error.fatal == "path":
        message = f"{address} has no {endpoint} endpoint ({error.message})"
        hint = "Check base_url; most base URLs end in /v1."
    error_type = EndpointStopped if answered else RequestError
    return error_type(message.rstrip(".") + ".", hint)


async def _model_hint(transport: Transport, model: str) -> str:
    """A hint with the models that the endpoint lists, closest match first; a general hint if it lists none."""
    try:
        listed = (await transport.get("/models")).get("data")
    except ApiError:
        listed = None
    entries = listed if isinstance(listed, list) else []
    names = [one_line(str(m["id"])) for m in entries if isinstance(m, dict) and "id" in m]
    if not names:
        return "Check the model name and that this account has access to it."
    closest = difflib.get_close_matches(model, names, n=1)
    more = f", and {len(names) - 12} more" if len(names) > 12 else ""
    return (
        f"Did you mean {closest[0]!r}? " if closest else ""
    ) + f"It serves: {', '.join(names[:12])}{more}."
