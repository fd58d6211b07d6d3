package conformance

import (
	"cmp"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/salesforce"
)

// Marker begins the name of every record that a run makes. A nonce follows.
const Marker = "cordon-conformance-"

var markerPattern = regexp.MustCompile(`^cordon-conformance-[0-9a-f]{12}$`)

// named says by which field a record of an object carries the marker, in the order in which
// they are removed: parents last, since they take others along. Nothing whose name does not
// begin with the marker is ever removed, whatever id an org gave for it.
var named = []struct{ object, field string }{{"Attachment", "Name"}, {"Contact", "LastName"}, {"Case", "Subject"},
	{"ContentDocument", "Title"}, {"Document", "Name"}, {"Account", "Name"}}

// goesWith says what removes a record of an object that cannot be removed itself.
var goesWith = map[string]string{"ContentVersion": "ContentDocument", "ContentDocumentLink": "ContentDocument"}

// bulkJob stands for a job of the Bulk API 2.0 in a journal. It is no record, and has no name.
const bulkJob = "bulk job"

// atOnce is how many records one call removes.
const atOnce = 200

// reserve is how many calls are kept back for removing records: a search for each object, the
// rest of an answer on two pages, removing and purging them, a bulk job, all of it twice in case the
// org is busy.
func reserve(records int) int {
	return 2 * (len(named) + 1 + 2*((records+atOnce-1)/atOnce) + 2 + 2)
}

// sweeper removes what a run has made.
type sweeper struct {
	line  *line
	pause func(context.Context, time.Duration)
	notes io.Writer
	left  left
}

// Cleanup removes what an earlier run left in the org, by its journal, and then the journal.
func Cleanup(ctx context.Context, org Org, journalPath string, notes io.Writer) (Removal, error) {
	l, err := readJournal(journalPath)
	if err != nil {
		return Removal{}, err
	}
	if l.host != org.Base.Host {
		return Removal{}, fmt.Errorf("%w: the journal %s is about another org; name the one that it was run on", cordon.ErrInvalid, journalPath)
	}
	s := sweeper{newLine(org, 0), pause, notes, l}
	removal := s.sweep(ctx)
	if !removal.Clean() {
		return removal, nil
	}
	return removal, os.Remove(journalPath)
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// patiently repeats a call while the org is busy.
func (s *sweeper) patiently(ctx context.Context, r request) (Answer, error) {
	for attempt := 0; ; attempt++ {
		a, err := s.line.send(ctx, r)
		busy := errors.Is(err, errSilent) || errors.Is(err, errSlow) || a.Status >= 500 && r.header["SOAPAction"] == "" || slices.Contains(busy, a.Status)
		if !busy || attempt == 2 || ctx.Err() != nil {
			return a, err
		}
		s.pause(ctx, time.Second<<attempt)
	}
}

// sweep finds what the run made, by the journal and by its marker, removes it and takes it out
// of the recycle bin.
func (s *sweeper) sweep(ctx context.Context) Removal {
	r := Removal{Left: []Left{}}
	objects := map[string]bool{}
	for o := range s.left.objects {
		objects[cmp.Or(goesWith[o], o)] = true
	}
	var bin []string
	made := map[string]bool{}
	for _, id := range s.left.ids[bulkJob] {
		if err := s.removeJob(ctx, id); err != nil {
			r.Left = append(r.Left, Left{Object: bulkJob, Count: 1, Why: reason(err)})
		}
	}
	for _, n := range named {
		object := n.object
		if !objects[object] {
			continue
		}
		live, binned, renamed, err := s.find(ctx, object, n.field)
		if renamed > 0 {
			r.Left = append(r.Left, Left{object, renamed, "its name was changed in the org, so that it is not certain to be the run's"})
		}
		if err != nil {
			r.Left = append(r.Left, Left{Object: object, Count: len(s.left.ids[object]), Why: "it could not be looked for: " + reason(err)})
			continue
		}
		for _, id := range append(slices.Clone(live), binned...) {
			made[id] = true
		}
		gone, left := s.remove(ctx, object, live)
		r.Left = append(r.Left, left...)
		bin = append(bin, binned...)
		bin = append(bin, gone...)
	}
	r.Made, r.Removed = len(made), len(bin)
	for ids := range slices.Chunk(bin, atOnce) {
		r.Purged += s.purge(ctx, ids)
	}
	return r
}

// removeJob aborts a bulk job, unless it has ended, and deletes it.
func (s *sweeper) removeJob(ctx context.Context, id string) error {
	path := "/services/data/v" + s.line.org.Version + "/jobs/ingest/" + id
	a, err := s.patiently(ctx, request{method: http.MethodDelete, path: path, header: map[string]string{}})
	if err != nil || a.Status == http.StatusNoContent || a.Status == http.StatusNotFound {
		return err
	}
	if a, err = s.patiently(ctx, request{method: http.MethodPatch, path: path, body: `{"state":"Aborted"}`, header: map[string]string{"Content-Type": "application/json"}}); err == nil && a.Status == http.StatusOK {
		a, err = s.patiently(ctx, request{method: http.MethodDelete, path: path, header: map[string]string{}})
	}
	if err == nil && a.Status >= 300 {
		s.say("not removed: bulk job %s\n", id)
		err = refused(a)
	}
	return err
}

// find returns the ids of what the run made of an object: what is there, what is in the recycle
// bin, and how many are there under another name.
func (s *sweeper) find(ctx context.Context, object, field string) (live, binned []string, renamed int, err error) {
	where := field + " LIKE " + salesforce.QuoteSOQL(s.left.marker+"%")
	if ids := s.left.ids[object]; len(ids) > 0 && len(ids) <= atOnce {
		var quoted []string
		for _, id := range ids {
			if salesforce.IsID(id) {
				quoted = append(quoted, "'"+id+"'")
			}
		}
		where = "(" + where + " OR Id IN (" + strings.Join(quoted, ",") + "))"
	}
	a, err := s.patiently(ctx, s.query("queryAll", "SELECT Id, IsDeleted, "+field+" FROM "+object+" WHERE "+where))
	if err != nil {
		return nil, nil, 0, err
	}
	if a.Status != http.StatusOK {
		return nil, nil, 0, refused(a)
	}
	var page struct {
		Records        []map[string]any
		Done           bool
		NextRecordsURL string `json:"nextRecordsUrl"`
	}
	for {
		page.Records, page.NextRecordsURL = nil, ""
		if err := json.Unmarshal(a.Body, &page); err != nil {
			return nil, nil, 0, errors.New("the answer is not JSON")
		}
		for _, r := range page.Records {
			id, _ := r["Id"].(string)
			name, _ := r[field].(string)
			switch deleted, _ := r["IsDeleted"].(bool); {
			case !salesforce.IsID(id):
				return nil, nil, 0, errors.New("the answer has no ids")
			case !strings.HasPrefix(name, s.left.marker):
				s.say("not removed, its name was changed: %s %s\n", object, id)
				renamed++
			case deleted:
				binned = append(binned, id)
			default:
				live = append(live, id)
			}
		}
		next, err := url.Parse(page.NextRecordsURL)
		if page.Done || page.NextRecordsURL == "" || err != nil {
			return live, binned, renamed, nil
		}
		if a, err = s.patiently(ctx, request{method: http.MethodGet, path: next.EscapedPath(), header: map[string]string{}}); err != nil || a.Status != http.StatusOK {
			return nil, nil, renamed, cmp.Or(err, refused(a))
		}
	}
}

func (s *sweeper) query(resource, soql string) request {
	return request{method: http.MethodGet, path: "/services/data/v" + s.line.org.Version + "/" + resource + "?q=" + url.QueryEscape(soql), header: map[string]string{}}
}

// remove moves records to the recycle bin, many in a call.
func (s *sweeper) remove(ctx context.Context, object string, ids []string) (gone []string, left []Left) {
	why := map[string]int{}
	for some := range slices.Chunk(ids, atOnce) {
		a, err := s.patiently(ctx, request{method: http.MethodDelete, header: map[string]string{},
			path: "/services/data/v" + s.line.org.Version + "/composite/sobjects?allOrNone=false&ids=" + strings.Join(some, ",")})
		var results []struct {
			Success bool
			Errors  []struct{ StatusCode string }
		}
		if err != nil || a.Status != http.StatusOK || json.Unmarshal(a.Body, &results) != nil || len(results) != len(some) {
			for _, id := range some {
				s.say("not removed: %s %s\n", object, id)
			}
			why[reason(cmp.Or(err, refused(a)))] += len(some)
			continue
		}
		for i, r := range results {
			already := !r.Success && len(r.Errors) > 0 && slices.Contains([]string{"ENTITY_IS_DELETED", "NOT_FOUND"}, r.Errors[0].StatusCode)
			if r.Success || already { // deleted with its parent
				gone = append(gone, some[i])
				continue
			}
			s.say("not removed: %s %s\n", object, some[i])
			code := "without a code"
			if len(r.Errors) > 0 && codes[r.Errors[0].StatusCode] {
				code = r.Errors[0].StatusCode
			}
			why[code]++
		}
	}
	for _, w := range slices.Sorted(maps.Keys(why)) {
		left = append(left, Left{object, why[w], w})
	}
	return gone, left
}

// purge takes records out of the recycle bin, which only SOAP does, and returns how many. What
// stays there goes by itself after 15 days.
func (s *sweeper) purge(ctx context.Context, ids []string) int {
	a, err := s.patiently(ctx, soap(s.line.org, "emptyRecycleBin", ids))
	if err != nil || a.Status != http.StatusOK {
		s.say("%d records stay in the recycle bin: %s\n", len(ids), reason(cmp.Or(err, refused(a))))
		return 0
	}
	return strings.Count(string(a.Body), "<success>true</success>")
}

// soap is a call of the partner API on records.
// https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/sforce_api_calls_emptyrecyclebin.htm
func soap(org Org, verb string, ids []string) request {
	var token strings.Builder
	xml.EscapeText(&token, []byte(org.Token)) // a strings.Builder does not fail
	body := envelope(token.String(), verb, ids...)
	return request{method: http.MethodPost, path: "/services/Soap/u/" + org.Version, body: body, as: nobody,
		header: map[string]string{"Content-Type": "text/xml; charset=UTF-8", "SOAPAction": `""`, "Accept": "text/xml"}}
}

// envelope is the body of such a call.
func envelope(token, verb string, ids ...string) string {
	return `<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:urn="urn:partner.soap.sforce.com">` +
		`<soapenv:Header><urn:SessionHeader><urn:sessionId>` + token + `</urn:sessionId></urn:SessionHeader></soapenv:Header>` +
		`<soapenv:Body><urn:` + verb + `><urn:ids>` + strings.Join(ids, "</urn:ids><urn:ids>") + `</urn:ids></urn:` + verb + `></soapenv:Body></soapenv:Envelope>`
}

func (s *sweeper) say(format string, args ...any) {
	if s.notes != nil {
		fmt.Fprintf(s.notes, format, args...)
	}
}

// refusal is an answer other than the one that was needed. Its text is a status and codes of
// the platform.
type refusal string

func (r refusal) Error() string { return string(r) }

func refused(a Answer) error {
	text := fmt.Sprintf("the org answered %d", a.Status)
	for _, e := range salesforce.ParseErrors(a.Body) {
		if codes[e.ErrorCode] {
			text += " " + e.ErrorCode
		}
	}
	return refusal(text)
}

// reason words an error for a report: what is not of this package is not told.
func reason(err error) string {
	var r refusal
	switch {
	case errors.As(err, &r):
		return r.Error()
	case errors.Is(err, errSilent), errors.Is(err, errSlow), errors.Is(err, errSpent):
		return err.Error()
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return "it was interrupted"
	}
	return "the answer could not be read"
}
