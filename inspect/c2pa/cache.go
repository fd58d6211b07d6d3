package c2pa

import (
	"crypto/sha256"
	"crypto/x509"
	"slices"
	"sync"
	"time"
)

// cache keeps at most most values. It starts anew when it is full: what is used often is soon
// there again, and nobody can make it grow.
type cache[K comparable, V any] struct {
	most int
	mu   sync.Mutex
	kept map[K]V
}

func (c *cache[K, V]) get(k K) (V, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v, ok := c.kept[k]
	return v, ok
}

func (c *cache[K, V]) put(k K, v V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept == nil || len(c.kept) >= c.most {
		c.kept = make(map[K]V, c.most)
	}
	c.kept[k] = v
}

// parsed keeps certificates by the digest of their bytes: files of one camera or one service
// carry the same few. What a certificate says does not depend on who asks. Large ones, which no
// authority issues, are not kept.
var parsed = cache[[32]byte, *x509.Certificate]{most: 512}

const largestKept = 8 << 10

// readCertificate is parseCertificate with a memory. Nobody may change what it returns.
func readCertificate(der []byte) (*x509.Certificate, error) {
	if len(der) > largestKept {
		return parseCertificate(der)
	}
	sum := sha256.Sum256(der)
	if c, ok := parsed.get(sum); ok {
		return c, nil
	}
	c, err := parseCertificate(append([]byte(nil), der...)) // the file's own bytes must not stay with it
	if err == nil {
		parsed.put(sum, c)
	}
	return c, err
}

// ways are the ways from a certificate to the anchors of one list, none if there are none, and
// the time for which that holds: as long as no certificate that could be on a way begins or ends,
// since nothing else of a way depends on the time.
type ways struct {
	found      [][]*x509.Certificate
	from, till time.Time
}

// wayKey names what ways depend on, but for the time.
type wayKey struct {
	list  *trustList
	chain [32]byte
}

// holdsFor narrows the time around at to that in which the certificate neither begins nor ends.
func (w *ways) holdsFor(c *x509.Certificate, at time.Time) {
	later := func(t time.Time) {
		if t.After(w.from) {
			w.from = t
		}
	}
	sooner := func(t time.Time) {
		if t.Before(w.till) {
			w.till = t
		}
	}
	if at.Before(c.NotBefore) {
		sooner(c.NotBefore.Add(-1))
	} else {
		later(c.NotBefore)
	}
	if at.After(c.NotAfter) {
		later(c.NotAfter.Add(1))
	} else {
		sooner(c.NotAfter)
	}
}

// waysTo returns the ways at the time, none if there are none.
func (v *Validator) waysTo(l *trustList, chain []*x509.Certificate, at time.Time) [][]*x509.Certificate {
	h := sha256.New()
	for _, c := range chain {
		sum := sha256.Sum256(c.Raw)
		h.Write(sum[:])
	}
	key := wayKey{list: l}
	h.Sum(key.chain[:0])
	if w, ok := v.known.get(key); ok && !at.Before(w.from) && !at.After(w.till) {
		return w.found
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	leaf := *chain[0]
	found, err := leaf.Verify(x509.VerifyOptions{Roots: l.pool, Intermediates: between, CurrentTime: at,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	if err != nil {
		found = nil
	}
	w := ways{found: found, from: time.Unix(0, 0).AddDate(-2000, 0, 0), till: time.Unix(0, 0).AddDate(9000, 0, 0)}
	for _, c := range slices.Concat(chain, l.certificates) {
		w.holdsFor(c, at)
	}
	v.known.put(key, w)
	return found
}

// buffers are for hashing; each validation takes one.
var buffers = sync.Pool{New: func() any { b := make([]byte, hashChunk); return &b }}
