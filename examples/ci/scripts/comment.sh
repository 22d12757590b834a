#!/usr/bin/env bash
# Comments on the pull request: edits the comment of an earlier run, which begins with the same marker, or writes the first.
# Needs gh, GH_TOKEN, GITHUB_REPOSITORY and GATE_PULL_REQUEST. A comment that cannot be written is a warning.
set -euo pipefail
# shellcheck source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

body=$GATE_REPORT_DIR/gate.md
if [[ ! -s $body ]]; then
  echo "There is no report to comment."
  exit 0
fi
[[ ${GATE_PULL_REQUEST:-} =~ ^[0-9]+$ ]] || fail "GATE_PULL_REQUEST is no number."

GATE_MARKER=$(head -n 1 "$body")
if [[ -n ${GATE_COMMENT_ID:-} ]]; then
  # Several gates of one repository have a comment each.
  [[ $GATE_COMMENT_ID =~ ^[A-Za-z0-9._/-]+$ ]] || fail "comment-id may hold letters, digits and ._/- only."
  GATE_MARKER="<!-- memobench-gate: $GATE_COMMENT_ID -->"
  named=$(mktemp)
  trap 'rm -f "$named"' EXIT
  { echo "$GATE_MARKER" && tail -n +2 "$body"; } >"$named"
  body=$named
fi
: "${GATE_COMMENT_AUTHOR:=github-actions[bot]}"
export GATE_MARKER GATE_COMMENT_AUTHOR

comment() {
  local comments="repos/$GITHUB_REPOSITORY/issues/$GATE_PULL_REQUEST/comments" found
  # Others' comments are left alone, whatever they begin with.
  found=$(gh api --paginate "$comments?per_page=100" --jq \
    '.[] | select(.user.login == env.GATE_COMMENT_AUTHOR and (.body | startswith(env.GATE_MARKER))) | .id') || return
  if [[ -n $found ]]; then
    gh api --silent --method PATCH "repos/$GITHUB_REPOSITORY/issues/comments/${found%%$'\n'*}" -F "body=@$body"
  else
    gh api --silent --method POST "$comments" -F "body=@$body"
  fi
}

comment || echo "::warning title=memobench gate::The comment could not be written: the job needs the permission pull-requests: write."
