package inline

import (
	"context"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
)

// countingLine counts bytes and keeps none.
type countingLine struct {
	*fakeLine
	size atomic.Int64
}

func (l *countingLine) Spool(_ context.Context, _ cordon.TenantID, r io.Reader) (cordon.Spooled, error) {
	n, err := io.Copy(io.Discard, r)
	l.size.Store(n)
	return cordon.Spooled{Size: n}, err
}

// TestLargeUploadsStream watches the heap while files far larger than it go by.
func TestLargeUploadsStream(t *testing.T) {
	size := int64(1 << 30)
	if testing.Short() {
		size = 128 << 20
	}
	for name, test := range map[string]struct {
		typ, head, tail string
		size            int64
	}{
		"multipart": {formType, "--b\r\n" + binaryHead + "\r\n\r\n", "\r\n--b\r\n" + entityHead + "\r\n\r\n" + entity + "\r\n--b--\r\n", size},
		"json":      {jsonType, `{"Title":"t","VersionData":"`, `"}`, 48 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			l := &countingLine{fakeLine: newFakeLine()}
			s := &stand{line: l.fakeLine, org: newFakeOrg(t)}
			s.line.judge = cordon.ErrBusy // the way in is what is watched
			s.start(t, l, nil)
			runtime.GC()
			var before runtime.MemStats
			runtime.ReadMemStats(&before)
			var peak atomic.Uint64
			stop, stopped := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(stopped)
				for {
					var m runtime.MemStats
					runtime.ReadMemStats(&m)
					peak.Store(max(peak.Load(), m.HeapAlloc))
					select {
					case <-stop:
						return
					case <-time.After(20 * time.Millisecond):
					}
				}
			}()
			a := s.do(t, "POST", cvPath, test.typ, io.MultiReader(strings.NewReader(test.head), &endless{test.size}, strings.NewReader(test.tail)))
			close(stop)
			<-stopped
			want := test.size
			if name == "json" {
				want = want / 4 * 3
			}
			if a.status != http.StatusServiceUnavailable || l.size.Load() != want {
				t.Fatalf("%d %s: %d of %d bytes", a.status, a.body, l.size.Load(), want)
			}
			if grew := int64(peak.Load()) - int64(before.HeapAlloc); grew > 64<<20 {
				t.Errorf("the heap grew by %d MB", grew>>20)
			} else {
				t.Logf("the heap grew by %d MB at most", max(grew, 0)>>20)
			}
		})
	}
}
