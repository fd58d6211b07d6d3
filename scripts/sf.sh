#!/usr/bin/env bash
# Installs the sf command for the tests that use it, with the Node it needs, into a cache folder:
# it is large. What is there already is kept. Prints the folder.
set -euo pipefail
cd "$(dirname "$0")/../test/sf"

case "$(uname -s)-$(uname -m)" in
Linux-x86_64 | Linux-aarch64) ;;
*)
	echo "no Node for $(uname -s) on $(uname -m) comes with sf here" >&2
	exit 1
	;;
esac
sum=$(sha256sum package-lock.json | cut -c1-12)
dir=${XDG_CACHE_HOME:-$HOME/.cache}/cordon/sf-$sum
if [ ! -f "$dir/complete" ]; then
	mkdir -p "$dir"
	cp package.json package-lock.json "$dir"
	(cd "$dir" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error </dev/null >&2)
	touch "$dir/complete"
fi
echo "$dir"
