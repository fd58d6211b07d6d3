package sim_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/cordonhq/cordon/salesforce/sim"
)

// How many uploads of 100 KB the org takes, as JSON with base64, past the network.
func BenchmarkUpload(b *testing.B) {
	conf := sim.Demo()
	conf.APILimit = 1 << 40
	org := sim.NewOrg(conf)
	defer org.Close()
	kase, err := org.Create("admin@example.com", "Case", map[string]any{"Subject": "s"})
	if err != nil {
		b.Fatal(err)
	}
	body, err := json.Marshal(map[string]any{"PathOnClient": "a.jpg", "VersionData": make([]byte, 100<<10), "FirstPublishLocationId": kase})
	if err != nil {
		b.Fatal(err)
	}
	token, handler := org.Token("demo@example.com"), org.Handler()
	b.SetBytes(100 << 10)
	for b.Loop() {
		r := localRequest("POST", v64+"/sobjects/ContentVersion", bytes.NewReader(body), token)
		r.Header.Set("Content-Type", "application/json")
		if got := serve(handler, r); got.Code != 201 {
			b.Fatal(got.Body)
		}
	}
}

// A query by parent among many files.
func BenchmarkQueryByDocument(b *testing.B) {
	conf := sim.Demo()
	conf.APILimit = 1 << 40
	org := sim.NewOrg(conf)
	defer org.Close()
	doc := ""
	for i := range 10_000 {
		var err error
		if _, doc, err = org.Upload(fmt.Sprint(i), nil); err != nil {
			b.Fatal(err)
		}
	}
	token, handler := org.Token("demo@example.com"), org.Handler()
	for b.Loop() {
		got := serve(handler, localRequest("GET", v64+"/query?q=SELECT+Id+FROM+ContentVersion+WHERE+ContentDocumentId='"+doc+"'", nil, token))
		if got.Code != 200 {
			b.Fatal(got.Body)
		}
	}
}
