//go:build onnx

package onnx_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"

	"github.com/cordonhq/cordon/media/mediatest"
	"github.com/cordonhq/cordon/media/onnx"
)

// TestRuntime runs a real model. With the tag the library has to be there: ONNXRUNTIME_LIB.
func TestRuntime(t *testing.T) {
	file := filepath.Join(mediatest.Models(t, "rivagan"), "rivagan_decoder.onnx")
	if _, err := onnx.Open("/nonexistent/libonnxruntime.so.1", file, []string{"frame"}, []string{"output"}); !errors.Is(err, onnx.ErrAbsent) {
		t.Fatalf("a library that is not there: %v", err)
	}
	if _, err := onnx.Open("", "/nonexistent/model.onnx", []string{"frame"}, []string{"output"}); err == nil {
		t.Fatal("a model that is not there is opened")
	}
	m, err := onnx.Open("", file, []string{"frame"}, []string{"output"})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if _, err := onnx.Open("/another/libonnxruntime.so.1", file, []string{"frame"}, []string{"output"}); !errors.Is(err, onnx.ErrAbsent) {
		t.Errorf("a second library in one process: %v", err)
	}
	if _, err := onnx.Open("", "runtime_test.go", []string{"frame"}, []string{"output"}); err == nil {
		t.Error("a file that is no model is opened")
	}
	frame := onnx.Tensor{Shape: []int64{1, 3, 1, 32, 40}, Data: make([]float32, 3*32*40)}
	var both sync.WaitGroup
	for range 2 { // at once
		both.Go(func() {
			out, err := m.Run(t.Context(), frame)
			if err != nil || len(out) != 1 || len(out[0].Data) != 32 {
				t.Errorf("%v, %+v", err, out)
			}
		})
	}
	both.Wait()
	if _, err := m.Run(t.Context(), onnx.Tensor{Shape: []int64{1, 3}, Data: make([]float32, 3)}); err == nil {
		t.Error("an input of another shape is taken")
	}
	if _, err := m.Run(t.Context(), onnx.Tensor{Shape: []int64{9}, Data: nil}); err == nil {
		t.Error("a shape without its numbers is taken")
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := m.Run(ended, frame); !errors.Is(err, context.Canceled) {
		t.Errorf("after its time: %v", err)
	}
	// Cut short while it runs: a frame this large takes seconds.
	large := onnx.Tensor{Shape: []int64{1, 3, 1, 512, 512}, Data: make([]float32, 3*512*512)}
	ctx, stop := context.WithCancel(t.Context())
	go stop()
	if _, err := m.Run(ctx, large); !errors.Is(err, context.Canceled) {
		t.Errorf("cut short: %v", err)
	}
}
