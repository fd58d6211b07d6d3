package doctor

import (
	"errors"
	"strings"
	"testing"
)

func TestModels(t *testing.T) {
	for _, c := range []struct {
		models func() (string, error)
		want   State
	}{
		{nil, ""},
		{func() (string, error) { return "decoder.onnx: loaded", nil }, OK},
		{func() (string, error) { return "", errors.New("no library") }, Missing},
	} {
		r := &report{}
		examineModels(Config{Models: c.models}, r.of(""))
		done := r.done()
		if c.want == "" {
			if len(done.Lines) != 0 {
				t.Errorf("nothing is declared: %+v", done.Lines)
			}
			continue
		}
		if len(done.Lines) != 1 || done.Lines[0].State != c.want || done.Lines[0].Evidence == "" || !done.Ready {
			t.Errorf("%+v", done.Lines)
		}
		if c.want == Missing && !strings.Contains(done.Lines[0].Do, "-tags onnx") {
			t.Errorf("it does not say what to do: %+v", done.Lines[0])
		}
	}
}
