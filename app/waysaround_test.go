package app_test

import (
	archive "archive/zip"
	"bufio"
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"unicode/utf16"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/app"
	"github.com/cordonhq/cordon/salesforce/sim"
)

// tap listens in front of the org and keeps every byte that was sent to it.
type tap struct {
	mu   sync.Mutex
	sent bytes.Buffer
	url  string
}

func newTap(t testing.TB, upstream string) *tap {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	p := &tap{url: "http://" + ln.Addr().String()}
	to := strings.TrimPrefix(upstream, "http://")
	go func() {
		for {
			in, err := ln.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				in.Close()
				continue
			}
			go func() {
				io.Copy(out, io.TeeReader(in, p))
				out.Close()
			}()
			go func() {
				io.Copy(in, out)
				in.Close()
			}()
		}
	}()
	return p
}

func (p *tap) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sent.Write(b)
}

// take returns what was sent since the last call.
func (p *tap) take() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := bytes.Clone(p.sent.Bytes())
	p.sent.Reset()
	return b
}

// traces are pieces of a file, plain and in base64, by which it is known in a stream.
func traces(file []byte) [][]byte {
	var out [][]byte
	for _, at := range []int{len(file) / 7, len(file) / 5, len(file) / 3, len(file) / 2, len(file) * 3 / 5, len(file) * 4 / 5} {
		out = append(out, file[at:at+24])
		for shift := range 3 {
			text := base64.StdEncoding.EncodeToString(file[at+shift : at+shift+12])
			out = append(out, []byte(text), []byte(base64.URLEncoding.EncodeToString(file[at+shift:at+shift+12])),
				[]byte(hex.EncodeToString(file[at:at+12])))
		}
	}
	return out
}

func holdsAny(stream []byte, needles [][]byte) bool {
	for _, n := range needles {
		if bytes.Contains(stream, n) {
			return true
		}
	}
	return false
}

// place is an org with the records that tricks aim at.
type place struct {
	caseID, attachment, document, folder, version, contentDocument string

	jobs map[string]string // open bulk jobs that write files: ids by what they take
}

// furnish makes those records, past the gateway.
func furnish(t testing.TB, org *sim.Org, orgURL string) place {
	t.Helper()
	create := func(object string, values map[string]any) string {
		req, _ := http.NewRequest("POST", orgURL+"/services/data/v64.0/sobjects/"+object, jsonBody(values))
		req.Header.Set("Authorization", "Bearer "+org.Token("demo@example.com"))
		req.Header.Set("Content-Type", "application/json")
		a, err := (&world{}).do(req)
		if err != nil || a.Status != http.StatusCreated {
			t.Fatalf("furnish %s: %v %d %s", object, err, a.Status, a.Body)
		}
		return a.id()
	}
	var p place
	var err error
	if p.caseID, err = org.Create("demo@example.com", "Case", map[string]any{"Subject": "a case", "External_Id__c": "X-1"}); err != nil {
		t.Fatal(err)
	}
	if p.folder, err = org.Create("admin@example.com", "Folder", map[string]any{"Name": "f", "Type": "Document", "AccessType": "Public"}); err != nil {
		t.Fatal(err)
	}
	text := base64.StdEncoding.EncodeToString([]byte("a plain note, once put here by hand"))
	p.attachment = create("Attachment", map[string]any{"ParentId": p.caseID, "Name": "note.txt", "Body": text})
	p.document = create("Document", map[string]any{"FolderId": p.folder, "Name": "note", "Body": text})
	p.version = create("ContentVersion", map[string]any{"Title": "note", "PathOnClient": "note.txt", "VersionData": text, "Cordon_Key__c": "K-1"})
	for _, f := range org.Files() {
		if f.ID == p.version {
			p.contentDocument = f.DocumentID
		}
	}
	p.jobs = map[string]string{}
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
		a, err := (&world{}).do(req)
		if p.jobs[takes] = a.id(); err != nil || p.jobs[takes] == "" {
			t.Fatalf("open a job for %s: %v %d %s", takes, err, a.Status, a.Body)
		}
	}
	return p
}

// trick is one attempt to get a file past the gateway.
type trick struct {
	name   string
	method string // default POST
	uri    string // default that of a new ContentVersion
	typ    string // default JSON; "-" for none
	body   string
	header []string
	// raw is the whole request, for what a client library would not send. {{host}} and {{token}}
	// stand for the gateway and the caller's token.
	raw     string
	chunked bool
	// inspected: the file must have been seen, and held or delivered. Otherwise the request
	// must be refused with nothing stored.
	inspected bool
	// either: both are right; that nothing passes is what counts.
	either bool
}

func zip(s string) string {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.HuffmanOnly)
	io.WriteString(z, s)
	z.Close()
	return b.String()
}

func deflate(s string) string {
	var b bytes.Buffer
	z, _ := zlib.NewWriterLevel(&b, zlib.HuffmanOnly)
	io.WriteString(z, s)
	z.Close()
	return b.String()
}

func utf16Text(s string) string {
	var b bytes.Buffer
	b.WriteString("\xfe\xff")
	for _, u := range utf16.Encode([]rune(s)) {
		b.WriteByte(byte(u >> 8))
		b.WriteByte(byte(u))
	}
	return b.String()
}

func escaped(s string) string {
	var b strings.Builder
	for i := range len(s) {
		b.WriteString(`\u00`)
		b.WriteByte("0123456789abcdef"[s[i]>>4])
		b.WriteByte("0123456789abcdef"[s[i]&15])
	}
	return b.String()
}

func lines(s, end string, width int) string {
	var b strings.Builder
	for len(s) > width {
		b.WriteString(s[:width] + end)
		s = s[width:]
	}
	return b.String() + s
}

// packed is a zip of records with the file that they name, stored as it is.
func packed(records string, file []byte) string {
	var b bytes.Buffer
	w := archive.NewWriter(&b)
	for name, data := range map[string][]byte{"request.txt": []byte(records), "a.jpg": file} {
		if f, err := w.CreateHeader(&archive.FileHeader{Name: name, Method: archive.Store}); err == nil {
			f.Write(data) // to memory
		}
	}
	w.Close()
	return b.String()
}

// form builds a multipart body from alternating headers and contents.
func form(parts ...string) string {
	var b strings.Builder
	for i := 0; i+1 < len(parts); i += 2 {
		b.WriteString("--b\r\n" + parts[i] + "\r\n\r\n" + parts[i+1] + "\r\n")
	}
	return b.String() + "--b--\r\n"
}

const (
	dataPath = "/services/data/v64.0"
	cvPath   = dataPath + "/sobjects/ContentVersion"
	jsonType = "application/json"
	formType = "multipart/form-data; boundary=b"

	entityHead = "Content-Disposition: form-data; name=\"entity_content\"\r\nContent-Type: application/json"
	binaryHead = "Content-Disposition: form-data; name=\"VersionData\"; filename=\"t.jpg\"\r\nContent-Type: image/jpeg"
)

// tricks lists them for one file.
func tricks(p place, file []byte) []trick {
	b64 := base64.StdEncoding.EncodeToString(file)
	harmless := base64.StdEncoding.EncodeToString([]byte("harmless text"))
	cv := `{"Title":"t","PathOnClient":"t.jpg","VersionData":"` + b64 + `"}`
	entity := `{"Title":"t","PathOnClient":"t.jpg"}`
	attachment := `{"ParentId":"` + p.caseID + `","Name":"a.jpg","Body":"` + b64 + `"}`
	composite := func(method, address, body string) string {
		return `{"allOrNone":true,"compositeRequest":[{"method":"` + method + `","url":"` + address + `","referenceId":"r","body":` + body + `}]}`
	}
	request := func(line, headers, body string) string {
		return line + "\r\nHost: {{host}}\r\nAuthorization: Bearer {{token}}\r\nContent-Type: application/json\r\nConnection: close\r\n" + headers + "\r\n" + body
	}
	post := "POST " + cvPath + " HTTP/1.1"
	length := fmt.Sprintf("Content-Length: %d\r\n", len(cv))
	chunks := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(cv), cv)
	soap := func(verb string) string {
		return `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:x="http://www.w3.org/2001/XMLSchema-instance"><e:Header><SessionHeader xmlns="urn:partner.soap.sforce.com"><sessionId>{{token}}</sessionId></SessionHeader></e:Header>` +
			`<e:Body><` + verb + ` xmlns="urn:partner.soap.sforce.com"><sObjects><type>Attachment</type><ParentId>` + p.caseID + `</ParentId><Name>a.jpg</Name><Body>` + b64 + `</Body></sObjects></` + verb + `></e:Body></e:Envelope>`
	}
	async := "/services/async/64.0/job"
	list := []trick{
		// Names
		{name: "object in other case", uri: dataPath + "/sobjects/cONTENTvERSION", inspected: true},
		{name: "path in other case", uri: "/SERVICES/Data/V64.0/SObjects/contentversion", inspected: true},
		{name: "field in other case", body: `{"title":"t","PATHONCLIENT":"t.jpg","VERSIONDATA":"` + b64 + `"}`, inspected: true},
		{name: "field with spaces around", body: `{"Title":"t","PathOnClient":"t.jpg"," VersionData ":"` + b64 + `"}`, either: true},
		{name: "field with NUL behind", body: `{"Title":"t","PathOnClient":"t.jpg","VersionData\u0000":"` + b64 + `"}`},
		{name: "field with a long s", body: `{"Title":"t","PathOnClient":"t.jpg","Ver\u017fionData":"` + b64 + `"}`, either: true},
		{name: "percent-encoded", uri: dataPath + "/sobjects/%43ontent%56ersion", inspected: true},
		{name: "percent-encoded twice", uri: dataPath + "/sobjects/%2543ontentVersion"},
		{name: "encoded slash", uri: dataPath + "/sobjects%2FContentVersion"},
		{name: "doubled slashes", uri: "//services///data/v64.0//sobjects//ContentVersion", inspected: true},
		{name: "dot segments", uri: "/services/apexrest/../data/v64.0/./sobjects/Case/../ContentVersion", inspected: true},
		{name: "encoded dot segments", uri: dataPath + "/sobjects/Case/%2e%2e/ContentVersion", inspected: true},
		{name: "trailing slash", uri: cvPath + "/", inspected: true},
		{name: "path parameter", uri: cvPath + ";jsessionid=1"},
		{name: "backslash", uri: dataPath + "/sobjects%5CContentVersion"},
		{name: "NUL in the path", uri: cvPath + "%00"},
		{name: "line end in the path", uri: cvPath + "%0d%0a"},
		{name: "suffix", uri: cvPath + ".json", inspected: true},
		{name: "very long path", uri: "/services/data/v64.0/sobjects/" + strings.Repeat("x/../", 1500) + "ContentVersion", either: true},
		{name: "longer path", uri: "/services/data/v64.0/sobjects/" + strings.Repeat("x/../", 9000) + "ContentVersion"},
		{name: "old version", uri: "/services/data/v40.0/sobjects/ContentVersion", inspected: true},
		{name: "very old version", uri: "/services/data/v20.0/sobjects/ContentVersion", either: true},
		{name: "future version", uri: "/services/data/v99.0/sobjects/ContentVersion", either: true},
		{name: "no version", uri: "/services/data/latest/sobjects/ContentVersion"},
		{name: "fragment", uri: cvPath + "%23x"},

		// Methods
		{name: "_HttpMethod=PATCH on an attachment", uri: dataPath + "/sobjects/Attachment/" + p.attachment + "?_HttpMethod=PATCH", body: `{"Body":"` + b64 + `"}`, inspected: true},
		{name: "_HttpMethod=GET", uri: cvPath + "?_HttpMethod=GET"},
		{name: "_HttpMethod=DELETE", uri: cvPath + "/" + p.version + "?_HttpMethod=DELETE"},
		{name: "_HttpMethod twice", uri: cvPath + "?_HttpMethod=PATCH&_HttpMethod=POST"},
		{name: "X-HTTP-Method-Override: GET", header: []string{"X-HTTP-Method-Override", "GET"}, inspected: true},
		{name: "X-HTTP-Method-Override on GET", method: "GET", header: []string{"X-HTTP-Method-Override", "POST"}},
		{name: "method override in a form", typ: "application/x-www-form-urlencoded", body: "_method=PATCH&VersionData=" + url.QueryEscape(b64)},
		{name: "GET with a body", method: "GET"},
		{name: "DELETE with a body", method: "DELETE", uri: cvPath + "/" + p.version},
		{name: "PUT", method: "PUT", either: true},
		{name: "method in small letters", raw: request("post "+cvPath+" HTTP/1.1", length, cv)},
		{name: "unknown method", method: "MERGE"},

		// Encodings of the body
		{name: "gzip", body: zip(cv), header: []string{"Content-Encoding", "gzip"}, inspected: true},
		{name: "gzip in capitals", body: zip(cv), header: []string{"Content-Encoding", "GZIP"}, inspected: true},
		{name: "deflate", body: deflate(cv), header: []string{"Content-Encoding", "deflate"}, inspected: true},
		{name: "gzip twice", body: zip(zip(cv)), header: []string{"Content-Encoding", "gzip, gzip"}},
		{name: "gzip twice, two headers", body: zip(zip(cv)), header: []string{"Content-Encoding", "gzip", "Content-Encoding", "gzip"}},
		{name: "gzip unannounced", body: zip(cv)},
		{name: "two gzip members", body: zip(cv[:100]) + zip(cv[100:]), header: []string{"Content-Encoding", "gzip"}, either: true},
		{name: "brotli announced", header: []string{"Content-Encoding", "br"}},
		{name: "identity announced", header: []string{"Content-Encoding", "identity"}, inspected: true},
		{name: "chunked", chunked: true, inspected: true},
		{name: "Expect: 100-continue", header: []string{"Expect", "100-continue"}, inspected: true},
		{name: "byte order mark", body: "\xef\xbb\xbf" + cv, inspected: true},
		{name: "UTF-16", body: utf16Text(cv)},
		{name: "UTF-16 announced", typ: jsonType + "; charset=utf-16", body: utf16Text(cv)},
		{name: "UTF-7 announced", typ: jsonType + "; charset=utf-7"},
		{name: "charset twice", typ: jsonType + "; charset=utf-8; charset=utf-16", body: utf16Text(cv)},
		{name: "XML", typ: "application/xml", body: "<ContentVersion><Title>t</Title><PathOnClient>t.jpg</PathOnClient><VersionData>" + b64 + "</VersionData></ContentVersion>"},
		{name: "XML unannounced", typ: "-", body: "<ContentVersion><Title>t</Title><VersionData>" + b64 + "</VersionData></ContentVersion>"},
		{name: "a form", typ: "application/x-www-form-urlencoded", body: "Title=t&PathOnClient=t.jpg&VersionData=" + url.QueryEscape(b64)},

		// JSON
		{name: "duplicate key", body: `{"Title":"t","PathOnClient":"t.jpg","VersionData":"` + harmless + `","VersionData":"` + b64 + `"}`},
		{name: "duplicate key in other case", body: `{"Title":"t","PathOnClient":"t.jpg","VersionData":"` + harmless + `","versiondata":"` + b64 + `"}`},
		{name: "duplicate key escaped", body: `{"Title":"t","PathOnClient":"t.jpg","VersionData":"` + harmless + `","Version\u0044ata":"` + b64 + `"}`},
		{name: "escaped key", body: `{"Title":"t","PathOnClient":"t.jpg","` + escaped("VersionData") + `":"` + b64 + `"}`, inspected: true},
		{name: "escaped base64", body: `{"Title":"t","PathOnClient":"t.jpg","VersionData":"` + escaped(b64) + `"}`, inspected: true},
		{name: "base64 in lines", body: `{"Title":"t","PathOnClient":"t.jpg","VersionData":"` + lines(b64, `\r\n`, 76) + `"}`, inspected: true},
		{name: "base64 of the URL alphabet", body: `{"Title":"t","PathOnClient":"t.jpg","VersionData":"` + base64.RawURLEncoding.EncodeToString(file) + `"}`, inspected: true},
		{name: "file as an object", body: `{"Title":"t","PathOnClient":"t.jpg","VersionData":{"value":"` + b64 + `"}}`},
		{name: "file in a list", body: `{"Title":"t","PathOnClient":"t.jpg","VersionData":["` + b64 + `"]}`},
		{name: "content after the end", body: `{"Title":"t","PathOnClient":"t.jpg"}` + cv},
		{name: "content before, as a comment", body: "/*" + entity + "*/" + cv},
		{name: "a list of records", body: "[" + cv + "]"},
		{name: "single quotes", body: strings.ReplaceAll(cv, `"`, `'`)},
		{name: "trailing comma", body: strings.TrimSuffix(cv, "}") + ",}"},
		{name: "file beside the file", body: `{"Title":"t","PathOnClient":"t.jpg","Description":"` + b64 + `","VersionData":"` + harmless + `"}`},
		{name: "file as an external document", body: `{"Title":"t","ContentUrl":"data:image/jpeg;base64,` + b64 + `"}`},

		// Multipart
		{name: "multipart", typ: formType, body: form(entityHead, entity, binaryHead, string(file)), inspected: true},
		{name: "multipart, binary first", typ: formType, body: form(binaryHead, string(file), entityHead, entity), inspected: true},
		{name: "multipart in capitals", typ: "MULTIPART/Form-Data; BOUNDARY=b", body: form(entityHead, entity, binaryHead, string(file)), inspected: true},
		{name: "boundary twice", typ: "multipart/form-data; boundary=a; boundary=b", body: form(entityHead, entity, binaryHead, string(file))},
		{name: "boundary inside a part", typ: formType, body: form(entityHead, entity, binaryHead, string(file)+"\r\n--bb\r\nx --b--"), inspected: true},
		{name: "part in other case", typ: formType, body: form(strings.ToUpper(entityHead), entity, strings.Replace(binaryHead, "VersionData", "vERSIONdATA", 1), string(file)), either: true},
		{name: "two binary parts", typ: formType, body: form(entityHead, entity, binaryHead, "harmless", binaryHead, string(file))},
		{name: "binary part under another name besides", typ: formType, body: form(entityHead, entity, binaryHead, "harmless", `Content-Disposition: form-data; name="more"; filename="x.jpg"`, string(file))},
		{name: "VersionData in JSON and in a part", typ: formType, body: form(entityHead, cv, binaryHead, "harmless")},
		{name: "VersionData in JSON of a form only", typ: formType, body: form(entityHead, cv)},
		{name: "two entities", typ: formType, body: form(entityHead, `{"Title":"u","PathOnClient":"u.jpg"}`, entityHead, cv, binaryHead, "harmless")},
		{name: "part in base64", typ: formType, body: form(entityHead, entity, binaryHead+"\r\nContent-Transfer-Encoding: base64", b64)},
		{name: "filename*", typ: formType, body: form(entityHead, entity, "Content-Disposition: form-data; name=\"VersionData\"; filename*=UTF-8''t.jpg", string(file)), inspected: true},
		{name: "name*", typ: formType, body: form(entityHead, entity, "Content-Disposition: form-data; name*=UTF-8''VersionData; filename=\"t.jpg\"", string(file)), either: true},
		{name: "name twice in a part", typ: formType, body: form(entityHead, entity, "Content-Disposition: form-data; name=\"x\"; name=\"VersionData\"; filename=\"t.jpg\"", string(file))},
		{name: "two dispositions", typ: formType, body: form(entityHead, entity, "Content-Disposition: form-data; name=\"note\"\r\n"+binaryHead, string(file))},
		{name: "nested multipart", typ: formType, body: form(entityHead, entity, "Content-Disposition: form-data; name=\"VersionData\"\r\nContent-Type: multipart/mixed; boundary=c", "--c\r\n"+binaryHead+"\r\n\r\n"+string(file)+"\r\n--c--")},
		{name: "file after the last boundary", typ: formType, body: form(entityHead, entity, binaryHead, "harmless") + form(binaryHead, string(file)), either: true},
		{name: "file before the first boundary", typ: formType, body: string(file) + "\r\n" + form(entityHead, entity, binaryHead, "harmless"), either: true},
		{name: "bare line feeds", typ: formType, body: "--b\n" + strings.ReplaceAll(entityHead, "\r\n", "\n") + "\n\n" + entity + "\n--b\n" + strings.ReplaceAll(binaryHead, "\r\n", "\n") + "\n\n" + string(file) + "\n--b--\n", either: true},
		{name: "multipart/mixed", typ: "multipart/mixed; boundary=b", body: form(entityHead, entity, binaryHead, string(file))},
		{name: "multipart/related", typ: "multipart/related; boundary=b", body: form(entityHead, entity, binaryHead, string(file))},
		{name: "form announced as JSON", body: form(entityHead, entity, binaryHead, string(file))},
		{name: "JSON announced as text", typ: "text/plain"},
		{name: "JSON announced as a picture", typ: "image/jpeg"},
		{name: "no type", typ: "-", inspected: true},
		{name: "two types", header: []string{"Content-Type", "text/plain"}},
		{name: "two types in one", typ: jsonType + ", multipart/form-data; boundary=b", body: form(entityHead, entity, binaryHead, string(file))},
		{name: "bytes as they are", typ: "application/octet-stream", body: string(file)},
		{name: "bytes to the field", method: "PUT", uri: cvPath + "/" + p.version + "/VersionData", typ: "application/octet-stream", body: string(file)},

		// Hidden type
		{name: "name says text", typ: formType, body: form(entityHead, `{"Title":"t","PathOnClient":"t.txt"}`, strings.Replace(strings.Replace(binaryHead, "t.jpg", "t.txt", 1), "image/jpeg", "text/plain", 1), string(file)), either: true},
		{name: "type says PDF", typ: formType, body: form(entityHead, `{"Title":"t","PathOnClient":"t.pdf"}`, strings.Replace(strings.Replace(binaryHead, "t.jpg", "t.pdf", 1), "image/jpeg", "application/pdf", 1), string(file)), either: true},
		{name: "attachment says text", uri: dataPath + "/sobjects/Attachment", body: `{"ParentId":"` + p.caseID + `","Name":"a.txt","ContentType":"text/plain","Body":"` + b64 + `"}`, either: true},

		// Other records with files
		{name: "attachment", uri: dataPath + "/sobjects/attachment", body: attachment, inspected: true},
		{name: "body of an attachment", method: "PATCH", uri: dataPath + "/sobjects/Attachment/" + p.attachment, body: `{"Body":"` + b64 + `"}`, inspected: true},
		{name: "document", uri: dataPath + "/sobjects/Document", body: `{"FolderId":"` + p.folder + `","Name":"d","Body":"` + b64 + `"}`, inspected: true},
		{name: "body of a document", method: "PATCH", uri: dataPath + "/sobjects/Document/" + p.document, body: `{"Body":"` + b64 + `"}`, inspected: true},
		{name: "new version", body: `{"Title":"t","PathOnClient":"t.jpg","ContentDocumentId":"` + p.contentDocument + `","VersionData":"` + b64 + `"}`, inspected: true},
		{name: "upsert by external id", method: "PATCH", uri: cvPath + "/Cordon_Key__c/new-" + hex.EncodeToString(file[len(file)-4:]), inspected: true},
		{name: "upsert by POST", uri: cvPath + "/Cordon_Key__c/newer-" + hex.EncodeToString(file[len(file)-4:]) + "?_HttpMethod=PATCH", inspected: true},
		{name: "path and file of a version", method: "PATCH", uri: cvPath + "/" + p.version, body: `{"PathOnClient":"t.jpg","VersionData":"` + b64 + `"}`, either: true},
		{name: "through a relationship", method: "PATCH", uri: dataPath + "/sobjects/ContentDocument/" + p.contentDocument + "/LatestPublishedVersion", body: `{"versionData":"` + b64 + `"}`},
		{name: "through a parent", uri: dataPath + "/sobjects/Case/" + p.caseID + "/Attachments", body: attachment},
		{name: "static resource", uri: dataPath + "/sobjects/StaticResource", body: `{"Name":"x","Body":"` + b64 + `"}`},
		{name: "old feed item", uri: "/services/data/v30.0/sobjects/FeedItem", body: `{"ParentId":"` + p.caseID + `","Type":"ContentPost","ContentData":"` + b64 + `"}`},
		{name: "type in the attributes", uri: dataPath + "/sobjects/Case", body: `{"attributes":{"type":"Attachment"},"ParentId":"` + p.caseID + `","Body":"` + b64 + `"}`},

		// Requests within requests
		{name: "composite", uri: dataPath + "/composite", body: composite("POST", cvPath, cv)},
		{name: "composite, odd address", uri: dataPath + "/composite/", body: composite("post", "/services//data/v64.0/sobjects/x/../%43ontentversion", cv)},
		{name: "composite, override", uri: dataPath + "/composite", body: composite("POST", dataPath+"/sobjects/Attachment/"+p.attachment+"?_HttpMethod=PATCH", `{"Body":"`+b64+`"}`)},
		{name: "composite in composite", uri: dataPath + "/composite", body: composite("POST", dataPath+"/composite", composite("POST", cvPath, cv))},
		{name: "collections in composite", uri: dataPath + "/composite", body: composite("POST", dataPath+"/composite/sobjects", `{"records":[{"attributes":{"type":"contentVersion"},"Title":"t","PathOnClient":"t.jpg","VersionData":"`+b64+`"}]}`)},
		{name: "composite compressed", uri: dataPath + "/composite", body: zip(composite("POST", cvPath, cv)), header: []string{"Content-Encoding", "gzip"}},
		{name: "composite, list in other case", uri: dataPath + "/composite", body: strings.Replace(composite("POST", cvPath, cv), "compositeRequest", "COMPOSITEREQUEST", 1)},
		{name: "composite, two lists", uri: dataPath + "/composite", body: `{"compositeRequest":[],` + composite("POST", cvPath, cv)[1:]},
		{name: "composite, absolute address", uri: dataPath + "/composite", body: composite("POST", "https://example.my.salesforce.com"+cvPath, cv)},
		{name: "composite, reference as object", uri: dataPath + "/composite", body: composite("POST", dataPath+"/sobjects/@{x.type}", cv)},
		{name: "composite of Apex REST", uri: dataPath + "/composite", body: composite("POST", "/services/apexrest/upload", cv)},
		{name: "composite of a bulk job", uri: dataPath + "/composite", body: composite("POST", dataPath+"/jobs/ingest", `{"object":"ContentVersion","operation":"insert"}`)},
		{name: "batch", uri: dataPath + "/composite/batch", body: `{"batchRequests":[{"method":"POST","url":"v64.0/sobjects/ContentVersion","richInput":` + cv + `}]}`},
		{name: "batch with a part", uri: dataPath + "/composite/batch", typ: formType, body: form("Content-Disposition: form-data; name=\"batch\"\r\nContent-Type: application/json", `{"batchRequests":[{"method":"POST","url":"v64.0/sobjects/ContentVersion","richInput":`+entity+`,"binaryPartName":"p","binaryPartNameAlias":"VersionData"}]}`, `Content-Disposition: form-data; name="p"; filename="t.jpg"`, string(file))},
		{name: "tree", uri: dataPath + "/composite/tree/Case", body: `{"records":[{"attributes":{"type":"Case","referenceId":"c"},"Subject":"s","Attachments":{"records":[{"attributes":{"type":"Attachment","referenceId":"a"},"Name":"a.jpg","Body":"` + b64 + `"}]}}]}`},
		{name: "graph", uri: dataPath + "/composite/graph", body: `{"graphs":[{"graphId":"1",` + composite("POST", cvPath, cv)[len(`{"allOrNone":true,`):] + `]}`},
		{name: "collections", uri: dataPath + "/composite/sobjects", body: `{"records":[{"attributes":{"type":"ContentVersion"},"Title":"t","PathOnClient":"t.jpg","VersionData":"` + b64 + `"}]}`},
		{name: "collections in a form", uri: dataPath + "/composite/sobjects", typ: formType, body: form("Content-Disposition: form-data; name=\"entity\"\r\nContent-Type: application/json", `{"records":[{"attributes":{"type":"ContentVersion","binaryPartName":"p","binaryPartNameAlias":"VersionData"},"Title":"t","PathOnClient":"t.jpg"}]}`, `Content-Disposition: form-data; name="p"; filename="t.jpg"`, string(file))},
		{name: "collections, upsert", method: "PATCH", uri: dataPath + "/composite/sobjects/ContentVersion/Cordon_Key__c", body: `{"records":[{"attributes":{"type":"ContentVersion"},"Cordon_Key__c":"c1","Title":"t","PathOnClient":"t.jpg","VersionData":"` + b64 + `"}]}`},
		{name: "bulk job", uri: dataPath + "/jobs/ingest", body: `{"object":"contentversion","operation":"insert","contentType":"CSV"}`},
		{name: "bulk rows", method: "PUT", uri: dataPath + "/jobs/ingest/750000000000015AAA/batches", typ: "text/csv", body: "Title,PathOnClient,VersionData\nt,t.jpg," + b64},
		{name: "bulk 1 job", uri: "/services/async/64.0/job", typ: "application/xml", body: `<jobInfo xmlns="http://www.force.com/2009/06/asyncapi/dataload"><operation>insert</operation><object>Attachment</object><contentType>CSV</contentType></jobInfo>`, header: []string{"X-SFDC-Session", "{{token}}"}},
		{name: "bulk 1 zip", uri: "/services/async/64.0/job/750000000000015AAA/batch", typ: "zip/csv", body: "PK\x03\x04" + string(file)},
		{name: "bulk job with its rows", uri: dataPath + "/jobs/ingest", typ: formType, body: form("Content-Disposition: form-data; name=\"job\"\r\nContent-Type: application/json", `{"object":"Attachment","operation":"insert","contentType":"CSV"}`,
			"Content-Disposition: form-data; name=\"content\"; filename=\"a.csv\"\r\nContent-Type: text/csv", "Name,ParentId,Body\na.jpg,"+p.caseID+","+b64+"\n")},
		{name: "bulk rows into a job that is there", method: "PUT", uri: dataPath + "/jobs/ingest/" + p.jobs["rows"] + "/batches", typ: "text/csv", body: "Name,ParentId,Body\na.jpg," + p.caseID + "," + b64 + "\n"},
		{name: "bulk query", uri: dataPath + "/jobs/query", body: `{"operation":"query","query":"SELECT Id FROM Case WHERE Subject = '` + b64 + `'"}`},
		{name: "bulk 1 job in JSON", uri: async, body: `{"operation":"insert","object":"attachment","contentType":"JSON"}`},
		{name: "bulk 1 job for a zip", uri: async, body: `{"operation":"insert","object":"Attachment","contentType":"ZIP_JSON"}`},
		{name: "bulk 1 rows in JSON", uri: async + "/" + p.jobs["JSON"] + "/batch", body: "[" + attachment + "]"},
		{name: "bulk 1 rows in JSON, compressed", uri: async + "/" + p.jobs["JSON"] + "/batch", body: zip("[" + attachment + "]"), header: []string{"Content-Encoding", "gzip"}},
		{name: "bulk 1 rows in JSON, address in other case", uri: "/SERVICES/Async/64.0/JOB/" + p.jobs["JSON"] + "/Batch/", body: "[" + attachment + "]"},
		{name: "bulk 1 rows in XML", uri: async + "/" + p.jobs["XML"] + "/batch", typ: "application/xml", body: "<sObjects><sObject><Name>a.jpg</Name><ParentId>" + p.caseID + "</ParentId><Body>" + b64 + "</Body></sObject></sObjects>"},
		{name: "bulk 1 rows in CSV", uri: async + "/" + p.jobs["CSV"] + "/batch", typ: "text/csv", body: "Title,PathOnClient,VersionData\nt,t.jpg," + b64 + "\n"},
		{name: "bulk 1 zip with JSON", uri: async + "/" + p.jobs["ZIP_JSON"] + "/batch", typ: "zip/json", body: packed(`[{"Name":"a.jpg","ParentId":"`+p.caseID+`","Body":"#a.jpg"}]`, file)},
		{name: "bulk 1 zip with CSV", uri: async + "/" + p.jobs["ZIP_CSV"] + "/batch", typ: "zip/csv", body: packed("Title,PathOnClient,VersionData\nt,t.jpg,#a.jpg\n", file)},
		{name: "content note", uri: dataPath + "/sobjects/ContentNote", body: `{"Title":"n","Content":"` + b64 + `"}`},
		{name: "parameterized search", uri: dataPath + "/parameterizedSearch", body: `{"q":"` + b64 + `","sobjects":[{"name":"Case"}]}`},
		{name: "through two parents", method: "PATCH", uri: dataPath + "/sobjects/ContentDocumentLink/" + p.contentDocument + "/ContentDocument/LatestPublishedVersion", body: `{"VersionData":"` + b64 + `"}`},
		{name: "SOAP create", uri: "/services/Soap/u/64.0", typ: "text/xml", body: soap("create"), header: []string{"SOAPAction", `""`}},
		{name: "SOAP upsert, enterprise", uri: "/services/Soap/c/64.0", typ: "text/xml", body: soap("upsert"), header: []string{"SOAPAction", `""`}},
		{name: "SOAP create, spoken of as a query", uri: "/services/Soap/u/64.0", typ: "text/xml", body: soap("create"), header: []string{"SOAPAction", "query"}},
		{name: "SOAP 1.2", uri: "/services/Soap/u/64.0", typ: "application/soap+xml", body: soap("create")},
		{name: "SOAP deploy", uri: "/services/Soap/m/64.0", typ: "text/xml", body: soap("deploy")},
		{name: "Apex SOAP", uri: "/services/Soap/class/Upload", typ: "text/xml", body: soap("query")},
		{name: "Apex REST", uri: "/services/apexrest/upload", body: `{"image":"` + b64 + `"}`},
		{name: "Connect file", uri: dataPath + "/connect/files/users/me", typ: formType, body: form("Content-Disposition: form-data; name=\"json\"\r\nContent-Type: application/json", `{"title":"t"}`, `Content-Disposition: form-data; name="fileData"; filename="t.jpg"`, string(file))},
		{name: "Chatter file", uri: dataPath + "/chatter/users/me/files", typ: formType, body: form(`Content-Disposition: form-data; name="fileData"; filename="t.jpg"`, string(file))},
		{name: "Connect batch", uri: dataPath + "/connect/batch", body: `{"batchRequests":[{"method":"POST","url":"v64.0/sobjects/ContentVersion","richInput":` + cv + `}]}`},
		{name: "tooling", uri: dataPath + "/tooling/sobjects/ContentVersion"},
		{name: "tooling composite", uri: dataPath + "/tooling/composite", body: composite("POST", dataPath+"/tooling/sobjects/ContentVersion", cv)},
		{name: "ui-api record", uri: dataPath + "/ui-api/records", body: `{"apiName":"ContentVersion","fields":{"Title":"t","PathOnClient":"t.jpg","VersionData":"` + b64 + `"}}`},
		{name: "ui-api document", uri: dataPath + "/ui-api/records/content-documents/content-versions", typ: formType, body: form(`Content-Disposition: form-data; name="fileData"; filename="t.jpg"`, string(file))},
		{name: "GraphQL mutation", uri: dataPath + "/graphql", body: `{"query":"mutation m { uiapi { ContentVersionCreate(input: {ContentVersion: {VersionData: \"` + b64 + `\"}}) { Record { Id } } } }"}`},
		{name: "flow", uri: dataPath + "/actions/custom/flow/Intake", body: `{"inputs":[{"image":"` + b64 + `"}]}`},
		{name: "SCIM photo", uri: "/services/scim/v2/Users", body: `{"photos":[{"value":"data:image/jpeg;base64,` + b64 + `"}]}`},
		{name: "user interface", uri: "/chatter/handlers/file/body", typ: formType, body: form(binaryHead, string(file))},
		{name: "user interface servlet", uri: "/servlet/servlet.FileUpload", typ: formType, body: form(binaryHead, string(file))},

		// Text that is a file
		{name: "data URI in rich text", method: "PATCH", uri: dataPath + "/sobjects/Case/" + p.caseID, body: `{"Notes__c":"<p><img src=\"data:image/jpeg;base64,` + b64 + `\"></p>"}`},
		{name: "data URI with entities", method: "PATCH", uri: dataPath + "/sobjects/Case/" + p.caseID, body: `{"Notes__c":"<img src=\"d&#x61;ta&colon;image/jpeg;base64,` + b64 + `\">"}`},
		{name: "data URI broken by tabs", method: "PATCH", uri: dataPath + "/sobjects/Case/" + p.caseID, body: `{"Notes__c":"<img src=\"da\u0009ta:image/jpeg;base64,` + b64 + `\">"}`},
		{name: "data URI in percent escapes", method: "PATCH", uri: dataPath + "/sobjects/Case/" + p.caseID, body: `{"Notes__c":"<img src=\"data:image/svg+xml,%3Csvg%20xmlns=%22x%22%3E%3Cimage href=%22data:image/jpeg;base64,` + b64 + `%22/%3E\">"}`},
		{name: "picture in an e-mail", uri: dataPath + "/sobjects/EmailMessage", body: `{"ParentId":"` + p.caseID + `","Subject":"s","HtmlBody":"<img src='data:image/jpeg;base64,` + b64 + `'>"}`},
		{name: "base64 in a description", method: "PATCH", uri: dataPath + "/sobjects/Case/" + p.caseID, body: `{"Description":"` + b64 + `"}`},
		{name: "base64 behind words", method: "PATCH", uri: dataPath + "/sobjects/Case/" + p.caseID, body: `{"Description":"Here it is: ` + b64 + `"}`},
		{name: "base64 behind a letter", method: "PATCH", uri: dataPath + "/sobjects/Case/" + p.caseID, body: `{"Description":"x` + b64 + `"}`},
		{name: "base64 behind a path", method: "PATCH", uri: dataPath + "/sobjects/Case/" + p.caseID, body: `{"Description":"image/` + b64 + `"}`},
		{name: "base64 in short lines", method: "PATCH", uri: dataPath + "/sobjects/Case/" + p.caseID, body: `{"Description":"` + lines(b64, `\n`, 20) + `"}`},
		{name: "base64 in words", method: "PATCH", uri: dataPath + "/sobjects/Case/" + p.caseID, body: `{"Description":"` + lines(b64, " ", 24) + `"}`},
		{name: "base64 backwards aligned", method: "PATCH", uri: dataPath + "/sobjects/Case/" + p.caseID, body: `{"Description":"` + base64.StdEncoding.EncodeToString(append([]byte("x"), file...)) + `"}`},
		{name: "hexadecimal", method: "PATCH", uri: dataPath + "/sobjects/Case/" + p.caseID, body: `{"Description":"` + hex.EncodeToString(file) + `"}`},
		{name: "base64 compressed", method: "PATCH", uri: dataPath + "/sobjects/Case/" + p.caseID, body: `{"Description":"` + base64.StdEncoding.EncodeToString([]byte(zip(string(file)))) + `"}`},
		{name: "base64 in XML", method: "PATCH", uri: dataPath + "/sobjects/Case/" + p.caseID, typ: "application/xml", body: "<Case><Description>" + b64 + "</Description></Case>"},
		{name: "base64 in XML pieces", method: "PATCH", uri: dataPath + "/sobjects/Case/" + p.caseID, typ: "application/xml", body: "<Case><Description>" + b64[:10] + "<!-- -->" + b64[10:20] + "<![CDATA[" + b64[20:] + "]]></Description></Case>"},

		// Framing
		{name: "both lengths", raw: request(post, "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", chunks), either: true},
		{name: "coding twice", raw: request(post, "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", chunks)},
		{name: "coding in a list", raw: request(post, "Transfer-Encoding: gzip, chunked\r\n", chunks)},
		{name: "unknown coding", raw: request(post, "Transfer-Encoding: xchunked\r\n", chunks)},
		{name: "coding behind a tab", raw: request(post, "Transfer-Encoding: \tchunked\r\n", chunks), either: true},
		{name: "coding before a colon", raw: request(post, "Transfer-Encoding : chunked\r\n", chunks)},
		{name: "two lengths", raw: request(post, length+"Content-Length: 2\r\n", cv)},
		{name: "length with a sign", raw: request(post, fmt.Sprintf("Content-Length: +%d\r\n", len(cv)), cv)},
		{name: "length in hexadecimal", raw: request(post, fmt.Sprintf("Content-Length: 0x%x\r\n", len(cv)), cv)},
		{name: "no length", raw: request(post, "", cv)},
		{name: "length of nothing", raw: request(post, "Content-Length: 0\r\n", cv)},
		{name: "chunk with an extension", raw: request(post, "Transfer-Encoding: chunked\r\n", fmt.Sprintf("%x;x=y\r\n%s\r\n0\r\n\r\n", len(cv), cv)), either: true},
		{name: "smuggled behind a GET", raw: request("GET "+dataPath+" HTTP/1.1", fmt.Sprintf("Content-Length: %d\r\n", len(request(post, length, cv))), request(post, length, cv))},
		{name: "smuggled behind an upgrade", raw: "GET " + dataPath + " HTTP/1.1\r\nHost: {{host}}\r\nAuthorization: Bearer {{token}}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n" + request(post, length, cv), either: true},
		{name: "smuggled behind h2c", raw: "GET " + dataPath + " HTTP/1.1\r\nHost: {{host}}\r\nAuthorization: Bearer {{token}}\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n" + request(post, length, cv), either: true},
		{name: "HTTP/1.0", raw: request("POST "+cvPath+" HTTP/1.0", length, cv), inspected: true},
		{name: "HTTP/1.0 in chunks", raw: request("POST "+cvPath+" HTTP/1.0", "Transfer-Encoding: chunked\r\n", chunks), either: true},
		{name: "HTTP/0.9", raw: "POST " + cvPath + "\r\n\r\n" + cv},
		{name: "absolute target", raw: request("POST http://{{host}}"+cvPath+" HTTP/1.1", length, cv), inspected: true},
		{name: "absolute target elsewhere", raw: request("POST http://example.com"+cvPath+" HTTP/1.1", length, cv)},
		{name: "host with a dot", raw: strings.Replace(request(post, length, cv), "Host: {{host}}", "Host: localhost.", 1), inspected: true},
		{name: "host in capitals", raw: strings.Replace(request(post, length, cv), "Host: {{host}}", "Host: LOCALHOST", 1), inspected: true},
		{name: "another host", raw: strings.Replace(request(post, length, cv), "Host: {{host}}", "Host: example.com", 1)},
		{name: "two hosts", raw: request(post, "Host: example.com\r\n"+length, cv)},
		{name: "header folded", raw: request(post, "X-A: b\r\n Content-Length: 2\r\n"+length, cv), either: true},
		{name: "header in a header", raw: request(post, "X-A: b\rContent-Length: 2\r\n"+length, cv)},
		{name: "CONNECT", raw: "CONNECT {{host}} HTTP/1.1\r\nHost: {{host}}\r\n\r\n" + request(post, length, cv), either: true},
		{name: "two tokens", raw: request(post, "Authorization: Bearer nobody\r\n"+length, cv)},
		{name: "two sessions", header: []string{"X-SFDC-Session", "{{token}}", "X-SFDC-Session", "nobody"}},
		{name: "type as a hop", raw: request(post, "Connection: Content-Type, Content-Length\r\n"+length, cv), either: true},
	}
	for i := range list {
		if list[i].body == "" && list[i].raw == "" {
			list[i].body = cv
		}
	}
	return list
}

// send makes the attempt at an address.
func (k trick) send(t testing.TB, base, token string) answer {
	t.Helper()
	or := func(s, or string) string {
		if s == "" {
			return or
		}
		return s
	}
	if k.raw != "" {
		host := strings.TrimPrefix(base, "http://")
		conn, err := net.Dial("tcp", host)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		go io.WriteString(conn, strings.NewReplacer("{{host}}", host, "{{token}}", token).Replace(k.raw))
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			return answer{} // cut off, which is an answer too
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		return answer{resp.StatusCode, resp.Header.Get("Cordon-Receipt"), b}
	}
	body := io.Reader(strings.NewReader(strings.ReplaceAll(k.body, "{{token}}", token)))
	if k.chunked {
		body = struct{ io.Reader }{body}
	}
	req, err := http.NewRequest(or(k.method, "POST"), base, body)
	if err != nil {
		t.Fatal(err)
	}
	address, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	path, query, _ := strings.Cut(or(k.uri, cvPath), "?")
	req.URL = &url.URL{Scheme: "http", Host: address.Host, Opaque: path, RawQuery: query}
	if strings.HasPrefix(path, "//") {
		req.URL.Opaque = "//" + address.Host + path
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if typ := or(k.typ, jsonType); typ != "-" {
		req.Header.Set("Content-Type", typ)
	}
	for i := 0; i+1 < len(k.header); i += 2 {
		req.Header.Add(k.header[i], strings.ReplaceAll(k.header[i+1], "{{token}}", token))
	}
	a, err := (&world{}).do(req)
	if err != nil {
		return answer{}
	}
	return a
}

// newTapped is a world whose way to the org is listened to.
func newTapped(t testing.TB, opt worldOptions) (*world, *tap) {
	var p *tap
	edit := opt.app
	opt.app = func(c *app.Config) {
		p = newTap(t, c.Tenants[0].Upstream)
		c.Tenants[0].Upstream = p.url
		if edit != nil {
			edit(c)
		}
	}
	return newWorldWith(t, opt), p
}

// newest is the last item that came, zero if none did.
func (w *world) newest() itemJSON {
	w.t.Helper()
	var page struct{ Items []itemJSON }
	if s := w.api("GET", "/v1/items?limit=1", nil, &page); s != http.StatusOK {
		w.t.Fatalf("list items: status %d", s)
	}
	return append(page.Items, itemJSON{})[0]
}

// quiet waits until nothing is on its way: a request that came behind another one on the same
// connection may still be judged when the answer to the first is there.
func (w *world) quiet() {
	w.t.Helper()
	still := 0
	w.until("nothing is on its way", func() bool {
		var counts struct{ States map[cordon.State]int }
		w.api("GET", "/v1/counts", nil, &counts)
		still++
		if counts.States[cordon.Received]+counts.States[cordon.Inspected]+counts.States[cordon.Forwarding] > 0 {
			still = 0
		}
		return still > 1
	})
}

// attempt makes sure of what a trick did: where it was held or refused, not a byte of the
// file went on.
func (w *world) attempt(k trick, p *tap, file []byte) answer {
	w.t.Helper()
	w.quiet()
	files, newest := len(w.org.Files()), w.newest()
	p.take()
	a := k.send(w.t, w.gateway, w.caller)
	if holdsAny(p.take(), traces(file)) {
		w.t.Errorf("pieces of the file were sent to the org (status %d)", a.Status)
	}
	sum := sha256.Sum256(file)
	for _, f := range w.org.Files() {
		if [32]byte(f.SHA256) == sum {
			w.t.Errorf("the org has the file as %s %s (status %d)", f.Object, f.ID, a.Status)
		}
	}
	stored, now := len(w.org.Files())-files, w.newest()
	if stored != 0 && !k.either {
		w.t.Errorf("the org stored %d other files (status %d)", stored, a.Status)
	}
	if a.Status != 0 && a.Status < 400 && !k.either {
		w.t.Errorf("answered %d %.300s", a.Status, a.Body)
	}
	switch {
	case k.either:
	case k.inspected && (now.ID == newest.ID || now.State != cordon.Held || string(now.ID) != a.Receipt):
		w.t.Errorf("item %s is %s, receipt %q, answered %d %.300s; want it seen and held", now.ID, now.State, a.Receipt, a.Status, a.Body)
	case !k.inspected && now.ID != newest.ID:
		w.t.Errorf("an item came of a request that cannot be read: %+v", now)
	}
	return a
}

// TestNoWayAround tries every trick with an image that declares its generator. Then a camera
// photo goes the same way: where the gateway understands the request the photo must arrive,
// so that none of this is won by refusing everybody.
func TestNoWayAround(t *testing.T) {
	w, p := newTapped(t, worldOptions{})
	there := furnish(t, w.org, w.orgURL)
	bare := sim.NewOrg(ownApp(sim.Demo()))
	server := httptest.NewServer(bare.Handler())
	t.Cleanup(func() { server.Close(); bare.Close() })
	elsewhere := furnish(t, bare, server.URL)

	n := len(tricks(there, media.Generated.Bytes))
	worked := 0
	for i := range n {
		mark := fmt.Sprintf("%04d", i)
		generated := append(bytes.Clone(media.Generated.Bytes), mark...)
		photo := append(bytes.Clone(media.Camera.Bytes), mark...)
		k := tricks(there, generated)[i]
		t.Run(k.name, func(t *testing.T) {
			w.t = t
			w.attempt(k, p, generated)

			sum := sha256.Sum256(photo)
			k := tricks(there, photo)[i]
			a := k.send(t, w.gateway, w.caller)
			arrived := false
			for _, f := range w.org.Files() {
				arrived = arrived || [32]byte(f.SHA256) == sum
			}
			switch {
			case k.either:
			case k.inspected && k.uri != "" && strings.Contains(k.uri, there.version):
				// the platform does not change the file of a version
			case strings.HasPrefix(k.name, "boundary inside"):
				// what arrives is the photo with the boundary in it
			case k.inspected && (!arrived || a.Status >= 300):
				t.Errorf("a photo on the same way: arrived %v, %d %.300s", arrived, a.Status, a.Body)
			case !k.inspected && (arrived || a.Status < 400 && a.Status != 0):
				t.Errorf("a photo on the same way, which cannot be looked into: %d %.300s", a.Status, a.Body)
			}
			if arrived {
				if it := w.item(a.Receipt); it.State != cordon.Delivered {
					t.Errorf("the photo arrived and its item is %s", it.State)
				}
			}
		})

		// The same against an org without a gateway, to know what the tricks are worth.
		tricks(elsewhere, generated)[i].send(t, server.URL, bare.Token("demo@example.com"))
		sum := sha256.Sum256(generated)
		for _, f := range bare.Files() {
			if [32]byte(f.SHA256) == sum {
				worked++
				break
			}
		}
	}
	w.t = t
	t.Logf("%d tricks, of which %d put the file into an org without a gateway", n, worked)
	if worked < 40 {
		t.Errorf("only %d tricks work without a gateway; they prove too little", worked)
	}
}

// TestNoWayAroundOverHTTP2 takes the ways that HTTP/2 opens.
func TestNoWayAroundOverHTTP2(t *testing.T) {
	conf, _, err := app.LoopbackTLS()
	if err != nil {
		t.Fatal(err)
	}
	conf.NextProtos = []string{"h2", "http/1.1"} // as with a certificate of one's own
	w, p := newTapped(t, worldOptions{tls: conf, app: func(c *app.Config) { c.Gateway.TLSListen = "127.0.0.1:0" }})
	client := &http.Client{Transport: &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	for i, k := range []trick{
		{name: "JSON", inspected: true},
		{name: "no length", chunked: true, inspected: true},
		{name: "gzip", header: []string{"Content-Encoding", "gzip"}, inspected: true},
		{name: "override", header: []string{"X-HTTP-Method-Override", "GET"}, inspected: true},
		{name: "body of a GET", method: "GET"},
		{name: "composite", uri: dataPath + "/composite"},
	} {
		t.Run(k.name, func(t *testing.T) {
			w.t = t
			send := func(file []byte) (answer, error) {
				body := `{"Title":"t","PathOnClient":"t.jpg","VersionData":"` + base64.StdEncoding.EncodeToString(file) + `"}`
				if k.uri != "" {
					body = `{"compositeRequest":[{"method":"POST","url":"` + cvPath + `","referenceId":"r","body":` + body + `}]}`
				}
				if strings.Contains(strings.Join(k.header, " "), "gzip") {
					body = zip(body)
				}
				var r io.Reader = strings.NewReader(body)
				if k.chunked {
					r = struct{ io.Reader }{r}
				}
				method, uri := "POST", cvPath
				if k.method != "" {
					method = k.method
				}
				if k.uri != "" {
					uri = k.uri
				}
				req, err := http.NewRequest(method, w.app.GatewayTLSURL()+uri, r)
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("Authorization", "Bearer "+w.caller)
				req.Header.Set("Content-Type", jsonType)
				for i := 0; i+1 < len(k.header); i += 2 {
					req.Header.Set(k.header[i], k.header[i+1])
				}
				resp, err := client.Do(req)
				if err != nil {
					return answer{}, err
				}
				defer resp.Body.Close()
				if resp.ProtoMajor != 2 {
					t.Fatalf("spoke %s", resp.Proto)
				}
				b, err := io.ReadAll(resp.Body)
				return answer{resp.StatusCode, resp.Header.Get("Cordon-Receipt"), b}, err
			}
			generated := append(bytes.Clone(media.Generated.Bytes), byte(i))
			p.take()
			a, err := send(generated)
			if err != nil || a.Status < 400 || (a.Receipt != "") != k.inspected {
				t.Errorf("%v %d %s", err, a.Status, a.Body)
			}
			if k.inspected && w.item(a.Receipt).State != cordon.Held {
				t.Errorf("the item is %s", w.item(a.Receipt).State)
			}
			if holdsAny(p.take(), traces(generated)) || len(w.org.Files()) != 0 {
				t.Error("the file went on")
			}
		})
	}
	w.t = t
	if a, err := w.uploadJSON("photo", "photo.jpg", media.Camera.Bytes); err != nil || a.Status != http.StatusCreated {
		t.Errorf("a photo: %v %d", err, a.Status)
	}
}

// TestBulkRowsCarryNoFile opens a job that is fine and sends it rows that are not.
func TestBulkRowsCarryNoFile(t *testing.T) {
	w, p := newTapped(t, worldOptions{})
	job := func() string {
		a := trick{uri: dataPath + "/jobs/ingest", body: `{"object":"Case","operation":"insert","contentType":"CSV","lineEnding":"LF"}`}.send(t, w.gateway, w.caller)
		var v struct{ ID string }
		if json.Unmarshal(a.Body, &v) != nil || v.ID == "" {
			t.Fatalf("open a job: %d %s", a.Status, a.Body)
		}
		return v.ID
	}
	b64 := base64.StdEncoding.EncodeToString(media.Generated.Bytes)
	filler := strings.Repeat("a case that is like every other case,nothing to see\n", 4000) // several windows
	for name, rows := range map[string]string{
		"base64":                "Subject,Description\ns," + b64 + "\n",
		"base64 late":           "Subject,Description\n" + filler + "s," + b64 + "\n",
		"base64 behind letters": "Subject,Description\ns,note" + b64 + "\n",
		"data URI":              "Subject,Notes__c\ns,\"<img src=\"\"data:image/jpeg;base64," + b64 + "\"\">\"\n",
		"UTF-16":                utf16Text("Subject,Description\ns," + b64 + "\n"),
		"gzip unannounced":      zip("Subject,Description\ns," + b64 + "\n"),
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			id := job()
			p.take()
			a := trick{method: "PUT", uri: dataPath + "/jobs/ingest/" + id + "/batches", typ: "text/csv", body: rows}.send(t, w.gateway, w.caller)
			if a.Status != 0 && a.Status < 400 {
				t.Errorf("answered %d %s", a.Status, a.Body)
			}
			if holdsAny(p.take(), traces(media.Generated.Bytes)) {
				t.Error("pieces of the file were sent to the org")
			}
		})
	}
	a := trick{method: "PUT", uri: dataPath + "/jobs/ingest/" + job() + "/batches", typ: "text/csv", body: "Subject,Description\n" + filler}.send(t, w.gateway, w.caller)
	if a.Status/100 != 2 {
		t.Errorf("plain rows: %d %s", a.Status, a.Body)
	}
}
