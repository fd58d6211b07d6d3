package line_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/app"
	"github.com/cordonhq/cordon/e2e"
	"github.com/cordonhq/cordon/media/onnx"
)

// A tenant that declares a mark which nobody can read here is told so: the gateway runs, readyz
// and the findings of a late look say what is not looked for.
func TestModelsAbsent(t *testing.T) {
	w := newWorld(t, func(c *app.Config) {
		c.Tenants[0].Watermarks = []app.WatermarkConfig{{Name: "clinic-camera", Method: "rivaGan", Bits: strings.Repeat("01101001", 4)}}
		c.ONNXRuntime.RivaGAN = "/nonexistent/model.onnx"
	})
	var raw []byte
	if status := w.API("GET", "/readyz", nil, &raw); status != http.StatusOK || !strings.Contains(string(raw), "declared and not looked for") {
		t.Errorf("readyz: %d %s", status, raw)
	}
	a, err := w.UploadMultipart("photo", "photo.jpg", e2e.Media.Camera.Bytes)
	if err != nil || a.Status != http.StatusCreated {
		t.Fatalf("%v, %d", err, a.Status)
	}
	var it struct{ Findings []cordon.Finding }
	w.Until("it is looked at late", func() bool {
		w.API("GET", "/v1/items/"+a.Receipt, nil, &it)
		return w.entries(cordon.ID(a.Receipt))["item.looked-late"] == 1
	})
	w.API("GET", "/v1/items/"+a.Receipt, nil, &it)
	said := false
	for _, f := range it.Findings {
		said = said || f.Late && f.Detector == "watermark" && f.Status == cordon.StatusNotApplicable && f.Label == cordon.LabelNotCovered
	}
	if !said {
		t.Errorf("built with ONNX Runtime: %v; no finding says that the mark was not looked for: %+v", onnx.Built, it.Findings)
	}
}
