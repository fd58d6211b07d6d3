package c2pa

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"image"
	"image/jpeg"
	"image/png"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/samples"
	writer "github.com/cordonhq/cordon/samples/manifest"
)

// signerBench is an authority, a signer of it, and a validator that trusts it.
type signerBench struct {
	t         testing.TB
	authority *writer.Authority
	signer    *writer.Signer
	validator *Validator
}

func newSignerBench(t testing.TB) *signerBench {
	t.Helper()
	b := &signerBench{t: t}
	var err error
	if b.authority, err = writer.NewAuthority("test root"); err != nil {
		t.Fatal(err)
	}
	b.signer = b.issue(writer.Profile{Name: "test signer"})
	if b.validator, err = New(Config{Anchors: b.authority.PEM()}); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *signerBench) issue(p writer.Profile) *writer.Signer {
	b.t.Helper()
	s, err := b.authority.Signer(p)
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

func (b *signerBench) sign(file []byte, m writer.Manifest) []byte {
	b.t.Helper()
	out, err := b.signer.Sign(file, m)
	if err != nil {
		b.t.Fatal(err)
	}
	return out
}

func (b *signerBench) validate(file []byte) *Provenance {
	b.t.Helper()
	p, err := b.validator.Validate(context.Background(), bytes.NewReader(file), int64(len(file)))
	if err != nil {
		b.t.Fatal(err)
	}
	return p
}

func smallJPEG(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 64, 64)), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func smallPNG(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 64, 64))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func created(source string) writer.Assertion {
	return writer.Actions(writer.Action{Action: "c2pa.created", SourceType: source, SoftwareAgent: "test"})
}

// storeAlone is a manifest store that binds nothing but has the assertions.
func (b *signerBench) storeAlone(assertions ...writer.Assertion) []byte {
	png := b.sign(smallPNG(b.t), writer.Manifest{Binding: writer.NoBinding, Assertions: assertions})
	at := bytes.Index(png, []byte("caBX"))
	return png[at+4 : at+4+int(binary.BigEndian.Uint32(png[at-4:]))]
}

// TestProperManifests wants everything the writer does by the rules to be trusted.
func TestProperManifests(t *testing.T) {
	b := newSignerBench(t)
	big := strings.Repeat("padding ", 20_000) // more than two APP11 segments
	for name, m := range map[string]writer.Manifest{
		"data hash":      {},
		"boxes hash":     {Binding: writer.BoxesHash},
		"version 1":      {Version: 1},
		"compressed":     {Compress: true},
		"many segments":  {Assertions: []writer.Assertion{{Label: "org.example.large", JSON: map[string]any{"text": big}}}},
		"zero padding":   {Pad: make([]byte, 100)},
		"json assertion": {Assertions: []writer.Assertion{{Label: "stds.exif", JSON: map[string]any{"exif:Make": "test"}}}},
	} {
		m.Assertions = append([]writer.Assertion{created(writer.Capture)}, m.Assertions...)
		for kind, file := range map[string][]byte{"jpeg": smallJPEG(t), "png": smallPNG(t)} {
			if p := b.validate(b.sign(file, m)); p.State != Trusted {
				t.Errorf("%s in %s: %s %+v", name, kind, p.State, p.Statuses)
			}
		}
	}
}

func TestEveryAlgorithm(t *testing.T) {
	b := newSignerBench(t)
	for name, alg := range map[string]writer.Algorithm{"ES256": writer.ES256, "ES384": writer.ES384, "ES512": writer.ES512,
		"PS256": writer.PS256, "PS384": writer.PS384, "PS512": writer.PS512, "EdDSA": writer.EdDSA} {
		b.signer = b.issue(writer.Profile{Name: name, Algorithm: alg})
		p := b.validate(b.sign(smallPNG(t), writer.Manifest{Assertions: []writer.Assertion{created(writer.Capture)}}))
		if p.State != Trusted || p.Algorithm != name || p.Signer != name+", Cordon samples" {
			t.Errorf("%s: %s by %q with %s: %v", name, p.State, p.Signer, p.Algorithm, p.Failure)
		}
	}
}

func TestLists(t *testing.T) {
	b := newSignerBench(t)
	file := b.sign(smallPNG(t), writer.Manifest{Assertions: []writer.Assertion{created(writer.Capture)}})
	for name, c := range map[string]struct {
		config Config
		state  State
	}{
		"nobody":               {Config{}, Valid},
		"anchor":               {Config{Anchors: b.authority.PEM()}, Trusted},
		"allowed signer":       {Config{Allowed: b.signer.PEM()}, Trusted},
		"time stamps only":     {Config{TSAAnchors: b.authority.PEM()}, Valid},
		"allowed is no anchor": {Config{Allowed: b.authority.PEM()}, Valid},
		"denied signer":        {Config{Anchors: b.authority.PEM(), Denied: b.signer.PEM()}, Invalid},
		"clock after the end":  {Config{Anchors: b.authority.PEM(), Now: func() time.Time { return time.Now().AddDate(3, 0, 0) }}, Invalid},
	} {
		v, err := New(c.config)
		if err != nil {
			t.Fatal(err)
		}
		p, err := v.Validate(context.Background(), bytes.NewReader(file), int64(len(file)))
		if err != nil || p.State != c.state {
			t.Errorf("%s: %v %s %v", name, err, p.State, p.Failure)
		}
		if want := digestHex(c.config.Anchors); p.TrustListSHA256 != want {
			t.Errorf("%s: list %q, want %q", name, p.TrustListSHA256, want)
		}
	}
	if _, err := New(Config{Anchors: []byte("not a list")}); err == nil || !strings.Contains(err.Error(), "trust anchors") {
		t.Errorf("a list without certificates: %v", err)
	}
}

// TestTimeStamps has a signer whose certificate has expired. Only a time stamp by an
// authority that is trusted for time stamps says that it was valid when it signed.
func TestTimeStamps(t *testing.T) {
	b := newSignerBench(t)
	then := time.Now().AddDate(-2, 0, 0)
	b.signer = b.issue(writer.Profile{Name: "expired", NotBefore: then.AddDate(0, -1, 0), NotAfter: then.AddDate(0, 1, 0)})
	clock, err := writer.NewAuthority("time stamp root")
	if err != nil {
		t.Fatal(err)
	}
	stamped := func(at time.Time) []byte {
		stamper, err := clock.Stamper(at)
		if err != nil {
			t.Fatal(err)
		}
		return b.sign(smallPNG(t), writer.Manifest{Stamp: stamper, Assertions: []writer.Assertion{created(writer.Capture)}})
	}
	good := stamped(then)
	swapped := b.sign(smallPNG(t), writer.Manifest{Label: "urn:c2pa:b", Assertions: []writer.Assertion{created(writer.Capture)}})
	for name, c := range map[string]struct {
		file   []byte
		config Config
		state  State
		code   string
	}{
		"trusted":             {good, Config{Anchors: b.authority.PEM(), TSAAnchors: clock.PEM()}, Trusted, codeStampTrusted},
		"unknown authority":   {good, Config{Anchors: b.authority.PEM()}, Invalid, codeStampUntrusted},
		"anchor for signers":  {good, Config{Anchors: slices.Concat(b.authority.PEM(), clock.PEM())}, Invalid, codeStampUntrusted},
		"before it was valid": {stamped(then.AddDate(-1, 0, 0)), Config{Anchors: b.authority.PEM(), TSAAnchors: clock.PEM()}, Invalid, codeExpired},
		"none":                {swapped, Config{Anchors: b.authority.PEM(), TSAAnchors: clock.PEM()}, Invalid, codeExpired},
	} {
		v, err := New(c.config)
		if err != nil {
			t.Fatal(err)
		}
		p, err := v.Validate(context.Background(), bytes.NewReader(c.file), int64(len(c.file)))
		if err != nil {
			t.Fatal(err)
		}
		if all := slices.Concat(p.Success, p.Informational, p.Failure); p.State != c.state || !slices.Contains(all, c.code) {
			t.Errorf("%s: %s %v, want %s and %s", name, p.State, all, c.state, c.code)
		}
		if (p.SignedAt != nil) != (name == "trusted" || name == "before it was valid") {
			t.Errorf("%s: signed at %v", name, p.SignedAt)
		}
	}
}

// TestToken takes time stamps apart.
func TestToken(t *testing.T) {
	clock, err := writer.NewAuthority("time stamp root")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2025, 5, 6, 7, 8, 9, 0, time.UTC)
	stamper, err := clock.Stamper(at)
	if err != nil {
		t.Fatal(err)
	}
	token, err := stamper.Stamp([]byte("message"))
	if err != nil {
		t.Fatal(err)
	}
	bud := func() *budget {
		return &budget{ctx: context.Background(), until: time.Now().Add(time.Minute), signatures: 10}
	}
	if stamp, err := readToken(bud(), token, []byte("message")); err != nil || !stamp.at.Equal(at) {
		t.Errorf("%+v, %v", stamp, err)
	}
	if _, err := readToken(bud(), token, []byte("another")); !errors.Is(err, errTokenMismatch) {
		t.Errorf("of something else: %v", err)
	}
	kept := 0
	for i := range token {
		changed := bytes.Clone(token)
		changed[i] ^= 0x01
		if stamp, err := readToken(bud(), changed, []byte("message")); err == nil {
			// Versions, the list of digests and the certificate's signature are not what the
			// token's signature covers; the chain is the caller's question.
			if kept++; !stamp.at.Equal(at) {
				t.Errorf("byte %d changes the time to %v", i, stamp.at)
			}
		}
	}
	if kept > len(token)/2 {
		t.Errorf("%d of %d bytes can be changed", kept, len(token))
	}
}

// TestChain walks an edit of an edit: the declaration stands in the first manifest only.
func TestChain(t *testing.T) {
	b := newSignerBench(t)
	file := b.sign(smallPNG(t), writer.Manifest{Assertions: []writer.Assertion{created(writer.Trained)}})
	for range 3 {
		file = b.sign(smallJPEG(t), writer.Manifest{Assertions: []writer.Assertion{writer.Actions(writer.Opened())},
			Ingredients: []writer.Ingredient{{File: file, Title: "before", Relationship: "parentOf"}}})
	}
	p := b.validate(file)
	if p.State != Trusted || len(p.Manifests) != 4 || !slices.Equal(p.SourceTypes, []string{writer.Trained}) {
		t.Errorf("%s, %d manifests, %v: %+v", p.State, len(p.Manifests), p.SourceTypes, p.Statuses)
	}
	if len(p.Manifests[3].SourceTypes) != 0 || len(p.Manifests[0].SourceTypes) != 1 {
		t.Errorf("declarations by manifest: %+v", p.Manifests)
	}
}

func TestBrokenIngredient(t *testing.T) {
	b := newSignerBench(t)
	file := b.sign(smallPNG(t), writer.Manifest{Label: "urn:c2pa:broken", Pad: []byte("x"), Assertions: []writer.Assertion{created(writer.Trained)}})
	edit := func(recorded ...string) *Provenance {
		return b.validate(b.sign(smallJPEG(t), writer.Manifest{Assertions: []writer.Assertion{writer.Actions(writer.Opened())},
			Ingredients: []writer.Ingredient{{File: file, Title: "before", Relationship: "parentOf", Failures: recorded}}}))
	}
	if p := edit(); p.State != Invalid || len(p.Failure) != 0 || !slices.Equal(p.IngredientFailure, []string{codeSignatureMismatch}) {
		t.Errorf("concealed: %s %v %v", p.State, p.Failure, p.IngredientFailure)
	}
	if p := edit(codeSignatureMismatch); p.State != Trusted || len(p.IngredientFailure) != 0 {
		t.Errorf("recorded: %s %v %v", p.State, p.Failure, p.IngredientFailure)
	}
}

// TestStrangersManifest adds a manifest that nothing refers to: it must neither redact what
// others said nor excuse what is wrong with them.
func TestStrangersManifest(t *testing.T) {
	b := newSignerBench(t)
	note := writer.Assertion{Label: "org.example.note", CBOR: "the truth"}
	file := b.sign(smallPNG(t), writer.Manifest{Label: "urn:c2pa:first", Assertions: []writer.Assertion{created(writer.Trained), note}})
	edited := b.sign(smallPNG(t), writer.Manifest{Label: "urn:c2pa:second", Assertions: []writer.Assertion{writer.Actions(writer.Opened()), note},
		Ingredients: []writer.Ingredient{{File: file, Title: "before", Relationship: "parentOf"}}})
	stranger := b.sign(smallPNG(t), writer.Manifest{Label: "urn:c2pa:stranger",
		Redacted: []string{"self#jumbf=/c2pa/urn:c2pa:first/c2pa.assertions/org.example.note", "self#jumbf=/c2pa/urn:c2pa:second/c2pa.assertions/org.example.note"},
		Assertions: []writer.Assertion{created(writer.Capture), {Label: "c2pa.ingredient.v3", CBOR: map[string]any{"relationship": "componentOf",
			"activeManifest": map[string]any{"url": "self#jumbf=/c2pa/urn:c2pa:first", "alg": "sha256", "hash": make([]byte, 32)},
			"validationResults": map[string]any{"activeManifest": map[string]any{"failure": []map[string]any{
				{"code": codeURIMismatch, "url": "self#jumbf=/c2pa/urn:c2pa:first/c2pa.assertions/org.example.note"}}}}}}}})
	storeOf := func(png []byte) []byte {
		at := bytes.Index(png, []byte("caBX"))
		return png[at+4 : at+4+int(binary.BigEndian.Uint32(png[at-4:]))]
	}
	boxes := func(store []byte) []byte { return store[38:] } // without the description of the store
	both := jumb("c2pa", "c2pa", boxes(storeOf(stranger)), boxes(storeOf(edited)))
	for _, which := range []int{1, 2} {
		changed := bytes.Clone(both)
		for i, n := 0, 0; n < which; n++ {
			i += bytes.Index(changed[i:], []byte("the truth")) + 1
			if n+1 == which {
				copy(changed[i-1:], "the false")
			}
		}
		if p := b.validate(wrap(changed)); p.State != Invalid || !slices.Contains(slices.Concat(p.Failure, p.IngredientFailure), codeURIMismatch) {
			t.Errorf("changed statement %d: %s %v %v", which, p.State, p.Failure, p.IngredientFailure)
		}
	}
}

func TestUpdateManifest(t *testing.T) {
	b := newSignerBench(t)
	for kind, bare := range map[string][]byte{"jpeg": smallJPEG(t), "png": smallPNG(t)} {
		file := b.sign(bare, writer.Manifest{Assertions: []writer.Assertion{created(writer.Trained)}})
		updated := b.sign(file, writer.Manifest{Update: true, Binding: writer.NoBinding,
			Assertions:  []writer.Assertion{writer.Actions(writer.Opened(), writer.Action{Action: "c2pa.edited.metadata"})},
			Ingredients: []writer.Ingredient{{File: file, Title: "before", Relationship: "parentOf"}}})
		p := b.validate(updated)
		if p.State != Trusted || !slices.Contains(p.Success, codeDataMatch) {
			t.Errorf("%s: %s %+v", kind, p.State, p.Statuses)
		}
		updated[len(updated)-20] ^= 1
		if p := b.validate(updated); p.State != Invalid || !slices.Contains(p.Failure, codeDataMismatch) {
			t.Errorf("%s changed: %s %v", kind, p.State, p.Failure)
		}
	}
}

// TestEveryByteCounts flips each byte outside of what padding permits and wants it noticed.
func TestEveryByteCounts(t *testing.T) {
	b := newSignerBench(t)
	for _, binding := range []writer.Binding{writer.DataHash, writer.BoxesHash} {
		file := b.sign(smallPNG(t), writer.Manifest{Binding: binding, Assertions: []writer.Assertion{created(writer.Trained)}})
		step := 1
		if testing.Short() {
			step = 17
		}
		for i := 8; i < len(file); i += step {
			changed := bytes.Clone(file)
			changed[i] ^= 0x40
			p, err := b.validator.Validate(context.Background(), bytes.NewReader(changed), int64(len(changed)))
			if err != nil {
				t.Fatalf("byte %d: %v", i, err)
			}
			// A chunk name that is no longer caBX hides the store: then there is none. The
			// chunk's own checksum and the descriptions of boxes that nothing hashes are not
			// covered by any signature; a changed byte there changes nothing that is said.
			if p.State == Trusted && !inUnsigned(file, i) {
				t.Errorf("byte %d of %d (%q): still trusted", i, len(file), file[max(i-8, 0):min(i+8, len(file))])
			}
		}
	}
}

// inUnsigned reports whether byte i lies in the store but neither in the claim nor in an
// assertion nor in the signature.
func inUnsigned(file []byte, i int) bool {
	at := bytes.Index(file, []byte("caBX")) - 4
	n := int(file[at])<<24 | int(file[at+1])<<16 | int(file[at+2])<<8 | int(file[at+3])
	store := file[at+8 : at+8+n]
	if i < at || i >= at+len(store)+12 {
		return false
	}
	if i >= at+8+len(store) { // the chunk's checksum
		return true
	}
	r := &boxReader{depth: 32, boxes: 1000}
	root, _, err := r.one(store, 1)
	if err != nil {
		return false
	}
	covered := false
	inside := func(b []byte) {
		start := bytes.Index(file, b)
		covered = covered || start >= 0 && i >= start && i < start+len(b)
	}
	for _, m := range root.children {
		for _, c := range m.children {
			switch c.superType() {
			case typeAssertions:
				for _, a := range c.children {
					inside(a.payload)
				}
			case typeClaim, typeSignature:
				inside(c.content("cbor"))
			}
		}
	}
	return !covered
}

// TestBMFF builds a film of one box with its store at the end, where offsets do not depend on
// it.
func TestBMFF(t *testing.T) {
	b := newSignerBench(t)
	isoBox := func(kind string, content ...[]byte) []byte { return rawBox(kind, bytes.Join(content, nil)) }
	ftyp, mdat := isoBox("ftyp", []byte("isom\x00\x00\x00\x00isom")), isoBox("mdat", bytes.Repeat([]byte("film"), 500))
	sum := sha256.New()
	sum.Write(binary.BigEndian.AppendUint64(nil, uint64(len(ftyp))))
	sum.Write(mdat)
	uuid := map[string]any{"xpath": "/uuid", "data": []map[string]any{{"offset": 8, "value": uuidC2PA}}}
	film := func(purpose string, binding map[string]any) []byte {
		png := b.sign(smallPNG(t), writer.Manifest{Binding: writer.NoBinding,
			Assertions: []writer.Assertion{created(writer.Trained), {Label: "c2pa.hash.bmff.v3", CBOR: binding}}})
		at := bytes.Index(png, []byte("caBX"))
		store := png[at+4 : at+4+int(binary.BigEndian.Uint32(png[at-4:]))]
		return slices.Concat(ftyp, mdat, isoBox("uuid", uuidC2PA, make([]byte, 4), []byte(purpose), make([]byte, 9), store))
	}
	proper := map[string]any{"alg": "sha256", "hash": sum.Sum(nil), "exclusions": []any{uuid, map[string]any{"xpath": "/ftyp"}, map[string]any{"xpath": "/mfra"}}}
	good := film("manifest", proper)
	if p := b.validate(good); p.State != Trusted || p.Container != "video/mp4" || len(p.SourceTypes) != 1 {
		t.Fatalf("%s %s %+v", p.State, p.Container, p.Statuses)
	}
	changed := bytes.Clone(good)
	changed[len(ftyp)+100] ^= 1
	empty := sha256.Sum256(nil)
	for name, file := range map[string][]byte{
		"changed film":       changed,
		"appended box":       slices.Concat(good, isoBox("mdat", []byte("more"))),
		"appended rest":      slices.Concat(good, []byte("rest")),
		"cut":                good[:len(good)-7],
		"other purpose":      film("manifesx", proper),
		"film left out":      film("manifest", map[string]any{"alg": "sha256", "hash": empty[:], "exclusions": []any{uuid, map[string]any{"xpath": "/ftyp"}, map[string]any{"xpath": "/mdat"}}}),
		"any uuid left out":  film("manifest", map[string]any{"alg": "sha256", "hash": sum.Sum(nil), "exclusions": []any{map[string]any{"xpath": "/uuid"}, map[string]any{"xpath": "/ftyp"}}}),
		"fragments only":     film("manifest", map[string]any{"alg": "sha256", "merkle": []any{map[string]any{"count": 1}}, "exclusions": []any{uuid}}),
		"two stores":         slices.Concat(good, good[len(ftyp)+len(mdat):]),
		"binding of a photo": b.sign(smallPNG(t), writer.Manifest{Binding: writer.NoBinding, Assertions: []writer.Assertion{created(writer.Trained), {Label: "c2pa.hash.bmff.v3", CBOR: proper}}}),
	} {
		if p := b.validate(file); p.State != Invalid || len(p.SourceTypes) == 0 {
			t.Errorf("%s: %s, declares %v", name, p.State, p.SourceTypes)
		}
	}
}

// TestSidecar has a store without what it is about: it declares, and binds nothing.
func TestSidecar(t *testing.T) {
	b := newSignerBench(t)
	whole := sha256.Sum256(nil)
	for label, want := range map[string]string{"c2pa.hash.data": codeDataMismatch, "c2pa.hash.boxes": codeBoxesMismatch, "c2pa.hash.bmff.v3": codeBMFFMismatch} {
		// A hash of nothing, with the whole file left out, holds nothing either.
		store := b.storeAlone(created(writer.Trained), writer.Assertion{Label: label, CBOR: map[string]any{"alg": "sha256", "hash": whole[:],
			"boxes": []any{}, "exclusions": []map[string]any{{"start": 0, "length": 1 << 20}}}})
		p := b.validate(store)
		if p.Container != "application/c2pa" || p.State != Invalid || !slices.Equal(p.Failure, []string{want}) || !slices.Equal(p.SourceTypes, []string{writer.Trained}) {
			t.Errorf("%s: %s %s %v %v", label, p.Container, p.State, p.Failure, p.SourceTypes)
		}
		if p := b.validate(store[:len(store)-20]); p.State != Invalid || !p.Searched || !slices.Equal(p.SourceTypes, []string{writer.Trained}) {
			t.Errorf("%s, cut: %s %v %v", label, p.State, p.Failure, p.SourceTypes)
		}
	}
}

// TestCutRecordings: a recording that was cut off is not altered, but one that had a store is.
func TestCutRecordings(t *testing.T) {
	b := newSignerBench(t)
	store := b.storeAlone(created(writer.Trained))
	le := func(n int) []byte { return binary.LittleEndian.AppendUint32(nil, uint32(n)) }
	sound := bytes.Repeat([]byte{1, 2}, 100_000)
	riff := func(chunks ...[]byte) []byte {
		content := bytes.Join(chunks, nil)
		return slices.Concat([]byte("RIFF"), le(len(content)+4), []byte("WAVE"), content)
	}
	data, manifest := slices.Concat([]byte("data"), le(len(sound)), sound), slices.Concat([]byte("C2PA"), le(len(store)), store)
	before, after := riff(manifest, data), riff(data, manifest)
	directory := slices.Concat([]byte{1, 0, 0x41, 0xCD, 7, 0}, le(len(store)), le(8), le(0))
	tiff := slices.Concat([]byte("II*\x00"), le(8+len(store)), store, directory)
	bare := slices.Concat([]byte("II*\x00"), le(8+len(sound)), sound, []byte{1, 0, 0, 1, 4, 0}, le(1), le(64), le(0))
	traceless := map[string]bool{"sound": true, "store last, gone": true, "picture": true, "picture of four bytes": true}
	for name, c := range map[string]struct {
		file  []byte
		state State
		kinds int
	}{
		"sound":                       {riff(data)[:50_000], Invalid, 0},
		"store first, sound cut":      {before[:len(before)-50_000], Invalid, 1},
		"store last, cut":             {after[:len(after)-100], Invalid, 1},
		"store last, its name left":   {after[:len(after)-len(store)], Invalid, 0},
		"store last, gone":            {after[:len(after)-len(store)-8], Invalid, 0},
		"two, of which one is cut":    {riff(data, manifest, manifest)[:len(riff(data, manifest))+50], Invalid, 1},
		"store in odd places":         {riff(data, []byte("JUNK"), le(len(store)), store, data)[:len(after)+50_000], Invalid, 1},
		"picture, directory cut":      {tiff[:len(tiff)-20], Invalid, 1},
		"picture, directory cut away": {tiff[:len(tiff)-len(directory)], Invalid, 1},
		"picture":                     {bare[:len(bare)-30], Invalid, 0},
		"picture of four bytes":       {bare[:8], Invalid, 0},
	} {
		p := b.validate(c.file)
		if p.State != c.state || len(p.SourceTypes) != c.kinds {
			t.Errorf("%s: %s %v, want %s and %d: %+v", name, p.State, p.SourceTypes, c.state, c.kinds, p.Statuses)
		}
		var labels []cordon.Label
		for _, f := range b.validator.Findings(p) {
			labels = append(labels, f.Label)
		}
		if slices.Contains(labels, cordon.LabelTruncated) != traceless[name] || slices.Contains(labels, cordon.LabelManifestBroken) == traceless[name] {
			t.Errorf("%s: says %v %v", name, labels, p.Informational)
		}
	}
}

// TestKinds decides containers from content and leaves others alone.
func TestKinds(t *testing.T) {
	v, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	for content, want := range map[string]string{
		"\xFF\xD8\xFF\xE0": "image/jpeg", pngSignature: "image/png", "GIF89a\x01\x00\x01\x00\x00\x00\x00\x3B": "image/gif",
		"RIFF\x04\x00\x00\x00WEBP": "image/webp", "RIFF\x04\x00\x00\x00WAVE": "audio/wav", "II*\x00\x00\x00\x00\x00": "image/tiff",
		"\x00\x00\x00\x0Cftypavif": "image/avif", "\x00\x00\x00\x0Cftypheic": "image/heic", "\x00\x00\x00\x0CftypM4A ": "audio/mp4",
		"ID3\x04\x00\x00\x00\x00\x00\x00fLaC": "audio/flac", "\xFF\xFB\x90\x00": "audio/mpeg", "<?xml version='1.0'?><svg/>": "image/svg+xml",
		"%PDF-1.7": "application/pdf", "PK\x03\x04 %PDF-1.7": "", "plain text": "", "": "", "RIFF\x04\x00\x00\x00XXXX": "", "<html></html>": "", "\xFF\xF1\x50\x80": "",
	} {
		p, err := v.Validate(context.Background(), strings.NewReader(content), int64(len(content)))
		switch {
		case want == "" && !errors.Is(err, ErrContainer):
			t.Errorf("%q: %v, want ErrContainer", content, err)
		case want != "" && (err != nil || p.Container != want || p.State != None):
			t.Errorf("%q: %v, %+v, want %s", content, err, p, want)
		}
	}
}

func TestSamplesAndFindings(t *testing.T) {
	set, err := samples.New(1)
	if err != nil {
		t.Fatal(err)
	}
	v, err := New(Config{Anchors: set.Anchors})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		sample samples.Sample
		state  State
		labels []cordon.Label
	}{
		{set.Camera, None, []cordon.Label{cordon.LabelManifestAbsent}},
		{set.Letter, None, []cordon.Label{cordon.LabelManifestAbsent}},
		{set.LetterPDF, None, []cordon.Label{cordon.LabelManifestAbsent}},
		{set.Generated, Trusted, []cordon.Label{cordon.LabelGeneratorDeclared, cordon.LabelManifestTrusted}},
		{set.Tampered, Invalid, []cordon.Label{cordon.LabelGeneratorDeclared, cordon.LabelManifestBroken}},
		{set.Edited, Trusted, []cordon.Label{cordon.LabelGeneratorDeclared, cordon.LabelManifestTrusted}},
		{set.Photo, Valid, []cordon.Label{cordon.LabelManifestUntrusted}},
		{set.Parameters, None, []cordon.Label{cordon.LabelManifestAbsent}},
		{set.Truncated, None, []cordon.Label{cordon.LabelManifestAbsent}},
	} {
		p, err := v.Validate(context.Background(), bytes.NewReader(c.sample.Bytes), int64(len(c.sample.Bytes)))
		if err != nil {
			t.Fatal(err)
		}
		found := v.Findings(p)
		var labels []cordon.Label
		for _, f := range found {
			labels = append(labels, f.Label)
			if f.Class != cordon.Deterministic || f.Sentence == "" || f.Detail["provenance"] != p || f.Detector != "c2pa" {
				t.Errorf("%s: finding %+v", c.sample.Name, f)
			}
		}
		if p.State != c.state || !slices.Equal(labels, c.labels) {
			t.Errorf("%s: %s %v, want %s %v: %+v", c.sample.Name, p.State, labels, c.state, c.labels, p.Statuses)
		}
	}
}

func TestClassify(t *testing.T) {
	for in, want := range map[string]sourceKind{
		writer.Trained: generated, "trainedAlgorithmicMedia": generated, "https://cv.iptc.org/newscodes/digitalsourcetype/TRAINEDALGORITHMICMEDIA/": generated,
		writer.Composite: composite, "http://cv.iptc.org/newscodes/digitalsourcetype/compositeSynthetic": composite,
		"http://cv.iptc.org/newscodes/digitalsourcetype/algorithmicMedia": otherSource, writer.Capture: otherSource, "": otherSource,
	} {
		if got := classify(in); got != want {
			t.Errorf("%q: %d, want %d", in, got, want)
		}
	}
}
