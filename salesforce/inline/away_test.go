package inline

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/cordonhq/cordon"
)

// Each kind of being full or away, at each step that can meet it, is a native 503 with
// Retry-After. It is never a fault, and never a way through.
func TestUnavailableIsANative503(t *testing.T) {
	kinds := []error{
		syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, syscall.EIO, syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM,
		context.DeadlineExceeded, cordon.ErrBusy, cordon.ErrUnavailable,
	}
	multipartType, multipartBody := "multipart/form-data; boundary=xx", form("xx",
		`Content-Disposition: form-data; name="entity_content"`+"\r\nContent-Type: application/json", `{"PathOnClient":"intake.png","Title":"intake"}`,
		`Content-Disposition: form-data; name="VersionData"; filename="pic"`+"\r\nContent-Type: image/x-pict", string(plain))
	for step, set := range map[string]func(*fakeLine, error){
		"spool":   func(l *fakeLine, err error) { l.spoolErr = err },
		"receive": func(l *fakeLine, err error) { l.receive = err },
		"judge":   func(l *fakeLine, err error) { l.judge = err },
	} {
		for _, kind := range kinds {
			for name, body := range map[string][2]string{"json": {jsonType, cvJSON(plain)}, "multipart": {multipartType, multipartBody}} {
				s := newStand(t, nil)
				set(s.line, fmt.Errorf("put it down: %w", kind))
				a := s.do(t, "POST", cvPath, body[0], strings.NewReader(body[1]))
				if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" || a.code(t) != "SERVER_UNAVAILABLE" {
					t.Errorf("%s of %s meets %v: %d %v %s", step, name, kind, a.status, a.header, a.body)
				}
				if len(s.org.writes()) != 0 {
					t.Errorf("%s of %s meets %v, and the file went on", step, name, kind)
				}
			}
		}
	}
}
