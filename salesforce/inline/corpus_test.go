package inline

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cordonhq/cordon/media/mediatest"
)

// fate of a captured request: inspected, passed or refused.
var fates = map[string]string{
	"go-salesforce-composite-wrapping-collections": "passed",
	"go-salesforce-contentversion":                 "inspected",
	"jsforce-attachment-base64":                    "inspected",
	"jsforce-bulk1-job-xml":                        "refused",
	"jsforce-bulk2-close-job":                      "passed",
	"jsforce-bulk2-create-job":                     "refused",
	"jsforce-bulk2-csv":                            "refused",
	"jsforce-composite":                            "refused",
	"jsforce-contentdocumentlink":                  "passed",
	"jsforce-contentversion-base64":                "inspected",
	"jsforce-delete-contentdocument":               "passed",
	"jsforce-oauth-password":                       "passed",
	"jsforce-platform-event-publish":               "passed",
	"jsforce-psa-expiration":                       "passed",
	"jsforce-richtext-data-uri":                    "refused",
	"jsforce-soap-login":                           "passed",
	"jsforce-sobject-collections":                  "refused",
	"jsforce-tree-nested-attachment":               "refused",
	"sfcli-contentversion-multipart":               "inspected",
	"simple-salesforce-contentversion":             "inspected",
}

func TestCapturedRequests(t *testing.T) {
	dir := mediatest.Corpus(t, "salesforce/requests")
	files, err := filepath.Glob(filepath.Join(dir, "*.http"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".http")
		t.Run(name, func(t *testing.T) {
			fate, ok := fates[name]
			if !ok {
				t.Fatalf("%s is new: say what must become of it", name)
			}
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(req.Body)
			if err != nil {
				t.Fatal(err)
			}
			s := newStand(t, nil)
			var reader io.Reader = bytes.NewReader(body)
			if req.Header.Get("X-Captured-Transfer-Encoding") == "chunked" {
				reader = struct{ io.Reader }{reader}
			}
			if len(body) == 0 {
				reader = nil
			}
			var headers []string
			for h, values := range req.Header {
				switch h {
				case "Authorization", "X-Sfdc-Session":
					headers = append(headers, h, "", h, strings.Replace(values[0], "00Dxx0000001gER!REDACTED", token, 1))
					if values[0] == "REDACTED" {
						headers[len(headers)-1] = token
					}
				case "Content-Length", "Content-Type", "Connection":
				default:
					headers = append(headers, h, values[0])
				}
			}
			a := s.do(t, req.Method, req.URL.RequestURI(), req.Header.Get("Content-Type"), reader, headers...)
			writes := len(s.org.writes())
			s.org.mu.Lock()
			defer s.org.mu.Unlock()
			switch fate {
			case "inspected":
				if a.status != 201 || len(s.line.seen) != 1 || len(s.line.seen[0]) == 0 || len(s.org.got) != 1 || !bytes.Equal(s.org.got[0].file, s.line.seen[0]) {
					t.Errorf("%d %s, seen %d", a.status, a.body, len(s.line.seen))
				}
			case "passed":
				if a.status >= 300 || len(s.org.got) != 1 || !bytes.Equal(s.org.got[0].body, body) || len(s.line.seen) != 0 {
					t.Errorf("%d %s, upstream %+v", a.status, a.body, s.org.got)
				}
				for h, values := range req.Header {
					if h != "Authorization" && h != "Connection" && h != "X-Sfdc-Session" && h != "Content-Length" && h != "Accept-Encoding" &&
						s.org.got[0].header.Get(h) != values[0] {
						t.Errorf("header %s became %q", h, s.org.got[0].header.Get(h))
					}
				}
			default:
				if a.status != 400 || writes != 0 || len(s.line.seen) != 0 {
					t.Errorf("%d %s, upstream %+v", a.status, a.body, s.org.got)
				}
			}
		})
	}
}
