#!/usr/bin/env bash
# Runs every fuzz target for FUZZTIME (default 20s), one after the other. What they find
# is left in testdata/fuzz of the package: commit it with the repair.
set -euo pipefail
cd "$(dirname "$0")/.."

go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}' ./... | while read -r package; do
	{ go test -run '^$' -list '^Fuzz' "$package" | grep '^Fuzz' || true; } | while read -r target; do
		echo "== $package $target"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-20s}" "$package" </dev/null
	done
done
