package app

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"hash/fnv"
	"io"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/desk"
	"github.com/cordonhq/cordon/report"
	"github.com/cordonhq/cordon/salesforce"
	"github.com/cordonhq/cordon/salesforce/events"
	"github.com/cordonhq/cordon/store"
)

// coverer says which of the files that an org gained are on record. AsOf is zero while the
// org was never asked.
type coverer interface {
	Coverage(ctx context.Context, tenant cordon.TenantID, from, to time.Time) (desk.Coverage, error)
}

// shadower makes shadow reports from the store. Nothing in it writes, and nothing asks the org.
type shadower struct {
	db      *store.DB
	tenants *tenants
	now     func() time.Time
	covers  coverer // nil: coverage is unknown
	usage   func(cordon.TenantID) (salesforce.Usage, bool)
	since   time.Time // when usage began to count

	// turns keeps reports, each of which reads much, from crowding out uploads.
	turns chan struct{}
}

// atOnce is how many reports are made at the same time; others wait.
const atOnce = 2

func (a *App) shadower(t *tenants) *shadower {
	return &shadower{db: a.db, tenants: t, covers: coverDays{a.coverage()}, now: time.Now, since: time.Now(), usage: func(id cordon.TenantID) (salesforce.Usage, bool) {
		client := a.clients[id]
		if client == nil {
			return salesforce.Usage{}, false
		}
		return client.Usage(), true
	}, turns: make(chan struct{}, atOnce)}
}

// shadowPage writes a report as a page of the console's own server.
func shadowPage(w io.Writer, r desk.Shadow) error { return report.ShadowHTML(w, r, "", "/reports") }

// mostSamples is how many items are shown for a reason.
const mostSamples = 5

// Shadow makes a report.
func (s *shadower) Shadow(ctx context.Context, tenant cordon.TenantID, q desk.ShadowQuery) (desk.Shadow, error) {
	q = q.Filled(s.now())
	r := desk.Shadow{Schema: 1, Tenant: tenant, From: q.From, To: q.To, Made: s.now().UTC()}
	if err := q.Check(); err != nil {
		return r, err
	}
	policy, err := s.other(tenant, q)
	if err != nil {
		return r, err
	}
	select {
	case s.turns <- struct{}{}:
		defer func() { <-s.turns }()
	case <-ctx.Done():
		return r, ctx.Err()
	}
	c := newCounter()
	if err := s.db.Tallies(ctx, tenant, q.From, q.To, c.add); err != nil {
		return r, err
	}
	c.fill(&r, q)
	for _, step := range []func(context.Context, *desk.Shadow, desk.ShadowQuery) error{s.times, s.checks, s.samples, s.coverage, s.spent} {
		if err := step(ctx, &r, q); err != nil {
			return r, err
		}
	}
	report.Advise(&r)
	if policy != nil {
		r.Replay, err = s.replay(ctx, tenant, q, policy)
	}
	return r, err
}

// partKey is a way in.
type partKey struct {
	channel cordon.Channel
	route   string
	mode    cordon.Mode
}

// counter adds up what is alike.
type counter struct {
	total    desk.ShadowCount
	parts    map[partKey]*partSum
	days     map[time.Time]*desk.ShadowDay
	sizes    [len(store.SizeClasses) + 1]desk.ShadowSize
	kinds    map[string]*desk.ShadowKind
	outcomes map[cordon.Outcome]int
	policies map[string]int
	reasons  map[cordon.Reason]int
	unread   map[cordon.Reason]*desk.ShadowUnexamined
	history  int // would be held, of what backfills went through
}

type partSum struct {
	desk.ShadowPart
	days    map[time.Time]int // held or would be
	clients map[string]bool
}

func newCounter() *counter {
	return &counter{parts: map[partKey]*partSum{}, days: map[time.Time]*desk.ShadowDay{}, kinds: map[string]*desk.ShadowKind{},
		outcomes: map[cordon.Outcome]int{}, policies: map[string]int{}, reasons: map[cordon.Reason]int{}, unread: map[cordon.Reason]*desk.ShadowUnexamined{}}
}

// unreadReasons say that an item was not read, or not to the end of every check.
var unreadReasons = []cordon.Reason{cordon.ReasonGone, cordon.ReasonNotReadable, cordon.ReasonDetectorSilent, cordon.ReasonPassedUnscanned, cordon.ReasonLimit}

// add counts items that are alike.
func (c *counter) add(t store.Tally) {
	if t.State == cordon.Erased {
		return // nothing of it is there, and its sender sends it again
	}
	holds := t.Action.Holds()
	n := desk.ShadowCount{Items: t.Items, Bytes: t.Bytes}
	switch {
	case t.Outcome == "":
		n.NotJudged = t.Items
	case holds && slices.Contains(t.Reasons, cordon.ReasonShadow): // the CRM has it
		n.WouldHold = t.Items
	case holds:
		n.Held = t.Items
	case t.Action == cordon.Watch:
		n.Watched = t.Items
	}
	if slices.Contains(t.Reasons, cordon.ReasonNotCovered) {
		n.NotTested = t.Items
	}
	if slices.ContainsFunc(t.Reasons, func(r cordon.Reason) bool { return slices.Contains(unreadReasons, r) }) {
		n.Unread = t.Items
	}
	held := n.Held + n.WouldHold

	plus(&c.total, n)
	k := partKey{t.Channel, t.Route, t.Mode}
	p := c.parts[k]
	if p == nil {
		p = &partSum{ShadowPart: desk.ShadowPart{Channel: t.Channel, Route: t.Route, Mode: t.Mode}, days: map[time.Time]int{}, clients: map[string]bool{}}
		c.parts[k] = p
	}
	plus(&p.Count, n)
	p.days[t.Day] += held
	if t.Client != "" {
		p.clients[t.Client] = true
	}

	d := c.days[t.Day]
	if d == nil {
		d = &desk.ShadowDay{Day: t.Day.Format(time.DateOnly)}
		c.days[t.Day] = d
	}
	if t.Mode == cordon.ModeBackfill {
		d.History += t.Items
		c.history += held
	} else {
		d.Items += t.Items
		d.Hold += held
	}
	size := &c.sizes[t.SizeClass]
	size.Items, size.Bytes, size.WouldHold = size.Items+t.Items, size.Bytes+t.Bytes, size.WouldHold+held
	kind := c.kinds[t.MediaType]
	if kind == nil {
		kind = &desk.ShadowKind{MediaType: t.MediaType, Modality: t.Modality}
		c.kinds[t.MediaType] = kind
	}
	kind.Items, kind.Bytes, kind.WouldHold, kind.NotTested = kind.Items+t.Items, kind.Bytes+t.Bytes, kind.WouldHold+held, kind.NotTested+n.NotTested

	if t.Outcome != "" {
		c.outcomes[t.Outcome] += t.Items
		c.policies[t.Policy] += t.Items
	}
	for _, r := range t.Reasons {
		if holds && r != cordon.ReasonShadow {
			c.reasons[r] += t.Items
		}
		if r == cordon.ReasonNotCovered || slices.Contains(unreadReasons, r) {
			u := c.unread[r]
			if u == nil {
				u = &desk.ShadowUnexamined{Reason: r, Text: r.Text()}
				c.unread[r] = u
			}
			u.Items, u.Bytes = u.Items+t.Items, u.Bytes+t.Bytes
		}
	}
}

func plus(to *desk.ShadowCount, n desk.ShadowCount) {
	to.Items += n.Items
	to.Bytes += n.Bytes
	to.WouldHold += n.WouldHold
	to.Held += n.Held
	to.Watched += n.Watched
	to.NotTested += n.NotTested
	to.Unread += n.Unread
	to.NotJudged += n.NotJudged
}

// sorted returns what the keys of m stand for, most items first.
func sorted[K cmp.Ordered, V, T any](m map[K]V, make func(K, V) T, items func(T) int) []T {
	out := []T{}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, make(k, m[k]))
	}
	slices.SortStableFunc(out, func(a, b T) int { return cmp.Compare(items(b), items(a)) })
	return out
}

// fill writes the sums into the report.
func (c *counter) fill(r *desk.Shadow, q desk.ShadowQuery) {
	r.Total = c.total
	r.Parts = []desk.ShadowPart{}
	for _, p := range c.parts {
		p.Days, p.Clients = len(p.days), len(p.clients)
		for _, held := range p.days {
			p.MostDay = max(p.MostDay, held)
		}
		r.Parts = append(r.Parts, p.ShadowPart)
	}
	slices.SortFunc(r.Parts, func(a, b desk.ShadowPart) int {
		return cmp.Or(cmp.Compare(b.Count.Items, a.Count.Items), cmp.Compare(a.Channel, b.Channel), cmp.Compare(a.Route, b.Route), cmp.Compare(a.Mode, b.Mode))
	})
	r.Sizes = c.sizes[:]
	for i, most := range store.SizeClasses {
		r.Sizes[i].UpTo = most
	}
	r.Kinds = sorted(c.kinds, func(_ string, k *desk.ShadowKind) desk.ShadowKind { return *k }, func(k desk.ShadowKind) int { return k.Items })
	r.Outcomes = sorted(c.outcomes, func(o cordon.Outcome, n int) desk.ShadowOutcome { return desk.ShadowOutcome{Outcome: o, Items: n} }, func(o desk.ShadowOutcome) int { return o.Items })
	r.Policies = sorted(c.policies, func(p string, n int) desk.ShadowPolicy { return desk.ShadowPolicy{Policy: p, Items: n} }, func(p desk.ShadowPolicy) int { return p.Items })
	r.Reasons = sorted(c.reasons, func(code cordon.Reason, n int) desk.ShadowReason {
		return desk.ShadowReason{Reason: code, Text: code.Text(), Items: n, Samples: []desk.ShadowSample{}}
	}, func(x desk.ShadowReason) int { return x.Items })
	r.Unexamined = sorted(c.unread, func(_ cordon.Reason, u *desk.ShadowUnexamined) desk.ShadowUnexamined { return *u }, func(u desk.ShadowUnexamined) int { return u.Items })
	r.Recall = desk.ShadowRecall{Text: "unknown until detectors are connected and audited"}

	hours := func(items int) float64 { return float64(items) * q.Minutes / 60 }
	r.Days, r.Review = []desk.ShadowDay{}, desk.ShadowReview{Minutes: q.Minutes, Hours: q.Hours, History: c.history, HistoryHours: hours(c.history)}
	var daily []int
	for _, d := range c.days {
		r.Days = append(r.Days, *d)
		if d.Items > 0 {
			daily = append(daily, d.Hold)
			r.Review.Items += d.Hold
		}
	}
	slices.SortFunc(r.Days, func(a, b desk.ShadowDay) int { return cmp.Compare(a.Day, b.Day) })
	slices.Sort(daily)
	if n := len(daily); n > 0 {
		r.Review.Days, r.Review.Least, r.Review.Most = n, hours(daily[0]), hours(daily[n-1])
		r.Review.Median = (hours(daily[(n-1)/2]) + hours(daily[n/2])) / 2
	}
}

// times fills in how long inspections took.
func (s *shadower) times(ctx context.Context, r *desk.Shadow, q desk.ShadowQuery) error {
	r.Latency = desk.ShadowLatency{
		About: "Inspection is the time of the slowest check of each item, as it was measured; checks run side by side. " +
			"Not in it: receiving, hashing, encrypting and recording the file, which a route in front of the CRM does as well, and waiting for a free place.",
		Inline: "For items that came in front of the CRM: from the moment the bytes were safe to the verdict, with the record and the inspection. " +
			"Not in it: receiving, hashing and encrypting the bytes, and recording the verdict. Within 1 %.",
	}
	timings, err := s.db.Timings(ctx, r.Tenant, q.From, q.To)
	if err != nil {
		return err
	}
	for i := range r.Sizes {
		t := timings[store.TimingKey{SizeClass: i}]
		z := &r.Sizes[i]
		z.Timed, z.P50, z.P95, z.Most = t.Items, millis(t.P50), millis(t.P95), millis(t.Max)
	}
	for i := range r.Parts {
		p := &r.Parts[i]
		t := timings[store.TimingKey{SizeClass: -1, Route: p.Route, Channel: p.Channel, Mode: p.Mode}]
		p.Timed, p.P50, p.P95 = t.Items, millis(t.P50), millis(t.P95)
	}
	var waits [len(store.SizeClasses) + 1]spread
	err = s.db.Waits(ctx, r.Tenant, q.From, q.To, func(w store.Wait) { waits[w.SizeClass].add(w.Took) })
	for i := range r.Sizes {
		z, w := &r.Sizes[i], &waits[i]
		z.Inline, z.InlineP50, z.InlineP95 = w.n, millis(w.rank(50)), millis(w.rank(95))
	}
	return err
}

// millis is a time in milliseconds, to the microsecond.
func millis(d time.Duration) float64 { return math.Round(float64(d)/1e3) / 1e3 }

// spread is how times are distributed, to within one per cent, in a memory that does not grow
// with their number.
type spread struct {
	n     int
	count map[int]int // by the number of the step
}

const step = 1.01 // each step of a spread is one per cent above the last

func (s *spread) add(d time.Duration) {
	if s.count == nil {
		s.count = map[int]int{}
	}
	s.n++
	s.count[int(math.Round(math.Log(float64(max(d, 1)))/math.Log(step)))]++
}

// rank returns the percentile by nearest rank, 0 of nothing.
func (s *spread) rank(percent int) time.Duration {
	left := (s.n*percent + 99) / 100
	for _, i := range slices.Sorted(maps.Keys(s.count)) {
		if left -= s.count[i]; left <= 0 {
			return time.Duration(math.Pow(step, float64(i)))
		}
	}
	return 0
}

// checks fills in which checks looked.
func (s *shadower) checks(ctx context.Context, r *desk.Shadow, q desk.ShadowQuery) error {
	counts, err := s.db.CheckCounts(ctx, r.Tenant, q.From, q.To)
	if err != nil {
		return err
	}
	type version struct{ detector, version string }
	sums := map[version]*desk.ShadowCheck{}
	var order []version
	for _, c := range counts {
		v := version{c.Detector, c.Version}
		if sums[v] == nil {
			sums[v] = &desk.ShadowCheck{Detector: c.Detector, Version: c.Version}
			order = append(order, v)
		}
		sums[v].Findings, sums[v].Failed = sums[v].Findings+c.Findings, sums[v].Failed+c.Failed
		for i := range r.Parts {
			if p := &r.Parts[i]; p.Route == c.Route && p.Channel == c.Channel && p.Mode == c.Mode {
				p.Checked, p.Failed = p.Checked+c.Findings, p.Failed+c.Failed
			}
		}
	}
	slices.SortFunc(order, func(a, b version) int {
		return cmp.Or(cmp.Compare(a.detector, b.detector), cmp.Compare(a.version, b.version))
	})
	r.Checks = []desk.ShadowCheck{}
	for _, v := range order {
		r.Checks = append(r.Checks, *sums[v])
	}
	return nil
}

// samples draws items for each reason.
func (s *shadower) samples(ctx context.Context, r *desk.Shadow, q desk.ShadowQuery) error {
	drawn := map[cordon.Reason]*draw{}
	for _, x := range r.Reasons {
		drawn[x.Reason] = &draw{seed: q.Seed}
	}
	err := s.db.HeldBack(ctx, r.Tenant, q.From, q.To, func(h store.HeldBack) {
		for _, reason := range h.Reasons {
			if d := drawn[reason]; d != nil {
				d.add(desk.ShadowSample{ID: h.ID, Route: h.Route, Channel: h.Channel, Modality: h.Modality})
			}
		}
	})
	for i := range r.Reasons {
		r.Reasons[i].Samples = drawn[r.Reasons[i].Reason].list()
	}
	return err
}

// draw keeps the few items whose keyed numbers are lowest: which they are depends on the seed
// and the items, and not on their order.
type draw struct {
	seed int64
	kept []drawnItem
}

type drawnItem struct {
	lot uint64
	desk.ShadowSample
}

func (d *draw) add(x desk.ShadowSample) {
	h := fnv.New64a()
	var seed [8]byte
	for i := range seed {
		seed[i] = byte(d.seed >> (8 * i))
	}
	h.Write([]byte(x.ID))
	h.Write(seed[:])
	lot := h.Sum64()
	lot ^= lot >> 33 // so that the seed moves every bit of it
	lot *= 0xff51afd7ed558ccd
	lot ^= lot >> 33
	at, _ := slices.BinarySearchFunc(d.kept, lot, func(k drawnItem, lot uint64) int { return cmp.Compare(k.lot, lot) })
	if at < mostSamples {
		d.kept = slices.Insert(d.kept, at, drawnItem{lot, x})
		d.kept = d.kept[:min(len(d.kept), mostSamples)]
	}
}

// list returns the sample by id. It is never nil.
func (d *draw) list() []desk.ShadowSample {
	out := []desk.ShadowSample{}
	if d != nil {
		for _, k := range d.kept {
			out = append(out, k.ShadowSample)
		}
	}
	slices.SortFunc(out, func(a, b desk.ShadowSample) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// coverage fills in which share of what the org gained was examined.
func (s *shadower) coverage(ctx context.Context, r *desk.Shadow, q desk.ShadowQuery) error {
	r.Coverage.Channels = []desk.ShadowCoverageChannel{}
	if s.covers == nil {
		return nil
	}
	// Coverage is counted by whole days; the day that To cuts is one of them.
	const day = 24 * time.Hour
	c, err := s.covers.Coverage(ctx, r.Tenant, q.From.Truncate(day), q.To.Add(day-1).Truncate(day))
	switch {
	case errors.Is(err, cordon.ErrNotFound), err == nil && c.AsOf.IsZero():
		return nil
	case err != nil:
		return err
	}
	r.Coverage.Known, r.Coverage.Gained, r.Coverage.Examined, r.Coverage.Tried = true, c.Gained, c.Examined, c.Tried
	r.Coverage.AsOf = new(c.AsOf.UTC())
	if share, ok := c.Share(); ok {
		r.Coverage.Share = &share
	}
	sums := map[cordon.Channel]desk.ShadowCoverageChannel{}
	for _, p := range c.Parts {
		sum := sums[p.Channel]
		sums[p.Channel] = desk.ShadowCoverageChannel{Channel: p.Channel, Gained: sum.Gained + p.Gained, Examined: sum.Examined + p.Examined}
	}
	r.Coverage.Channels = sorted(sums, func(_ cordon.Channel, c desk.ShadowCoverageChannel) desk.ShadowCoverageChannel { return c },
		func(c desk.ShadowCoverageChannel) int { return c.Gained })
	return nil
}

// spent fills in what looking has cost of the org's calls. Readers that do not keep count are
// unknown.
func (s *shadower) spent(ctx context.Context, r *desk.Shadow, _ desk.ShadowQuery) error {
	r.API.Spent = []desk.ShadowSpent{}
	settings, err := s.db.Settings(ctx, r.Tenant)
	if err != nil {
		return err
	}
	for _, t := range settings {
		var p events.Progress
		if json.Unmarshal(t.Value, &p) != nil || p.Started.IsZero() || len(p.Estimate.Objects) == 0 {
			continue // some other setting
		}
		r.API.Spent = append(r.API.Spent, desk.ShadowSpent{What: string(t.ID), Calls: &p.Calls, Since: new(p.Started.UTC()),
			About: "a backfill, from its beginning, failed calls included"})
	}
	poll := desk.ShadowSpent{What: "polling", About: "polling keeps no count of its own calls"}
	if s.usage != nil {
		if u, ok := s.usage(r.Tenant); ok {
			r.API.Spent = append(r.API.Spent, desk.ShadowSpent{What: "this process", Calls: &u.Calls, Since: new(s.since.UTC()),
				About: "everything that this process asked of the org in Cordon's own name, since it started"})
			if u.Limit > 0 {
				r.API.Used, r.API.Limit = &u.Used, &u.Limit
			}
		}
	}
	r.API.Spent = append(r.API.Spent, poll)
	return nil
}
