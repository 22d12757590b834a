"""Every Eval Ever, schema 0.3.0: one aggregate file of a run's metric values and one record for each question.

The format is that of https://github.com/evaleval/every_eval_ever; files lie as its data store has them:
`data/COLLECTION/DEVELOPER/MODEL/UUID.json` and `UUID_samples.jsonl`.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from harness.components.options import HarnessOptions, option
from harness.errors import BadOption
from harness.exporting.aside import written_aside
from harness.exporting.eee_aggregate import aggregate
from harness.exporting.eee_identity import Identity, component, model_info
from harness.exporting.eee_instances import instances
from harness.exporting.exporter import Exporter
from harness.exporting.source import ExportSource

NOT_SAID = "unspecified"


class EveryEvalEver(Exporter):
    """Every Eval Ever, schema 0.3.0: an aggregate file with confidence intervals, and a record for each question."""

    output: ClassVar[str] = "every_eval_ever"

    class Options(HarnessOptions):
        """Who evaluated what: the run cannot know."""

        organization: str = option(NOT_SAID, "Who ran the evaluation.")
        organization_url: str = option("", "Its web page.")
        relationship: Literal["first_party", "third_party", "collaborative", "other"] = option(
            "other", "Of the evaluator to the developer of the model under test."
        )
        developer: str = option(
            "", "Who made the model under test; default: what the model reference says, else the plugin."
        )
        model_id: str = option("", "DEVELOPER/MODEL, where the model reference does not say it.")
        deployment: Literal["self_deployed", "externally_managed", "unknown"] = option(
            "unknown", "Who ran the model under test."
        )
        weights: Literal["open_weights", "closed_weights", "unknown"] = option(
            "unknown", "Whether the weights of the model under test can be had."
        )
        collection: str = option("memobench", "Folder below data/.")
        samples: bool = option(True, "Write the records of single questions.")

    def write(self, source: ExportSource, out: Path) -> Sequence[Path]:
        """Write both files below `out`; those of an earlier export of this run are replaced."""
        identity = self._identity(source)
        name = str(run_uuid(source))
        folder = out / "data" / component(self.options.collection) / identity.developer / identity.model
        lying = "/".join(("data", *folder.parts[-3:]))
        records = folder / f"{name}_samples.jsonl"
        document = aggregate(source, identity, self._source_metadata(source))
        written = []
        digest, rows = hashlib.sha256(), 0
        if self.options.samples:
            with written_aside(records) as file:
                for line in _lines(source, identity):
                    file.write(line)
                    digest.update(line)
                    rows += 1
        if rows:
            document["detailed_evaluation_results"] = {
                "format": "jsonl",
                "file_path": f"{lying}/{records.name}",
                "hash_algorithm": "sha256",
                "checksum": digest.hexdigest(),
                "total_rows": rows,
            }
            written.append(records)
        else:
            records.unlink(missing_ok=True)
        target = folder / f"{name}.json"
        with written_aside(target) as file:
            file.write(json.dumps(document, indent=1, allow_nan=False).encode() + b"\n")
        return [target, *written]

    def _identity(self, source: ExportSource) -> Identity:
        given = self.options.model_id
        if given and not all(part.strip() for part in given.split("/")):
            raise BadOption(
                f"every-eval-ever: {given!r} is not DEVELOPER/MODEL.", "For example: org/model-7b"
            )
        info = model_info(
            source.record.model,
            source.results.run.versions,
            model_id=given,
            developer=self.options.developer,
            deployment=self.options.deployment,
            weights=self.options.weights,
        )
        if source.results.run.release:
            info["additional_details"]["release"] = source.results.run.release
        return Identity.of(info, source.results.run.created)

    def _source_metadata(self, source: ExportSource) -> dict[str, Any]:
        run = source.results.run
        found: dict[str, Any] = {
            "source_name": "memobench",
            "source_type": "evaluation_run",
            "source_organization_name": self.options.organization,
            "evaluator_relationship": self.options.relationship,
            "additional_details": {"run": run.name, "complete": str(run.complete).lower()},
        }
        if self.options.organization_url:
            found["source_organization_url"] = self.options.organization_url
        if run.notes:
            found["additional_details"]["notes"] = "; ".join(run.notes)
        return found


def run_uuid(source: ExportSource) -> uuid.UUID:
    """The same for the same run, so that exporting it again replaces its files. It has the form of version 4, as the paths ask."""
    identity: Mapping[str, Any] = {
        "request": source.document["request"],
        "created": source.document["created"],
        "name": source.document["name"],
    }
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode("utf-8", "surrogatepass")).digest()
    return uuid.UUID(bytes=digest[:16], version=4)


def _lines(source: ExportSource, identity: Identity) -> Iterator[bytes]:
    for record in instances(source, identity):
        yield json.dumps(record, allow_nan=False, separators=(",", ":")).encode() + b"\n"
