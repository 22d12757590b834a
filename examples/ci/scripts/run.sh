#!/usr/bin/env bash
# Runs the evaluation into GATE_RUN_DIR. Failed samples are asked once more; the gate counts those that still fail.
set -euo pipefail
# shellcheck source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

[[ -n ${GATE_TASK:-} ]] || fail "task is empty."
[[ -n ${GATE_MODEL:-} ]] || fail "model is empty."
arguments=(--task "$GATE_TASK" --model "$GATE_MODEL" --out "$GATE_RUN_DIR")
read -r -d '' -a judges <<<"${GATE_JUDGE:-}" || true
for judge in ${judges[@]+"${judges[@]}"}; do
  arguments+=(--judge "$judge")
done
if [[ -n ${GATE_DATA:-} ]]; then arguments+=(--data "$GATE_DATA"); fi
if [[ -n ${GATE_RELEASE:-} ]]; then arguments+=(--release "$GATE_RELEASE"); fi
# Separated by blanks; quotes are not interpreted.
read -r -d '' -a extra <<<"${GATE_EXTRA_ARGS:-}" || true
arguments+=(${extra[@]+"${extra[@]}"})

status=0
harness run "${arguments[@]}" || status=$?
if ((status == 3)); then
  echo "Some samples failed: asking them again."
  status=0
  harness run "${arguments[@]}" || status=$?
fi
# Samples that fail again are for the gate to judge: gate.toml limits their share.
if ((status != 0 && status != 3)); then exit "$status"; fi
