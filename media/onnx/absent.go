//go:build !onnx

package onnx

import "fmt"

// Built reports whether this program can use ONNX Runtime at all.
const Built = false

func open(string, string, []string, []string) (runner, error) {
	return nil, fmt.Errorf("%w: this program was built without it; build it with: go build -tags onnx ./cmd/cordon", ErrAbsent)
}
