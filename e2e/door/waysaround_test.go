package door_test

import (
	archive "archive/zip"
	"bytes"
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
	"github.com/cordonhq/cordon/e2e"
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

// tricks lists them for one file.
func tricks(p e2e.Place, file []byte) []e2e.Trick {
	b64 := base64.StdEncoding.EncodeToString(file)
	harmless := base64.StdEncoding.EncodeToString([]byte("harmless text"))
	cv := `{"Title":"t","PathOnClient":"t.jpg","VersionData":"` + b64 + `"}`
	entity := `{"Title":"t","PathOnClient":"t.jpg"}`
	attachment := `{"ParentId":"` + p.CaseID + `","Name":"a.jpg","Body":"` + b64 + `"}`
	composite := func(method, address, body string) string {
		return `{"allOrNone":true,"compositeRequest":[{"method":"` + method + `","url":"` + address + `","referenceId":"r","body":` + body + `}]}`
	}
	request := func(line, headers, body string) string {
		return line + "\r\nHost: {{host}}\r\nAuthorization: Bearer {{token}}\r\nContent-Type: application/json\r\nConnection: close\r\n" + headers + "\r\n" + body
	}
	post := "POST " + e2e.CvPath + " HTTP/1.1"
	length := fmt.Sprintf("Content-Length: %d\r\n", len(cv))
	chunks := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(cv), cv)
	soap := func(verb string) string {
		return `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:x="http://www.w3.org/2001/XMLSchema-instance"><e:Header><SessionHeader xmlns="urn:partner.soap.sforce.com"><sessionId>{{token}}</sessionId></SessionHeader></e:Header>` +
			`<e:Body><` + verb + ` xmlns="urn:partner.soap.sforce.com"><sObjects><type>Attachment</type><ParentId>` + p.CaseID + `</ParentId><Name>a.jpg</Name><Body>` + b64 + `</Body></sObjects></` + verb + `></e:Body></e:Envelope>`
	}
	async := "/services/async/64.0/job"
	list := []e2e.Trick{
		// Names
		{Name: "object in other case", URI: e2e.DataPath + "/sobjects/cONTENTvERSION", Inspected: true},
		{Name: "path in other case", URI: "/SERVICES/Data/V64.0/SObjects/contentversion", Inspected: true},
		{Name: "field in other case", Body: `{"title":"t","PATHONCLIENT":"t.jpg","VERSIONDATA":"` + b64 + `"}`, Inspected: true},
		{Name: "field with spaces around", Body: `{"Title":"t","PathOnClient":"t.jpg"," VersionData ":"` + b64 + `"}`, Either: true},
		{Name: "field with NUL behind", Body: `{"Title":"t","PathOnClient":"t.jpg","VersionData\u0000":"` + b64 + `"}`},
		{Name: "field with a long s", Body: `{"Title":"t","PathOnClient":"t.jpg","Ver\u017fionData":"` + b64 + `"}`, Either: true},
		{Name: "percent-encoded", URI: e2e.DataPath + "/sobjects/%43ontent%56ersion", Inspected: true},
		{Name: "percent-encoded twice", URI: e2e.DataPath + "/sobjects/%2543ontentVersion"},
		{Name: "encoded slash", URI: e2e.DataPath + "/sobjects%2FContentVersion"},
		{Name: "doubled slashes", URI: "//services///data/v64.0//sobjects//ContentVersion", Inspected: true},
		{Name: "dot segments", URI: "/services/apexrest/../data/v64.0/./sobjects/Case/../ContentVersion", Inspected: true},
		{Name: "encoded dot segments", URI: e2e.DataPath + "/sobjects/Case/%2e%2e/ContentVersion", Inspected: true},
		{Name: "trailing slash", URI: e2e.CvPath + "/", Inspected: true},
		{Name: "path parameter", URI: e2e.CvPath + ";jsessionid=1"},
		{Name: "backslash", URI: e2e.DataPath + "/sobjects%5CContentVersion"},
		{Name: "NUL in the path", URI: e2e.CvPath + "%00"},
		{Name: "line end in the path", URI: e2e.CvPath + "%0d%0a"},
		{Name: "suffix", URI: e2e.CvPath + ".json", Inspected: true},
		{Name: "very long path", URI: "/services/data/v64.0/sobjects/" + strings.Repeat("x/../", 1500) + "ContentVersion", Either: true},
		{Name: "longer path", URI: "/services/data/v64.0/sobjects/" + strings.Repeat("x/../", 9000) + "ContentVersion"},
		{Name: "old version", URI: "/services/data/v40.0/sobjects/ContentVersion", Inspected: true},
		{Name: "very old version", URI: "/services/data/v20.0/sobjects/ContentVersion", Either: true},
		{Name: "future version", URI: "/services/data/v99.0/sobjects/ContentVersion", Either: true},
		{Name: "no version", URI: "/services/data/latest/sobjects/ContentVersion"},
		{Name: "fragment", URI: e2e.CvPath + "%23x"},

		// Methods
		{Name: "_HttpMethod=PATCH on an attachment", URI: e2e.DataPath + "/sobjects/Attachment/" + p.Attachment + "?_HttpMethod=PATCH", Body: `{"Body":"` + b64 + `"}`, Inspected: true},
		{Name: "_HttpMethod=GET", URI: e2e.CvPath + "?_HttpMethod=GET"},
		{Name: "_HttpMethod=DELETE", URI: e2e.CvPath + "/" + p.Version + "?_HttpMethod=DELETE"},
		{Name: "_HttpMethod twice", URI: e2e.CvPath + "?_HttpMethod=PATCH&_HttpMethod=POST"},
		{Name: "X-HTTP-Method-Override: GET", Header: []string{"X-HTTP-Method-Override", "GET"}, Inspected: true},
		{Name: "X-HTTP-Method-Override on GET", Method: "GET", Header: []string{"X-HTTP-Method-Override", "POST"}},
		{Name: "method override in a form", Type: "application/x-www-form-urlencoded", Body: "_method=PATCH&VersionData=" + url.QueryEscape(b64)},
		{Name: "GET with a body", Method: "GET"},
		{Name: "DELETE with a body", Method: "DELETE", URI: e2e.CvPath + "/" + p.Version},
		{Name: "PUT", Method: "PUT", Either: true},
		{Name: "method in small letters", Raw: request("post "+e2e.CvPath+" HTTP/1.1", length, cv)},
		{Name: "unknown method", Method: "MERGE"},

		// Encodings of the body
		{Name: "gzip", Body: e2e.Zip(cv), Header: []string{"Content-Encoding", "gzip"}, Inspected: true},
		{Name: "gzip in capitals", Body: e2e.Zip(cv), Header: []string{"Content-Encoding", "GZIP"}, Inspected: true},
		{Name: "deflate", Body: e2e.Deflate(cv), Header: []string{"Content-Encoding", "deflate"}, Inspected: true},
		{Name: "gzip twice", Body: e2e.Zip(e2e.Zip(cv)), Header: []string{"Content-Encoding", "gzip, gzip"}},
		{Name: "gzip twice, two headers", Body: e2e.Zip(e2e.Zip(cv)), Header: []string{"Content-Encoding", "gzip", "Content-Encoding", "gzip"}},
		{Name: "gzip unannounced", Body: e2e.Zip(cv)},
		{Name: "two gzip members", Body: e2e.Zip(cv[:100]) + e2e.Zip(cv[100:]), Header: []string{"Content-Encoding", "gzip"}, Either: true},
		{Name: "brotli announced", Header: []string{"Content-Encoding", "br"}},
		{Name: "identity announced", Header: []string{"Content-Encoding", "identity"}, Inspected: true},
		{Name: "chunked", Chunked: true, Inspected: true},
		{Name: "Expect: 100-continue", Header: []string{"Expect", "100-continue"}, Inspected: true},
		{Name: "byte order mark", Body: "\xef\xbb\xbf" + cv, Inspected: true},
		{Name: "UTF-16", Body: utf16Text(cv)},
		{Name: "UTF-16 announced", Type: e2e.JsonType + "; charset=utf-16", Body: utf16Text(cv)},
		{Name: "UTF-7 announced", Type: e2e.JsonType + "; charset=utf-7"},
		{Name: "charset twice", Type: e2e.JsonType + "; charset=utf-8; charset=utf-16", Body: utf16Text(cv)},
		{Name: "XML", Type: "application/xml", Body: "<ContentVersion><Title>t</Title><PathOnClient>t.jpg</PathOnClient><VersionData>" + b64 + "</VersionData></ContentVersion>"},
		{Name: "XML unannounced", Type: "-", Body: "<ContentVersion><Title>t</Title><VersionData>" + b64 + "</VersionData></ContentVersion>"},
		{Name: "a form", Type: "application/x-www-form-urlencoded", Body: "Title=t&PathOnClient=t.jpg&VersionData=" + url.QueryEscape(b64)},

		// JSON
		{Name: "duplicate key", Body: `{"Title":"t","PathOnClient":"t.jpg","VersionData":"` + harmless + `","VersionData":"` + b64 + `"}`},
		{Name: "duplicate key in other case", Body: `{"Title":"t","PathOnClient":"t.jpg","VersionData":"` + harmless + `","versiondata":"` + b64 + `"}`},
		{Name: "duplicate key escaped", Body: `{"Title":"t","PathOnClient":"t.jpg","VersionData":"` + harmless + `","Version\u0044ata":"` + b64 + `"}`},
		{Name: "escaped key", Body: `{"Title":"t","PathOnClient":"t.jpg","` + escaped("VersionData") + `":"` + b64 + `"}`, Inspected: true},
		{Name: "escaped base64", Body: `{"Title":"t","PathOnClient":"t.jpg","VersionData":"` + escaped(b64) + `"}`, Inspected: true},
		{Name: "base64 in lines", Body: `{"Title":"t","PathOnClient":"t.jpg","VersionData":"` + lines(b64, `\r\n`, 76) + `"}`, Inspected: true},
		{Name: "base64 of the URL alphabet", Body: `{"Title":"t","PathOnClient":"t.jpg","VersionData":"` + base64.RawURLEncoding.EncodeToString(file) + `"}`, Inspected: true},
		{Name: "file as an object", Body: `{"Title":"t","PathOnClient":"t.jpg","VersionData":{"value":"` + b64 + `"}}`},
		{Name: "file in a list", Body: `{"Title":"t","PathOnClient":"t.jpg","VersionData":["` + b64 + `"]}`},
		{Name: "content after the end", Body: `{"Title":"t","PathOnClient":"t.jpg"}` + cv},
		{Name: "content before, as a comment", Body: "/*" + entity + "*/" + cv},
		{Name: "a list of records", Body: "[" + cv + "]"},
		{Name: "single quotes", Body: strings.ReplaceAll(cv, `"`, `'`)},
		{Name: "trailing comma", Body: strings.TrimSuffix(cv, "}") + ",}"},
		{Name: "file beside the file", Body: `{"Title":"t","PathOnClient":"t.jpg","Description":"` + b64 + `","VersionData":"` + harmless + `"}`},
		{Name: "file as an external document", Body: `{"Title":"t","ContentUrl":"data:image/jpeg;base64,` + b64 + `"}`},

		// Multipart
		{Name: "multipart", Type: e2e.FormType, Body: e2e.Form(e2e.EntityHead, entity, e2e.BinaryHead, string(file)), Inspected: true},
		{Name: "multipart, binary first", Type: e2e.FormType, Body: e2e.Form(e2e.BinaryHead, string(file), e2e.EntityHead, entity), Inspected: true},
		{Name: "multipart in capitals", Type: "MULTIPART/Form-Data; BOUNDARY=b", Body: e2e.Form(e2e.EntityHead, entity, e2e.BinaryHead, string(file)), Inspected: true},
		{Name: "boundary twice", Type: "multipart/form-data; boundary=a; boundary=b", Body: e2e.Form(e2e.EntityHead, entity, e2e.BinaryHead, string(file))},
		{Name: "boundary inside a part", Type: e2e.FormType, Body: e2e.Form(e2e.EntityHead, entity, e2e.BinaryHead, string(file)+"\r\n--bb\r\nx --b--"), Inspected: true},
		{Name: "part in other case", Type: e2e.FormType, Body: e2e.Form(strings.ToUpper(e2e.EntityHead), entity, strings.Replace(e2e.BinaryHead, "VersionData", "vERSIONdATA", 1), string(file)), Either: true},
		{Name: "two binary parts", Type: e2e.FormType, Body: e2e.Form(e2e.EntityHead, entity, e2e.BinaryHead, "harmless", e2e.BinaryHead, string(file))},
		{Name: "binary part under another name besides", Type: e2e.FormType, Body: e2e.Form(e2e.EntityHead, entity, e2e.BinaryHead, "harmless", `Content-Disposition: form-data; name="more"; filename="x.jpg"`, string(file))},
		{Name: "VersionData in JSON and in a part", Type: e2e.FormType, Body: e2e.Form(e2e.EntityHead, cv, e2e.BinaryHead, "harmless")},
		{Name: "VersionData in JSON of a form only", Type: e2e.FormType, Body: e2e.Form(e2e.EntityHead, cv)},
		{Name: "two entities", Type: e2e.FormType, Body: e2e.Form(e2e.EntityHead, `{"Title":"u","PathOnClient":"u.jpg"}`, e2e.EntityHead, cv, e2e.BinaryHead, "harmless")},
		{Name: "part in base64", Type: e2e.FormType, Body: e2e.Form(e2e.EntityHead, entity, e2e.BinaryHead+"\r\nContent-Transfer-Encoding: base64", b64)},
		{Name: "filename*", Type: e2e.FormType, Body: e2e.Form(e2e.EntityHead, entity, "Content-Disposition: form-data; name=\"VersionData\"; filename*=UTF-8''t.jpg", string(file)), Inspected: true},
		{Name: "name*", Type: e2e.FormType, Body: e2e.Form(e2e.EntityHead, entity, "Content-Disposition: form-data; name*=UTF-8''VersionData; filename=\"t.jpg\"", string(file)), Either: true},
		{Name: "name twice in a part", Type: e2e.FormType, Body: e2e.Form(e2e.EntityHead, entity, "Content-Disposition: form-data; name=\"x\"; name=\"VersionData\"; filename=\"t.jpg\"", string(file))},
		{Name: "two dispositions", Type: e2e.FormType, Body: e2e.Form(e2e.EntityHead, entity, "Content-Disposition: form-data; name=\"note\"\r\n"+e2e.BinaryHead, string(file))},
		{Name: "nested multipart", Type: e2e.FormType, Body: e2e.Form(e2e.EntityHead, entity, "Content-Disposition: form-data; name=\"VersionData\"\r\nContent-Type: multipart/mixed; boundary=c", "--c\r\n"+e2e.BinaryHead+"\r\n\r\n"+string(file)+"\r\n--c--")},
		{Name: "file after the last boundary", Type: e2e.FormType, Body: e2e.Form(e2e.EntityHead, entity, e2e.BinaryHead, "harmless") + e2e.Form(e2e.BinaryHead, string(file)), Either: true},
		{Name: "file before the first boundary", Type: e2e.FormType, Body: string(file) + "\r\n" + e2e.Form(e2e.EntityHead, entity, e2e.BinaryHead, "harmless"), Either: true},
		{Name: "bare line feeds", Type: e2e.FormType, Body: "--b\n" + strings.ReplaceAll(e2e.EntityHead, "\r\n", "\n") + "\n\n" + entity + "\n--b\n" + strings.ReplaceAll(e2e.BinaryHead, "\r\n", "\n") + "\n\n" + string(file) + "\n--b--\n", Either: true},
		{Name: "multipart/mixed", Type: "multipart/mixed; boundary=b", Body: e2e.Form(e2e.EntityHead, entity, e2e.BinaryHead, string(file))},
		{Name: "multipart/related", Type: "multipart/related; boundary=b", Body: e2e.Form(e2e.EntityHead, entity, e2e.BinaryHead, string(file))},
		{Name: "form announced as JSON", Body: e2e.Form(e2e.EntityHead, entity, e2e.BinaryHead, string(file))},
		{Name: "JSON announced as text", Type: "text/plain"},
		{Name: "JSON announced as a picture", Type: "image/jpeg"},
		{Name: "no type", Type: "-", Inspected: true},
		{Name: "two types", Header: []string{"Content-Type", "text/plain"}},
		{Name: "two types in one", Type: e2e.JsonType + ", multipart/form-data; boundary=b", Body: e2e.Form(e2e.EntityHead, entity, e2e.BinaryHead, string(file))},
		{Name: "bytes as they are", Type: "application/octet-stream", Body: string(file)},
		{Name: "bytes to the field", Method: "PUT", URI: e2e.CvPath + "/" + p.Version + "/VersionData", Type: "application/octet-stream", Body: string(file)},

		// Hidden type
		{Name: "name says text", Type: e2e.FormType, Body: e2e.Form(e2e.EntityHead, `{"Title":"t","PathOnClient":"t.txt"}`, strings.Replace(strings.Replace(e2e.BinaryHead, "t.jpg", "t.txt", 1), "image/jpeg", "text/plain", 1), string(file)), Either: true},
		{Name: "type says PDF", Type: e2e.FormType, Body: e2e.Form(e2e.EntityHead, `{"Title":"t","PathOnClient":"t.pdf"}`, strings.Replace(strings.Replace(e2e.BinaryHead, "t.jpg", "t.pdf", 1), "image/jpeg", "application/pdf", 1), string(file)), Either: true},
		{Name: "attachment says text", URI: e2e.DataPath + "/sobjects/Attachment", Body: `{"ParentId":"` + p.CaseID + `","Name":"a.txt","ContentType":"text/plain","Body":"` + b64 + `"}`, Either: true},

		// Other records with files
		{Name: "attachment", URI: e2e.DataPath + "/sobjects/attachment", Body: attachment, Inspected: true},
		{Name: "body of an attachment", Method: "PATCH", URI: e2e.DataPath + "/sobjects/Attachment/" + p.Attachment, Body: `{"Body":"` + b64 + `"}`, Inspected: true},
		{Name: "document", URI: e2e.DataPath + "/sobjects/Document", Body: `{"FolderId":"` + p.Folder + `","Name":"d","Body":"` + b64 + `"}`, Inspected: true},
		{Name: "body of a document", Method: "PATCH", URI: e2e.DataPath + "/sobjects/Document/" + p.Document, Body: `{"Body":"` + b64 + `"}`, Inspected: true},
		{Name: "new version", Body: `{"Title":"t","PathOnClient":"t.jpg","ContentDocumentId":"` + p.ContentDocument + `","VersionData":"` + b64 + `"}`, Inspected: true},
		{Name: "upsert by external id", Method: "PATCH", URI: e2e.CvPath + "/Cordon_Key__c/new-" + hex.EncodeToString(file[len(file)-4:]), Inspected: true},
		{Name: "upsert by POST", URI: e2e.CvPath + "/Cordon_Key__c/newer-" + hex.EncodeToString(file[len(file)-4:]) + "?_HttpMethod=PATCH", Inspected: true},
		{Name: "path and file of a version", Method: "PATCH", URI: e2e.CvPath + "/" + p.Version, Body: `{"PathOnClient":"t.jpg","VersionData":"` + b64 + `"}`, Either: true},
		{Name: "through a relationship", Method: "PATCH", URI: e2e.DataPath + "/sobjects/ContentDocument/" + p.ContentDocument + "/LatestPublishedVersion", Body: `{"versionData":"` + b64 + `"}`},
		{Name: "through a parent", URI: e2e.DataPath + "/sobjects/Case/" + p.CaseID + "/Attachments", Body: attachment},
		{Name: "static resource", URI: e2e.DataPath + "/sobjects/StaticResource", Body: `{"Name":"x","Body":"` + b64 + `"}`},
		{Name: "old feed item", URI: "/services/data/v30.0/sobjects/FeedItem", Body: `{"ParentId":"` + p.CaseID + `","Type":"ContentPost","ContentData":"` + b64 + `"}`},
		{Name: "type in the attributes", URI: e2e.DataPath + "/sobjects/Case", Body: `{"attributes":{"type":"Attachment"},"ParentId":"` + p.CaseID + `","Body":"` + b64 + `"}`},

		// Requests within requests
		{Name: "composite", URI: e2e.DataPath + "/composite", Body: composite("POST", e2e.CvPath, cv)},
		{Name: "composite, odd address", URI: e2e.DataPath + "/composite/", Body: composite("post", "/services//data/v64.0/sobjects/x/../%43ontentversion", cv)},
		{Name: "composite, override", URI: e2e.DataPath + "/composite", Body: composite("POST", e2e.DataPath+"/sobjects/Attachment/"+p.Attachment+"?_HttpMethod=PATCH", `{"Body":"`+b64+`"}`)},
		{Name: "composite in composite", URI: e2e.DataPath + "/composite", Body: composite("POST", e2e.DataPath+"/composite", composite("POST", e2e.CvPath, cv))},
		{Name: "collections in composite", URI: e2e.DataPath + "/composite", Body: composite("POST", e2e.DataPath+"/composite/sobjects", `{"records":[{"attributes":{"type":"contentVersion"},"Title":"t","PathOnClient":"t.jpg","VersionData":"`+b64+`"}]}`)},
		{Name: "composite compressed", URI: e2e.DataPath + "/composite", Body: e2e.Zip(composite("POST", e2e.CvPath, cv)), Header: []string{"Content-Encoding", "gzip"}},
		{Name: "composite, list in other case", URI: e2e.DataPath + "/composite", Body: strings.Replace(composite("POST", e2e.CvPath, cv), "compositeRequest", "COMPOSITEREQUEST", 1)},
		{Name: "composite, two lists", URI: e2e.DataPath + "/composite", Body: `{"compositeRequest":[],` + composite("POST", e2e.CvPath, cv)[1:]},
		{Name: "composite, absolute address", URI: e2e.DataPath + "/composite", Body: composite("POST", "https://example.my.salesforce.com"+e2e.CvPath, cv)},
		{Name: "composite, reference as object", URI: e2e.DataPath + "/composite", Body: composite("POST", e2e.DataPath+"/sobjects/@{x.type}", cv)},
		{Name: "composite of Apex REST", URI: e2e.DataPath + "/composite", Body: composite("POST", "/services/apexrest/upload", cv)},
		{Name: "composite of a bulk job", URI: e2e.DataPath + "/composite", Body: composite("POST", e2e.DataPath+"/jobs/ingest", `{"object":"ContentVersion","operation":"insert"}`)},
		{Name: "batch", URI: e2e.DataPath + "/composite/batch", Body: `{"batchRequests":[{"method":"POST","url":"v64.0/sobjects/ContentVersion","richInput":` + cv + `}]}`},
		{Name: "batch with a part", URI: e2e.DataPath + "/composite/batch", Type: e2e.FormType, Body: e2e.Form("Content-Disposition: form-data; name=\"batch\"\r\nContent-Type: application/json", `{"batchRequests":[{"method":"POST","url":"v64.0/sobjects/ContentVersion","richInput":`+entity+`,"binaryPartName":"p","binaryPartNameAlias":"VersionData"}]}`, `Content-Disposition: form-data; name="p"; filename="t.jpg"`, string(file))},
		{Name: "tree", URI: e2e.DataPath + "/composite/tree/Case", Body: `{"records":[{"attributes":{"type":"Case","referenceId":"c"},"Subject":"s","Attachments":{"records":[{"attributes":{"type":"Attachment","referenceId":"a"},"Name":"a.jpg","Body":"` + b64 + `"}]}}]}`},
		{Name: "graph", URI: e2e.DataPath + "/composite/graph", Body: `{"graphs":[{"graphId":"1",` + composite("POST", e2e.CvPath, cv)[len(`{"allOrNone":true,`):] + `]}`},
		{Name: "collections", URI: e2e.DataPath + "/composite/sobjects", Body: `{"records":[{"attributes":{"type":"ContentVersion"},"Title":"t","PathOnClient":"t.jpg","VersionData":"` + b64 + `"}]}`},
		{Name: "collections in a form", URI: e2e.DataPath + "/composite/sobjects", Type: e2e.FormType, Body: e2e.Form("Content-Disposition: form-data; name=\"entity\"\r\nContent-Type: application/json", `{"records":[{"attributes":{"type":"ContentVersion","binaryPartName":"p","binaryPartNameAlias":"VersionData"},"Title":"t","PathOnClient":"t.jpg"}]}`, `Content-Disposition: form-data; name="p"; filename="t.jpg"`, string(file))},
		{Name: "collections, upsert", Method: "PATCH", URI: e2e.DataPath + "/composite/sobjects/ContentVersion/Cordon_Key__c", Body: `{"records":[{"attributes":{"type":"ContentVersion"},"Cordon_Key__c":"c1","Title":"t","PathOnClient":"t.jpg","VersionData":"` + b64 + `"}]}`},
		{Name: "bulk job", URI: e2e.DataPath + "/jobs/ingest", Body: `{"object":"contentversion","operation":"insert","contentType":"CSV"}`},
		{Name: "bulk rows", Method: "PUT", URI: e2e.DataPath + "/jobs/ingest/750000000000015AAA/batches", Type: "text/csv", Body: "Title,PathOnClient,VersionData\nt,t.jpg," + b64},
		{Name: "bulk 1 job", URI: "/services/async/64.0/job", Type: "application/xml", Body: `<jobInfo xmlns="http://www.force.com/2009/06/asyncapi/dataload"><operation>insert</operation><object>Attachment</object><contentType>CSV</contentType></jobInfo>`, Header: []string{"X-SFDC-Session", "{{token}}"}},
		{Name: "bulk 1 zip", URI: "/services/async/64.0/job/750000000000015AAA/batch", Type: "zip/csv", Body: "PK\x03\x04" + string(file)},
		{Name: "bulk job with its rows", URI: e2e.DataPath + "/jobs/ingest", Type: e2e.FormType, Body: e2e.Form("Content-Disposition: form-data; name=\"job\"\r\nContent-Type: application/json", `{"object":"Attachment","operation":"insert","contentType":"CSV"}`,
			"Content-Disposition: form-data; name=\"content\"; filename=\"a.csv\"\r\nContent-Type: text/csv", "Name,ParentId,Body\na.jpg,"+p.CaseID+","+b64+"\n")},
		{Name: "bulk rows into a job that is there", Method: "PUT", URI: e2e.DataPath + "/jobs/ingest/" + p.Jobs["rows"] + "/batches", Type: "text/csv", Body: "Name,ParentId,Body\na.jpg," + p.CaseID + "," + b64 + "\n"},
		{Name: "bulk query", URI: e2e.DataPath + "/jobs/query", Body: `{"operation":"query","query":"SELECT Id FROM Case WHERE Subject = '` + b64 + `'"}`},
		{Name: "bulk 1 job in JSON", URI: async, Body: `{"operation":"insert","object":"attachment","contentType":"JSON"}`},
		{Name: "bulk 1 job for a zip", URI: async, Body: `{"operation":"insert","object":"Attachment","contentType":"ZIP_JSON"}`},
		{Name: "bulk 1 rows in JSON", URI: async + "/" + p.Jobs["JSON"] + "/batch", Body: "[" + attachment + "]"},
		{Name: "bulk 1 rows in JSON, compressed", URI: async + "/" + p.Jobs["JSON"] + "/batch", Body: e2e.Zip("[" + attachment + "]"), Header: []string{"Content-Encoding", "gzip"}},
		{Name: "bulk 1 rows in JSON, address in other case", URI: "/SERVICES/Async/64.0/JOB/" + p.Jobs["JSON"] + "/Batch/", Body: "[" + attachment + "]"},
		{Name: "bulk 1 rows in XML", URI: async + "/" + p.Jobs["XML"] + "/batch", Type: "application/xml", Body: "<sObjects><sObject><Name>a.jpg</Name><ParentId>" + p.CaseID + "</ParentId><Body>" + b64 + "</Body></sObject></sObjects>"},
		{Name: "bulk 1 rows in CSV", URI: async + "/" + p.Jobs["CSV"] + "/batch", Type: "text/csv", Body: "Title,PathOnClient,VersionData\nt,t.jpg," + b64 + "\n"},
		{Name: "bulk 1 zip with JSON", URI: async + "/" + p.Jobs["ZIP_JSON"] + "/batch", Type: "zip/json", Body: packed(`[{"Name":"a.jpg","ParentId":"`+p.CaseID+`","Body":"#a.jpg"}]`, file)},
		{Name: "bulk 1 zip with CSV", URI: async + "/" + p.Jobs["ZIP_CSV"] + "/batch", Type: "zip/csv", Body: packed("Title,PathOnClient,VersionData\nt,t.jpg,#a.jpg\n", file)},
		{Name: "content note", URI: e2e.DataPath + "/sobjects/ContentNote", Body: `{"Title":"n","Content":"` + b64 + `"}`},
		{Name: "parameterized search", URI: e2e.DataPath + "/parameterizedSearch", Body: `{"q":"` + b64 + `","sobjects":[{"name":"Case"}]}`},
		{Name: "through two parents", Method: "PATCH", URI: e2e.DataPath + "/sobjects/ContentDocumentLink/" + p.ContentDocument + "/ContentDocument/LatestPublishedVersion", Body: `{"VersionData":"` + b64 + `"}`},
		{Name: "SOAP create", URI: "/services/Soap/u/64.0", Type: "text/xml", Body: soap("create"), Header: []string{"SOAPAction", `""`}},
		{Name: "SOAP upsert, enterprise", URI: "/services/Soap/c/64.0", Type: "text/xml", Body: soap("upsert"), Header: []string{"SOAPAction", `""`}},
		{Name: "SOAP create, spoken of as a query", URI: "/services/Soap/u/64.0", Type: "text/xml", Body: soap("create"), Header: []string{"SOAPAction", "query"}},
		{Name: "SOAP 1.2", URI: "/services/Soap/u/64.0", Type: "application/soap+xml", Body: soap("create")},
		{Name: "SOAP deploy", URI: "/services/Soap/m/64.0", Type: "text/xml", Body: soap("deploy")},
		{Name: "Apex SOAP", URI: "/services/Soap/class/Upload", Type: "text/xml", Body: soap("query")},
		{Name: "Apex REST", URI: "/services/apexrest/upload", Body: `{"image":"` + b64 + `"}`},
		{Name: "Connect file", URI: e2e.DataPath + "/connect/files/users/me", Type: e2e.FormType, Body: e2e.Form("Content-Disposition: form-data; name=\"json\"\r\nContent-Type: application/json", `{"title":"t"}`, `Content-Disposition: form-data; name="fileData"; filename="t.jpg"`, string(file))},
		{Name: "Chatter file", URI: e2e.DataPath + "/chatter/users/me/files", Type: e2e.FormType, Body: e2e.Form(`Content-Disposition: form-data; name="fileData"; filename="t.jpg"`, string(file))},
		{Name: "Connect batch", URI: e2e.DataPath + "/connect/batch", Body: `{"batchRequests":[{"method":"POST","url":"v64.0/sobjects/ContentVersion","richInput":` + cv + `}]}`},
		{Name: "tooling", URI: e2e.DataPath + "/tooling/sobjects/ContentVersion"},
		{Name: "tooling composite", URI: e2e.DataPath + "/tooling/composite", Body: composite("POST", e2e.DataPath+"/tooling/sobjects/ContentVersion", cv)},
		{Name: "ui-api record", URI: e2e.DataPath + "/ui-api/records", Body: `{"apiName":"ContentVersion","fields":{"Title":"t","PathOnClient":"t.jpg","VersionData":"` + b64 + `"}}`},
		{Name: "ui-api document", URI: e2e.DataPath + "/ui-api/records/content-documents/content-versions", Type: e2e.FormType, Body: e2e.Form(`Content-Disposition: form-data; name="fileData"; filename="t.jpg"`, string(file))},
		{Name: "GraphQL mutation", URI: e2e.DataPath + "/graphql", Body: `{"query":"mutation m { uiapi { ContentVersionCreate(input: {ContentVersion: {VersionData: \"` + b64 + `\"}}) { Record { Id } } } }"}`},
		{Name: "flow", URI: e2e.DataPath + "/actions/custom/flow/Intake", Body: `{"inputs":[{"image":"` + b64 + `"}]}`},
		{Name: "SCIM photo", URI: "/services/scim/v2/Users", Body: `{"photos":[{"value":"data:image/jpeg;base64,` + b64 + `"}]}`},
		{Name: "user interface", URI: "/chatter/handlers/file/body", Type: e2e.FormType, Body: e2e.Form(e2e.BinaryHead, string(file))},
		{Name: "user interface servlet", URI: "/servlet/servlet.FileUpload", Type: e2e.FormType, Body: e2e.Form(e2e.BinaryHead, string(file))},

		// Text that is a file
		{Name: "data URI in rich text", Method: "PATCH", URI: e2e.DataPath + "/sobjects/Case/" + p.CaseID, Body: `{"Notes__c":"<p><img src=\"data:image/jpeg;base64,` + b64 + `\"></p>"}`},
		{Name: "data URI with entities", Method: "PATCH", URI: e2e.DataPath + "/sobjects/Case/" + p.CaseID, Body: `{"Notes__c":"<img src=\"d&#x61;ta&colon;image/jpeg;base64,` + b64 + `\">"}`},
		{Name: "data URI broken by tabs", Method: "PATCH", URI: e2e.DataPath + "/sobjects/Case/" + p.CaseID, Body: `{"Notes__c":"<img src=\"da\u0009ta:image/jpeg;base64,` + b64 + `\">"}`},
		{Name: "data URI in percent escapes", Method: "PATCH", URI: e2e.DataPath + "/sobjects/Case/" + p.CaseID, Body: `{"Notes__c":"<img src=\"data:image/svg+xml,%3Csvg%20xmlns=%22x%22%3E%3Cimage href=%22data:image/jpeg;base64,` + b64 + `%22/%3E\">"}`},
		{Name: "picture in an e-mail", URI: e2e.DataPath + "/sobjects/EmailMessage", Body: `{"ParentId":"` + p.CaseID + `","Subject":"s","HtmlBody":"<img src='data:image/jpeg;base64,` + b64 + `'>"}`},
		{Name: "base64 in a description", Method: "PATCH", URI: e2e.DataPath + "/sobjects/Case/" + p.CaseID, Body: `{"Description":"` + b64 + `"}`},
		{Name: "base64 behind words", Method: "PATCH", URI: e2e.DataPath + "/sobjects/Case/" + p.CaseID, Body: `{"Description":"Here it is: ` + b64 + `"}`},
		{Name: "base64 behind a letter", Method: "PATCH", URI: e2e.DataPath + "/sobjects/Case/" + p.CaseID, Body: `{"Description":"x` + b64 + `"}`},
		{Name: "base64 behind a path", Method: "PATCH", URI: e2e.DataPath + "/sobjects/Case/" + p.CaseID, Body: `{"Description":"image/` + b64 + `"}`},
		{Name: "base64 in short lines", Method: "PATCH", URI: e2e.DataPath + "/sobjects/Case/" + p.CaseID, Body: `{"Description":"` + lines(b64, `\n`, 20) + `"}`},
		{Name: "base64 in words", Method: "PATCH", URI: e2e.DataPath + "/sobjects/Case/" + p.CaseID, Body: `{"Description":"` + lines(b64, " ", 24) + `"}`},
		{Name: "base64 backwards aligned", Method: "PATCH", URI: e2e.DataPath + "/sobjects/Case/" + p.CaseID, Body: `{"Description":"` + base64.StdEncoding.EncodeToString(append([]byte("x"), file...)) + `"}`},
		{Name: "hexadecimal", Method: "PATCH", URI: e2e.DataPath + "/sobjects/Case/" + p.CaseID, Body: `{"Description":"` + hex.EncodeToString(file) + `"}`},
		{Name: "base64 compressed", Method: "PATCH", URI: e2e.DataPath + "/sobjects/Case/" + p.CaseID, Body: `{"Description":"` + base64.StdEncoding.EncodeToString([]byte(e2e.Zip(string(file)))) + `"}`},
		{Name: "base64 in XML", Method: "PATCH", URI: e2e.DataPath + "/sobjects/Case/" + p.CaseID, Type: "application/xml", Body: "<Case><Description>" + b64 + "</Description></Case>"},
		{Name: "base64 in XML pieces", Method: "PATCH", URI: e2e.DataPath + "/sobjects/Case/" + p.CaseID, Type: "application/xml", Body: "<Case><Description>" + b64[:10] + "<!-- -->" + b64[10:20] + "<![CDATA[" + b64[20:] + "]]></Description></Case>"},

		// Framing
		{Name: "both lengths", Raw: request(post, "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", chunks), Either: true},
		{Name: "coding twice", Raw: request(post, "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", chunks)},
		{Name: "coding in a list", Raw: request(post, "Transfer-Encoding: gzip, chunked\r\n", chunks)},
		{Name: "unknown coding", Raw: request(post, "Transfer-Encoding: xchunked\r\n", chunks)},
		{Name: "coding behind a tab", Raw: request(post, "Transfer-Encoding: \tchunked\r\n", chunks), Either: true},
		{Name: "coding before a colon", Raw: request(post, "Transfer-Encoding : chunked\r\n", chunks)},
		{Name: "two lengths", Raw: request(post, length+"Content-Length: 2\r\n", cv)},
		{Name: "length with a sign", Raw: request(post, fmt.Sprintf("Content-Length: +%d\r\n", len(cv)), cv)},
		{Name: "length in hexadecimal", Raw: request(post, fmt.Sprintf("Content-Length: 0x%x\r\n", len(cv)), cv)},
		{Name: "no length", Raw: request(post, "", cv)},
		{Name: "length of nothing", Raw: request(post, "Content-Length: 0\r\n", cv)},
		{Name: "chunk with an extension", Raw: request(post, "Transfer-Encoding: chunked\r\n", fmt.Sprintf("%x;x=y\r\n%s\r\n0\r\n\r\n", len(cv), cv)), Either: true},
		{Name: "smuggled behind a GET", Raw: request("GET "+e2e.DataPath+" HTTP/1.1", fmt.Sprintf("Content-Length: %d\r\n", len(request(post, length, cv))), request(post, length, cv))},
		{Name: "smuggled behind an upgrade", Raw: "GET " + e2e.DataPath + " HTTP/1.1\r\nHost: {{host}}\r\nAuthorization: Bearer {{token}}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n" + request(post, length, cv), Either: true},
		{Name: "smuggled behind h2c", Raw: "GET " + e2e.DataPath + " HTTP/1.1\r\nHost: {{host}}\r\nAuthorization: Bearer {{token}}\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n" + request(post, length, cv), Either: true},
		{Name: "HTTP/1.0", Raw: request("POST "+e2e.CvPath+" HTTP/1.0", length, cv), Inspected: true},
		{Name: "HTTP/1.0 in chunks", Raw: request("POST "+e2e.CvPath+" HTTP/1.0", "Transfer-Encoding: chunked\r\n", chunks), Either: true},
		{Name: "HTTP/0.9", Raw: "POST " + e2e.CvPath + "\r\n\r\n" + cv},
		{Name: "absolute target", Raw: request("POST http://{{host}}"+e2e.CvPath+" HTTP/1.1", length, cv), Inspected: true},
		{Name: "absolute target elsewhere", Raw: request("POST http://example.com"+e2e.CvPath+" HTTP/1.1", length, cv)},
		{Name: "host with a dot", Raw: strings.Replace(request(post, length, cv), "Host: {{host}}", "Host: localhost.", 1), Inspected: true},
		{Name: "host in capitals", Raw: strings.Replace(request(post, length, cv), "Host: {{host}}", "Host: LOCALHOST", 1), Inspected: true},
		{Name: "another host", Raw: strings.Replace(request(post, length, cv), "Host: {{host}}", "Host: example.com", 1)},
		{Name: "two hosts", Raw: request(post, "Host: example.com\r\n"+length, cv)},
		{Name: "header folded", Raw: request(post, "X-A: b\r\n Content-Length: 2\r\n"+length, cv), Either: true},
		{Name: "header in a header", Raw: request(post, "X-A: b\rContent-Length: 2\r\n"+length, cv)},
		{Name: "CONNECT", Raw: "CONNECT {{host}} HTTP/1.1\r\nHost: {{host}}\r\n\r\n" + request(post, length, cv), Either: true},
		{Name: "two tokens", Raw: request(post, "Authorization: Bearer nobody\r\n"+length, cv)},
		{Name: "two sessions", Header: []string{"X-SFDC-Session", "{{token}}", "X-SFDC-Session", "nobody"}},
		{Name: "type as a hop", Raw: request(post, "Connection: Content-Type, Content-Length\r\n"+length, cv), Either: true},
	}
	for i := range list {
		if list[i].Body == "" && list[i].Raw == "" {
			list[i].Body = cv
		}
	}
	return list
}

// newTapped is a world whose way to the org is listened to.
func newTapped(t testing.TB, opt e2e.WorldOptions) (*world, *tap) {
	var p *tap
	edit := opt.App
	opt.App = func(c *app.Config) {
		p = newTap(t, c.Tenants[0].Upstream)
		c.Tenants[0].Upstream = p.url
		if edit != nil {
			edit(c)
		}
	}
	return newWorldWith(t, opt), p
}

// quiet waits until nothing is on its way: a request that came behind another one on the same
// connection may still be judged when the answer to the first is there.
func (w *world) quiet() {
	w.T.Helper()
	still := 0
	w.Until("nothing is on its way", func() bool {
		var counts struct{ States map[cordon.State]int }
		w.API("GET", "/v1/counts", nil, &counts)
		still++
		if counts.States[cordon.Received]+counts.States[cordon.Inspected]+counts.States[cordon.Forwarding] > 0 {
			still = 0
		}
		return still > 1
	})
}

// attempt makes sure of what a trick did: where it was held or refused, not a byte of the
// file went on.
func (w *world) attempt(k e2e.Trick, p *tap, file []byte) e2e.Answer {
	w.T.Helper()
	w.quiet()
	files, newest := len(w.Org.Files()), w.Newest()
	p.take()
	a := k.Send(w.T, w.Gateway, w.Caller)
	if holdsAny(p.take(), traces(file)) {
		w.T.Errorf("pieces of the file were sent to the org (status %d)", a.Status)
	}
	sum := sha256.Sum256(file)
	for _, f := range w.Org.Files() {
		if [32]byte(f.SHA256) == sum {
			w.T.Errorf("the org has the file as %s %s (status %d)", f.Object, f.ID, a.Status)
		}
	}
	stored, now := len(w.Org.Files())-files, w.Newest()
	if stored != 0 && !k.Either {
		w.T.Errorf("the org stored %d other files (status %d)", stored, a.Status)
	}
	if a.Status != 0 && a.Status < 400 && !k.Either {
		w.T.Errorf("answered %d %.300s", a.Status, a.Body)
	}
	switch {
	case k.Either:
	case k.Inspected && (now.ID == newest.ID || now.State != cordon.Held || string(now.ID) != a.Receipt):
		w.T.Errorf("item %s is %s, receipt %q, answered %d %.300s; want it seen and held", now.ID, now.State, a.Receipt, a.Status, a.Body)
	case !k.Inspected && now.ID != newest.ID:
		w.T.Errorf("an item came of a request that cannot be read: %+v", now)
	}
	return a
}

// TestNoWayAround tries every trick with an image that declares its generator. Then a camera
// photo goes the same way: where the gateway understands the request the photo must arrive,
// so that none of this is won by refusing everybody.
func TestNoWayAround(t *testing.T) {
	w, p := newTapped(t, e2e.WorldOptions{})
	there := e2e.Furnish(t, w.Org, w.OrgURL)
	bare := sim.NewOrg(e2e.OwnApp(sim.Demo()))
	server := httptest.NewServer(bare.Handler())
	t.Cleanup(func() { server.Close(); bare.Close() })
	elsewhere := e2e.Furnish(t, bare, server.URL)

	n := len(tricks(there, e2e.Media.Generated.Bytes))
	worked := 0
	for i := range n {
		mark := fmt.Sprintf("%04d", i)
		generated := append(bytes.Clone(e2e.Media.Generated.Bytes), mark...)
		photo := append(bytes.Clone(e2e.Media.Camera.Bytes), mark...)
		k := tricks(there, generated)[i]
		t.Run(k.Name, func(t *testing.T) {
			w.T = t
			w.attempt(k, p, generated)

			sum := sha256.Sum256(photo)
			k := tricks(there, photo)[i]
			a := k.Send(t, w.Gateway, w.Caller)
			arrived := false
			for _, f := range w.Org.Files() {
				arrived = arrived || [32]byte(f.SHA256) == sum
			}
			switch {
			case k.Either:
			case k.Inspected && k.URI != "" && strings.Contains(k.URI, there.Version):
				// the platform does not change the file of a version
			case strings.HasPrefix(k.Name, "boundary inside"):
				// what arrives is the photo with the boundary in it
			case k.Inspected && (!arrived || a.Status >= 300):
				t.Errorf("a photo on the same way: arrived %v, %d %.300s", arrived, a.Status, a.Body)
			case !k.Inspected && (arrived || a.Status < 400 && a.Status != 0):
				t.Errorf("a photo on the same way, which cannot be looked into: %d %.300s", a.Status, a.Body)
			}
			if arrived {
				if it := w.Item(a.Receipt); it.State != cordon.Delivered {
					t.Errorf("the photo arrived and its item is %s", it.State)
				}
			}
		})

		// The same against an org without a gateway, to know what the tricks are worth.
		tricks(elsewhere, generated)[i].Send(t, server.URL, bare.Token("demo@example.com"))
		sum := sha256.Sum256(generated)
		for _, f := range bare.Files() {
			if [32]byte(f.SHA256) == sum {
				worked++
				break
			}
		}
	}
	w.T = t
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
	w, p := newTapped(t, e2e.WorldOptions{TLS: conf, App: func(c *app.Config) { c.Gateway.TLSListen = "127.0.0.1:0" }})
	client := &http.Client{Transport: &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	for i, k := range []e2e.Trick{
		{Name: "JSON", Inspected: true},
		{Name: "no length", Chunked: true, Inspected: true},
		{Name: "gzip", Header: []string{"Content-Encoding", "gzip"}, Inspected: true},
		{Name: "override", Header: []string{"X-HTTP-Method-Override", "GET"}, Inspected: true},
		{Name: "body of a GET", Method: "GET"},
		{Name: "composite", URI: e2e.DataPath + "/composite"},
	} {
		t.Run(k.Name, func(t *testing.T) {
			w.T = t
			send := func(file []byte) (e2e.Answer, error) {
				body := `{"Title":"t","PathOnClient":"t.jpg","VersionData":"` + base64.StdEncoding.EncodeToString(file) + `"}`
				if k.URI != "" {
					body = `{"compositeRequest":[{"method":"POST","url":"` + e2e.CvPath + `","referenceId":"r","body":` + body + `}]}`
				}
				if strings.Contains(strings.Join(k.Header, " "), "gzip") {
					body = e2e.Zip(body)
				}
				var r io.Reader = strings.NewReader(body)
				if k.Chunked {
					r = struct{ io.Reader }{r}
				}
				method, uri := "POST", e2e.CvPath
				if k.Method != "" {
					method = k.Method
				}
				if k.URI != "" {
					uri = k.URI
				}
				req, err := http.NewRequest(method, w.App.GatewayTLSURL()+uri, r)
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("Authorization", "Bearer "+w.Caller)
				req.Header.Set("Content-Type", e2e.JsonType)
				for i := 0; i+1 < len(k.Header); i += 2 {
					req.Header.Set(k.Header[i], k.Header[i+1])
				}
				resp, err := client.Do(req)
				if err != nil {
					return e2e.Answer{}, err
				}
				defer resp.Body.Close()
				if resp.ProtoMajor != 2 {
					t.Fatalf("spoke %s", resp.Proto)
				}
				b, err := io.ReadAll(resp.Body)
				return e2e.Answer{Status: resp.StatusCode, Receipt: resp.Header.Get("Cordon-Receipt"), Body: b}, err
			}
			generated := append(bytes.Clone(e2e.Media.Generated.Bytes), byte(i))
			p.take()
			a, err := send(generated)
			if err != nil || a.Status < 400 || (a.Receipt != "") != k.Inspected {
				t.Errorf("%v %d %s", err, a.Status, a.Body)
			}
			if k.Inspected && w.Item(a.Receipt).State != cordon.Held {
				t.Errorf("the item is %s", w.Item(a.Receipt).State)
			}
			if holdsAny(p.take(), traces(generated)) || len(w.Org.Files()) != 0 {
				t.Error("the file went on")
			}
		})
	}
	w.T = t
	if a, err := w.UploadJSON("photo", "photo.jpg", e2e.Media.Camera.Bytes); err != nil || a.Status != http.StatusCreated {
		t.Errorf("a photo: %v %d", err, a.Status)
	}
}

// TestBulkRowsCarryNoFile opens a job that is fine and sends it rows that are not.
func TestBulkRowsCarryNoFile(t *testing.T) {
	w, p := newTapped(t, e2e.WorldOptions{})
	job := func() string {
		a := e2e.Trick{URI: e2e.DataPath + "/jobs/ingest", Body: `{"object":"Case","operation":"insert","contentType":"CSV","lineEnding":"LF"}`}.Send(t, w.Gateway, w.Caller)
		var v struct{ ID string }
		if json.Unmarshal(a.Body, &v) != nil || v.ID == "" {
			t.Fatalf("open a job: %d %s", a.Status, a.Body)
		}
		return v.ID
	}
	b64 := base64.StdEncoding.EncodeToString(e2e.Media.Generated.Bytes)
	filler := strings.Repeat("a case that is like every other case,nothing to see\n", 4000) // several windows
	for name, rows := range map[string]string{
		"base64":                "Subject,Description\ns," + b64 + "\n",
		"base64 late":           "Subject,Description\n" + filler + "s," + b64 + "\n",
		"base64 behind letters": "Subject,Description\ns,note" + b64 + "\n",
		"data URI":              "Subject,Notes__c\ns,\"<img src=\"\"data:image/jpeg;base64," + b64 + "\"\">\"\n",
		"UTF-16":                utf16Text("Subject,Description\ns," + b64 + "\n"),
		"gzip unannounced":      e2e.Zip("Subject,Description\ns," + b64 + "\n"),
	} {
		t.Run(name, func(t *testing.T) {
			w.T = t
			id := job()
			p.take()
			a := e2e.Trick{Method: "PUT", URI: e2e.DataPath + "/jobs/ingest/" + id + "/batches", Type: "text/csv", Body: rows}.Send(t, w.Gateway, w.Caller)
			if a.Status != 0 && a.Status < 400 {
				t.Errorf("answered %d %s", a.Status, a.Body)
			}
			if holdsAny(p.take(), traces(e2e.Media.Generated.Bytes)) {
				t.Error("pieces of the file were sent to the org")
			}
		})
	}
	a := e2e.Trick{Method: "PUT", URI: e2e.DataPath + "/jobs/ingest/" + job() + "/batches", Type: "text/csv", Body: "Subject,Description\n" + filler}.Send(t, w.Gateway, w.Caller)
	if a.Status/100 != 2 {
		t.Errorf("plain rows: %d %s", a.Status, a.Body)
	}
}
