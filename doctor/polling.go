package doctor

import (
	"context"
	"fmt"
	"time"
)

// Polling is how the lane stands that looks at what came past the gateway.
type Polling struct {
	Every time.Duration // 0: nobody polls
	// LeasedUntil is how long the node that polls has said it will; the past if none does.
	LeasedUntil time.Time
	// ReadTo is the org's time up to which everything is on record; zero before the first poll.
	ReadTo time.Time
	// Unread is how many files are on record that the org has not given out.
	Unread int
}

func examinePolling(ctx context.Context, conf Config, org Org, r *lines) {
	if org.Polling == nil {
		return
	}
	l := Line{Check: "polling"}
	p, err := org.Polling(ctx)
	switch now := conf.Clock(); {
	case p.Every <= 0:
		l.State, l.Says, l.Evidence = Warning, "nobody looks at what comes past the gateway: pages of the CRM, guest sites, e-mail", "poll is not set for this tenant"
		l.Do = "Set poll: 1m for this tenant; docs/polling.md says what it costs."
	case err != nil:
		l.State, l.Says, l.Evidence = Unknown, "whether somebody polls the org", err.Error()
		l.Do = "Run cordon doctor again after the first start of serve."
	case !p.LeasedUntil.After(now):
		l.State, l.Says = Missing, "the configuration asks for polling, and no process does it now"
		l.Evidence = "the lease \"poll\" in the records has ended, or was never taken"
		l.Do = "Start serve with this configuration, and look at its log."
	case p.ReadTo.IsZero():
		l.State, l.Says, l.Evidence = Warning, "a process polls and has not come to the end of a first poll", fmt.Sprintf("the lease \"poll\" runs until %s; no cursor is on record", p.LeasedUntil.UTC().Format(time.RFC3339))
		l.Do = "Wait for one interval, then run cordon doctor again; if it stays so, the log of serve says why."
	default:
		l.State, l.Says = OK, fmt.Sprintf("a process polls every %s; the newest file on record by this way is of %s", p.Every, p.ReadTo.UTC().Format(time.RFC3339))
		l.Evidence = fmt.Sprintf("the lease \"poll\" runs until %s; the cursors in the records", p.LeasedUntil.UTC().Format(time.RFC3339))
	}
	r.add(l)
	if err == nil && p.Unread > 0 {
		r.add(Line{Check: "unread", State: Warning, Says: fmt.Sprintf("%d files are on record that the org did not give out", p.Unread),
			Evidence: "items with the reason not-readable in the records",
			Do:       "Look at one of them in the console; often Query All Files or a download handler is the reason. They are asked for again by themselves."})
	}
}
