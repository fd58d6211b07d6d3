package sim_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math"
	"mime/multipart"
	"net/textproto"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/cordonhq/cordon/salesforce/sim"
)

// part is one part of a multipart body, as a client words it.
type part struct{ head, body string }

func form(parts ...part) (body, contentType string) {
	var b strings.Builder
	for _, p := range parts {
		fmt.Fprintf(&b, "--xyz\r\n%s\r\n\r\n%s\r\n", strings.ReplaceAll(p.head, "\n", "\r\n"), p.body)
	}
	b.WriteString("--xyz--\r\n")
	return b.String(), `multipart/form-data; boundary="xyz"`
}

func TestMultipart(t *testing.T) {
	entity := part{"Content-Disposition: form-data; name=\"entity_content\"\nContent-Type: application/json", `{"PathOnClient":"a.png","Title":"t"}`}
	bytesPart := part{"Content-Disposition: form-data; name=\"VersionData\"; filename=\"pic\"\nContent-Type: image/x-pict", "\x89PNG\r\n\x1a\n\x00--xyz"}
	for name, parts := range map[string][]part{
		"record first":    {entity, bytesPart},
		"bytes first":     {bytesPart, entity},
		"any name":        {{"Content-Disposition: form-data; name=\"entity_document\"\nContent-Type: application/json; charset=utf-8", entity.body}, bytesPart},
		"without a type":  {{"Content-Disposition: form-data; name=\"entity_content\"", entity.body}, bytesPart},
		"as XML":          {{"Content-Disposition: form-data; name=\"e\"\nContent-Type: application/xml", "<ContentVersion><PathOnClient>a.png</PathOnClient><Title>t</Title></ContentVersion>"}, bytesPart},
		"field name case": {entity, {"Content-Disposition: form-data; name=\"versiondata\"; filename=\"x\"\nContent-Type: application/octet-stream", bytesPart.body}},
	} {
		t.Run(name, func(t *testing.T) {
			d := open(t, sim.Demo())
			body, contentType := form(parts...)
			id := d.send("POST", "/sobjects/ContentVersion", body, "Content-Type", contentType).want(201)["id"].(string)
			if got := d.send("GET", "/sobjects/ContentVersion/"+id+"/VersionData", nil); string(got.body) != bytesPart.body {
				t.Errorf("%q", got.body)
			}
		})
	}
	d := open(t, sim.Demo())
	for name, c := range map[string]struct {
		parts []part
		code  string
	}{
		"no record":     {[]part{bytesPart}, "INVALID_MULTIPART_REQUEST"},
		"same twice":    {[]part{entity, bytesPart, bytesPart}, "INVALID_MULTIPART_REQUEST"},
		"unknown field": {[]part{entity, {"Content-Disposition: form-data; name=\"Nope\"; filename=\"x\"", "x"}}, "INVALID_FIELD"},
		"not a blob":    {[]part{entity, {"Content-Disposition: form-data; name=\"Description\"; filename=\"x\"", "x"}}, "JSON_PARSER_ERROR"},
		"broken record": {[]part{{entity.head, "{"}, bytesPart}, "JSON_PARSER_ERROR"},
	} {
		body, contentType := form(c.parts...)
		t.Run(name, func(t *testing.T) {
			d.send("POST", "/sobjects/ContentVersion", body, "Content-Type", contentType).refused(400, c.code)
		})
	}
	whole, contentType := form(entity, bytesPart)
	d.send("POST", "/sobjects/ContentVersion", whole[:len(whole)-20], "Content-Type", contentType).refused(400, "INVALID_MULTIPART_REQUEST")
	d.send("POST", "/sobjects/ContentVersion", whole, "Content-Type", "multipart/form-data").refused(400, "INVALID_MULTIPART_REQUEST")
	if n := len(d.org.Files()); n != 0 {
		t.Errorf("%d files of refused uploads", n)
	}
}

func TestMultipartDocumentUpdate(t *testing.T) {
	d := open(t, sim.Demo())
	folder := d.query("SELECT Id FROM Folder")[0]["Id"].(string)
	id := d.create("Document", map[string]any{"Name": "brochure", "FolderId": folder, "Type": "pdf", "Body": b64("one")})
	body, contentType := form(part{"Content-Disposition: form-data; name=\"entity_content\";\nContent-Type: application/json", `{"Name":"two"}`},
		part{"Content-Type: application/pdf\nContent-Disposition: form-data; name=\"Body\"; filename=\"2.pdf\"", "second"})
	d.send("PATCH", "/sobjects/Document/"+id, body, "Content-Type", contentType).want(204)
	if got := d.send("GET", "/sobjects/Document/"+id+"/Body", nil); string(got.body) != "second" {
		t.Errorf("%q", got.body)
	}
}

func TestMultipartCollection(t *testing.T) {
	d := open(t, sim.Demo())
	body, contentType := form(
		part{"Content-Disposition: form-data; name=\"collection\"\nContent-Type: application/json", `{"allOrNone":true,"records":[
			{"attributes":{"type":"ContentVersion","binaryPartName":"one","binaryPartNameAlias":"VersionData"},"PathOnClient":"1.txt"},
			{"attributes":{"type":"ContentVersion","binaryPartName":"two","binaryPartNameAlias":"VersionData"},"PathOnClient":"2.txt"}]}`},
		part{"Content-Disposition: form-data; name=\"one\"; filename=\"1.txt\"\nContent-Type: text/plain", "1"},
		part{"Content-Disposition: form-data; name=\"two\"; filename=\"2.txt\"\nContent-Type: text/plain", "2"})
	d.send("POST", "/composite/sobjects", body, "Content-Type", contentType).want(200)
	files := d.org.Files()
	if len(files) != 2 || files[0].SHA256 != sha256.Sum256([]byte("1")) || files[1].SHA256 != sha256.Sum256([]byte("2")) {
		t.Errorf("%+v", files)
	}
}

func TestConnectUpload(t *testing.T) {
	d := open(t, sim.Demo())
	for name, record := range map[string][]part{
		"json": {{"Content-Disposition: form-data; name=\"json\"\nContent-Type: application/json", `{"title":"plan.pdf","desc":"d"}`}},
		"form": {{"Content-Disposition: form-data; name=\"title\"", "plan.pdf"}, {"Content-Disposition: form-data; name=\"desc\"", "d"}},
	} {
		body, contentType := form(append(record, part{"Content-Disposition: form-data; name=\"fileData\"; filename=\"plan.pdf\"\nContent-Type: application/pdf", "%PDF"})...)
		got := d.send("POST", "/connect/files/users/me", body, "Content-Type", contentType).want(201)
		if got["title"] != "plan" || got["fileExtension"] != "pdf" || got["contentSize"] != 4.0 {
			t.Errorf("%s: %v", name, got)
		}
		if back := d.send("GET", "/connect/files/"+got["id"].(string)+"/content", nil); string(back.body) != "%PDF" {
			t.Errorf("%s: %q", name, back.body)
		}
	}
}

// zeros is an endless file.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// A large upload costs disk, not memory, and leaves no file behind.
func TestLargeUploadKeepsMemoryFlat(t *testing.T) {
	size := int64(96 << 20)
	if testing.Short() {
		size = 24 << 20
	}
	conf := sim.Demo()
	conf.Dir = t.TempDir()
	d := open(t, conf)
	r, w := io.Pipe()
	mw := multipart.NewWriter(w)
	go func() {
		blob, _ := mw.CreateFormFile("VersionData", "big.bin")
		io.Copy(blob, io.LimitReader(zeros{}, size))
		entity, _ := mw.CreatePart(textproto.MIMEHeader{"Content-Disposition": {`form-data; name="entity_content"`}, "Content-Type": {"application/json"}})
		fmt.Fprint(entity, `{"PathOnClient":"big.bin"}`)
		mw.Close()
		w.Close()
	}()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	id := d.send("POST", "/sobjects/ContentVersion", io.Reader(r), "Content-Type", mw.FormDataContentType()).want(201)["id"].(string)
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 16<<20 {
		t.Errorf("%d MB allocated for %d MB", grown>>20, size>>20)
	}
	if f := d.org.Files(); len(f) != 1 || f[0].Size != size || f[0].ID != id {
		t.Errorf("%+v", f)
	}
	if err := d.org.Close(); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(conf.Dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// What is uploaded but refused does not stay on disk.
func TestRefusedUploadLeavesNothing(t *testing.T) {
	conf := sim.Demo()
	conf.Dir = t.TempDir()
	d := open(t, conf)
	body, contentType := form(part{"Content-Disposition: form-data; name=\"e\"\nContent-Type: application/json", `{"PathOnClient":"a","Nope":1}`},
		part{"Content-Disposition: form-data; name=\"VersionData\"; filename=\"a\"", strings.Repeat("x", 3<<20)})
	d.send("POST", "/sobjects/ContentVersion", body, "Content-Type", contentType).refused(400, "INVALID_FIELD")
	kase := d.create("Case", map[string]any{"Subject": "s"})
	big := b64(strings.Repeat("x", 3<<20))
	d.send("POST", "/composite/sobjects", map[string]any{"allOrNone": true, "records": []any{
		map[string]any{"attributes": map[string]any{"type": "Attachment"}, "Name": "a", "ParentId": kase, "Body": big},
		map[string]any{"attributes": map[string]any{"type": "Attachment"}, "Name": "b"}}}).want(200)
	if left, err := os.ReadDir(conf.Dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
	// Overwritten bytes go as well.
	id := d.create("Attachment", map[string]any{"Name": "a", "ParentId": kase, "Body": big})
	d.send("PATCH", "/sobjects/Attachment/"+id, map[string]any{"Body": big}).want(204)
	if left, err := os.ReadDir(conf.Dir); err != nil || len(left) != 1 {
		t.Errorf("%d files for one attachment: %v", len(left), err)
	}
}

func FuzzMultipart(f *testing.F) {
	body, _ := form(part{"Content-Disposition: form-data; name=\"e\"\nContent-Type: application/json", `{"PathOnClient":"a.png"}`},
		part{"Content-Disposition: form-data; name=\"VersionData\"; filename=\"a\"", "x"})
	f.Add([]byte(body), "multipart/form-data; boundary=xyz")
	f.Add([]byte(`{"PathOnClient":"a","VersionData":"QQ==","ContentDocument":{"Id":1}}`), "application/json")
	f.Add([]byte(`<a><PathOnClient>a</PathOnClient><VersionData>QQ==</VersionData><b><c/></b></a>`), "application/xml")
	conf := sim.Demo()
	conf.APILimit = math.MaxInt
	org := sim.NewOrg(conf)
	token := org.Token("demo@example.com")
	handler := org.Handler()
	f.Fuzz(func(t *testing.T, body []byte, contentType string) {
		for _, path := range []string{"/sobjects/ContentVersion", "/composite/sobjects", "/composite", "/composite/tree/Account", "/connect/files/users/me"} {
			r := localRequest("POST", v64+path, bytes.NewReader(body), token)
			r.Header.Set("Content-Type", contentType)
			got := serve(handler, r)
			if got.Code >= 500 {
				t.Fatalf("%s answers %d: %s", path, got.Code, got.Body)
			}
		}
	})
}
