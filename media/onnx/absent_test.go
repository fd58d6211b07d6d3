//go:build !onnx

package onnx

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A program that was built without ONNX Runtime says so, and how to build it with.
func TestAbsent(t *testing.T) {
	model := filepath.Join(t.TempDir(), "model.onnx")
	if _, err := Open("lib.so", model, nil, nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a model that is not there: %v", err)
	}
	if err := os.WriteFile(model, []byte("model"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open("lib.so", model, nil, nil); !errors.Is(err, ErrAbsent) || !strings.Contains(err.Error(), "-tags onnx") || Built {
		t.Errorf("without the tag: %v, built %v", err, Built)
	}
}
