package app

import (
	"context"
	"fmt"
	"slices"

	"github.com/cordonhq/cordon/inspect/watermark"
	"github.com/cordonhq/cordon/media/onnx"
)

// models are what runs through ONNX Runtime.
type models struct {
	riva   watermark.RivaDecoder
	absent error // why riva is nil; nil where nobody asks for it
}

// wantsRiva reports whether a tenant marks pictures with RivaGAN.
func (c Config) wantsRiva() bool {
	return slices.ContainsFunc(c.Tenants, func(t TenantConfig) bool {
		return slices.ContainsFunc(t.Watermarks, func(w WatermarkConfig) bool { return w.Method == string(watermark.RivaGan) })
	})
}

// openModels loads what the configuration asks for. That something is absent is no error.
func openModels(c Config) (m models) {
	if !c.wantsRiva() {
		return m
	}
	if c.ONNXRuntime.RivaGAN == "" {
		m.absent = fmt.Errorf("no model is named; set onnxruntime.rivagan in the configuration")
		return m
	}
	model, err := onnx.Open(c.path(c.ONNXRuntime.Library), c.path(c.ONNXRuntime.RivaGAN), []string{"frame"}, []string{"output"})
	if err != nil {
		m.absent = err
		return m
	}
	m.riva = func(ctx context.Context, frame []float32, w, h int) ([]float32, error) {
		out, err := model.Run(ctx, onnx.Tensor{Shape: []int64{1, 3, 1, int64(h), int64(w)}, Data: frame})
		if err != nil {
			return nil, err
		}
		return out[0].Data, nil
	}
	return m
}

// why says in a finding what kept the marks from being looked for, without the paths in absent.
func (m models) why() string {
	switch {
	case m.absent == nil:
		return ""
	case !onnx.Built:
		return "this program was built without ONNX Runtime"
	}
	return "ONNX Runtime or the model is not there"
}

// examineModels tells "cordon doctor" whether declared marks can be read; nil where none are.
func (c Config) examineModels() func() (string, error) {
	if !c.wantsRiva() {
		return nil
	}
	return func() (string, error) {
		if m := openModels(c); m.absent != nil {
			return "", m.absent
		}
		return c.path(c.ONNXRuntime.RivaGAN) + ": loaded", nil
	}
}
