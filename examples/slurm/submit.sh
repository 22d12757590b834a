#!/bin/bash
# MODEL=llava DATA=memo-bench ./submit.sh
set -euo pipefail
cd "$(dirname "$0")"
mkdir -p logs
job=$(sbatch --parsable run.sbatch)
# Merged whatever becomes of the shards: what is missing is said, and can be asked later.
sbatch --dependency="afterany:${job%%;*}" merge.sbatch
