#!/usr/bin/env bash
# Runs every fuzz target for FUZZTIME (default 20s), one after the other, and prints a line
# for each: how long, how many executions, what came of it. What they find is left in
# testdata/fuzz of the package: commit it with the repair. Arguments choose packages; TARGET
# is a regular expression that chooses targets; PARALLEL is how many workers one target has.
#
#	FUZZTIME=10m PARALLEL=1 scripts/fuzz.sh ./inspect/... ./media/...
set -euo pipefail
cd "$(dirname "$0")/.."

time=${FUZZTIME:-20s}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
found=0

while read -r package; do
	while read -r target; do
		short=${package#*/*/*/}
		if go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -parallel "${PARALLEL:-$(nproc)}" "$package" </dev/null >"$log" 2>&1; then
			verdict=held
		else
			verdict='FOUND SOMETHING'
			found=1
			cat "$log" >&2
		fi
		# The last line of progress: "fuzz: elapsed: 20s, execs: 123 (6/sec), new interesting: 4 (total: 9)".
		execs=$(sed -n 's/^fuzz: elapsed: .*, execs: \([0-9]*\) .*/\1/p' "$log" | tail -1)
		printf '%-28s %-18s %6s %12s executions  %s\n' "$short" "$target" "$time" "${execs:-0}" "$verdict"
	done < <(go test -run '^$' -list '^Fuzz' "$package" | grep '^Fuzz' | grep -E "${TARGET:-.}" || true)
done < <(go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}' "${@:-./...}")
exit "$found"
