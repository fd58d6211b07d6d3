package sim_test

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"testing"

	"github.com/cordonhq/cordon/salesforce/sim"
)

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// A file is uploaded to a case, seen by all who look, renewed, deleted, brought back.
func TestLifeOfAFile(t *testing.T) {
	d := open(t, sim.Demo())
	kase := d.create("Case", map[string]any{"Subject": "Portal upload"})
	first := d.create("ContentVersion", map[string]any{"Title": "x-ray", "PathOnClient": "x-ray.PNG", "VersionData": b64("first"),
		"FirstPublishLocationId": kase})

	v := d.query("SELECT ContentDocumentId, VersionNumber, IsLatest, FileType, FileExtension, ContentSize, Checksum, Owner.Username FROM ContentVersion WHERE Id = '" + first[:15] + "'")[0]
	sum := md5.Sum([]byte("first"))
	for field, want := range map[string]any{"VersionNumber": "1", "IsLatest": true, "FileType": "PNG", "FileExtension": "PNG",
		"ContentSize": 5.0, "Checksum": hex.EncodeToString(sum[:])} {
		if v[field] != want {
			t.Errorf("%s is %v, want %v", field, v[field], want)
		}
	}
	if owner := v["Owner"].(map[string]any)["Username"]; owner != "demo@example.com" {
		t.Errorf("owner %v", owner)
	}
	doc := v["ContentDocumentId"].(string)
	links := d.query("SELECT LinkedEntityId, ShareType FROM ContentDocumentLink WHERE ContentDocumentId = '" + doc + "' ORDER BY ShareType")
	if len(links) != 2 || links[0]["LinkedEntityId"] != d.org.UserID("demo@example.com") || links[1]["LinkedEntityId"] != kase {
		t.Fatalf("links %v", links)
	}

	second := d.create("ContentVersion", map[string]any{"PathOnClient": "x-ray.png", "VersionData": b64("second"), "ContentDocumentId": doc})
	all := d.query("SELECT Id, IsLatest, VersionNumber FROM ContentVersion WHERE ContentDocumentId = '" + doc + "' ORDER BY VersionNumber")
	if len(all) != 2 || all[0]["IsLatest"] != false || all[1]["IsLatest"] != true || all[1]["VersionNumber"] != "2" {
		t.Fatalf("versions %v", all)
	}
	if got := d.query("SELECT LatestPublishedVersionId, Title FROM ContentDocument WHERE Id = '" + doc + "'")[0]; got["LatestPublishedVersionId"] != second || got["Title"] != "x-ray" {
		t.Fatalf("document %v", got)
	}
	// The row answers with the address of the bytes, never the bytes.
	row := d.send("GET", "/sobjects/ContentVersion/"+first, nil).want(200)
	if row["VersionData"] != v64+"/sobjects/ContentVersion/"+first+"/VersionData" {
		t.Fatalf("VersionData %v", row["VersionData"])
	}
	if got := d.send("GET", row["VersionData"].(string), nil); string(got.body) != "first" || got.header.Get("Content-Type") != "application/octet-stream" {
		t.Fatalf("bytes %q, type %s", got.body, got.header.Get("Content-Type"))
	}

	d.send("DELETE", "/sobjects/ContentVersion/"+first, nil).refused(400, "INVALID_TYPE_FOR_OPERATION")
	d.send("DELETE", "/sobjects/ContentDocument/"+doc, nil).want(204)
	d.send("GET", "/sobjects/ContentVersion/"+second, nil).refused(404, "ENTITY_IS_DELETED")
	if left := d.query("SELECT Id FROM ContentVersion WHERE ContentDocumentId = '" + doc + "'"); len(left) != 0 {
		t.Fatalf("still there: %v", left)
	}
	if bin := d.queryAll("SELECT Id, IsDeleted FROM ContentVersion WHERE ContentDocumentId = '" + doc + "'"); len(bin) != 2 || bin[0].(map[string]any)["IsDeleted"] != true {
		t.Fatalf("recycle bin: %v", bin)
	}
	soap := `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Header><SessionHeader><sessionId>` + d.token +
		`</sessionId></SessionHeader></e:Header><e:Body><undelete><ids>` + doc + `</ids></undelete></e:Body></e:Envelope>`
	if got := d.send("POST", "/services/Soap/u/64.0", soap, "Content-Type", "text/xml"); got.status != 200 || !bytes.Contains(got.body, []byte("<success>true")) {
		t.Fatalf("undelete: %d %s", got.status, got.body)
	}
	if got := d.send("GET", "/sobjects/ContentVersion/"+second+"/VersionData", nil); string(got.body) != "second" {
		t.Fatalf("after undelete: %d %s", got.status, got.body)
	}

	files := d.org.Files()
	if len(files) != 2 || files[0].SHA256 != sha256.Sum256([]byte("first")) || files[0].ParentID != kase || files[1].Latest != true || files[0].Latest {
		t.Fatalf("ground truth %+v", files)
	}
}

// Undelete of a document does not bring its distributions back, and brings its links
// back as the org is configured to.
func TestUndeleteAndWhatHangsOnIt(t *testing.T) {
	for _, stay := range []bool{false, true} {
		conf := sim.Demo()
		conf.LinksStayDeleted = stay
		d := open(t, conf)
		version, doc, err := d.org.Upload("a.txt", []byte("a"))
		if err != nil {
			t.Fatal(err)
		}
		d.create("ContentDistribution", map[string]any{"Name": "public", "ContentVersionId": version})
		d.send("DELETE", "/sobjects/ContentDocument/"+doc, nil).want(204)
		soap := `<Envelope><Header><SessionHeader><sessionId>` + d.token + `</sessionId></SessionHeader></Header><Body><undelete><ids>` + doc + `</ids></undelete></Body></Envelope>`
		d.send("POST", "/services/Soap/u/64.0", soap, "Content-Type", "text/xml").want(200)
		links := d.query("SELECT Id FROM ContentDocumentLink WHERE ContentDocumentId = '" + doc + "'")
		if (len(links) == 0) != stay {
			t.Errorf("LinksStayDeleted %v: %d links", stay, len(links))
		}
		if left := d.query("SELECT Id FROM ContentDistribution"); len(left) != 0 {
			t.Errorf("distributions came back: %v", left)
		}
	}
}

func TestAttachmentBodyIsReplaced(t *testing.T) {
	d := open(t, sim.Demo())
	kase := d.create("Case", map[string]any{"Subject": "s"})
	id := d.create("Attachment", map[string]any{"ParentId": kase, "Name": "a.png", "ContentType": "image/png", "Body": b64("one")})
	d.send("PATCH", "/sobjects/Attachment/"+id, map[string]any{"Body": b64("other")}).want(204)
	got := d.send("GET", "/sobjects/Attachment/"+id+"/Body", nil)
	if string(got.body) != "other" || got.header.Get("Content-Type") != "image/png" {
		t.Fatalf("%q %s", got.body, got.header.Get("Content-Type"))
	}
	if n := d.query("SELECT BodyLength FROM Attachment")[0]["BodyLength"]; n != 5.0 {
		t.Fatalf("BodyLength %v", n)
	}
	// Deleting the case takes its attachments along.
	d.send("DELETE", "/sobjects/Case/"+kase, nil).want(204)
	if left := d.query("SELECT Id FROM Attachment"); len(left) != 0 {
		t.Fatalf("attachments %v", left)
	}
}

func TestStorageLimitCountsWhatIsKept(t *testing.T) {
	conf := sim.Demo()
	conf.StorageLimit = 10
	d := open(t, conf)
	kase := d.create("Case", map[string]any{"Subject": "s"})
	id := d.create("Attachment", map[string]any{"ParentId": kase, "Name": "a", "Body": b64("12345678")})
	d.send("POST", "/sobjects/Attachment", map[string]any{"ParentId": kase, "Name": "b", "Body": b64("12345")}).refused(400, "STORAGE_LIMIT_EXCEEDED")
	// Overwriting gives the old bytes back.
	d.send("PATCH", "/sobjects/Attachment/"+id, map[string]any{"Body": b64("1")}).want(204)
	d.create("Attachment", map[string]any{"ParentId": kase, "Name": "b", "Body": b64("12345")})
}
