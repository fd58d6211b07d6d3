package line_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/app"
	"github.com/cordonhq/cordon/e2e"
	"github.com/cordonhq/cordon/salesforce/sim"
	"github.com/cordonhq/cordon/store"
)

// all reads every item with what the API does not show.
func (w *world) all(tenant cordon.TenantID) []cordon.Item {
	w.T.Helper()
	db := w.Records()
	var out []cordon.Item
	var after cordon.ID
	for {
		page, err := db.Items(context.Background(), tenant, store.ItemQuery{After: after, Limit: 1000})
		if err != nil {
			w.T.Fatal(err)
		}
		out = append(out, page...)
		if len(page) < 1000 {
			return out
		}
		after = page[len(page)-1].ID
	}
}

// orphans lists the files of bytes that no item refers to.
func (w *world) orphans() []string {
	w.T.Helper()
	owned := map[string]bool{}
	for _, it := range w.all("clinic") {
		if it.Blob != "" {
			owned[string(it.Blob)] = true
		}
	}
	var out []string
	for _, path := range w.blobs() {
		mine := false
		for ref := range owned {
			mine = mine || strings.Contains(ref, filepath.Base(path)) || strings.Contains(path, ref)
		}
		if !mine {
			out = append(out, path)
		}
	}
	return out
}

// tidy asserts that bad input left nothing behind: nothing in mid-move, no bytes of nobody,
// no more files upstream than before, and room for the next.
func (w *world) tidy(filesBefore int) {
	w.T.Helper()
	if it := w.Items("received,inspected,forwarding"); len(it) != 0 {
		w.T.Errorf("left behind: %+v", it)
	}
	if got := len(w.Org.Files()); got != filesBefore {
		w.T.Errorf("the org has %d files more", got-filesBefore)
	}
	w.Until("no bytes of nobody in the data folder", func() bool { return len(w.orphans()) == 0 })
	title := fmt.Sprintf("clean-%d", cleanUploads.Add(1))
	photo := append(bytes.Clone(e2e.Media.Camera.Bytes), title...)
	a, err := w.UploadMultipart(title, "photo.jpg", photo)
	if up := w.Upstream(title); err != nil || a.Status != http.StatusCreated || len(up) != 1 || [32]byte(up[0].SHA256) != sha256.Sum256(photo) {
		w.T.Errorf("the next clean upload: %v %d %s", err, a.Status, a.Body)
	}
}

var cleanUploads atomic.Int64

// rawUpload writes a request as it is, ends the writing side and reads the answer.
func (w *world) rawUpload(headers, body string, end bool) (e2e.Answer, string, error) {
	w.T.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.Gateway, "http://"))
	if err != nil {
		w.T.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\n%s\r\n%s", e2e.CvPath, w.Caller, headers, body)
	if end {
		conn.(*net.TCPConn).CloseWrite()
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return e2e.Answer{}, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return e2e.Answer{Status: resp.StatusCode, Receipt: resp.Header.Get("Cordon-Receipt"), Body: b}, resp.Header.Get("Retry-After"), err
}

func gzipBomb(prefix string, n int64) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	io.WriteString(z, prefix)
	io.CopyN(z, endlessA{}, n)
	z.Close()
	return b.String()
}

type endlessA struct{}

func (endlessA) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'A'
	}
	return len(p), nil
}

// TestBadInput: a client gets a native error and nothing of what it sent stays.
func TestBadInput(t *testing.T) {
	const limit = 4 << 20
	w := newWorld(t, func(c *app.Config) { c.Limits.ContentVersionBytes = limit })
	if a, err := w.UploadJSON("held", "held.jpg", e2e.Media.Generated.Bytes); err != nil || a.Receipt == "" || len(w.blobs()) != 1 {
		t.Fatalf("a file on hold, whose bytes are somebody's: %v %d, %d files of bytes", err, a.Status, len(w.blobs()))
	}
	photo := string(e2e.Media.Camera.Bytes)
	b64 := base64.StdEncoding.EncodeToString(e2e.Media.Camera.Bytes)
	entity := `{"Title":"t","PathOnClient":"t.jpg"}`
	whole := e2e.Form(e2e.EntityHead, entity, e2e.BinaryHead, photo)
	cv := `{"Title":"t","PathOnClient":"t.jpg","VersionData":"` + b64 + `"}`
	var parts strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&parts, "--b\r\nContent-Disposition: form-data; name=\"entity_%d\"\r\n\r\n{}\r\n", i)
	}
	for _, k := range []struct {
		name, typ, body string
		encoding        string
		status          []int
	}{
		{"multipart without its end", e2e.FormType, whole[:len(whole)-len("\r\n--b--\r\n")], "", []int{400}},
		{"multipart cut in the file", e2e.FormType, whole[:len(whole)-5000], "", []int{400}},
		{"multipart cut in a header", e2e.FormType, whole[:50], "", []int{400}},
		{"file whole, fields cut", e2e.FormType, e2e.Form(e2e.BinaryHead, photo)[:len(e2e.Form(e2e.BinaryHead, photo))-4] + "\r\n" + e2e.EntityHead + "\r\n\r\n{\"Ti", "", []int{400}},
		{"file whole, fields broken", e2e.FormType, e2e.Form(e2e.BinaryHead, photo, e2e.EntityHead, `{"Title":`), "", []int{400}},
		{"file whole, then another", e2e.FormType, e2e.Form(e2e.BinaryHead, photo, e2e.BinaryHead, photo, e2e.EntityHead, entity), "", []int{400}},
		{"10 000 parts", e2e.FormType, parts.String() + "--b--\r\n", "", []int{400}},
		{"file, then 10 000 parts", e2e.FormType, strings.TrimSuffix(e2e.Form(e2e.BinaryHead, photo), "--b--\r\n") + parts.String() + "--b--\r\n", "", []int{400}},
		{"base64 with a stray letter", e2e.JsonType, strings.Replace(cv, b64[5000:5001], "!", -1), "", []int{400}},
		{"base64 of a wrong length", e2e.JsonType, `{"Title":"t","PathOnClient":"t.jpg","VersionData":"` + b64[:len(b64)/4*4-3] + `"}`, "", []int{400}},
		{"JSON cut in the file", e2e.JsonType, cv[:len(cv)/2], "", []int{400}},
		{"JSON broken behind the file", e2e.JsonType, strings.TrimSuffix(cv, "}") + `,"Title"}`, "", []int{400}},
		{"gzip bomb", e2e.JsonType, gzipBomb(`{"Title":"t","PathOnClient":"t.jpg","VersionData":"`, 200<<20), "gzip", []int{413}},
		{"gzip bomb in a form", e2e.FormType, gzipBomb("--b\r\n"+e2e.BinaryHead+"\r\n\r\n", 64<<20), "gzip", []int{413}},
		{"gzip cut short", e2e.JsonType, e2e.Zip(cv)[:4000], "gzip", []int{400}},
		{"gzip that is none", e2e.JsonType, cv, "gzip", []int{400}},
		{"oversized", e2e.FormType, e2e.Form(e2e.EntityHead, entity, e2e.BinaryHead, strings.Repeat("x", limit+1)), "", []int{413}},
		{"oversized, binary first", e2e.FormType, e2e.Form(e2e.BinaryHead, strings.Repeat("x", limit+1), e2e.EntityHead, entity), "", []int{413}},
		{"headers that lie about the form", e2e.FormType, cv, "", []int{400}},
		{"empty", e2e.JsonType, " ", "", []int{400}},
	} {
		t.Run(k.name, func(t *testing.T) {
			w.T = t
			before, newest := len(w.Org.Files()), w.Newest()
			header := []string{}
			if k.encoding != "" {
				header = []string{"Content-Encoding", k.encoding}
			}
			a := e2e.Trick{Type: k.typ, Body: k.body, Header: header}.Send(t, w.Gateway, w.Caller)
			if !contains(k.status, a.Status) || a.Code() == "" {
				t.Errorf("%d %.300s; want %v in the native shape", a.Status, a.Body, k.status)
			}
			if now := w.Newest(); now.ID != newest.ID {
				t.Errorf("an item came of it: %+v", now)
			}
			w.tidy(before)
		})
	}
	w.T = t
}

// TestFramingThatLies speaks to the socket itself.
func TestFramingThatLies(t *testing.T) {
	w := newWorld(t)
	cv := `{"Title":"t","PathOnClient":"t.jpg","VersionData":"` + base64.StdEncoding.EncodeToString(e2e.Media.Camera.Bytes) + `"}`
	typ := "Content-Type: application/json\r\nConnection: close\r\n"
	length := func(n int) string { return fmt.Sprintf("Content-Length: %d\r\n", n) }
	chunk := fmt.Sprintf("%x\r\n%s\r\n", len(cv), cv)
	for _, k := range []struct{ name, headers, body string }{
		{"longer than the body", typ + length(len(cv)+100), cv},
		{"shorter than the body", typ + length(len(cv)-100), cv},
		{"body stops half-way", typ + length(len(cv)), cv[:len(cv)/2]},
		{"chunks without an end", typ + "Transfer-Encoding: chunked\r\n", chunk},
		{"chunk cut short", typ + "Transfer-Encoding: chunked\r\n", chunk[:len(chunk)/2]},
		{"chunk of no size", typ + "Transfer-Encoding: chunked\r\n", "zz\r\n" + cv + "\r\n0\r\n\r\n"},
		{"chunk of an enormous size", typ + "Transfer-Encoding: chunked\r\n", "fffffffffffffffff\r\n" + cv + "\r\n0\r\n\r\n"},
	} {
		t.Run(k.name, func(t *testing.T) {
			w.T = t
			before, newest := len(w.Org.Files()), w.Newest()
			a, _, err := w.rawUpload(k.headers, k.body, true)
			cut := errors.Is(err, io.ErrUnexpectedEOF) && k.name == "chunk cut short" // taken for a client that left
			if !cut && (err != nil || a.Status != http.StatusBadRequest || a.Code() == "") {
				t.Errorf("%v %d %.300s; want a native 400", err, a.Status, a.Body)
			}
			if now := w.Newest(); now.ID != newest.ID {
				t.Errorf("an item came of it: %+v", now)
			}
			w.tidy(before)
		})
	}
	w.T = t
}

// TestBodyThatStops waits until the gateway has waited long enough.
func TestBodyThatStops(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for the gateway's patience to end")
	}
	t.Parallel()
	w := newWorld(t)
	cv := `{"Title":"t","PathOnClient":"t.jpg","VersionData":"` + base64.StdEncoding.EncodeToString(e2e.Media.Camera.Bytes) + `"}`
	a, _, err := w.rawUpload(fmt.Sprintf("Content-Type: application/json\r\nContent-Length: %d\r\n", len(cv)), cv[:len(cv)/2], false)
	if err != nil || a.Status != http.StatusRequestTimeout || a.Code() == "" {
		t.Errorf("%v %d %s; want a native 408", err, a.Status, a.Body)
	}
	if it := w.Newest(); it.ID != "" {
		t.Errorf("an item came of it: %+v", it)
	}
	w.tidy(0)
}

// TestClientThatLeaves goes away at several places of an upload.
func TestClientThatLeaves(t *testing.T) {
	w := newWorld(t)
	body := e2e.Form(e2e.BinaryHead, string(e2e.Media.Camera.Bytes), e2e.EntityHead, `{"Title":"t","PathOnClient":"t.jpg"}`)
	for _, at := range []int{0, 10, len(body) / 2, len(body) - 20} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(w.Gateway, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", e2e.CvPath, w.Caller, e2e.FormType, len(body), body[:at])
		conn.(*net.TCPConn).SetLinger(0) // a reset
		conn.Close()
	}
	w.tidy(0)
	if n := len(w.Items("")); n != 1 {
		t.Errorf("%d items, want the clean one only", n)
	}
}

// TestTokenThatExpiresDuringTheUpload: rights were asked while the token was good, and the
// write meets a bad one.
func TestTokenThatExpiresDuringTheUpload(t *testing.T) {
	w := newWorld(t)
	body := e2e.Form(e2e.EntityHead, `{"Title":"t","PathOnClient":"t.jpg"}`, e2e.BinaryHead, string(e2e.Media.Camera.Bytes))
	pr, pw := io.Pipe()
	req, err := http.NewRequest("POST", w.Gateway+e2e.CvPath, pr)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+w.Caller)
	req.Header.Set("Content-Type", e2e.FormType)
	go func() {
		io.WriteString(pw, body[:2000])
		for !asked(w.Org, "describe") { // the caller's rights are known
			time.Sleep(5 * time.Millisecond)
		}
		w.Org.ExpireTokens()
		io.WriteString(pw, body[2000:])
		pw.Close()
	}()
	a, err := w.Do(req)
	if err != nil || a.Status != http.StatusUnauthorized || a.Code() != "INVALID_SESSION_ID" {
		t.Errorf("%v %d %s; want the org's own 401", err, a.Status, a.Body)
	}
	if it := w.Item(a.Receipt); it.State != cordon.RefusedUpstream {
		t.Errorf("the item is %s", it.State)
	}
	w.Caller = w.Org.Token("demo@example.com")
	w.tidy(0)
}

func asked(org *sim.Org, what string) bool {
	for _, l := range org.Log() {
		if strings.Contains(l.Path, what) {
			return true
		}
	}
	return false
}

// TestUpstreamSaysNo: refusals before a byte is kept, and at the write.
func TestUpstreamSaysNo(t *testing.T) {
	limit := `[{"message":"TotalRequests Limit exceeded.","errorCode":"REQUEST_LIMIT_EXCEEDED"}]`
	for _, k := range []struct {
		name   string
		fault  sim.Fault
		status []int
		items  int
	}{
		{"503 to the question", sim.Fault{Path: "/services/data/v64.0/sobjects/ContentVersion/describe", Status: 503}, []int{503}, 0},
		{"limit to the question", sim.Fault{Path: "/services/data/v64.0/sobjects/ContentVersion/describe", Status: 403, Body: limit}, []int{403}, 0},
		{"nothing to the question", sim.Fault{Verb: sim.Cut, Path: "/services/data/v64.0/sobjects/ContentVersion/describe", Times: -1}, []int{502, 503}, 0},
		{"503 to the write", sim.Fault{Method: "POST", Object: "ContentVersion", Status: 503}, []int{503}, 1},
		{"limit to the write", sim.Fault{Method: "POST", Object: "ContentVersion", Status: 403, Body: limit}, []int{403}, 1},
		{"nothing to the write", sim.Fault{Verb: sim.Cut, Method: "POST", Object: "ContentVersion"}, []int{500, 502, 503}, 1},
	} {
		t.Run(k.name, func(t *testing.T) {
			w := newWorld(t)
			w.Org.Fail(k.fault)
			a, err := w.UploadJSON("photo", "photo.jpg", e2e.Media.Camera.Bytes)
			if err != nil || !contains(k.status, a.Status) || a.Code() == "" {
				t.Errorf("%v %d %s; want %v in the native shape", err, a.Status, a.Body, k.status)
			}
			if got := w.Items(""); len(got) != k.items {
				t.Errorf("%d items, want %d", len(got), k.items)
			}
			w.Org.Heal()
			w.tidy(0)
		})
	}
}

// TestOverload: with room for one upload, the second gets a native 503 that says when to come
// again, never a way through.
func TestOverload(t *testing.T) {
	patient := &http.Client{Transport: &http.Transport{ExpectContinueTimeout: time.Hour}}
	defer patient.CloseIdleConnections()
	w := newWorld(t, func(c *app.Config) { c.Limits.Uploads = 1 })
	body := e2e.Form(e2e.EntityHead, `{"Title":"slow","PathOnClient":"slow.jpg"}`, e2e.BinaryHead, string(e2e.Media.Camera.Bytes))
	// Four bodies may arrive for one upload that is being judged, and half of them from one caller.
	ended := make(chan error, 2)
	var ends []*io.PipeWriter
	for range cap(ended) {
		pr, pw := io.Pipe()
		admitted := make(chan struct{})
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got100Continue: func() { close(admitted) }})
		req, err := http.NewRequestWithContext(ctx, "POST", w.Gateway+e2e.CvPath, pr)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+w.Caller)
		req.Header.Set("Content-Type", e2e.FormType)
		req.Header.Set("Expect", "100-continue") // the answer to it comes when the body is asked for
		go func() {
			a, err := patient.Do(req)
			if err == nil {
				defer a.Body.Close()
				if text, _ := io.ReadAll(a.Body); a.StatusCode != http.StatusCreated {
					err = errors.New(string(text))
				}
			}
			ended <- err
		}()
		<-admitted
		ends = append(ends, pw)
		io.WriteString(pw, body[:1000])
	}

	cv := `{"Title":"t","PathOnClient":"t.jpg","VersionData":"` + base64.StdEncoding.EncodeToString(e2e.Media.Generated.Bytes) + `"}`
	for range 3 {
		a, wait, err := w.rawUpload(fmt.Sprintf("Content-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n", len(cv)), cv, false)
		if err != nil || a.Status != http.StatusServiceUnavailable || a.Code() == "" || wait == "" {
			t.Errorf("%v %d %s, Retry-After %q; want a native 503", err, a.Status, a.Body, wait)
		}
	}
	if n := len(w.Items("")) + len(w.Org.Files()); n != 0 {
		t.Errorf("%d items and files came of refused uploads", n)
	}
	for _, pw := range ends {
		io.WriteString(pw, body[1000:])
		pw.Close()
		if err := <-ended; err != nil {
			t.Errorf("a slow upload: %v", err)
		}
	}
	w.tidy(2)
}
