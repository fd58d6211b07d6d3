package cms_test

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"encoding/asn1"
	"testing"
	"time"

	"github.com/cordonhq/cordon/media/cms"
	"github.com/cordonhq/cordon/samples/manifest"
)

func token(t testing.TB, at time.Time) []byte {
	t.Helper()
	clock, err := manifest.NewAuthority("time stamp root")
	if err != nil {
		t.Fatal(err)
	}
	stamper, err := clock.Stamper(at)
	if err != nil {
		t.Fatal(err)
	}
	b, err := stamper.Stamp([]byte("message"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRead(t *testing.T) {
	at := time.Date(2025, 5, 6, 7, 8, 9, 0, time.UTC)
	m, err := cms.Read(token(t, at))
	if err != nil {
		t.Fatal(err)
	}
	if !m.ContentType.Equal(cms.OIDTSTInfo) || m.Hash != crypto.SHA256 || len(m.Certificates) != 1 || m.Algorithm.String() != "1.2.840.10045.4.3.2" {
		t.Errorf("%+v", m)
	}
	if c, ok := m.Signer(); !ok || !bytes.Equal(c.Raw, m.Certificates[0].Raw) {
		t.Error("the signer's certificate is not found")
	}
	digest, ok := m.MessageDigest()
	if sum := sha256.Sum256(m.Content); !ok || !bytes.Equal(digest, sum[:]) {
		t.Errorf("digest %x", digest)
	}
	var kind asn1.ObjectIdentifier
	if values, ok := m.Attribute(cms.OIDContentType); !ok || !values.ReadASN1ObjectIdentifier(&kind) || !kind.Equal(cms.OIDTSTInfo) {
		t.Errorf("content type %v", kind)
	}
	if _, ok := m.Attribute(cms.OIDRSAPSS); ok {
		t.Error("an attribute that is not there")
	}
	stored, sorted, err := m.SignedAttributes()
	if err != nil || stored[0] != 0x31 || len(stored) != len(sorted) {
		t.Errorf("%x %x %v", stored, sorted, err)
	}
	stamp, ok := cms.ReadTimeStamp(m.Content)
	if sum := sha256.Sum256([]byte("message")); !ok || stamp.Hash != crypto.SHA256 || !bytes.Equal(stamp.Imprint, sum[:]) || stamp.Time != "20250506070809Z" {
		t.Errorf("%+v", stamp)
	}
	for i := range 40 {
		if _, err := cms.Read(token(t, at)[:i]); err == nil {
			t.Errorf("the first %d bytes were read", i)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(token(f, time.Now()))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := cms.Read(b)
		if err != nil {
			return
		}
		if c, ok := m.Signer(); ok && (len(c.Raw) == 0 || len(c.Key) == 0) {
			t.Errorf("a signer without a key: %+v", c)
		}
		m.MessageDigest()
		if stored, sorted, err := m.SignedAttributes(); err == nil && len(stored) != len(sorted) {
			t.Errorf("sorting changes the length: %d and %d", len(stored), len(sorted))
		}
		cms.ReadTimeStamp(m.Content)
	})
}
