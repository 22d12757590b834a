#!/usr/bin/env bash
# The key of the cache of model weights: output `key`, made from the operating system and the models.
set -euo pipefail
# shellcheck source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# A digest: model references hold characters that keys must not have.
digest=$(printf '%s\n%s\n' "${GATE_MODEL:-}" "${GATE_JUDGE:-}" | git hash-object --stdin)
output key "memobench-weights-${RUNNER_OS:-any}-$digest"
