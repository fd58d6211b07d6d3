// Package onnx runs small models in this process through ONNX Runtime, where the program was
// built with the tag "onnx" (which needs cgo) and the library is there. Where either is missing,
// Open says so and the caller goes on without.
//
// Models are files that the operator names. Nothing of them is trusted beyond that they compute:
// inputs and outputs are numbers.
package onnx

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// ErrAbsent says that there is no ONNX Runtime here, and why.
var ErrAbsent = errors.New("ONNX Runtime is absent")

// LibraryVariable names the shared library where no configuration does.
const LibraryVariable = "ONNXRUNTIME_LIB"

// Tensor is an array of numbers, the last dimension running fastest.
type Tensor struct {
	Shape []int64
	Data  []float32
}

// check reports a shape that does not fit the data.
func (t Tensor) check() error {
	n := int64(1)
	for _, d := range t.Shape {
		if d <= 0 || n > int64(len(t.Data)) {
			return fmt.Errorf("onnx: a tensor of shape %v with %d numbers", t.Shape, len(t.Data))
		}
		n *= d
	}
	if n != int64(len(t.Data)) {
		return fmt.Errorf("onnx: a tensor of shape %v with %d numbers", t.Shape, len(t.Data))
	}
	return nil
}

// Library returns the library to open: the one given, else what the environment names.
func Library(given string) string {
	if given != "" {
		return given
	}
	return os.Getenv(LibraryVariable)
}

// Model is a loaded model. It is safe for concurrent use.
type Model struct{ run runner }

// runner is what differs between builds.
type runner interface {
	run(ctx context.Context, inputs []Tensor) ([]Tensor, error)
	close() error
}

// Open loads a model file through the library, naming the inputs that Run is given and the
// outputs that it returns. A model computes on one processor. The library of the first call stays
// that of the process. Errors wrap ErrAbsent where the build or the library is what is missing.
func Open(library, model string, inputs, outputs []string) (*Model, error) {
	if _, err := os.Stat(model); err != nil {
		return nil, fmt.Errorf("open the model: %w", err)
	}
	r, err := open(Library(library), model, inputs, outputs)
	if err != nil {
		return nil, err
	}
	return &Model{r}, nil
}

// Run computes the outputs. When ctx ends it stops at the next layer of the model.
func (m *Model) Run(ctx context.Context, inputs ...Tensor) ([]Tensor, error) {
	for _, t := range inputs {
		if err := t.check(); err != nil {
			return nil, err
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return m.run.run(ctx, inputs)
}

// Close frees the model. Nothing may run then.
func (m *Model) Close() error { return m.run.close() }
