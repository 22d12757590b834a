#!/usr/bin/env bash
# Says whether the secrets that the model needs are there: output `ready`, true or false.
# A pull request from a fork has no secrets: the gate is then skipped. Elsewhere a missing secret is an error.
set -euo pipefail
# shellcheck source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

read -r -d '' -a names <<<"${GATE_NEEDS_ENV:-}" || true
for name in ${names[@]+"${names[@]}"}; do
  [[ $name =~ ^[A-Za-z_][A-Za-z0-9_]*$ ]] || fail "needs-env has a name that is no environment variable."
  if [[ -z ${!name:-} ]]; then
    [[ ${GITHUB_EVENT_NAME:-} == pull_request ]] || fail "$name is not set: add the secret, and pass it to the step as env."
    echo "::notice title=memobench gate::Skipped: $name is not set. Pull requests from forks have no secrets."
    output ready false
    exit 0
  fi
done
output ready true
