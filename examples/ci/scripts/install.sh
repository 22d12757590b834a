#!/usr/bin/env bash
# Installs the harness and its plugins: GATE_INSTALL has the arguments of `pip install`.
set -euo pipefail
# shellcheck source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

read -r -d '' -a arguments <<<"${GATE_INSTALL:-}" || true
((${#arguments[@]})) || fail "install is empty: give the arguments of pip install."
python -m pip install --disable-pip-version-check "${arguments[@]}"
harness --version
