package app_test

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
	"github.com/cordonhq/cordon/salesforce/sim"
)

// release asks for a release and returns the status.
func (w *world) release(receipt string) int {
	w.t.Helper()
	return w.api("POST", "/v1/items/"+receipt+"/release", map[string]string{"reason": "genuine"}, nil)
}

// hold sends a JSON write of a generated image that must be held, and returns its receipt.
func (w *world) hold(method, path, body string) string {
	w.t.Helper()
	a := trick{method: method, uri: path, body: body}.send(w.t, w.gateway, w.caller)
	if a.Status != http.StatusBadRequest || a.Receipt == "" || w.item(a.Receipt).State != cordon.Held {
		w.t.Fatalf("%s %s: %d %s; want it held", method, path, a.Status, a.Body)
	}
	return a.Receipt
}

// copies counts what the org has with these bytes.
func (w *world) copies(file []byte) (out []sim.File) {
	sum := sha256.Sum256(file)
	for _, f := range w.org.Files() {
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
		file := append(bytes.Clone(media.Generated.Bytes), byte(i))
		receipt := w.hold("POST", cvPath, `{"Title":"t","PathOnClient":"t.jpg","VersionData":"`+base64.StdEncoding.EncodeToString(file)+`"}`)
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
		w.until("delivery", func() bool { return w.item(receipt).State == cordon.Delivered })
		if up := w.copies(file); len(up) != 1 || up[0].ID != w.item(receipt).UpstreamID {
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
		file := append(bytes.Clone(media.Generated.Bytes), byte(i))
		receipt := w.hold("POST", cvPath, `{"Title":"t","PathOnClient":"t.jpg","VersionData":"`+base64.StdEncoding.EncodeToString(file)+`"}`)
		var released, rejected int
		var people sync.WaitGroup
		people.Go(func() { released = w.release(receipt) })
		people.Go(func() {
			rejected = w.api("POST", "/v1/items/"+receipt+"/reject", map[string]string{"reason": "harmful", "note": "no"}, nil)
		})
		people.Wait()
		switch {
		case released == 200 && rejected == 409:
			w.until("delivery", func() bool { return w.item(receipt).State == cordon.Delivered })
			if n := len(w.copies(file)); n != 1 {
				t.Errorf("released, and the org has %d copies", n)
			}
		case released == 409 && rejected == 200:
			if n := len(w.copies(file)); n != 0 || w.item(receipt).State != cordon.Rejected {
				t.Errorf("rejected, and the org has %d copies, item %s", n, w.item(receipt).State)
			}
		default:
			t.Errorf("release %d, reject %d", released, rejected)
		}
	}
}

// TestReleasesGoToTheRightPlace: each kind of write is carried out as it was meant.
func TestReleasesGoToTheRightPlace(t *testing.T) {
	w := newWorld(t)
	p := furnish(t, w.org, w.orgURL)
	caller := w.org.UserID("demo@example.com")
	for name, k := range map[string]struct {
		method, path, body string
		right              func(sim.File) bool
	}{
		"attachment": {"POST", "/sobjects/Attachment", `{"ParentId":"` + p.caseID + `","Name":"a.jpg","Body":"FILE"}`,
			func(f sim.File) bool { return f.Object == "Attachment" && f.ParentID == p.caseID && f.Name == "a.jpg" }},
		"body of an attachment": {"PATCH", "/sobjects/Attachment/" + p.attachment, `{"Body":"FILE"}`,
			func(f sim.File) bool { return f.ID == p.attachment }},
		"document": {"POST", "/sobjects/Document", `{"FolderId":"` + p.folder + `","Name":"d","Body":"FILE"}`,
			func(f sim.File) bool { return f.Object == "Document" && f.ParentID == p.folder && f.Name == "d" }},
		"body of a document": {"PATCH", "/sobjects/Document/" + p.document, `{"Body":"FILE"}`,
			func(f sim.File) bool { return f.ID == p.document }},
		"file of a record": {"POST", "/sobjects/ContentVersion", `{"Title":"r","PathOnClient":"r.jpg","FirstPublishLocationId":"` + p.caseID + `","VersionData":"FILE"}`,
			func(f sim.File) bool {
				return f.Object == "ContentVersion" && f.ParentID == p.caseID && f.OwnerID == caller
			}},
		"new version": {"POST", "/sobjects/ContentVersion", `{"Title":"v","PathOnClient":"v.jpg","ContentDocumentId":"` + p.contentDocument + `","VersionData":"FILE"}`,
			func(f sim.File) bool { return f.DocumentID == p.contentDocument && f.Latest }},
		"upsert by the sender's key": {"PATCH", "/sobjects/ContentVersion/Cordon_Key__c/sender-1", `{"Title":"u","PathOnClient":"u.jpg","VersionData":"FILE"}`,
			func(f sim.File) bool { return f.Object == "ContentVersion" && f.Name == "u" }},
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			file := append(bytes.Clone(media.Generated.Bytes), name...)
			before := len(w.org.Files())
			receipt := w.hold(k.method, dataPath+k.path, strings.Replace(k.body, "FILE", base64.StdEncoding.EncodeToString(file), 1))
			if s := w.release(receipt); s != http.StatusOK {
				t.Fatalf("release: %d", s)
			}
			w.until("an end of the release", func() bool {
				s := w.item(receipt).State
				return s != cordon.Released && s != cordon.Forwarding
			})
			up := w.copies(file)
			if len(up) != 1 || !k.right(up[0]) || w.item(receipt).State != cordon.Delivered {
				t.Errorf("item %s; the org has %+v", w.item(receipt).State, up)
			}
			if k.method == "PATCH" && !strings.Contains(k.path, "__c/") && len(w.org.Files()) != before {
				t.Errorf("an update made %d new files", len(w.org.Files())-before)
			}
		})
	}
	w.t = t
}

// TestReleaseWhereTheTargetIsGone: the target was deleted, or the sender may no longer change
// it. The file stays on hold, the reason is on record, and nothing is written.
func TestReleaseWhereTheTargetIsGone(t *testing.T) {
	for name, lose := range map[string]func(w *world, p place){
		"deleted": func(w *world, p place) {
			req, _ := http.NewRequest("DELETE", w.orgURL+dataPath+"/sobjects/Case/"+p.caseID, nil)
			req.Header.Set("Authorization", "Bearer "+w.caller)
			if a, err := w.do(req); err != nil || a.Status != http.StatusNoContent {
				w.t.Fatalf("delete the case: %v %d", err, a.Status)
			}
		},
		"sender locked out": func(w *world, p place) { w.org.Deactivate("demo@example.com") },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			p := furnish(t, w.org, w.orgURL)
			file := base64.StdEncoding.EncodeToString(media.Generated.Bytes)
			var receipts []string
			for _, k := range []struct{ method, path, body string }{
				{"POST", "/sobjects/Attachment", `{"ParentId":"` + p.caseID + `","Name":"a.jpg","Body":"` + file + `"}`},
				{"PATCH", "/sobjects/Attachment/" + p.attachment, `{"Body":"` + file + `"}`},
				{"POST", "/sobjects/ContentVersion", `{"Title":"r","PathOnClient":"r.jpg","FirstPublishLocationId":"` + p.caseID + `","VersionData":"` + file + `"}`},
			} {
				receipts = append(receipts, w.hold(k.method, dataPath+k.path, k.body))
			}
			lose(w, p)
			for _, r := range receipts {
				if s := w.release(r); s != http.StatusForbidden {
					t.Errorf("release: %d, want 403", s)
				}
				if it := w.item(r); it.State != cordon.Held {
					t.Errorf("the item is %s, want it held still", it.State)
				}
				var raw []byte
				w.api("GET", "/v1/items/"+r+"/history", nil, &raw)
				if !bytes.Contains(raw, []byte(cordon.ReasonTargetNotPermitted)) {
					t.Errorf("the record does not say why: %s", raw)
				}
			}
			if up := w.copies(media.Generated.Bytes); len(up) != 0 {
				t.Errorf("the org has %+v", up)
			}
		})
	}
}

// TestReleaseAfterTheSenderLeft: without a record to check, the file still goes out once or
// stays on hold; it is never lost.
func TestReleaseAfterTheSenderLeft(t *testing.T) {
	w := newWorld(t)
	receipt := w.hold("POST", cvPath, `{"Title":"t","PathOnClient":"t.jpg","VersionData":"`+base64.StdEncoding.EncodeToString(media.Generated.Bytes)+`"}`)
	w.org.Deactivate("demo@example.com")
	s := w.release(receipt)
	w.until("an end of the release", func() bool {
		s := w.item(receipt).State
		return s != cordon.Released && s != cordon.Forwarding
	})
	copies := len(w.copies(media.Generated.Bytes))
	switch state := w.item(receipt).State; {
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
		file := append(bytes.Clone(media.Generated.Bytes), fmt.Sprint(i)...)
		files = append(files, file)
		receipts = append(receipts, w.hold("POST", cvPath, `{"Title":"t","PathOnClient":"t.jpg","VersionData":"`+base64.StdEncoding.EncodeToString(file)+`"}`))
	}
	for _, r := range receipts {
		if s := w.release(r); s != http.StatusOK {
			t.Fatalf("release: %d", s)
		}
	}
	w.stop()
	early := 0
	for _, f := range files {
		early += len(w.copies(f))
	}
	t.Logf("%d of %d were delivered before the end", early, len(files))
	w.start()
	for i, r := range receipts {
		w.until("delivery", func() bool { return w.item(r).State == cordon.Delivered })
		if up := w.copies(files[i]); len(up) != 1 || up[0].ID != w.item(r).UpstreamID {
			t.Errorf("the org has %+v", up)
		}
	}
	w.until("the bytes of what was delivered to be gone", func() bool { return len(w.blobs()) == 0 })
	w.stop()
	reports, err := app.Verification{Path: w.conf.Data, Keys: w.conf.Keys}.Run(t.Context())
	if err != nil || len(reports) != 1 || reports[0].Entries == 0 {
		t.Errorf("ledger verify: %v %+v", err, reports)
	}
	w.start()
}

// TestDecidingWhileOthersLook: entries that leave a file on hold, such as a sender's retries,
// do not make a reviewer's decision fail.
func TestDecidingWhileOthersLook(t *testing.T) {
	w := newWorld(t)
	for i := range 5 {
		file := append(bytes.Clone(media.Generated.Bytes), fmt.Sprint(i)...)
		body := `{"Title":"t","PathOnClient":"t.jpg","VersionData":"` + base64.StdEncoding.EncodeToString(file) + `"}`
		receipt := w.hold("POST", cvPath, body)
		stop := make(chan struct{})
		var senders sync.WaitGroup
		for range 4 {
			senders.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						trick{body: body}.send(t, w.gateway, w.caller)
					}
				}
			})
		}
		s := w.api("POST", "/v1/items/"+receipt+"/reject", map[string]string{"reason": "harmful", "note": "no"}, nil)
		close(stop)
		senders.Wait()
		if s != http.StatusOK || w.item(receipt).State != cordon.Rejected || len(w.copies(file)) != 0 {
			t.Errorf("reject: %d, item %s, %d copies", s, w.item(receipt).State, len(w.copies(file)))
		}
	}
}
