#!/usr/bin/env bash
# Every check in one command, in the active environment (pip install -e '.[test,dev]' brings them):
#     tools/check.sh            format, lint, types, tests
#     tools/check.sh tests/ops  the same with these tests only; arguments go to pytest
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

ruff format --check .
ruff check .

# Through an editable install mypy sees only Any, and kernels/ lies elsewhere than it is imported:
# so it reads a copy that is laid out as the wheel is.
checkout=$PWD
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp -R tinygrad_ed "$copy/tinygrad_ed"
cp -R kernels "$copy/tinygrad_ed/kernels"
(cd "$copy" && mypy --strict --config-file "$checkout/pyproject.toml" -p tinygrad_ed)

python -m pytest "$@"
