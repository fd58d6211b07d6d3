package onnx

import "testing"

func TestTensor(t *testing.T) {
	for _, c := range []struct {
		t  Tensor
		ok bool
	}{
		{Tensor{[]int64{2, 3}, make([]float32, 6)}, true},
		{Tensor{[]int64{2, 3}, make([]float32, 5)}, false},
		{Tensor{[]int64{0, 3}, nil}, false},
		{Tensor{[]int64{-1, -6}, make([]float32, 6)}, false},
		{Tensor{[]int64{1 << 62, 1 << 62}, make([]float32, 6)}, false},
	} {
		if err := c.t.check(); (err == nil) != c.ok {
			t.Errorf("shape %v of %d numbers: %v", c.t.Shape, len(c.t.Data), err)
		}
	}
}

func TestLibrary(t *testing.T) {
	t.Setenv(LibraryVariable, "from the environment")
	if Library("given") != "given" || Library("") != "from the environment" {
		t.Error("the configuration does not come first")
	}
}
