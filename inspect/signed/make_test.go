package signed

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/cordonhq/cordon/media/cms"
)

// writer writes a PDF file, revision by revision.
type writer struct {
	t    testing.TB
	out  []byte
	prev int
	size int
}

// revision appends objects, "12 0 obj" and all, with a table and a trailer.
func (w *writer) revision(root int, objects ...string) *writer {
	if len(w.out) == 0 {
		w.out = []byte("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
	}
	var table strings.Builder
	table.WriteString("xref\n0 1\n0000000000 65535 f \n")
	for _, o := range objects {
		var number int
		if _, err := fmt.Sscanf(o, "%d", &number); err != nil {
			w.t.Fatal(err)
		}
		w.size = max(w.size, number+1)
		fmt.Fprintf(&table, "%d 1\n%010d 00000 n \n", number, len(w.out))
		w.out = append(w.out, o+"\n"...)
	}
	at := len(w.out)
	trailer := fmt.Sprintf("trailer\n<< /Size %d /Root %d 0 R", w.size, root)
	if w.prev > 0 {
		trailer += fmt.Sprintf(" /Prev %d", w.prev)
	}
	w.out = append(w.out, fmt.Sprintf("%s%s >>\nstartxref\n%d\n%%%%EOF\n", table.String(), trailer, at)...)
	w.prev = at
	return w
}

func stream(number int, dict, content string) string {
	return fmt.Sprintf("%d 0 obj\n<< %s /Length %d >>\nstream\n%s\nendstream\nendobj", number, dict, len(content), content)
}

// letter is a document of one page.
func letter(t testing.TB) *writer {
	return (&writer{t: t}).revision(1, letterObjects("Pay 100")...)
}

func letterObjects(text string) []string {
	return []string{
		"1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj",
		"2 0 obj\n<< /Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 612 792] >>\nendobj",
		"3 0 obj\n<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>\nendobj",
		stream(4, "", "BT /F1 12 Tf ("+text+") Tj ET"),
		"5 0 obj\n<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>\nendobj",
	}
}

// sign appends a signature in the object and its field, which is put on the page.
func (w *writer) sign(number int, format, more string, make func(covered []byte) []byte) *writer {
	field := number + 1
	w.revision(1,
		fmt.Sprintf("1 0 obj\n<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [%d 0 R] /SigFlags 3 >> >>\nendobj", field),
		fmt.Sprintf("3 0 obj\n<< /Annots [%d 0 R] /Type /Page /Parent 2 0 R /Contents [4 0 R] /Resources << /Font << /F1 5 0 R >> >> >>\nendobj", field),
		fmt.Sprintf("%d 0 obj\n<< /Type /Annot /Subtype /Widget /FT /Sig /T (s%d) /Rect [0 0 0 0] /V %d 0 R >>\nendobj", field, number, number),
		sigObject(number, format, more))
	return w.fill(make)
}

// signOnly appends a signature and changes nothing else.
func (w *writer) signOnly(number int, make func(covered []byte) []byte) *writer {
	return w.revision(1, sigObject(number, "ETSI.CAdES.detached", "")).fill(make)
}

const room = 6000 // digits of a signature

func sigObject(number int, format, more string) string {
	return fmt.Sprintf("%d 0 obj\n<< /Type /Sig /Filter /Adobe.PPKLite /SubFilter /%s %s /ByteRange [0 0000000000 0000000000 0000000000] /Contents <%s> >>\nendobj",
		number, format, more, strings.Repeat("0", room))
}

// fill puts the numbers and the value into the signature that was appended last.
func (w *writer) fill(make func(covered []byte) []byte) *writer {
	from := bytes.LastIndex(w.out, []byte("/Contents <")) + len("/Contents ")
	to := from + room + 2
	written := fmt.Sprintf("[0 %010d %010d %010d]", from, to, len(w.out)-to)
	copy(w.out[bytes.LastIndex(w.out, []byte("[0 0000000000")):], written)
	der := make(append(bytes.Clone(w.out[:from]), w.out[to:]...))
	if hex.EncodedLen(len(der)) > room {
		w.t.Fatalf("the signature takes %d bytes", len(der))
	}
	copy(w.out[from+1:], hex.EncodeToString(der))
	return w
}

// signer has a key and a certificate of it.
type signer struct {
	key  crypto.Signer
	cert []byte
	hash crypto.Hash
	pss  bool
	bare bool // without signed attributes
	byID bool
	crls [][]byte
}

var keys = struct {
	rsa func() *rsa.PrivateKey
	ec  func() *ecdsa.PrivateKey
	ed  func() ed25519.PrivateKey
}{
	sync.OnceValue(func() *rsa.PrivateKey { k, _ := rsa.GenerateKey(rand.Reader, 2048); return k }),
	sync.OnceValue(func() *ecdsa.PrivateKey { k, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader); return k }),
	sync.OnceValue(func() ed25519.PrivateKey { _, k, _ := ed25519.GenerateKey(rand.Reader); return k }),
}

func newSigner(t testing.TB, key crypto.Signer, hash crypto.Hash) *signer {
	c := &x509.Certificate{SerialNumber: big.NewInt(77), Subject: pkix.Name{CommonName: "somebody"}, SubjectKeyId: []byte{1, 2, 3},
		NotBefore: time.Unix(1e9, 0), NotAfter: time.Unix(2e9, 0)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return &signer{key: key, cert: der, hash: hash}
}

func digestOID(h crypto.Hash) asn1.ObjectIdentifier {
	return map[crypto.Hash]asn1.ObjectIdentifier{
		crypto.SHA1: {1, 3, 14, 3, 2, 26}, crypto.SHA256: {2, 16, 840, 1, 101, 3, 4, 2, 1},
		crypto.SHA384: {2, 16, 840, 1, 101, 3, 4, 2, 2}, crypto.SHA512: {2, 16, 840, 1, 101, 3, 4, 2, 3},
	}[h]
}

// signed makes SignedData. digest is of what is signed; content is nil where that is elsewhere.
func (s *signer) signed(t testing.TB, contentType asn1.ObjectIdentifier, content, digest []byte) []byte {
	algorithm := func(b *cryptobyte.Builder, oid asn1.ObjectIdentifier, more ...func(*cryptobyte.Builder)) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(oid)
			for _, m := range more {
				m(b)
			}
		})
	}
	attribute := func(b *cryptobyte.Builder, oid asn1.ObjectIdentifier, value func(*cryptobyte.Builder)) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(oid)
			b.AddASN1(cbasn1.SET, value)
		})
	}
	var attributes, set cryptobyte.Builder
	attribute(&attributes, asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(contentType) })
	attribute(&attributes, cms.OIDMessageDigest, func(b *cryptobyte.Builder) { b.AddASN1OctetString(digest) })
	attrs := attributes.BytesOrPanic()
	set.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) { b.AddBytes(attrs) })
	message := set.BytesOrPanic()
	sum := hashOf(s.hash, message)
	if s.bare {
		sum = digest
	}
	var opts crypto.SignerOpts = s.hash
	algo := asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}
	var params []func(*cryptobyte.Builder)
	switch s.key.(type) {
	case *ecdsa.PrivateKey:
		algo = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}
	case ed25519.PrivateKey:
		algo, opts, sum = asn1.ObjectIdentifier{1, 3, 101, 112}, crypto.Hash(0), message
	default:
		if s.pss {
			algo, opts = cms.OIDRSAPSS, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: s.hash}
			params = append(params, func(b *cryptobyte.Builder) {
				b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1(explicit(0), func(b *cryptobyte.Builder) { algorithm(b, digestOID(s.hash)) })
					b.AddASN1(explicit(1), func(b *cryptobyte.Builder) {
						algorithm(b, asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 8}, func(b *cryptobyte.Builder) { algorithm(b, digestOID(s.hash)) })
					})
				})
			})
		}
	}
	value, err := s.key.Sign(rand.Reader, sum, opts)
	if err != nil {
		t.Fatal(err)
	}
	cert, ok := cms.ReadCertificate(s.cert)
	if !ok {
		t.Fatal("the certificate cannot be read")
	}
	var out cryptobyte.Builder
	out.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}) // SignedData
		b.AddASN1(explicit(0), func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1Int64(1)
				b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) { algorithm(b, digestOID(s.hash)) })
				b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1ObjectIdentifier(contentType)
					if content != nil {
						b.AddASN1(explicit(0), func(b *cryptobyte.Builder) { b.AddASN1OctetString(content) })
					}
				})
				b.AddASN1(explicit(0), func(b *cryptobyte.Builder) { b.AddBytes(s.cert) })
				if len(s.crls) > 0 {
					b.AddASN1(explicit(1), func(b *cryptobyte.Builder) { b.AddBytes(slices.Concat(s.crls...)) })
				}
				b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) {
					b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
						b.AddASN1Int64(1)
						if s.byID {
							b.AddASN1(cbasn1.Tag(0).ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes([]byte{1, 2, 3}) })
						} else {
							b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddBytes(cert.IssuerSerial) })
						}
						algorithm(b, digestOID(s.hash))
						if !s.bare {
							b.AddASN1(explicit(0), func(b *cryptobyte.Builder) { b.AddBytes(attrs) })
						}
						algorithm(b, algo, params...)
						b.AddASN1OctetString(value)
					})
				})
			})
		})
	})
	return out.BytesOrPanic()
}

var oidData = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}

// detached signs bytes that are elsewhere.
func (s *signer) detached(t testing.TB) func([]byte) []byte {
	return func(covered []byte) []byte { return s.signed(t, oidData, nil, hashOf(s.hash, covered)) }
}

// stamp makes a time stamp.
func (s *signer) stamp(t testing.TB) func([]byte) []byte {
	return func(covered []byte) []byte {
		var info cryptobyte.Builder
		info.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1Int64(1)
			b.AddASN1ObjectIdentifier(asn1.ObjectIdentifier{1, 2, 3})
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(digestOID(s.hash)) })
				b.AddASN1OctetString(hashOf(s.hash, covered))
			})
			b.AddASN1Int64(1)
			b.AddASN1GeneralizedTime(time.Unix(1.5e9, 0))
		})
		content := info.BytesOrPanic()
		return s.signed(t, cms.OIDTSTInfo, content, hashOf(s.hash, content))
	}
}
