#!/usr/bin/env bash
# Compares the run with the baseline, writes the reports, and exits as `harness gate` does:
# 0 pass, 1 regression, 2 wrong or not comparable, 4 cannot tell (0 with GATE_INCONCLUSIVE=pass).
# On GitHub the command itself adds the report to the summary of the job, and annotations to the log.
set -euo pipefail
# shellcheck source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

[[ -n ${GATE_BASELINE:-} ]] || fail "baseline is empty."
: "${GATE_INCONCLUSIVE:=fail}"
[[ $GATE_INCONCLUSIVE == pass || $GATE_INCONCLUSIVE == fail ]] || fail "inconclusive is pass or fail."
mkdir -p "$GATE_REPORT_DIR"
arguments=(
  --baseline "$GATE_BASELINE"
  --junit "$GATE_REPORT_DIR/gate.xml"
  --markdown "$GATE_REPORT_DIR/gate.md"
  --badge "$GATE_REPORT_DIR/gate-badge.json"
  --json
)
# A job fails with 4 as with 1, but reports them apart.
if [[ $GATE_INCONCLUSIVE == pass ]]; then arguments+=(--inconclusive pass); fi
if [[ -n ${GATE_MARGIN:-} ]]; then arguments+=(--margin "$GATE_MARGIN"); fi
if [[ -n ${GATE_CONFIG:-} ]]; then arguments+=(--config "$GATE_CONFIG"); fi

status=0
harness gate "${arguments[@]}" "$GATE_RUN_DIR" >"$GATE_REPORT_DIR/gate.json" || status=$?
output exit-code "$status"
if [[ -s $GATE_REPORT_DIR/gate.json ]]; then
  output verdict "$(python -c 'import json, sys; print(json.load(open(sys.argv[1]))["verdict"])' "$GATE_REPORT_DIR/gate.json")"
fi
if [[ -s $GATE_REPORT_DIR/gate.md ]]; then cat "$GATE_REPORT_DIR/gate.md"; fi
exit "$status"
