package e2e

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/cordonhq/cordon/salesforce/sim"
)

// Place is an org with the records that tricks aim at.
type Place struct {
	CaseID, Attachment, Document, Folder, Version, ContentDocument string

	Jobs map[string]string // open bulk jobs that write files: ids by what they take
}

// Furnish makes those records, past the gateway.
func Furnish(t testing.TB, org *sim.Org, orgURL string) Place {
	t.Helper()
	create := func(object string, values map[string]any) string {
		req, _ := http.NewRequest("POST", orgURL+"/services/data/v64.0/sobjects/"+object, JsonBody(values))
		req.Header.Set("Authorization", "Bearer "+org.Token("demo@example.com"))
		req.Header.Set("Content-Type", "application/json")
		a, err := (&World{}).Do(req)
		if err != nil || a.Status != http.StatusCreated {
			t.Fatalf("furnish %s: %v %d %s", object, err, a.Status, a.Body)
		}
		return a.ID()
	}
	var p Place
	var err error
	if p.CaseID, err = org.Create("demo@example.com", "Case", map[string]any{"Subject": "a case", "External_Id__c": "X-1"}); err != nil {
		t.Fatal(err)
	}
	if p.Folder, err = org.Create("admin@example.com", "Folder", map[string]any{"Name": "f", "Type": "Document", "AccessType": "Public"}); err != nil {
		t.Fatal(err)
	}
	text := base64.StdEncoding.EncodeToString([]byte("a plain note, once put here by hand"))
	p.Attachment = create("Attachment", map[string]any{"ParentId": p.CaseID, "Name": "note.txt", "Body": text})
	p.Document = create("Document", map[string]any{"FolderId": p.Folder, "Name": "note", "Body": text})
	p.Version = create("ContentVersion", map[string]any{"Title": "note", "PathOnClient": "note.txt", "VersionData": text, "Cordon_Key__c": "K-1"})
	for _, f := range org.Files() {
		if f.ID == p.Version {
			p.ContentDocument = f.DocumentID
		}
	}
	p.Jobs = map[string]string{}
	for takes, job := range map[string][2]string{
		"rows":     {"/services/data/v64.0/jobs/ingest", `{"object":"Attachment","operation":"insert","contentType":"CSV"}`},
		"JSON":     {"/services/async/64.0/job", `{"object":"Attachment","operation":"insert","contentType":"JSON"}`},
		"XML":      {"/services/async/64.0/job", `{"object":"Attachment","operation":"insert","contentType":"XML"}`},
		"CSV":      {"/services/async/64.0/job", `{"object":"ContentVersion","operation":"insert","contentType":"CSV"}`},
		"ZIP_JSON": {"/services/async/64.0/job", `{"object":"Attachment","operation":"insert","contentType":"ZIP_JSON"}`},
		"ZIP_CSV":  {"/services/async/64.0/job", `{"object":"ContentVersion","operation":"insert","contentType":"ZIP_CSV"}`},
	} {
		req, _ := http.NewRequest("POST", orgURL+job[0], strings.NewReader(job[1]))
		req.Header.Set("Authorization", "Bearer "+org.Token("demo@example.com"))
		req.Header.Set("Content-Type", "application/json")
		a, err := (&World{}).Do(req)
		if p.Jobs[takes] = a.ID(); err != nil || p.Jobs[takes] == "" {
			t.Fatalf("open a job for %s: %v %d %s", takes, err, a.Status, a.Body)
		}
	}
	return p
}

// Trick is one attempt to get a file past the gateway.
type Trick struct {
	Name   string
	Method string // default POST
	URI    string // default that of a new ContentVersion
	Type   string // default JSON; "-" for none
	Body   string
	Header []string
	// raw is the whole request, for what a client library would not send. {{host}} and {{token}}
	// stand for the gateway and the caller's token.
	Raw     string
	Chunked bool
	// inspected: the file must have been seen, and held or delivered. Otherwise the request
	// must be refused with nothing stored.
	Inspected bool
	// either: both are right; that nothing passes is what counts.
	Either bool
}

func Zip(s string) string {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.HuffmanOnly)
	io.WriteString(z, s)
	z.Close()
	return b.String()
}

func Deflate(s string) string {
	var b bytes.Buffer
	z, _ := zlib.NewWriterLevel(&b, zlib.HuffmanOnly)
	io.WriteString(z, s)
	z.Close()
	return b.String()
}

// Form builds a multipart body from alternating headers and contents.
func Form(parts ...string) string {
	var b strings.Builder
	for i := 0; i+1 < len(parts); i += 2 {
		b.WriteString("--b\r\n" + parts[i] + "\r\n\r\n" + parts[i+1] + "\r\n")
	}
	return b.String() + "--b--\r\n"
}

const (
	DataPath = "/services/data/v64.0"
	CvPath   = DataPath + "/sobjects/ContentVersion"
	JsonType = "application/json"
	FormType = "multipart/form-data; boundary=b"

	EntityHead = "Content-Disposition: form-data; name=\"entity_content\"\r\nContent-Type: application/json"
	BinaryHead = "Content-Disposition: form-data; name=\"VersionData\"; filename=\"t.jpg\"\r\nContent-Type: image/jpeg"
)

// Send makes the attempt at an address.
func (k Trick) Send(t testing.TB, base, token string) Answer {
	t.Helper()
	or := func(s, or string) string {
		if s == "" {
			return or
		}
		return s
	}
	if k.Raw != "" {
		host := strings.TrimPrefix(base, "http://")
		conn, err := net.Dial("tcp", host)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		go io.WriteString(conn, strings.NewReplacer("{{host}}", host, "{{token}}", token).Replace(k.Raw))
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			return Answer{} // cut off, which is an answer too
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		return Answer{resp.StatusCode, resp.Header.Get("Cordon-Receipt"), b}
	}
	body := io.Reader(strings.NewReader(strings.ReplaceAll(k.Body, "{{token}}", token)))
	if k.Chunked {
		body = struct{ io.Reader }{body}
	}
	req, err := http.NewRequest(or(k.Method, "POST"), base, body)
	if err != nil {
		t.Fatal(err)
	}
	address, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	path, query, _ := strings.Cut(or(k.URI, CvPath), "?")
	req.URL = &url.URL{Scheme: "http", Host: address.Host, Opaque: path, RawQuery: query}
	if strings.HasPrefix(path, "//") {
		req.URL.Opaque = "//" + address.Host + path
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if typ := or(k.Type, JsonType); typ != "-" {
		req.Header.Set("Content-Type", typ)
	}
	for i := 0; i+1 < len(k.Header); i += 2 {
		req.Header.Add(k.Header[i], strings.ReplaceAll(k.Header[i+1], "{{token}}", token))
	}
	a, err := (&World{}).Do(req)
	if err != nil {
		return Answer{}
	}
	return a
}

// Newest is the last item that came, zero if none did.
func (w *World) Newest() ItemJSON {
	w.T.Helper()
	var page struct{ Items []ItemJSON }
	if s := w.API("GET", "/v1/items?limit=1", nil, &page); s != http.StatusOK {
		w.T.Fatalf("list items: status %d", s)
	}
	return append(page.Items, ItemJSON{})[0]
}
