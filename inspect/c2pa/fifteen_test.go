package c2pa

import (
	"bytes"
	"context"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"golang.org/x/crypto/ocsp"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/media"
	writer "github.com/cordonhq/cordon/samples/manifest"
)

// TestFifteen has the fifteen points that a validator inside a gateway owes its users, each
// tried on files made to break it. docs/c2pa.md lists them.
func TestFifteen(t *testing.T) {
	b := newSignerBench(t)
	now := time.Now()
	png := func(m writer.Manifest) []byte { return b.sign(smallPNG(t), m) }
	invalid := func(t *testing.T, name string, p *Provenance, codes ...string) {
		t.Helper()
		all := slices.Concat(p.Failure, p.IngredientFailure)
		if p.State != Invalid || len(codes) > 0 && !slices.ContainsFunc(codes, func(c string) bool { return slices.Contains(all, c) }) {
			t.Errorf("%s: %s %v, want invalid with one of %v", name, p.State, all, codes)
		}
	}
	labels := func(p *Provenance) (out []cordon.Label) {
		for _, f := range b.validator.Findings(p) {
			out = append(out, f.Label)
		}
		return out
	}
	makes := []writer.Assertion{created(writer.Trained)}
	captures := []writer.Assertion{created(writer.Capture)}

	t.Run("01-a-declared-generator-is-not-trust", func(t *testing.T) {
		stranger, err := writer.NewAuthority("stranger")
		if err != nil {
			t.Fatal(err)
		}
		unknown, err := stranger.Signer(writer.Profile{Name: "unknown"})
		if err != nil {
			t.Fatal(err)
		}
		for state, signer := range map[State]*writer.Signer{Trusted: b.signer, Valid: unknown,
			Invalid: b.issue(writer.Profile{NotBefore: now.AddDate(-2, 0, 0), NotAfter: now.AddDate(-1, 0, 0)})} {
			file, err := signer.Sign(smallPNG(t), writer.Manifest{Assertions: makes})
			if err != nil {
				t.Fatal(err)
			}
			p := b.validate(file)
			if p.State != state || !slices.Contains(labels(p), cordon.LabelGeneratorDeclared) {
				t.Errorf("%s: %s %v", state, p.State, labels(p))
			}
		}
		if p := b.validate(png(writer.Manifest{Assertions: captures})); slices.Contains(labels(p), cordon.LabelManifestAbsent) || slices.Contains(labels(p), cordon.LabelGeneratorDeclared) {
			t.Errorf("a capture: %v", labels(p))
		}
	})
	t.Run("02-ingredients-declare-too", func(t *testing.T) {
		file := png(writer.Manifest{Assertions: makes})
		for i, m := range []writer.Manifest{{}, {Version: 1}, {Binding: writer.BoxesHash}, {Compress: true}, {}} {
			m.Assertions = []writer.Assertion{writer.Actions(writer.Opened())}
			m.Ingredients = []writer.Ingredient{{File: file, Title: "before", Relationship: "parentOf"}}
			file = png(m)
			p := b.validate(file)
			if !slices.Equal(p.SourceTypes, []string{writer.Trained}) || !slices.Contains(labels(p), cordon.LabelGeneratorDeclared) {
				t.Errorf("edit %d: %s declares %v", i, p.State, p.SourceTypes)
			}
		}
	})
	t.Run("03-an-attached-payload-is-the-claim", func(t *testing.T) {
		invalid(t, "another claim attached", b.validate(png(writer.Manifest{Assertions: captures, Attach: []byte{0xA1, 0x61, 'x', 1}})), codeSignatureMismatch)
	})
	t.Run("04-exclusions-cover-the-store-only", func(t *testing.T) {
		plain := png(writer.Manifest{Assertions: captures})
		end := int64(len(plain))
		for name, e := range map[string][2]int64{"the first bytes": {0, 8}, "the last bytes": {end - 12, 12}, "before and into the store": {20, 40}, "all": {0, end}, "beyond the end": {end, 1 << 40}, "negative": {-1, 4}} {
			if name == "all" || name == "before and into the store" || name == "negative" || name == "beyond the end" { // the writer would not write these
				file := png(writer.Manifest{Binding: writer.NoBinding, Assertions: append(slices.Clone(captures), writer.Assertion{Label: "c2pa.hash.data",
					CBOR: map[string]any{"alg": "sha256", "hash": digestOfNothing(), "exclusions": []map[string]any{{"start": e[0], "length": e[1]}}}})})
				invalid(t, name, b.validate(file), codeDataMismatch, codeDataMalformed)
				continue
			}
			invalid(t, name, b.validate(png(writer.Manifest{Assertions: captures, Exclude: [][2]int64{e}})), codeDataMismatch, codeDataMalformed)
		}
		for _, label := range []string{"c2pa.hash.data", "c2pa.hash.boxes", "c2pa.hash.bmff.v3"} {
			store := b.storeAlone(append(slices.Clone(captures), writer.Assertion{Label: label, CBOR: map[string]any{"alg": "sha256", "hash": digestOfNothing(),
				"boxes": []any{}, "exclusions": []map[string]any{{"start": 0, "length": 1 << 20}}}})...)
			invalid(t, "detached with "+label, b.validate(store))
		}
		file := b.sign(smallJPEG(t), writer.Manifest{Assertions: append(slices.Clone(captures), writer.Assertion{Label: "org.example", JSON: bytes.Repeat([]byte("x"), 70_000)})})
		second := bytes.LastIndex(file, []byte{0xFF, 0xEB})
		invalid(t, "segments apart", b.validate(slices.Concat(file[:second], []byte{0xFF, 0xFE, 0, 4, 'h', 'i'}, file[second:])))
	})
	t.Run("05-absence-is-a-failure", func(t *testing.T) {
		for name, c := range map[string]struct {
			m    writer.Manifest
			code string
		}{
			"no binding":         {writer.Manifest{Binding: writer.NoBinding, Assertions: captures}, codeHardMissing},
			"no actions":         {writer.Manifest{}, codeActionMalformed},
			"empty actions":      {writer.Manifest{Assertions: []writer.Assertion{writer.Actions()}}, codeActionMalformed},
			"no source type":     {writer.Manifest{Assertions: []writer.Assertion{writer.Actions(writer.Action{Action: "c2pa.created"})}}, codeActionMalformed},
			"no chain":           {writer.Manifest{Assertions: captures, Headers: func(p map[any]any, _ map[string]any) { delete(p, 33) }}, codeInvalid},
			"no algorithm":       {writer.Manifest{Assertions: captures, Headers: func(p map[any]any, _ map[string]any) { delete(p, 1) }}, codeAlgorithm},
			"no hash algorithm":  {writer.Manifest{Assertions: captures, Spoil: func(c map[string]any) { delete(c, "alg") }}, codeAlgorithm},
			"no signature named": {writer.Manifest{Assertions: captures, Spoil: func(c map[string]any) { delete(c, "signature") }}, codeClaimMalformed},
			"no instance":        {writer.Manifest{Assertions: captures, Spoil: func(c map[string]any) { delete(c, "instanceID") }}, codeClaimMalformed},
			"no list":            {writer.Manifest{Assertions: captures, Spoil: func(c map[string]any) { delete(c, "created_assertions") }}, codeClaimMalformed},
			"no ingredient":      {writer.Manifest{Assertions: []writer.Assertion{writer.Actions(writer.Action{Action: "c2pa.opened"})}}, codeActionIngredient},
			"no parent":          {writer.Manifest{Update: true, Binding: writer.NoBinding, Assertions: captures}, codeUpdateParents},
		} {
			invalid(t, name, b.validate(png(c.m)), c.code)
		}
		// A hash in the binding that is not there, or is empty.
		for name, body := range map[string]map[string]any{"no hash": {"alg": "sha256"}, "empty hash": {"alg": "sha256", "hash": []byte{}}} {
			invalid(t, name, b.validate(png(writer.Manifest{Binding: writer.NoBinding, Assertions: append(slices.Clone(captures), writer.Assertion{Label: "c2pa.hash.data", CBOR: body})})), codeDataMismatch)
		}
	})
	t.Run("06-boxes-of-films", func(t *testing.T) {
		film := b.film(merkleForm{smallMP4(4000), writer.BMFF{Fixed: 1000}})
		other := swapIn(film, []byte("manifest\x00"), []byte("manifesx\x00"))
		if p := b.validate(other); p.State != Invalid || len(p.SourceTypes) != 1 {
			t.Errorf("another purpose: %s %v", p.State, p.SourceTypes)
		}
		invalid(t, "trailing bytes", b.validate(append(bytes.Clone(film), "rest"...)), codeBMFFMismatch)
		invalid(t, "trailing box", b.validate(append(bytes.Clone(film), rawBox("mdat", []byte("rest"))...)), codeBMFFMismatch)
		for _, name := range []string{"fragments without initHash", "location beyond the leaves", "location that overflows", "listed sizes overflow", "count beyond all bounds", "initHash without fragments"} {
			invalid(t, name, b.validate(b.film(brokenMerkle()[name])), codeBMFFMismatch, codeBMFFMalformed)
		}
	})
	t.Run("07-labels-and-several-stores", func(t *testing.T) {
		file := png(writer.Manifest{Label: "urn:c2pa:active", Assertions: makes})
		at := bytes.Index(file, []byte("urn:c2pa:active")) // the manifest's own description, which nothing hashes
		renamed := bytes.Clone(file)
		copy(renamed[at:], "urn:c2pa:altered"[:15])
		invalid(t, "label of the active manifest", b.validate(renamed))
		chunk := bytes.Index(file, []byte("caBX")) - 4
		n := int(binary.BigEndian.Uint32(file[chunk:])) + 12
		two := slices.Concat(file[:chunk+n], file[chunk:chunk+n], file[chunk+n:])
		if p := b.validate(two); p.State != Invalid || len(p.SourceTypes) != 1 {
			t.Errorf("two stores: %s %v", p.State, p.SourceTypes)
		}
	})
	t.Run("08-padding-is-zero", func(t *testing.T) {
		if p := b.validate(png(writer.Manifest{Assertions: captures, Pad: make([]byte, 32)})); p.State != Trusted {
			t.Errorf("zeros: %s", p.State)
		}
		invalid(t, "something hidden", b.validate(png(writer.Manifest{Assertions: captures, Pad: append(make([]byte, 31), 1)})), codeSignatureMismatch)
		invalid(t, "pad2", b.validate(png(writer.Manifest{Assertions: captures, Headers: func(_ map[any]any, u map[string]any) { u["pad2"] = []byte{1} }})), codeSignatureMismatch)
		invalid(t, "padding of another type", b.validate(png(writer.Manifest{Assertions: captures, Headers: func(_ map[any]any, u map[string]any) { u["pad"] = "text" }})), codeSignatureMismatch)
	})
	t.Run("09-certificates", func(t *testing.T) {
		for _, c := range spoiledCertificates() {
			c.p.Name = c.name
			file, err := b.issue(c.p).Sign(smallPNG(t), writer.Manifest{Assertions: captures})
			if err != nil {
				t.Fatal(err)
			}
			invalid(t, c.name, b.validate(file), c.codes...)
		}
		for name, change := range map[string]func(*x509.Certificate){
			"no authority": func(c *x509.Certificate) { c.IsCA = false },
			"names of another": func(c *x509.Certificate) {
				c.PermittedDNSDomains, c.PermittedDNSDomainsCritical = []string{"example.org"}, true
			},
			"unknown critical extension": func(c *x509.Certificate) {
				c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3}, Critical: true, Value: []byte{5, 0}}}
			},
		} {
			between, err := b.authority.Intermediate(writer.Profile{Name: "between", Change: change})
			if err != nil {
				t.Fatal(err)
			}
			signer, err := between.Signer(writer.Profile{Name: "below", Change: func(c *x509.Certificate) { c.DNSNames = []string{"example.com"} }})
			if err != nil {
				t.Fatal(err)
			}
			file, err := signer.Sign(smallPNG(t), writer.Manifest{Assertions: captures})
			if err != nil {
				t.Fatal(err)
			}
			if p := b.validate(file); p.State == Trusted || !slices.Contains(p.Failure, codeUntrusted) {
				t.Errorf("intermediate, %s: %s %v", name, p.State, p.Failure)
			}
		}
		move := func(p map[any]any, u map[string]any) { u["x5chain"] = p[33]; delete(p, 33) }
		invalid(t, "chain that nothing signs", b.validate(png(writer.Manifest{Assertions: captures, Headers: move})), codeInvalid)
		if err := checkKey(&rsaExponentOne); err == nil {
			t.Error("RSA with the exponent 1 is permitted")
		}
		stranger, err := writer.NewAuthority("Cordon samples")
		if err != nil {
			t.Fatal(err)
		}
		impostor, err := stranger.Signer(writer.Profile{Name: "test signer"})
		if err != nil {
			t.Fatal(err)
		}
		file, err := impostor.Sign(smallPNG(t), writer.Manifest{Assertions: captures})
		if err != nil {
			t.Fatal(err)
		}
		if p := b.validate(file); p.State != Valid || p.TrustedBy != "" {
			t.Errorf("a name proves nothing: %s %q", p.State, p.Signer)
		}
		if p := under(t, file, Config{Allowed: impostor.PEM()}); p.State != Trusted || p.TrustedBy != digestHex(impostor.PEM()) {
			t.Errorf("allowed by digest: %s", p.State)
		}
		if p := under(t, file, Config{TSAAnchors: stranger.PEM()}); p.State != Valid {
			t.Errorf("anchor for time stamps: %s", p.State)
		}
	})
	t.Run("10-revocation", func(t *testing.T) {
		revoked, err := b.authority.Revocation(b.signer, ocsp.Revoked, now.Add(-time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		file := png(writer.Manifest{Assertions: captures, Headers: staple(revoked)})
		invalid(t, "stapled", b.validate(file), codeRevoked)
		block, _ := pem.Decode(b.signer.PEM())
		sum := sha256.Sum256(block.Bytes)
		list, err := ReadDenyList([]byte("kind,value,issuer,since,reason\ncertificate," + hexOf(sum[:]) + ",,,the vendor revoked them all\n"))
		if err != nil {
			t.Fatal(err)
		}
		invalid(t, "denied", under(t, png(writer.Manifest{Assertions: captures}), Config{Anchors: b.authority.PEM(), DenyList: list}), codeDenied)
	})
	t.Run("11-nothing-is-fetched", func(t *testing.T) {
		asked := make(chan string, 100)
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		server := &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked <- r.URL.Path }), ReadHeaderTimeout: time.Second}
		go server.Serve(listener)
		defer server.Close()
		url := "http://" + listener.Addr().String()
		signer := b.issue(writer.Profile{Name: "asks", Change: func(c *x509.Certificate) {
			c.OCSPServer, c.IssuingCertificateURL, c.CRLDistributionPoints = []string{url + "/ocsp"}, []string{url + "/issuer"}, []string{url + "/crl"}
		}})
		file, err := signer.Sign(smallPNG(t), writer.Manifest{Assertions: append(slices.Clone(captures),
			writer.Assertion{Label: "c2pa.external-reference", CBOR: map[string]any{"location": map[string]any{"url": url + "/elsewhere", "alg": "sha256", "hash": make([]byte, 32)}}},
			writer.Assertion{Label: "c2pa.cloud-data", CBOR: map[string]any{"label": "org.example", "size": 1, "location": map[string]any{"url": url + "/cloud", "alg": "sha256", "hash": make([]byte, 32)}}},
			writer.Assertion{Label: "c2pa.soft-binding", CBOR: map[string]any{"alg": "org.example.mark", "blocks": []any{}}})})
		if err != nil {
			t.Fatal(err)
		}
		p := b.validate(file)
		if p.State != Trusted || !slices.Equal(p.Elsewhere, []string{url + "/elsewhere", url + "/cloud"}) || !slices.Equal(p.SoftBindings, []string{"org.example.mark"}) {
			t.Errorf("%s %v %v %v", p.State, p.Failure, p.Elsewhere, p.SoftBindings)
		}
		remote := withXMP(smallJPEG(t), url+"/manifest")
		if p := b.validate(remote); p.State != Remote || p.RemoteURL != url+"/manifest" {
			t.Errorf("%s %q", p.State, p.RemoteURL)
		}
		select {
		case path := <-asked:
			t.Errorf("somebody asked for %s", path)
		default:
		}
	})
	t.Run("12-bombs", func(t *testing.T) {
		for name, bomb := range allBombs() {
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			p, err := b.validator.Validate(context.Background(), bytes.NewReader(bomb), int64(len(bomb)))
			runtime.ReadMemStats(&after)
			if err != nil || p.State != Invalid && p.State != None {
				t.Errorf("%s: %v %+v", name, err, p)
			}
			if grown := after.TotalAlloc - before.TotalAlloc; grown > 64<<20 {
				t.Errorf("%s: %d MB allocated", name, grown>>20)
			}
		}
	})
	t.Run("13-content-decides-the-kind", func(t *testing.T) {
		file := png(writer.Manifest{Assertions: makes})
		m, err := media.Open(bytes.NewReader(file), int64(len(file)), media.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		found, err := b.validator.Inspect(t.Context(), m)
		if err != nil || len(found) != 2 || found[0].Label != cordon.LabelGeneratorDeclared {
			t.Errorf("%v %+v", err, found)
		}
		if p := b.validate(file); p.Container != "image/png" {
			t.Errorf("%s", p.Container)
		}
	})
	t.Run("14-strip-and-transplant", func(t *testing.T) {
		bare := b.validate(smallPNG(t))
		if found := b.validator.Findings(bare); bare.State != None || len(found) != 1 || found[0].Status != cordon.StatusNone || found[0].Label != cordon.LabelManifestAbsent {
			t.Errorf("stripped: %s %+v", bare.State, found)
		}
		file := png(writer.Manifest{Assertions: captures})
		chunk := bytes.Index(file, []byte("caBX")) - 4
		store := file[chunk : chunk+int(binary.BigEndian.Uint32(file[chunk:]))+12]
		victim := bigPNG(t, 100_000)
		invalid(t, "transplanted", b.validate(slices.Concat(victim[:33], store, victim[33:])), codeDataMismatch)
	})
	t.Run("15-time-and-lists-are-on-record", func(t *testing.T) {
		file := png(writer.Manifest{Assertions: captures})
		at := now.AddDate(0, 0, 3).UTC().Truncate(time.Second)
		p := under(t, file, Config{Lists: []List{{Use: ForSigners, Name: "list", Version: "7", Date: day("2026-01-02"), PEM: b.authority.PEM()}}, Now: func() time.Time { return at }})
		if !p.EvaluatedAt.Equal(at) || p.TrustListSHA256 != digestHex(b.authority.PEM()) || p.TrustedBy != p.TrustListSHA256 || len(p.TrustLists) != 1 ||
			p.TrustLists[0].Version != "7" || !p.TrustLists[0].Date.Equal(day("2026-01-02")) {
			t.Errorf("%+v", p)
		}
		later := under(t, file, Config{Anchors: b.authority.PEM(), Now: func() time.Time { return now.AddDate(5, 0, 0) }})
		invalid(t, "the same file in five years", later, codeExpired)
	})
}

var rsaExponentOne = rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 2047), E: 1}

func hexOf(b []byte) string { return hex.EncodeToString(b) }

func digestOfNothing() []byte {
	sum := sha256.Sum256(nil)
	return sum[:]
}

// withXMP names the address of a manifest in a JPEG file.
func withXMP(file []byte, address string) []byte {
	packet := `<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">` +
		`<rdf:Description xmlns:t="http://purl.org/dc/terms/" t:provenance="` + address + `"/></rdf:RDF></x:xmpmeta>`
	content := append([]byte("http://ns.adobe.com/xap/1.0/\x00"), packet...)
	segment := binary.BigEndian.AppendUint16([]byte{0xFF, 0xE1}, uint16(2+len(content)))
	return slices.Concat(file[:2], segment, content, file[2:])
}

// allBombs adds to bombs those that are containers and not stores.
func allBombs() map[string][]byte {
	out := bombs()
	nested := []byte{}
	for range 3000 {
		nested = rawBox("moov", nested)
	}
	ftyp := rawBox("ftyp", []byte("isom\x00\x00\x00\x00isom"))
	out["nested moov"] = slices.Concat(ftyp, nested)
	le := func(n int) []byte { return binary.LittleEndian.AppendUint32(nil, uint32(n)) }
	lists := []byte{}
	for range 3000 {
		lists = slices.Concat([]byte("LIST"), le(len(lists)+4), []byte("movi"), lists)
	}
	out["nested RIFF"] = slices.Concat([]byte("RIFF"), le(len(lists)+4), []byte("AVI "), lists)
	out["TIFF that is its own next page"] = []byte("II*\x00\x08\x00\x00\x00\x00\x00\x08\x00\x00\x00")
	out["many empty boxes"] = slices.Concat(ftyp, bytes.Repeat(rawBox("free", nil), 400_000))
	proofs := slices.Concat(uuidC2PA, make([]byte, 4), []byte("merkle\x00"), []byte{0xA0})
	out["many Merkle boxes"] = slices.Concat(ftyp, bytes.Repeat(rawBox("uuid", proofs), 50_000))
	out["brotli in a manifest, ten times"] = wrap(jumb("c2pa", "c2pa", bytes.Repeat(jumb("c2cm", "urn:c2pa:x", rawBox("brob", zeros(20<<20))), 10)))
	return out
}

// zeros is n zeros in brotli.
func zeros(n int) []byte {
	var z bytes.Buffer
	w := brotli.NewWriterLevel(&z, 9)
	block := make([]byte, 1<<20)
	for ; n > 0; n -= len(block) {
		w.Write(block)
	}
	w.Close()
	return z.Bytes()
}
