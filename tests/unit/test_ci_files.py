"""The CI examples are valid, use what they declare, and put no text of a pull request into a shell."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.gating.config import GateConfig, load_config

CI = Path(__file__).resolve().parents[2] / "examples" / "ci"
SCRIPTS = sorted((CI / "scripts").glob("*.sh"))
BIN = Path(sys.executable).parent
EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)


def load(name: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((CI / name).read_text(encoding="utf-8"))
    return document


def steps() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = load("action.yml")["runs"]["steps"]
    return found


def validate(path: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [str(BIN / "check-jsonschema"), *options, str(path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


SCHEMAS = {
    "action.yml": ["--builtin-schema", "vendor.github-actions"],
    "workflow.yml": ["--builtin-schema", "vendor.github-workflows"],
    "gitlab-ci.yml": ["--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci"],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SCHEMAS)
def test_files_are_valid(name: str, tmp_path: Path) -> None:
    done = validate(CI / name, *SCHEMAS[name])
    assert done.returncode == 0, done.stdout
    text = (CI / name).read_text(encoding="utf-8")
    broken = tmp_path / name
    broken.write_text(
        text.replace("shell: bash", "shel: bash")
        .replace("runs-on:", "run-on:")
        .replace("reports:", "report:")
    )
    assert validate(broken, *SCHEMAS[name]).returncode == 1, "the schema refuses a misspelt key"


def test_expressions_never_reach_a_shell() -> None:
    scripts = [step["run"] for step in steps() if "run" in step]
    scripts += [s["run"] for job in load("workflow.yml")["jobs"].values() for s in job["steps"] if "run" in s]
    assert len(scripts) >= 6
    assert not [script for script in scripts if "${{" in script]
    for path in SCRIPTS:
        assert "${{" not in path.read_text(encoding="utf-8")


def test_the_action_uses_every_input_and_no_other() -> None:
    text = (CI / "action.yml").read_text(encoding="utf-8")
    declared = set(load("action.yml")["inputs"])
    assert set(re.findall(r"\binputs\.([a-z-]+)", text)) == declared
    (job,) = load("workflow.yml")["jobs"].values()
    (used,) = (step["with"] for step in job["steps"] if step["uses"].startswith("./"))
    assert set(used) <= declared
    required = {name for name, spec in load("action.yml")["inputs"].items() if spec.get("required")}
    assert required == {"task", "model", "baseline"}
    assert required <= set(used)


def test_steps_refer_to_steps_before_them() -> None:
    before: set[str] = set()
    for step in steps():
        used = set(re.findall(r"\bsteps\.([a-z-]+)\.", str(step)))
        assert used <= before, step["name"]
        before |= {step["id"]} if "id" in step else set()
    outputs = load("action.yml")["outputs"].values()
    assert {name for o in outputs for name in re.findall(r"steps\.([a-z-]+)\.", o["value"])} <= before


def test_scripts_write_the_outputs_that_the_action_reads() -> None:
    read = set(
        re.findall(r"steps\.([a-z-]+)\.outputs\.([a-z-]+)", (CI / "action.yml").read_text(encoding="utf-8"))
    )
    for identity, output in read - {("cache", "cache-hit")}:
        (step,) = (step for step in steps() if step.get("id") == identity)
        assert re.search(rf"^\s*output {output} ", script(step).read_text(encoding="utf-8"), re.MULTILINE), (
            output
        )


def script(step: dict[str, Any]) -> Path:
    (name,) = re.findall(r'^"\$GITHUB_ACTION_PATH/(scripts/[a-z-]+\.sh)"$', step["run"])
    return CI / name


def test_steps_pass_the_settings_that_their_scripts_read() -> None:
    ours = {"GATE_RUN_DIR", "GATE_REPORT_DIR", "GATE_MARKER", "GATE_COMMENT_AUTHOR"}
    for step in steps():
        if "run" in step:
            read = set(re.findall(r"\bGATE_[A-Z_]+", script(step).read_text(encoding="utf-8")))
            given = {name for name in step.get("env", {}) if name.startswith("GATE_")}
            assert given == read - ours, step["name"]
            assert step["shell"] == "bash"


def test_a_missing_secret_skips_all_that_follows() -> None:
    first, *others = steps()
    assert first["id"] == "secrets"
    for step in others:
        assert "steps.secrets.outputs.ready == 'true'" in step["if"], step["name"]


def test_reports_are_kept_when_the_gate_fails_and_forks_are_not_commented() -> None:
    by_name = {step["name"]: step for step in steps()}
    for name in ("Upload the report and the run", "Comment on the pull request"):
        assert by_name[name]["if"].startswith("always() && ")
    condition = by_name["Comment on the pull request"]["if"]
    assert "github.event.pull_request.head.repo.full_name == github.repository" in condition
    assert "github.event_name == 'pull_request'" in condition
    kept = by_name["Upload the report and the run"]["with"]["path"].split()
    assert kept == ["gate-report", "runs/gate", "!runs/gate/images"]


def test_actions_are_pinned_to_a_major_version() -> None:
    used = [step["uses"] for step in steps() if "uses" in step]
    used += [
        step["uses"]
        for job in load("workflow.yml")["jobs"].values()
        for step in job["steps"]
        if "uses" in step
    ]
    for action in used:
        assert re.fullmatch(r"actions/[a-z/-]+@v\d+|\./\.github/actions/memobench-gate", action), action


def test_the_workflow_has_few_rights_and_ends() -> None:
    workflow = load("workflow.yml")
    triggers = workflow[True]  # YAML 1.1 reads the key `on` so
    assert set(triggers) == {"pull_request", "schedule", "workflow_dispatch"}
    assert workflow["permissions"] == {"contents": "read", "pull-requests": "write"}
    assert workflow["concurrency"]["cancel-in-progress"] is True
    (job,) = workflow["jobs"].values()
    assert "permissions" not in job
    assert 0 < job["timeout-minutes"] <= 60
    assert job["steps"][0]["with"] == {"persist-credentials": False}


def test_the_gitlab_job_uses_scripts_that_exist_and_their_settings() -> None:
    job = load("gitlab-ci.yml")["memobench gate"]
    names = [Path(line).name for line in job["script"]]
    assert names == ["install.sh", "run.sh", "gate.sh"]
    read = "".join((CI / "scripts" / name).read_text(encoding="utf-8") for name in names)
    for variable in job["variables"]:
        assert variable in read or variable in ("WEIGHTS", "HF_HOME"), variable
    assert job["allow_failure"] == {"exit_codes": [4]}
    assert job["artifacts"]["reports"]["junit"] == "gate-report/gate.xml"
    assert job["artifacts"]["when"] == "always"
    assert "/" not in job["cache"]["key"]


def test_scripts_pass_shellcheck() -> None:
    assert len(SCRIPTS) == 7
    command = [str(BIN / "shellcheck"), "-x", "-P", str(CI / "scripts"), *map(str, SCRIPTS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda p: p.name)
def test_scripts_stop_at_errors_and_can_be_started(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    library = path.name == "common.sh"
    assert bool(path.stat().st_mode & 0o111) is not library
    assert library or text.startswith("#!/usr/bin/env bash\n#")
    assert library or "\nset -euo pipefail\n" in text
    assert "eval" not in text.split()


def test_the_readme_names_every_file_input_and_setting() -> None:
    text = (CI / "README.md").read_text(encoding="utf-8")
    for name in re.findall(r"\]\(([^)]+)\)", text):
        assert (CI / name).exists(), name
    for file in CI.iterdir():
        assert file.name == "README.md" or f"]({file.name})" in text, file.name
    read = {
        name for path in SCRIPTS for name in re.findall(r"\bGATE_[A-Z_]+", path.read_text(encoding="utf-8"))
    }
    github_only = {"GATE_RUN_DIR", "GATE_REPORT_DIR", "GATE_MARKER", "GATE_COMMENT_AUTHOR", "GATE_COMMENT_ID",
                   "GATE_PULL_REQUEST", "GATE_NEEDS_ENV"}  # fmt: skip
    assert set(re.findall(r"`(GATE_[A-Z_]+)`", text)) == read - github_only


def test_the_example_of_a_configuration_has_every_setting() -> None:
    found = load_config(CI / "gate.toml", CI)
    assert (found.margin_of("coarse_emotion"), found.margin_of("other"), found.alpha) == (0.03, 0.05, 0.05)
    assert (found.limits.failed, found.limits.unparsed_rise) == (0.02, 0.05)
    assert found.groups_of("coarse_emotion") == ("emotion",)
    text = (CI / "gate.toml").read_text(encoding="utf-8")
    for name in (*GateConfig.model_fields, *type(found.limits).model_fields):
        assert re.search(rf"^(# )?{name} = |^\[{name}[.\]]", text, re.MULTILINE), name
