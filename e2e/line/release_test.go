package line_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/app"
	"github.com/cordonhq/cordon/e2e"
	"github.com/cordonhq/cordon/salesforce/sim"
)

// release asks for a release and returns the status.
func (w *world) release(receipt string) int {
	w.T.Helper()
	return w.API("POST", "/v1/items/"+receipt+"/release", map[string]string{"reason": "genuine"}, nil)
}

// hold sends a JSON write of a generated image that must be held, and returns its receipt.
func (w *world) hold(method, path, body string) string {
	w.T.Helper()
	a := e2e.Trick{Method: method, URI: path, Body: body}.Send(w.T, w.Gateway, w.Caller)
	if a.Status != http.StatusBadRequest || a.Receipt == "" || w.Item(a.Receipt).State != cordon.Held {
		w.T.Fatalf("%s %s: %d %s; want it held", method, path, a.Status, a.Body)
	}
	return a.Receipt
}

// copies counts what the org has with these bytes.
func (w *world) copies(file []byte) (out []sim.File) {
	sum := sha256.Sum256(file)
	for _, f := range w.Org.Files() {
		if [32]byte(f.SHA256) == sum {
			out = append(out, f)
		}
	}
	return out
}

// TestTwoReviewersReleaseAtOnce: one of them wins, the others are told, and the file is
// delivered once.
func TestTwoReviewersReleaseAtOnce(t *testing.T) {
	w := newWorld(t)
	for i := range 5 {
		file := append(bytes.Clone(e2e.Media.Generated.Bytes), byte(i))
		receipt := w.hold("POST", e2e.CvPath, `{"Title":"t","PathOnClient":"t.jpg","VersionData":"`+base64.StdEncoding.EncodeToString(file)+`"}`)
		var mu sync.Mutex
		got := map[int]int{}
		var people sync.WaitGroup
		for range 8 {
			people.Go(func() {
				s := w.release(receipt)
				mu.Lock()
				got[s]++
				mu.Unlock()
			})
		}
		people.Wait()
		if got[http.StatusOK] != 1 || got[http.StatusConflict] != 7 {
			t.Errorf("answers %v; want one 200 and seven 409", got)
		}
		w.Until("delivery", func() bool { return w.Item(receipt).State == cordon.Delivered })
		if up := w.copies(file); len(up) != 1 || up[0].ID != w.Item(receipt).UpstreamID {
			t.Errorf("the org has %+v", up)
		}
		if s := w.release(receipt); s != http.StatusConflict {
			t.Errorf("releasing what is delivered: %d, want 409", s)
		}
	}
}

// TestReleaseAndRejectAtOnce: whichever comes first holds; a rejected file never arrives.
func TestReleaseAndRejectAtOnce(t *testing.T) {
	w := newWorld(t)
	for i := range 5 {
		file := append(bytes.Clone(e2e.Media.Generated.Bytes), byte(i))
		receipt := w.hold("POST", e2e.CvPath, `{"Title":"t","PathOnClient":"t.jpg","VersionData":"`+base64.StdEncoding.EncodeToString(file)+`"}`)
		var released, rejected int
		var people sync.WaitGroup
		people.Go(func() { released = w.release(receipt) })
		people.Go(func() {
			rejected = w.API("POST", "/v1/items/"+receipt+"/reject", map[string]string{"reason": "harmful", "note": "no"}, nil)
		})
		people.Wait()
		switch {
		case released == 200 && rejected == 409:
			w.Until("delivery", func() bool { return w.Item(receipt).State == cordon.Delivered })
			if n := len(w.copies(file)); n != 1 {
				t.Errorf("released, and the org has %d copies", n)
			}
		case released == 409 && rejected == 200:
			if n := len(w.copies(file)); n != 0 || w.Item(receipt).State != cordon.Rejected {
				t.Errorf("rejected, and the org has %d copies, item %s", n, w.Item(receipt).State)
			}
		default:
			t.Errorf("release %d, reject %d", released, rejected)
		}
	}
}

// TestReleasesGoToTheRightPlace: each kind of write is carried out as it was meant.
func TestReleasesGoToTheRightPlace(t *testing.T) {
	w := newWorld(t)
	p := e2e.Furnish(t, w.Org, w.OrgURL)
	caller := w.Org.UserID("demo@example.com")
	for name, k := range map[string]struct {
		method, path, body string
		right              func(sim.File) bool
	}{
		"attachment": {"POST", "/sobjects/Attachment", `{"ParentId":"` + p.CaseID + `","Name":"a.jpg","Body":"FILE"}`,
			func(f sim.File) bool { return f.Object == "Attachment" && f.ParentID == p.CaseID && f.Name == "a.jpg" }},
		"body of an attachment": {"PATCH", "/sobjects/Attachment/" + p.Attachment, `{"Body":"FILE"}`,
			func(f sim.File) bool { return f.ID == p.Attachment }},
		"document": {"POST", "/sobjects/Document", `{"FolderId":"` + p.Folder + `","Name":"d","Body":"FILE"}`,
			func(f sim.File) bool { return f.Object == "Document" && f.ParentID == p.Folder && f.Name == "d" }},
		"body of a document": {"PATCH", "/sobjects/Document/" + p.Document, `{"Body":"FILE"}`,
			func(f sim.File) bool { return f.ID == p.Document }},
		"file of a record": {"POST", "/sobjects/ContentVersion", `{"Title":"r","PathOnClient":"r.jpg","FirstPublishLocationId":"` + p.CaseID + `","VersionData":"FILE"}`,
			func(f sim.File) bool {
				return f.Object == "ContentVersion" && f.ParentID == p.CaseID && f.OwnerID == caller
			}},
		"new version": {"POST", "/sobjects/ContentVersion", `{"Title":"v","PathOnClient":"v.jpg","ContentDocumentId":"` + p.ContentDocument + `","VersionData":"FILE"}`,
			func(f sim.File) bool { return f.DocumentID == p.ContentDocument && f.Latest }},
		"upsert by the sender's key": {"PATCH", "/sobjects/ContentVersion/Cordon_Key__c/sender-1", `{"Title":"u","PathOnClient":"u.jpg","VersionData":"FILE"}`,
			func(f sim.File) bool { return f.Object == "ContentVersion" && f.Name == "u" }},
	} {
		t.Run(name, func(t *testing.T) {
			w.T = t
			file := append(bytes.Clone(e2e.Media.Generated.Bytes), name...)
			before := len(w.Org.Files())
			receipt := w.hold(k.method, e2e.DataPath+k.path, strings.Replace(k.body, "FILE", base64.StdEncoding.EncodeToString(file), 1))
			if s := w.release(receipt); s != http.StatusOK {
				t.Fatalf("release: %d", s)
			}
			w.Until("an end of the release", func() bool {
				s := w.Item(receipt).State
				return s != cordon.Released && s != cordon.Forwarding
			})
			up := w.copies(file)
			if len(up) != 1 || !k.right(up[0]) || w.Item(receipt).State != cordon.Delivered {
				t.Errorf("item %s; the org has %+v", w.Item(receipt).State, up)
			}
			if k.method == "PATCH" && !strings.Contains(k.path, "__c/") && len(w.Org.Files()) != before {
				t.Errorf("an update made %d new files", len(w.Org.Files())-before)
			}
		})
	}
	w.T = t
}

// TestReleaseWhereTheTargetIsGone: the target was deleted, or the sender may no longer change
// it. The file stays on hold, the reason is on record, and nothing is written.
func TestReleaseWhereTheTargetIsGone(t *testing.T) {
	for name, lose := range map[string]func(w *world, p e2e.Place){
		"deleted": func(w *world, p e2e.Place) {
			req, _ := http.NewRequest("DELETE", w.OrgURL+e2e.DataPath+"/sobjects/Case/"+p.CaseID, nil)
			req.Header.Set("Authorization", "Bearer "+w.Caller)
			if a, err := w.Do(req); err != nil || a.Status != http.StatusNoContent {
				w.T.Fatalf("delete the case: %v %d", err, a.Status)
			}
		},
		"sender locked out": func(w *world, p e2e.Place) { w.Org.Deactivate("demo@example.com") },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			p := e2e.Furnish(t, w.Org, w.OrgURL)
			file := base64.StdEncoding.EncodeToString(e2e.Media.Generated.Bytes)
			var receipts []string
			for _, k := range []struct{ method, path, body string }{
				{"POST", "/sobjects/Attachment", `{"ParentId":"` + p.CaseID + `","Name":"a.jpg","Body":"` + file + `"}`},
				{"PATCH", "/sobjects/Attachment/" + p.Attachment, `{"Body":"` + file + `"}`},
				{"POST", "/sobjects/ContentVersion", `{"Title":"r","PathOnClient":"r.jpg","FirstPublishLocationId":"` + p.CaseID + `","VersionData":"` + file + `"}`},
			} {
				receipts = append(receipts, w.hold(k.method, e2e.DataPath+k.path, k.body))
			}
			lose(w, p)
			for _, r := range receipts {
				if s := w.release(r); s != http.StatusForbidden {
					t.Errorf("release: %d, want 403", s)
				}
				if it := w.Item(r); it.State != cordon.Held {
					t.Errorf("the item is %s, want it held still", it.State)
				}
				var raw []byte
				w.API("GET", "/v1/items/"+r+"/history", nil, &raw)
				if !bytes.Contains(raw, []byte(cordon.ReasonTargetNotPermitted)) {
					t.Errorf("the record does not say why: %s", raw)
				}
			}
			if up := w.copies(e2e.Media.Generated.Bytes); len(up) != 0 {
				t.Errorf("the org has %+v", up)
			}
		})
	}
}

// TestReleaseAfterTheSenderLeft: without a record to check, the file still goes out once or
// stays on hold; it is never lost.
func TestReleaseAfterTheSenderLeft(t *testing.T) {
	w := newWorld(t)
	receipt := w.hold("POST", e2e.CvPath, `{"Title":"t","PathOnClient":"t.jpg","VersionData":"`+base64.StdEncoding.EncodeToString(e2e.Media.Generated.Bytes)+`"}`)
	w.Org.Deactivate("demo@example.com")
	s := w.release(receipt)
	w.Until("an end of the release", func() bool {
		s := w.Item(receipt).State
		return s != cordon.Released && s != cordon.Forwarding
	})
	copies := len(w.copies(e2e.Media.Generated.Bytes))
	switch state := w.Item(receipt).State; {
	case s == http.StatusOK && state == cordon.Delivered && copies == 1:
	case s == http.StatusForbidden && state == cordon.Held && copies == 0:
	default:
		t.Errorf("release %d, item %s, %d copies", s, state, copies)
	}
}

// TestReleaseOutlivesTheProcess: the gateway ends right after it took the release; the next
// one delivers, once.
func TestReleaseOutlivesTheProcess(t *testing.T) {
	w := newWorld(t)
	var receipts []string
	var files [][]byte
	for i := range 6 {
		file := append(bytes.Clone(e2e.Media.Generated.Bytes), fmt.Sprint(i)...)
		files = append(files, file)
		receipts = append(receipts, w.hold("POST", e2e.CvPath, `{"Title":"t","PathOnClient":"t.jpg","VersionData":"`+base64.StdEncoding.EncodeToString(file)+`"}`))
	}
	for _, r := range receipts {
		if s := w.release(r); s != http.StatusOK {
			t.Fatalf("release: %d", s)
		}
	}
	w.Stop()
	early := 0
	for _, f := range files {
		early += len(w.copies(f))
	}
	t.Logf("%d of %d were delivered before the end", early, len(files))
	w.Start()
	for i, r := range receipts {
		w.Until("delivery", func() bool { return w.Item(r).State == cordon.Delivered })
		if up := w.copies(files[i]); len(up) != 1 || up[0].ID != w.Item(r).UpstreamID {
			t.Errorf("the org has %+v", up)
		}
	}
	w.Until("the bytes of what was delivered to be gone", func() bool { return len(w.blobs()) == 0 })
	w.Stop()
	reports, err := app.Verification{Path: w.Conf.Data, Keys: w.Conf.Keys}.Run(t.Context())
	if err != nil || len(reports) != 1 || reports[0].Entries == 0 {
		t.Errorf("ledger verify: %v %+v", err, reports)
	}
	w.Start()
}

// TestDecidingWhileOthersLook: entries that leave a file on hold, such as a sender's retries,
// do not make a reviewer's decision fail.
func TestDecidingWhileOthersLook(t *testing.T) {
	w := newWorld(t)
	for i := range 5 {
		file := append(bytes.Clone(e2e.Media.Generated.Bytes), fmt.Sprint(i)...)
		body := `{"Title":"t","PathOnClient":"t.jpg","VersionData":"` + base64.StdEncoding.EncodeToString(file) + `"}`
		receipt := w.hold("POST", e2e.CvPath, body)
		stop := make(chan struct{})
		var senders sync.WaitGroup
		for range 4 {
			senders.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						e2e.Trick{Body: body}.Send(t, w.Gateway, w.Caller)
					}
				}
			})
		}
		s := w.API("POST", "/v1/items/"+receipt+"/reject", map[string]string{"reason": "harmful", "note": "no"}, nil)
		close(stop)
		senders.Wait()
		if s != http.StatusOK || w.Item(receipt).State != cordon.Rejected || len(w.copies(file)) != 0 {
			t.Errorf("reject: %d, item %s, %d copies", s, w.Item(receipt).State, len(w.copies(file)))
		}
	}
}
