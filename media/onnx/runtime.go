//go:build onnx

package onnx

import (
	"context"
	"errors"
	"fmt"
	"sync"

	ort "github.com/yalue/onnxruntime_go"
)

// Built reports whether this program can use ONNX Runtime at all.
const Built = true

// environment is that of the process: ONNX Runtime has one.
var environment struct {
	sync.Mutex
	library string
}

func start(library string) error {
	environment.Lock()
	defer environment.Unlock()
	switch {
	case library == "":
		return fmt.Errorf("%w: no library is named; set onnxruntime.library in the configuration, or %s, to libonnxruntime.so.1", ErrAbsent, LibraryVariable)
	case environment.library == library:
		return nil
	case environment.library != "":
		return fmt.Errorf("%w: this process has opened %s already, and cannot open %s as well", ErrAbsent, environment.library, library)
	}
	ort.SetSharedLibraryPath(library)
	if err := ort.InitializeEnvironment(ort.WithLogLevelError()); err != nil {
		return fmt.Errorf("%w: open %s: %w", ErrAbsent, library, err)
	}
	environment.library = library
	return nil
}

type session struct {
	*ort.DynamicAdvancedSession
	outputs int
}

func open(library, model string, inputs, outputs []string) (runner, error) {
	if err := start(library); err != nil {
		return nil, err
	}
	opt, err := ort.NewSessionOptions()
	if err != nil {
		return nil, fmt.Errorf("onnx: %w", err)
	}
	defer opt.Destroy()
	// An arena would keep the memory of the largest picture for good.
	if err := errors.Join(opt.SetIntraOpNumThreads(1), opt.SetInterOpNumThreads(1), opt.SetCpuMemArena(false)); err != nil {
		return nil, fmt.Errorf("onnx: %w", err)
	}
	s, err := ort.NewDynamicAdvancedSession(model, inputs, outputs, opt)
	if err != nil {
		return nil, fmt.Errorf("load the model %s: %w", model, err)
	}
	return session{s, len(outputs)}, nil
}

func (s session) run(ctx context.Context, inputs []Tensor) (_ []Tensor, err error) {
	in, out := make([]ort.Value, len(inputs)), make([]ort.Value, s.outputs)
	defer func() {
		for _, v := range append(in, out...) {
			if v != nil {
				err = errors.Join(err, v.Destroy())
			}
		}
	}()
	for i, t := range inputs {
		v, err := ort.NewTensor(ort.NewShape(t.Shape...), t.Data)
		if err != nil {
			return nil, fmt.Errorf("onnx: %w", err)
		}
		in[i] = v
	}
	opt, err := ort.NewRunOptions()
	if err != nil {
		return nil, fmt.Errorf("onnx: %w", err)
	}
	told := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_ = opt.Terminate()
		close(told)
	})
	err = s.RunWithOptions(in, out, opt)
	if !stop() {
		<-told // the options must outlive it
		err = errors.Join(ctx.Err(), err)
	}
	if err = errors.Join(err, opt.Destroy()); err != nil {
		return nil, fmt.Errorf("run the model: %w", err)
	}
	result := make([]Tensor, len(out))
	for i, v := range out {
		t, ok := v.(*ort.Tensor[float32])
		if !ok {
			return nil, fmt.Errorf("onnx: output %d of the model is no array of numbers of 32 bits", i)
		}
		result[i] = Tensor{t.GetShape(), append([]float32(nil), t.GetData()...)}
	}
	return result, nil
}

func (s session) close() error { return s.Destroy() }
