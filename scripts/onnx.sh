#!/usr/bin/env bash
# The tests of what runs through ONNX Runtime. They need the build tag "onnx", which needs cgo,
# and the library: ONNXRUNTIME_LIB, or else the one that the npm package onnxruntime-node carries,
# fetched once into a cache folder. Nothing may be skipped here.
set -euo pipefail
cd "$(dirname "$0")/.."

version=1.30.0
case "$(uname -m)" in
x86_64) arch=x64 sum=ffb75a925ba05e47b235bb66e3e3911714a80b328a9c9425539feb204aa32a23 ;;
aarch64) arch=arm64 sum=1f549d46250b005580b597f4164984aaf75b3bcb9f3aeb07c7f8a8fe60b23c76 ;;
*)
	echo "onnxruntime-node carries no library for $(uname -m); set ONNXRUNTIME_LIB to one of yours" >&2
	[ -n "${ONNXRUNTIME_LIB:-}" ] || exit 1
	;;
esac

if [ -z "${ONNXRUNTIME_LIB:-}" ]; then
	dir=${XDG_CACHE_HOME:-$HOME/.cache}/cordon/onnxruntime-$version-$arch
	export ONNXRUNTIME_LIB=$dir/libonnxruntime.so.1
	if [ ! -f "$ONNXRUNTIME_LIB" ]; then
		mkdir -p "$dir"
		tmp=$(mktemp -d "$dir/fetch.XXXXXX")
		trap 'rm -rf "$tmp"' EXIT
		(cd "$tmp" && npm pack --silent "onnxruntime-node@$version" </dev/null >/dev/null)
		tar -xzf "$tmp/onnxruntime-node-$version.tgz" -C "$tmp" "package/bin/napi-v6/linux/$arch/libonnxruntime.so.1"
		echo "$sum  $tmp/package/bin/napi-v6/linux/$arch/libonnxruntime.so.1" | sha256sum --check --quiet
		mv "$tmp/package/bin/napi-v6/linux/$arch/libonnxruntime.so.1" "$ONNXRUNTIME_LIB"
	fi
fi
echo "== ONNX Runtime: $ONNXRUNTIME_LIB"

packages=(./media/onnx ./inspect/watermark)
go vet -tags onnx "${packages[@]}" ./app ./cmd/cordon
mkdir -p .build
go build -o .build/testreport ./scripts/testreport
go test -json -tags onnx -timeout=30m -run 'TestRuntime|TestTensor|TestLibrary|TestRiva|TestMatchRiva' "${packages[@]}" 2>&1 | .build/testreport -no-skips
