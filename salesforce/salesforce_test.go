package salesforce

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"testing"

	"github.com/cordonhq/cordon"
)

func TestCanonical(t *testing.T) {
	for in, want := range map[string]string{
		"": "/", "/": "/", "/a/b": "/a/b", "//a///b//": "/a/b", "/a/./b/../c/": "/a/c", "/%61/%42": "/a/B",
		"/a/%2e%2e/b": "/b", "/a%20b": "/a b", "/100%25": "/100%", "/@{x.id}": "/@{x.id}",
	} {
		if got, err := Canonical(in); err != nil || got != want {
			t.Errorf("Canonical(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
	for _, in := range []string{"/a%2fb", "/a%2Fb", "/%2541", "/a;b", "/a%3bb", "/a\\b", "/a%5cb", "/%00", "/a%0ab", "/\x7f", "/..", "/a/../..",
		"/%zz", "/%4", "/%c0%af", "/%ff", "/" + string(bytes.Repeat([]byte{'a'}, MaxPath))} {
		if got, err := Canonical(in); !errors.Is(err, ErrAmbiguous) || !errors.Is(err, cordon.ErrInvalid) {
			t.Errorf("Canonical(%.40q) = %q, %v; want a refusal", in, got, err)
		}
	}
}

func TestBlobs(t *testing.T) {
	b, ok := FindBlob("contentversion")
	if !ok || b.Object != "ContentVersion" || !b.Inspected || !b.HasField("VERSIONDATA") || b.HasField("Title") {
		t.Errorf("ContentVersion is %+v", b)
	}
	if _, ok := FindBlob("Case"); ok {
		t.Error("Case has no base64 field")
	}
	if b, ok := FindBlob("StaticResource"); !ok || b.Inspected {
		t.Errorf("StaticResource is %+v", b)
	}
	if !IsBlobField("versiondata") || !IsBlobField("Scan__Body__s") || IsBlobField("Title") {
		t.Error("blob fields are not told apart")
	}
}

func TestErrorBodies(t *testing.T) {
	e := Error{Message: `a "quoted" <text>`, ErrorCode: CodeValidation, Fields: []string{"VersionData"}}
	if got, want := string(JSONErrors(e)), `[{"message":"a \"quoted\" <text>","errorCode":"FIELD_CUSTOM_VALIDATION_EXCEPTION","fields":["VersionData"]}]`; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if back := ParseErrors(JSONErrors(e)); len(back) != 1 || back[0].Message != e.Message {
		t.Errorf("read back as %+v", back)
	}
	var x struct {
		Error []Error `xml:"Error"`
	}
	if err := xml.Unmarshal(XMLErrors(e), &x); err != nil || x.Error[0].Message != e.Message || x.Error[0].ErrorCode != e.ErrorCode {
		t.Errorf("%v %+v", err, x)
	}
	if err := xml.Unmarshal(SOAPFault(e), new(struct{ XMLName xml.Name })); err != nil {
		t.Error(err)
	}
	if back := ParseErrors([]byte(`{"error":"invalid_grant","error_description":"d"}`)); len(back) != 1 || back[0].ErrorCode != "invalid_grant" {
		t.Errorf("%+v", back)
	}
	if back := ParseErrors([]byte(`<html>`)); back != nil {
		t.Errorf("%+v", back)
	}
}

// bytesOf is content in memory.
type bytesOf struct{ *bytes.Reader }

func (b bytesOf) NewReader() io.Reader { return io.NewSectionReader(b.Reader, 0, b.Size()) }

func content(b []byte) cordon.Content { return bytesOf{bytes.NewReader(b)} }

func TestBodies(t *testing.T) {
	fields := []cordon.Field{{Name: `Ti"tle`, Value: []byte(`"x"`)}, {Name: "N", Value: []byte("1.50")}}
	blob, _ := FindBlob("ContentVersion")
	for _, n := range []int{0, 1, 2, 3, 24<<10 - 1, 24 << 10, 24<<10 + 1, 100_003} {
		file := bytes.Repeat([]byte{0xfb, 7, 0}, n/3+1)[:n]
		b := JSONBody(fields, "VersionData", content(file))
		text, err := io.ReadAll(b.Open())
		var got map[string]any
		if err != nil || int64(len(text)) != b.Length || json.Unmarshal(text, &got) != nil {
			t.Fatalf("%d bytes: announced %d, wrote %d, %v", n, b.Length, len(text), err)
		}
		if back, err := base64.StdEncoding.DecodeString(got["VersionData"].(string)); err != nil || !bytes.Equal(back, file) || got[`Ti"tle`] != "x" {
			t.Errorf("%d bytes came back as %d, %v", n, len(back), err)
		}
		m := MultipartBody(fields, blob, "a\"\r\nb.png", content(file))
		text, err = io.ReadAll(m.Open())
		if err != nil || int64(len(text)) != m.Length {
			t.Fatalf("%d bytes: announced %d, wrote %d, %v", n, m.Length, len(text), err)
		}
		_, params, err := mime.ParseMediaType(m.Type)
		if err != nil {
			t.Fatal(err)
		}
		form, err := multipart.NewReader(bytes.NewReader(text), params["boundary"]).ReadForm(1 << 20)
		if err != nil || form.Value["entity_content"][0] != `{"Ti\"tle":"x","N":1.50}` || form.File["VersionData"][0].Filename != "a___b.png" {
			t.Fatalf("form %+v, %v", form, err)
		}
		f, err := form.File["VersionData"][0].Open()
		if err != nil {
			t.Fatal(err)
		}
		if back, _ := io.ReadAll(f); !bytes.Equal(back, file) {
			t.Errorf("%d bytes came back as %d", n, len(back))
		}
	}
	if b := JSONBody(nil, "VersionData", content([]byte("a"))); b.Length != int64(len(`{"VersionData":"YQ=="}`)) {
		t.Errorf("length %d", b.Length)
	}
}

func TestSetField(t *testing.T) {
	in := []cordon.Field{{Name: "title", Value: []byte(`"a"`)}}
	out := SetField(SetField(in, "Title", "b\n\"c"), "Other", "d")
	if string(in[0].Value) != `"a"` || len(out) != 2 || out[0].Name != "Title" || string(out[0].Value) != `"b\u000a\"c"` {
		t.Errorf("in %s, out %s", in[0].Value, out[0].Value)
	}
}

func TestIDs(t *testing.T) {
	if !SameID("068xx0000000001", "068xx0000000001AAA") || SameID("068xx0000000001", "068XX0000000001") || !IsID("068xx0000000001AAA") || IsID("068xx0000000001A") || IsID("068xx000000'001") {
		t.Error("ids are not told apart")
	}
}
