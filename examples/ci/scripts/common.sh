# shellcheck shell=bash
# Names and places that the other scripts share. Every setting comes as an environment variable.

: "${GATE_RUN_DIR:=runs/gate}"      # the run folder
: "${GATE_REPORT_DIR:=gate-report}" # where gate.xml, gate.md, gate.json and gate-badge.json are written

# An error that stops the job, shown on its page.
fail() {
  echo "::error title=memobench gate::$1" >&2
  exit 2
}

# A value for later steps of a GitHub job; elsewhere nothing.
output() {
  echo "$1=$2" >>"${GITHUB_OUTPUT:-/dev/null}"
}
