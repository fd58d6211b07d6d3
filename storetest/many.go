package storetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/store"
)

// ManyItems fills a store with items of a tenant that were seen in the CRM over thirty days, with four
// findings each, of the size that sealed findings have.
func ManyItems(t testing.TB, db *store.DB, tenant cordon.TenantID, n int, start time.Time) {
	t.Helper()
	sealed := map[string]any{"sealed": strings.Repeat("QUJD", 80)}
	types := []string{"image/jpeg", "image/png", "application/pdf", "video/mp4", "text/plain"}
	var changes []cordon.Change
	for i := range n {
		it := NewItem(tenant)
		it.Op, it.Mode, it.Blob = "", cordon.ModeEvent, ""
		it.Route, it.Channel = fmt.Sprintf("route-%d", i%6), []cordon.Channel{cordon.ChannelUI, cordon.ChannelPortal, cordon.ChannelEmail}[i%3]
		it.ReceivedAt = start.Add(time.Duration(i) * (30 * 24 * time.Hour / time.Duration(n)))
		it.Size, it.MediaType = int64(i%977)*9000, types[i%len(types)]
		v := cordon.Verdict{Outcome: cordon.NoSign, Action: cordon.Pass, Reasons: []cordon.Reason{cordon.ReasonShadow}, Policy: "default@0123456789ab", At: it.ReceivedAt.Add(time.Millisecond)}
		if i%20 == 0 {
			v.Outcome, v.Action, v.Reasons = cordon.Synthetic, cordon.Hold, []cordon.Reason{cordon.ReasonGeneratorMark, cordon.ReasonShadow}
		}
		var found []cordon.Finding
		for d, name := range []string{"c2pa", "kind", "known", "marks"} {
			found = append(found, cordon.Finding{Detector: name, Version: "1.0", Status: cordon.StatusNone, Class: cordon.Deterministic,
				Label: cordon.LabelNoMarks, Detail: sealed, Took: time.Duration((i*7+d)%9000) * time.Microsecond})
		}
		changes = append(changes,
			cordon.Change{Of: it.Ref, To: cordon.Observed, Item: &it, Entries: []cordon.Entry{Entry(cordon.EntryObserved, it.Ref)}},
			cordon.Change{Of: it.Ref, From: cordon.Observed, To: cordon.Inspected, Verdict: &v, Findings: found, Entries: []cordon.Entry{Entry(cordon.EntryInspected, it.Ref)}},
			cordon.Change{Of: it.Ref, From: cordon.Inspected, To: cordon.Kept, Entries: []cordon.Entry{Entry(cordon.EntryKept, it.Ref)}})
		if len(changes) >= 1500 || i == n-1 {
			if err := db.Commit(t.Context(), changes...); err != nil {
				t.Fatal(err)
			}
			changes = changes[:0]
		}
	}
}
