"""Who is evaluated, as Every Eval Ever names it: developer, model, and the id of the evaluation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from harness.scoring.run_record import ParticipantRecord

PLUGIN = "memobench-plugin-"
OBJECT = "python"
"""What `run.json` names as the plugin of an object that was made in Python."""
UNKNOWN = "unspecified"
_UNSAFE = re.compile(r"[^A-Za-z0-9._+-]+")
_RESERVED = re.compile(r"(data|unknown|con|prn|aux|nul|com[1-9]|lpt[1-9])(\..*)?", re.IGNORECASE)
_FOLDERS = re.compile(r"(?:^|(?<=[\s:=,\"'(]))(?:~?/(?!/)|[A-Za-z]:[\\/])(?:[^/\\\s,\"']+[/\\])*")
"""The folders of an absolute path, not those of a URL."""


def without_folders(text: object) -> str:
    """Text with local paths cut to their last part: an export is for others, whom the folders do not concern."""
    return _FOLDERS.sub("", str(text))


@dataclass(frozen=True)
class Identity:
    """What both files of an export say of the model and of themselves."""

    model_info: Mapping[str, Any]
    evaluation_id: str
    timestamp: str
    """When the run was created: seconds since 1970."""
    developer: str
    """A folder."""
    model: str
    """A folder."""

    @classmethod
    def of(cls, model_info: Mapping[str, Any], created: str) -> Identity:
        """The identity of a run of this model, created at an ISO time."""
        seconds = f"{datetime.fromisoformat(created.replace('Z', '+00:00')).timestamp():.0f}"
        developer, _, model = model_info["id"].partition("/")
        flat = model.replace("/", "_")
        return cls(model_info, f"memobench/{developer}_{flat}/{seconds}", seconds, developer, flat)


def component(text: str) -> str:
    """Text as one component of a path that every file system takes."""
    safe = _UNSAFE.sub("-", text.strip()).strip(".-") or UNKNOWN
    return f"{safe}_" if _RESERVED.fullmatch(safe) else safe


def model_info(
    participant: ParticipantRecord,
    versions: Mapping[str, str],
    *,
    model_id: str = "",
    developer: str = "",
    deployment: str = "unknown",
    weights: str = "unknown",
) -> dict[str, Any]:
    """The `model_info` of a participant. What neither the run nor the user says is "unknown", never guessed."""
    # An object that was made in Python belongs to no plugin.
    plugin = participant.plugin if participant.plugin != OBJECT else ""
    engine = plugin.removeprefix(PLUGIN)
    found: dict[str, Any] = {
        "name": without_folders(participant.name),
        "id": _model_id(participant, model_id, developer),
        "additional_details": {"deployment_type": deployment, "model_availability": weights},
    }
    if developer:
        found["developer"] = developer
    if engine in versions:
        found["inference_engine"] = {"name": engine, "version": versions[engine]}
    details = {"plugin": plugin} if plugin else {}
    for source, table in (("option", participant.options), ("identity", participant.identity)):
        details |= {
            f"{source}.{name}": without_folders(value) for name, value in table.items() if value is not None
        }
    found["additional_details"] |= details
    return found


def _model_id(participant: ParticipantRecord, given: str, developer: str) -> str:
    """DEVELOPER/MODEL: as given, else from the model reference, else the plugin that holds the model."""
    parts = given.split("/") if given else _reference(participant)
    if len(parts) < 2 or (developer and not given):
        own = not participant.options.get("ref") and ":" not in participant.name
        plugin = participant.plugin if participant.plugin != OBJECT else ""
        owner = developer or (plugin if own else "") or UNKNOWN
        parts = [owner, *parts[1:]] if len(parts) > 1 else [owner, *parts]
    return "/".join(map(component, parts))


def _reference(participant: ParticipantRecord) -> list[str]:
    """The parts of the model reference; of a local path its last part alone, since the rest says where somebody's files lie."""
    ref = str(participant.options.get("ref") or participant.name.partition(":")[2] or participant.name)
    parts = [part for part in re.split(r"[/\\]", ref) if part.strip(". ")]
    local = ref.startswith(("/", ".", "~", "\\")) or re.match(r"[A-Za-z]:[\\/]", ref) or len(parts) > 3
    return parts[-1:] if local or not parts else parts
