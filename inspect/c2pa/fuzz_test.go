package c2pa

import (
	"bytes"
	"slices"
	"testing"
	"time"

	writer "github.com/cordonhq/cordon/samples/manifest"
)

// FuzzBMFF takes c2pa.hash.bmff assertions and the films that they are held against. Nothing
// that is made up may match.
func FuzzBMFF(f *testing.F) {
	for _, form := range merkleForms() {
		form.bind.Spoil = func(a map[string]any, proofs []map[string]any) {
			content := form.file
			for _, p := range proofs {
				content = append(bytes.Clone(content), rawBox("uuid", slices.Concat(uuidC2PA, make([]byte, 4), []byte("merkle\x00"), encode(p)))...)
			}
			f.Add(encode(a), content)
		}
		b := newSignerBench(f)
		b.sign(form.file, writer.Manifest{BMFF: form.bind, Assertions: []writer.Assertion{created(writer.Capture)}})
	}
	f.Fuzz(func(t *testing.T, assertion, film []byte) {
		limits := Limits{}.withDefaults()
		bud := &budget{ctx: t.Context(), until: time.Now().Add(time.Minute), signatures: 10}
		b := &bmffBinding{r: &run{b: bud, f: &file{ReaderAt: bytes.NewReader(film), size: int64(len(film)), limits: limits, budget: bud}}, marked: true, alg: "sha256"}
		if decode(assertion, &b.bmffHash) != nil {
			return
		}
		for _, e := range b.Exclusions {
			if e.check(len(b.Merkle) > 0 && len(b.Merkle[0].InitHash) == 0) != nil {
				return
			}
		}
		b.alg = first(b.Alg, "sha256")
		if b.verify() != nil {
			return
		}
		// What matches must not match any longer when the content changes.
		at := bytes.LastIndex(film, []byte("mdat"))
		if at < 0 || at+30 > len(film) {
			return
		}
		film = bytes.Clone(film)
		film[at+20] ^= 1
		b.r.f = &file{ReaderAt: bytes.NewReader(film), size: int64(len(film)), limits: limits, budget: bud}
		covered := false
		if eachBox(b.r.f, 0, b.r.f.size, func(box isoBox) error {
			covered = covered || box.kind == "mdat" && box.start+8 < int64(at+20) && int64(at+20) < box.end()
			return nil
		}) == nil && covered && b.verify() == nil {
			t.Errorf("a byte of mdat changed, and it still matches")
		}
	})
}

func FuzzDenyList(f *testing.F) {
	f.Add([]byte("# ours\nkind,value,issuer,since,reason\ncertificate,00:11,,2026-01-01,leaked\nserial,0A,\"CN=x,O=y\",,left\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := ReadDenyList(b)
		if err != nil {
			return
		}
		for _, d := range list {
			if d.Value == "" || d.Reason == "" || d.Kind == "serial" && d.Issuer == "" {
				t.Errorf("accepted: %+v", d)
			}
		}
		newDenies(list)
	})
}
