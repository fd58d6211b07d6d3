#!/usr/bin/env bash
# The short suites of what works on one thing from several goroutines, under the race detector,
# which needs cgo. Packages can be given; without, the line itself and what it shares, which takes
# about a minute.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(./flow ./deliver ./keyring ./internal/pace ./internal/room)
mkdir -p .build
go build -o .build/testreport ./scripts/testreport
CGO_ENABLED=1 go test -race -short -json -timeout=30m "${@:-${packages[@]}}" 2>&1 | .build/testreport
