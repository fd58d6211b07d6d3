#!/usr/bin/env bash
# Formatting, vet and staticcheck over the whole module.
set -euo pipefail
cd "$(dirname "$0")/.."

if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
	unformatted=$(git ls-files -z --cached --others --exclude-standard -- '*.go' | xargs -0 -r gofmt -l)
else
	unformatted=$(find . -name '*.go' -not -path '*/node_modules/*' -print0 | xargs -0 -r gofmt -l)
fi
if [ -n "$unformatted" ]; then
	printf 'gofmt would change (run gofmt -w on them):\n%s\n' "$unformatted" >&2
	exit 1
fi
echo "gofmt: fine"
go vet ./...
echo "go vet: fine"
go tool -modfile=tools/go.mod staticcheck ./...
echo "staticcheck: fine"
