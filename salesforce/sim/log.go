package sim

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"
)

// logLength is how many requests the org remembers.
const logLength = 10_000

// Logged is one request as the org saw it.
type Logged struct {
	At     time.Time         `json:"at"`
	Method string            `json:"method"`
	Path   string            `json:"path"`
	Query  string            `json:"query,omitempty"`
	Host   string            `json:"host"`
	Header map[string]string `json:"header"` // never the token
	Size   int64             `json:"size"`   // bytes of the body that were read
	SHA256 Digest            `json:"sha256"` // of these bytes
	Whole  bool              `json:"whole"`  // the body was read to its end
	User   string            `json:"user,omitempty"`
	Client string            `json:"client,omitempty"` // OAuth client the token was issued to
	Status int               `json:"status"`           // 0: the connection was cut before an answer
	Fault  string            `json:"fault,omitempty"`  // what Fail did to the request
	Took   time.Duration     `json:"took_ns"`
}

// Digest is a SHA-256; as text it is hexadecimal. It compares with what sha256.Sum256 returns.
type Digest [sha256.Size]byte

// MarshalText writes the digest as 64 hexadecimal digits.
func (d Digest) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, d[:]), nil }

// UnmarshalText reads what MarshalText writes.
func (d *Digest) UnmarshalText(text []byte) error {
	sum, err := hex.DecodeString(string(text))
	if err == nil && len(sum) != len(d) {
		err = fmt.Errorf("%d bytes are no SHA-256", len(sum))
	}
	copy(d[:], sum)
	return err
}

// Log returns the requests of late, oldest first.
func (o *Org) Log() []Logged { return o.log.list() }

type requestLog struct {
	mu    sync.Mutex
	lines []Logged
}

func (l *requestLog) add(line Logged) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.lines) >= logLength {
		l.lines = slices.Delete(l.lines, 0, logLength/10)
	}
	l.lines = append(l.lines, line)
}

func (l *requestLog) list() []Logged {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.lines)
}

func (l *requestLog) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = nil
}

func headersOfInterest(h http.Header) map[string]string {
	kept := map[string]string{}
	for _, name := range []string{"Content-Type", "Content-Encoding", "Transfer-Encoding", "Accept", "Accept-Encoding", "User-Agent",
		"Sforce-Call-Options", "Sforce-Query-Options", "Idempotency-Key", "X-Forwarded-For", "X-Forwarded-Host", "Via", "Forwarded"} {
		if v := h.Get(name); v != "" {
			kept[name] = v
		}
	}
	return kept
}

// meter counts and hashes what is read of a body.
type meter struct {
	io.ReadCloser
	mu   sync.Mutex
	hash hash.Hash
	size int64
	end  bool
}

func newMeter(body io.ReadCloser) *meter { return &meter{ReadCloser: body, hash: sha256.New()} }

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.ReadCloser.Read(p)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hash.Write(p[:n])
	m.size += int64(n)
	m.end = m.end || err == io.EOF
	return n, err
}

func (m *meter) result() (size int64, sum [32]byte, whole bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hash.Sum(sum[:0])
	return m.size, sum, m.end
}
