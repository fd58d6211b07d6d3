#!/usr/bin/env bash
# The short suites of what works on one thing from several goroutines, under the race detector,
# which needs cgo. What parses alone is left out: it would take long and share nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(. ./account ./api ./blob ./callback ./console ./deliver ./flow ./inspect ./internal/... ./keyring ./ledger ./likeness ./media
	./salesforce ./salesforce/inline ./salesforce/pubsub ./store ./e2e/line)
mkdir -p .build
go build -o .build/testreport ./scripts/testreport
CGO_ENABLED=1 go test -race -short -json -timeout=30m "${@:-${packages[@]}}" 2>&1 | .build/testreport
