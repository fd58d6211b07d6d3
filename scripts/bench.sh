#!/usr/bin/env bash
# The figures of docs/performance.md: every Go benchmark for BENCHTIME (default 1s),
# BENCHCOUNT times (default once), and then the load run.
set -euo pipefail
cd "$(dirname "$0")/.."

mapfile -t packages < <(git grep -l '^func Benchmark' -- '*_test.go' | xargs -n1 dirname | sort -u | sed 's|^|./|')
go test -run '^$' -bench . -benchmem -benchtime "${BENCHTIME:-1s}" -count "${BENCHCOUNT:-1}" -timeout 30m -p 1 "${packages[@]}"
go run ./scripts/loadrun
