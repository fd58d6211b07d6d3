#!/usr/bin/env bash
# Everything that is checked before a change lands. It fetches what the tests need, says
# what it found on this machine, and ends with what was skipped and why. With CI=true a
# skipped test is a failure. Arguments go to go test.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v go >/dev/null; then
	echo "Go is missing: install the version named in go.mod." >&2
	exit 1
fi
echo "== set-up"
go mod download
go mod download -modfile=tools/go.mod

# found NAME COMMAND… prints the first of the commands that is there.
found() {
	local name=$1 command
	shift
	for command in "$@"; do
		if command -v "$command" >/dev/null 2>&1; then
			echo "$name: $(command -v "$command")"
			return 0
		fi
	done
	echo "$name: not found; tests that need it are skipped"
	return 1
}
shopt -s nullglob
found "PostgreSQL" initdb /usr/lib/postgresql/*/bin/initdb /usr/local/pgsql/bin/initdb || true
found "Chromium" chromium chromium-browser google-chrome google-chrome-stable chrome || true
if found "Node" node; then
	for client in jsforce node-salesforce c2pa-wasm; do
		if [ "test/$client/node_modules/.package-lock.json" -nt "test/$client/package-lock.json" ]; then
			echo "npm: test/$client is installed"
		elif command -v npm >/dev/null; then
			(cd "test/$client" && npm ci --no-audit --no-fund --loglevel=error </dev/null) ||
				echo "npm ci failed in test/$client; the tests that need it are skipped"
		else
			echo "npm: not found; the tests that need test/$client are skipped"
		fi
	done
fi
if command -v npm >/dev/null && sf=$(scripts/sf.sh); then
	echo "sf: $sf"
else
	echo "sf: could not be installed; the tests that need it are skipped"
fi
if (cd test/go-clients && go mod download); then
	echo "Go clients: downloaded"
else
	echo "Go clients: could not be downloaded; the tests that need them are skipped"
fi
if [ -d "${CORDON_CORPUS:-../shared/corpus}" ]; then
	echo "corpus: ${CORDON_CORPUS:-../shared/corpus}"
else
	echo "corpus: not found; set CORDON_CORPUS to run the tests against it"
fi

echo "== lint"
scripts/lint.sh

echo "== test"
flags=()
if [ "${CI:-}" = true ]; then flags+=(-no-skips); fi
mkdir -p .build
go build -o .build/testreport ./scripts/testreport
go test -json -timeout=30m "$@" ./... 2>&1 | .build/testreport "${flags[@]}"
