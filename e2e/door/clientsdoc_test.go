package door_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cordonhq/cordon/e2e"
	"github.com/cordonhq/cordon/media/mediatest"
)

// withText is a small picture with a text in it.
func withText(key, value string) []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 2, 2))); err != nil {
		panic(err) // writing to memory does not fail
	}
	return mediatest.Text(b.Bytes(), key, value)
}

// documented are the differences that docs/clients.md lists: how a request is answered directly
// and here.
func documented(t *testing.T) map[string][2]string {
	t.Helper()
	b, err := os.ReadFile("../../docs/clients.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(b), "## What is done otherwise, on purpose")
	if !ok {
		t.Fatal("docs/clients.md lists no differences")
	}
	list := map[string][2]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| ([^|]+) \\| ([^|]+) \\| [^|]+ \\|$").FindAllStringSubmatch(table, -1) {
		list[row[1]] = [2]string{strings.ReplaceAll(row[2], "`", ""), strings.ReplaceAll(row[3], "`", "")}
	}
	return list
}

// clientCase is one request that a client sends.
type clientCase struct {
	name, method, uri, typ, body string
}

// clientCases lists requests of ordinary clients, mistakes that they make, and everything that is
// done otherwise on purpose. side makes what must be unique so.
func clientCases(p e2e.Place, side string) []clientCase {
	n := 0
	picture := func() []byte { // never the same twice
		n++
		return withText("Comment", fmt.Sprint(side, n, time.Now().UnixNano()))
	}
	marked := base64.StdEncoding.EncodeToString(withText("parameters", "a cat "+side+"\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 2x2, Model: sdxl"))
	b64 := func() string { return base64.StdEncoding.EncodeToString(picture()) }
	cv := func(more string) string {
		return `{"Title":"t","PathOnClient":"a.png",` + more + `"VersionData":"` + b64() + `"}`
	}
	entity := `{"Title":"t","PathOnClient":"a.png"}`
	file := "Content-Disposition: form-data; name=\"VersionData\"; filename=\"a.png\"\r\nContent-Type: image/png"
	json := func(name, method, uri, body string) clientCase {
		return clientCase{name, method, uri, e2e.JsonType, body}
	}
	mp := func(name string, parts ...string) clientCase {
		return clientCase{name, "POST", e2e.CvPath, e2e.FormType, e2e.Form(parts...)}
	}
	ids := `{"ids":["` + p.CaseID + `"],"fields":["Id","Subject"]}`
	account := e2e.DataPath + "/sobjects/Account"
	caseOf := func(text string) string { return `{"Subject":"s","Description":"` + text + `"}` }
	return []clientCase{
		json("upload", "POST", e2e.CvPath, cv("")), mp("upload as a form", e2e.EntityHead, entity, file, string(picture())),
		json("upload under a record", "POST", e2e.CvPath, cv(`"FirstPublishLocationId":"`+p.CaseID+`",`)),
		json("upload with a mark of the order of bytes", "POST", e2e.CvPath, "\xef\xbb\xbf"+cv("")),
		{"upload in latin1 that is ASCII", "POST", e2e.CvPath, e2e.JsonType + "; charset=ISO-8859-1", cv("")},
		{"upload with an empty charset", "POST", e2e.CvPath, e2e.JsonType + "; charset=", cv("")},
		mp("fields without a type", `Content-Disposition: form-data; name="whatever"`, entity, file, string(picture())),
		json("rename", "PATCH", e2e.CvPath+"/"+p.Version, `{"Title":"u"}`), json("create", "POST", account, `{"Name":"a"}`),
		json("retrieve by POST", "POST", e2e.DataPath+"/composite/sobjects/Case", ids),
		json("sentence", "POST", e2e.DataPath+"/sobjects/Case", caseOf("Metadata: image/jpeg, 3024x4032")),
		json("sentence with a comma", "POST", e2e.DataPath+"/sobjects/Case", caseOf("Attached data: application/pdf, 2 pages")),
		json("class", "POST", e2e.DataPath+"/tooling/sobjects/ApexClass", `{"Name":"A","Body":"public class A {}"}`),
		json("GET with an empty object", "GET", e2e.DataPath+"/limits", `{}`), json("composite without requests", "POST", e2e.DataPath+"/composite", `{"compositeRequests":[]}`),
		json("composite GET with an empty body", "POST", e2e.DataPath+"/composite", `{"compositeRequest":[{"method":"GET","url":"`+e2e.DataPath+`/limits","referenceId":"a","body":{}}]}`),
		{"SOAP create", "POST", "/services/Soap/u/64.0", "text/xml", `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Header><SessionHeader xmlns="urn:partner.soap.sforce.com"><sessionId>{{token}}</sessionId></SessionHeader></e:Header>` +
			`<e:Body><create xmlns="urn:partner.soap.sforce.com"><sObjects><type>Account</type><Name>s</Name></sObjects></create></e:Body></e:Envelope>`},

		json("broken JSON", "POST", account, `{`), json("broken JSON, upload", "POST", e2e.CvPath, `{"Title":`), json("a list for a record", "POST", account, `[]`),
		json("a list for an upload", "POST", e2e.CvPath, `[`+cv("")+`]`), json("upload without a body", "POST", e2e.CvPath, ` `),
		json("no base64", "POST", e2e.CvPath, `{"Title":"t","PathOnClient":"a.png","VersionData":"not base64!!"}`),
		json("data URI for base64", "POST", e2e.CvPath, `{"Title":"t","PathOnClient":"a.png","VersionData":"data:image/png;base64,`+b64()+`"}`),
		json("bytes for base64", "POST", e2e.CvPath, `{"Title":"t","PathOnClient":"a.png","VersionData":[1,2]}`),
		json("empty file", "POST", e2e.CvPath, `{"Title":"t","PathOnClient":"a.png","VersionData":""}`),
		json("no path, held", "POST", e2e.CvPath, `{"Title":"t","VersionData":"`+marked+`"}`),
		json("unknown field, held", "POST", e2e.CvPath, `{"Title":"t","PathOnClient":"a.png","Nope__c":"x","VersionData":"`+marked+`"}`),
		json("read-only field, held", "POST", e2e.CvPath, `{"Title":"t","PathOnClient":"a.png","IsLatest":true,"VersionData":"`+marked+`"}`),
		json("long title, held", "POST", e2e.CvPath, `{"Title":"`+strings.Repeat("t", 256)+`","PathOnClient":"a.png","VersionData":"`+marked+`"}`),
		json("id in a create, held", "POST", e2e.CvPath, `{"Id":"`+p.Version+`","Title":"t","PathOnClient":"a.png","VersionData":"`+marked+`"}`),
		json("parent that is none, held", "POST", e2e.CvPath, `{"Title":"t","PathOnClient":"a.png","FirstPublishLocationId":"zzz","VersionData":"`+marked+`"}`),
		json("parent that is not there, held", "POST", e2e.CvPath, `{"Title":"t","PathOnClient":"a.png","FirstPublishLocationId":"001Si0000000000AAA","VersionData":"`+marked+`"}`),
		json("document that is not there, held", "POST", e2e.CvPath, `{"Title":"t","PathOnClient":"a.png","ContentDocumentId":"069Si0000000000AAA","VersionData":"`+marked+`"}`),
		json("attachment without a parent, held", "POST", e2e.DataPath+"/sobjects/Attachment", `{"Name":"a.png","Body":"`+marked+`"}`),
		json("attachment that is not there, held", "PATCH", e2e.DataPath+"/sobjects/Attachment/00PSi0000000000AAA", `{"Body":"`+marked+`"}`),
		json("malformed id, held", "PATCH", e2e.DataPath+"/sobjects/Attachment/zzz", `{"Body":"`+marked+`"}`),
		json("key that is none, held", "PATCH", e2e.CvPath+"/Title/x", `{"PathOnClient":"a.png","VersionData":"`+marked+`"}`),
		json("upsert of a version, held", "PATCH", e2e.CvPath+"/Cordon_Key__c/K-1", `{"PathOnClient":"a.png","VersionData":"`+marked+`"}`),
		json("file of a version, held", "PATCH", e2e.CvPath+"/"+p.Version, `{"VersionData":"`+marked+`"}`),
		json("PUT, held", "PUT", e2e.CvPath, `{"Title":"t","PathOnClient":"a.png","VersionData":"`+marked+`"}`),
		json("PATCH without an id, held", "PATCH", e2e.CvPath, `{"Title":"t","PathOnClient":"a.png","VersionData":"`+marked+`"}`),
		json("content apart", "POST", e2e.CvPath, `{"Title":"t","PathOnClient":"a.png","ContentBodyId":"05TSi0000000001AAA"}`),
		json("file of no object", "POST", e2e.DataPath+"/sobjects/Nope__c", cv("")), json("no such version", "POST", "/services/data/latest/sobjects/Account", `{}`),
		{"a form for a record", "POST", account, "application/x-www-form-urlencoded", "Name=a"}, {"a form for an upload", "POST", e2e.CvPath, "application/x-www-form-urlencoded", "Title=a"},
		mp("form without fields", file, string(picture())), mp("part of no field", e2e.EntityHead, entity, file, string(picture()), `Content-Disposition: form-data; name="note"`, "x"),

		mp("mp_binary_base64_cte", e2e.EntityHead, entity, file+"\r\nContent-Transfer-Encoding: base64", b64()),
		mp("mp_entity_with_filename", "Content-Disposition: form-data; name=\"entity_content\"; filename=\"blob\"\r\nContent-Type: application/json", entity, file, string(picture())),
		mp("mp_java_textplain_entity", "Content-Disposition: form-data; name=\"entity_content\"\r\nContent-Type: text/plain; charset=ISO-8859-1", entity, file, string(picture())),
		mp("mp_empty_file", e2e.EntityHead, entity, file, ""), mp("mp_part_content_encoding", e2e.EntityHead, entity, file+"\r\nContent-Encoding: gzip", e2e.Zip(string(picture()))),
		{"js_no_ct", "POST", e2e.CvPath, "", cv("")},
		json("js_base64_url", "POST", e2e.CvPath, `{"Title":"t","PathOnClient":"a.bin","VersionData":"`+base64.URLEncoding.EncodeToString([]byte("\xfb\xff\xfe plain text "+side+"x"))+`"}`),
		json("js_base64_nopad", "POST", e2e.CvPath, `{"Title":"t","PathOnClient":"a.png","VersionData":"`+base64.RawStdEncoding.EncodeToString(append(picture(), make([]byte, 3-len(picture())%3+1)...))+`"}`),
		json("js_dup_key", "POST", e2e.CvPath, cv(`"title":"b",`)), json("js_version_no_dot", "POST", "/services/data/v64/sobjects/ContentVersion", cv("")),
		json("composite_file_chain", "POST", e2e.DataPath+"/composite", `{"compositeRequest":[{"method":"POST","url":"`+e2e.CvPath+`","referenceId":"r","body":`+cv("")+`}]}`),
		json("collections_file", "POST", e2e.DataPath+"/composite/sobjects", `{"records":[`+cv(`"attributes":{"type":"ContentVersion"},`)+`]}`),
		{"collections_multipart", "POST", e2e.DataPath + "/composite/sobjects", e2e.FormType, e2e.Form("Content-Disposition: form-data; name=\"entity\"\r\nContent-Type: application/json",
			`{"records":[{"attributes":{"type":"ContentVersion","binaryPartName":"p","binaryPartNameAlias":"VersionData"},"Title":"t","PathOnClient":"a.png"}]}`, `Content-Disposition: form-data; name="p"; filename="a.png"`, string(picture()))},
		json("bulk_file_job", "POST", e2e.DataPath+"/jobs/ingest", `{"object":"ContentVersion","operation":"insert","contentType":"CSV"}`),
		json("rich_text_image", "POST", e2e.DataPath+"/sobjects/Case", `{"Subject":"s","Notes__c":"<img src='data:image/png;base64,`+b64()+`'>"}`),
		json("text_base64", "POST", e2e.DataPath+"/sobjects/Case", caseOf("signature: "+b64())), json("held", "POST", e2e.CvPath, `{"Title":"t","PathOnClient":"a.png","VersionData":"`+marked+`"}`),
		json("get_with_body_apexrest", "GET", "/services/apexrest/account", `{"a":1}`), json("apexrest_post_json", "POST", "/services/apexrest/account", `{"a":1}`),
		{"res_tooling_anon", "GET", e2e.DataPath + "/tooling/executeAnonymous/?anonymousBody=System.debug(1);", "", ""},
		json("res_fhir", "POST", e2e.DataPath+"/fhir/R4/DocumentReference", `{"resourceType":"DocumentReference"}`),
		json("metadata_deploy", "POST", e2e.DataPath+"/metadata/deployRequest", `{"deployOptions":{}}`),
		{"xml_record_with_file", "POST", e2e.CvPath, "application/xml", "<ContentVersion><Title>t</Title><PathOnClient>a.png</PathOnClient><VersionData>" + b64() + "</VersionData></ContentVersion>"},
	}
}

// outcome is what a client acts on: the status, the code, and the fields that are named.
func outcome(a e2e.Answer) string {
	out := fmt.Sprint(a.Status)
	if a.Status >= 400 {
		code := a.Code()
		if m := regexp.MustCompile(`(?:<errorCode>|"errorCode":")([A-Z_]+)`).FindSubmatch(a.Body); code == "" && m != nil {
			code = string(m[1])
		}
		out += " " + code
	}
	return out
}

var fieldsOf = regexp.MustCompile(`"fields":\[[^\]]*\]`)

// TestClientsMeetTheOrg sends what clients send to the org and through the gateway, and compares
// the answers with each other and with what docs/clients.md says is done otherwise.
func TestClientsMeetTheOrg(t *testing.T) {
	w := newWorld(t)
	p := e2e.Furnish(t, w.Org, w.OrgURL)
	send := func(base string, c clientCase) e2e.Answer {
		req, err := http.NewRequest(c.method, base+c.uri, strings.NewReader(strings.ReplaceAll(c.body, "{{token}}", w.Caller)))
		if err != nil {
			t.Fatal(c.name, err)
		}
		req.Header.Set("Authorization", "Bearer "+w.Caller)
		if c.typ != "" {
			req.Header.Set("Content-Type", c.typ)
		}
		if c.typ == "text/xml" {
			req.Header.Set("SOAPAction", `""`)
		}
		a, err := w.Do(req)
		if err != nil {
			t.Fatal(c.name, err)
		}
		return a
	}
	list := documented(t)
	direct, through := clientCases(p, "direct"), clientCases(p, "through")
	for i, c := range direct {
		d, g := send(w.OrgURL, c), send(w.Gateway, through[i])
		want, purposeful := list[c.name]
		delete(list, c.name)
		switch got := [2]string{outcome(d), outcome(g)}; {
		case purposeful && got != want:
			t.Errorf("%s: answered %q, and docs/clients.md says %q\n%s\n%s", c.name, got, want, d.Body, g.Body)
		case !purposeful && (got[0] != got[1] || string(fieldsOf.Find(d.Body)) != string(fieldsOf.Find(g.Body))):
			t.Errorf("%s: directly %s %.200s\nhere %s %.300s", c.name, got[0], d.Body, got[1], g.Body)
		}
		if strings.HasSuffix(c.name, ", held") && strings.Contains(string(g.Body), "itm_") {
			t.Errorf("%s: a receipt for what nobody could release: %s", c.name, g.Body)
		}
	}
	for name := range list {
		t.Errorf("docs/clients.md lists %s, which nothing tries", name)
	}
	if n := len(w.Items("held")); n != 3 {
		t.Errorf("%d items are held, want those of the three differences that say so", n)
	}
}
