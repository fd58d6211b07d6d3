package doctor_test

import (
	"testing"

	"github.com/cordonhq/cordon/doctor"
)

func TestDecoders(t *testing.T) {
	lock := func(works, whole, needed bool) doctor.Decoder {
		return doctor.Decoder{Name: "sandbox", Works: works, Whole: whole, Needed: needed, Evidence: "namespaces in force"}
	}
	for name, c := range map[string]struct {
		here  []doctor.Decoder
		want  map[string]doctor.State
		ready bool
	}{
		"all there":           {[]doctor.Decoder{lock(true, true, true), {Name: "ffmpeg", Works: true, Evidence: "/usr/bin/ffmpeg: version 5"}}, map[string]doctor.State{"sandbox": doctor.OK, "decoder-ffmpeg": doctor.OK}, true},
		"not by every means":  {[]doctor.Decoder{lock(true, false, false)}, map[string]doctor.State{"sandbox": doctor.Warning}, true},
		"no lock":             {[]doctor.Decoder{lock(false, false, false)}, map[string]doctor.State{"sandbox": doctor.Missing}, true},
		"no lock, and needed": {[]doctor.Decoder{lock(false, false, true)}, map[string]doctor.State{"sandbox": doctor.Missing}, false},
		"no program":          {[]doctor.Decoder{lock(true, true, false), {Name: "fpcalc", Evidence: "not in the PATH"}}, map[string]doctor.State{"decoder-fpcalc": doctor.Missing}, true},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t, licensed())
			before := p.run().Ready
			p.conf.Decoders = func() []doctor.Decoder { return c.here }
			r := p.run()
			p.expect(r, c.want)
			if r.Ready != (before && c.ready) {
				t.Errorf("ready is %v", r.Ready)
			}
		})
	}
}
