package inline

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/salesforce"
)

// keep returns a spooler that keeps what it stores.
func keep(into *[]byte) spooler {
	return func(r io.Reader) (cordon.Spooled, error) {
		b, err := io.ReadAll(r)
		*into = b
		return cordon.Spooled{Size: int64(len(b))}, err
	}
}

// decodeLoosely reads base64 as liberally as the gateway does, in another way.
func decodeLoosely(s string) ([]byte, error) {
	s = strings.NewReplacer("-", "+", "_", "/", " ", "", "\n", "", "\r", "", "\t", "").Replace(s)
	if strings.Contains(s, "=") {
		return base64.StdEncoding.DecodeString(s)
	}
	return base64.RawStdEncoding.DecodeString(s)
}

func FuzzJSONBody(f *testing.F) {
	for _, s := range []string{
		cvJSON(plain), `{"versiondata":"QQ","a":{"b":[1,-2.5e3,null,true]}}`, `{"\u0056ersionData":"Q\u0051=\u003d\n"}`, `{"VersionData":null}`,
		`{"VersionData":"QQ==","VERSIONDATA":"QQ=="}`, `{"a":"\ud83d\ude00"}`, ` { } `, `{"VersionData":"\/+-_"}`, `{"VersionData":"QUFB QUFB"}`,
	} {
		f.Add([]byte(s))
	}
	blob, _ := salesforce.FindBlob("ContentVersion")
	f.Fuzz(func(t *testing.T, body []byte) {
		var file []byte
		p, err := parseJSON(bytes.NewReader(body), blob, 1<<20, keep(&file))
		if err != nil {
			return
		}
		// What the gateway accepts, another parser accepts and understands in the same way.
		var want map[string]any
		if err := json.Unmarshal(body, &want); err != nil {
			t.Fatalf("accepted what encoding/json refuses: %v", err)
		}
		written, err := io.ReadAll(salesforce.JSONBody(p.fields, "VersionData", contentOf(p, file)).Open())
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]any
		if err := json.Unmarshal(written, &got); err != nil {
			t.Fatalf("wrote what encoding/json refuses: %v: %s", err, written)
		}
		if p.hasBlob {
			for name, v := range want {
				if s, ok := v.(string); ok && strings.EqualFold(strings.TrimSpace(name), "VersionData") {
					decoded, err := decodeLoosely(s)
					if err != nil || !bytes.Equal(decoded, file) {
						t.Fatalf("read %q from %q (%v)", file, s, err)
					}
					delete(want, name)
				}
			}
			again, err := base64.StdEncoding.DecodeString(got["VersionData"].(string))
			if err != nil || !bytes.Equal(again, file) {
				t.Fatalf("wrote %q for %q", again, file)
			}
			delete(got, "VersionData")
		}
		w, _ := json.Marshal(want)
		g, _ := json.Marshal(got)
		if !bytes.Equal(w, g) {
			t.Fatalf("wrote %s, want %s", g, w)
		}
	})
}

func contentOf(p parsed, file []byte) cordon.Content {
	if !p.hasBlob {
		return nil
	}
	return memory{bytes.NewReader(file)}
}

func FuzzMultipart(f *testing.F) {
	f.Add([]byte(form("b", entityHead, entity, binaryHead, string(plain))))
	f.Add([]byte(form("b", binaryHead, "x\r\n--bb\r\n", entityHead, entity)))
	f.Add([]byte("--b\n" + entityHead + "\n\n" + entity + "\n--b--"))
	blob, _ := salesforce.FindBlob("ContentVersion")
	conf := Config{}
	conf.setDefaults()
	f.Fuzz(func(t *testing.T, body []byte) {
		var file []byte
		p, err := parseMultipart(bytes.NewReader(body), "b", blob, &conf, keep(&file))
		if err != nil || !p.hasBlob {
			return
		}
		out := salesforce.MultipartBody(p.fields, blob, p.fileName, memory{bytes.NewReader(file)})
		written, err := io.ReadAll(out.Open())
		if err != nil || int64(len(written)) != out.Length {
			t.Fatalf("%d bytes announced, %d written (%v)", out.Length, len(written), err)
		}
		_, params, err := mediaType(out.Type)
		if err != nil {
			t.Fatal(err)
		}
		form, err := multipart.NewReader(bytes.NewReader(written), params["boundary"]).ReadForm(1 << 24)
		if err != nil || len(form.File["VersionData"]) != 1 || len(form.Value["entity_content"]) != 1 || !json.Valid([]byte(form.Value["entity_content"][0])) {
			t.Fatalf("wrote a form that reads as %+v (%v)", form, err)
		}
		again, err := form.File["VersionData"][0].Open()
		if err != nil {
			t.Fatal(err)
		}
		if b, _ := io.ReadAll(again); !bytes.Equal(b, file) {
			t.Fatalf("wrote %q for %q", b, file)
		}
	})
}

func FuzzCanonicalPath(f *testing.F) {
	for _, s := range []string{cvPath, "//services/./data/../data/v64.0/sobjects/%43ontentVersion/", "/%2e%2e", "/a%2fb", "/%25%34%31", "/;x", "/%00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, path string) {
		got, err := salesforce.Canonical(path)
		if err != nil {
			return
		}
		if !strings.HasPrefix(got, "/") || strings.Contains(got, "//") || len(got) > 1 && strings.HasSuffix(got, "/") || !utf8.ValidString(got) ||
			strings.ContainsAny(got, "\\;\x00") || strings.Contains(got+"/", "/../") || strings.Contains(got+"/", "/./") {
			t.Fatalf("%q became %q", path, got)
		}
		classify(got) // does not panic
		again, err := salesforce.Canonical((&url.URL{Path: got}).EscapedPath())
		if err != nil || again != got {
			t.Fatalf("%q, written and read again, is %q (%v)", got, again, err)
		}
	})
}

func mustBlob(t testing.TB) salesforce.Blob {
	t.Helper()
	blob, ok := salesforce.FindBlob("ContentVersion")
	if !ok {
		t.Fatal("ContentVersion is not known")
	}
	return blob
}

// discardSpool counts what it would store.
func discardSpool(n *int64) spooler {
	return func(r io.Reader) (cordon.Spooled, error) {
		var err error
		*n, err = io.Copy(io.Discard, r)
		return cordon.Spooled{Size: *n}, err
	}
}
