package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/salesforce/pubsub"
)

// changed are the objects whose change events would tell of files early.
var changed = []string{"ContentVersion", "ContentDocumentLink"}

// changeEvents asks whether the org knows change events for files. That it does is not yet
// that they are selected, nor that the entitlement for them is not used up.
func (v visit) changeEvents(ctx context.Context) {
	var checks []string
	for _, name := range changed {
		checks = append(checks, "events "+name)
	}
	if v.out(checks...) {
		return
	}
	for _, name := range changed {
		event := name + "ChangeEvent"
		l := Line{Check: "events " + name}
		call := "GET /sobjects/" + event + "/describe"
		_, err := v.client.Describe(ctx, event)
		switch {
		case err == nil:
			l.State, l.Evidence = OK, call+": 200"
			l.Says = "the org knows change events for " + name + "; whether they are switched on was not tried"
			l.Do = "Select " + name + " in Setup, Change Data Capture."
			if v.org.PubSub != "" {
				v.topic(ctx, name, &l)
			}
		case errors.Is(err, cordon.ErrNotFound):
			l.State, l.Evidence = Missing, call+": 404"
			l.Says = "no change events for " + name + ": Cordon learns of files by polling, later but just as surely"
			l.Do = "They need API version 55.0 or later, and in some editions an entitlement that is bought. Polling does without."
		default:
			l.State, l.Evidence = Unknown, call+": "+err.Error()
			l.Says, l.Do = "whether the org knows change events for "+name, "Run cordon doctor again when the org answers."
		}
		v.add(l)
	}
}

// topic asks the Pub/Sub API whether Cordon may subscribe to what the org knows.
func (v visit) topic(ctx context.Context, name string, l *Line) {
	topic := "/data/" + name + "ChangeEvent"
	client, err := pubsub.New(pubsub.Config{Sessions: v.client, Address: v.org.PubSub})
	if err == nil {
		err = client.Topic(ctx, topic)
		client.Close()
	}
	l.Evidence += "; GetTopic " + topic + " at " + v.org.PubSub + ": "
	switch {
	case err == nil:
		l.Evidence += "may subscribe"
		l.Says, l.Do = "the org can tell Cordon of changes of "+name+" as they happen", ""
	case errors.Is(err, cordon.ErrNotFound):
		l.State, l.Evidence = Missing, l.Evidence+err.Error()
		l.Says = "change events for " + name + " are not switched on: Cordon learns of files by polling, later but just as surely"
	case errors.Is(err, cordon.ErrForbidden):
		l.State, l.Evidence = Missing, l.Evidence+err.Error()
		l.Says = "Cordon's user may not be told of changes of " + name + ": Cordon learns of files by polling, later but just as surely"
		l.Do = "Grant Cordon's user View All Data and Query All Files, as the permission set that \"cordon init\" writes does."
	default:
		l.State, l.Evidence = Unknown, l.Evidence+err.Error()
		l.Says = "whether the org tells Cordon of changes of " + name
		l.Do = "Let this machine connect to " + v.org.PubSub + ", or set events: off; polling goes on without."
	}
}

// logFiles asks for the log of downloads, which only Shield or Event Monitoring brings. The
// object itself is there in most orgs, so only a log file of that kind is proof.
func (v visit) logFiles(ctx context.Context) {
	if v.out("event-log-files") {
		return
	}
	l := Line{Check: "event-log-files"}
	_, err := v.client.Describe(ctx, "EventLogFile")
	call := "GET /sobjects/EventLogFile/describe"
	const missing = "Shield or Event Monitoring, and View Event Log Files for Cordon's user. Without it nobody can say who downloaded a file."
	switch {
	case errors.Is(err, cordon.ErrNotFound):
		l.State, l.Says, l.Evidence, l.Do = Missing, "no event log files: who downloaded a file stays unknown", call+": 404", missing
	case err != nil:
		l.State, l.Says, l.Evidence, l.Do = Unknown, "whether the org keeps event log files", call+": "+err.Error(), "Run cordon doctor again when the org answers."
	default:
		const soql = "SELECT EventType FROM EventLogFile WHERE EventType = 'ContentTransfer' LIMIT 1"
		found := 0
		err := v.client.Query(ctx, soql, func(json.RawMessage) error { found++; return nil })
		switch {
		case err != nil:
			l.State, l.Says, l.Evidence, l.Do = Unknown, "whether the org logs transfers of files", soql+": "+err.Error(), missing
		case found == 0:
			l.State, l.Says, l.Evidence, l.Do = Unknown, "whether the org logs transfers of files: there is no such log, which also happens where none was made", call+": 200; "+soql+": no row", missing
		default:
			l.State, l.Says, l.Evidence = OK, "the org logs transfers of files", soql+": a row"
		}
	}
	v.add(l)
}

// budgets says what is left of the org's API calls and storage.
func (v visit) budgets(ctx context.Context) {
	if v.out("api-budget", "storage-data", "storage-files") {
		return
	}
	limits, err := v.client.Limits(ctx)
	for _, b := range []struct {
		check, limit, what string
		judge              func(left, most int64, l *Line)
	}{
		{"api-budget", "DailyApiRequests", "API calls", v.apiBudget},
		{"storage-data", "DataStorageMB", "record storage", storage},
		{"storage-files", "FileStorageMB", "file storage", storage},
	} {
		l := Line{Check: b.check}
		got, has := limits[b.limit]
		switch {
		case err != nil:
			l.State, l.Says, l.Evidence = Unknown, "what is left of the org's "+b.what, "GET /limits: "+err.Error()
			l.Do = "Grant View Setup and Configuration, as the permission set that \"cordon init\" writes does, or run again when the org answers."
		case !has || got.Max <= 0:
			l.State, l.Says, l.Evidence = Unknown, "what is left of the org's "+b.what, "GET /limits: no "+b.limit
			l.Do = "Look it up in Setup, Company Information."
		default:
			l.Evidence = fmt.Sprintf("GET /limits: %s Max=%d Remaining=%d", b.limit, got.Max, got.Remaining)
			b.judge(got.Remaining, got.Max, &l)
		}
		v.add(l)
	}
}

// apiBudget compares what is left today with the share that Cordon may take.
func (v visit) apiBudget(left, most int64, l *Line) {
	share := int64(v.conf.APIShare * float64(most))
	l.State = OK
	l.Says = fmt.Sprintf("%s of %s calls a day are used; Cordon's share of %.0f %% is %s", grouped(most-left), grouped(most), 100*v.conf.APIShare, grouped(share))
	switch {
	case left <= 0:
		l.State, l.Needed = Missing, true
		l.Do = "Wait until the org's 24 hours are over, find who uses the calls up, or buy more."
	case left < share:
		l.State = Warning
		l.Says += fmt.Sprintf(", and only %s are left", grouped(left))
		l.Do = "Run backfills at another time, or with a smaller share (--api-share)."
	}
}

func storage(left, most int64, l *Line) {
	l.State, l.Says = OK, fmt.Sprintf("%s of %s MB are left", grouped(left), grouped(most))
	switch {
	case left <= 0:
		l.State, l.Do = Missing, "Free or buy storage: the org refuses what does not fit."
	case left*10 < most:
		l.State, l.Do = Warning, "Free or buy storage before the org refuses uploads, also those that a person releases."
	}
}

// grouped writes a number as 1 234 567.
func grouped(n int64) string {
	s := fmt.Sprint(n)
	var parts []string
	for len(s) > 3 && s[len(s)-4] != '-' {
		parts = append([]string{s[len(s)-3:]}, parts...)
		s = s[:len(s)-3]
	}
	return strings.Join(append([]string{s}, parts...), " ")
}
