package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/desk"
	"github.com/cordonhq/cordon/flow"
	"github.com/cordonhq/cordon/salesforce"
	"github.com/cordonhq/cordon/salesforce/events"
	"github.com/cordonhq/cordon/store"
)

// Bounds of what one alert, and one reporter, can ask for.
const (
	alertFiles      = 25 // looked at
	alertNeighbours = 25 // listed, of each kind
	alertsPerMinute = 30 // of one reporter, and at once
	alertsAtOnce    = 4  // being answered by this process
	alertTries      = 20 // commits anew while others observe the same files
	alertReserve    = 10 // the last tenth of the org's daily API calls is not for alerts
)

// adopter puts what others report on record, has it looked at, and tells what came of it.
//
// A report is committed before anything is asked of the org, together with an effect that
// answers it should this process not live to do so. The answer is one commit: the files, their
// verdicts and the alert's own entry, or nothing.
type adopter struct {
	db      *store.DB
	flow    *flow.Flow
	tenants *tenants
	quota   *quota
	later   time.Duration
	users   func(context.Context, cordon.TenantID) []string // asks who the integrations of an org are
	known   sync.Map                                        // TenantID → integrations
	log     *slog.Logger

	ctx  context.Context // ends when the process stops answering
	stop context.CancelFunc
	slot chan struct{}
	work sync.WaitGroup
}

// integrations are users whose files count as coming by the API.
type integrations struct {
	ids   []string
	until time.Time
}

func newAdopter(db *store.DB, f *flow.Flow, t *tenants, later time.Duration, users func(context.Context, cordon.TenantID) []string, log *slog.Logger) *adopter {
	d := &adopter{db: db, flow: f, tenants: t, quota: newQuota(alertsPerMinute, time.Now), later: later, users: users, log: log, slot: make(chan struct{}, alertsAtOnce)}
	d.ctx, d.stop = context.WithCancel(context.Background())
	return d
}

// close lets no further answer begin and waits for those under way to be cut short. What they
// owe is answered by its effect.
func (d *adopter) close() {
	d.stop()
	d.work.Wait()
}

// link reads what was pasted and refuses what is not of the tenant's org.
func (d *adopter) link(tenant cordon.TenantID, named string) (salesforce.Link, error) {
	l, err := salesforce.ReadLink(named)
	if err != nil {
		return l, err
	}
	t := d.tenants.configs[tenant]
	upstream, err := url.Parse(t.Upstream)
	if err != nil {
		return l, err
	}
	name, _, _ := strings.Cut(l.Host, ":")
	if l.Host != "" && !salesforce.IsOrgHost(upstream.Host, l.Host) && !slices.Contains(t.Hosts, name) && !slices.Contains(t.Sites, name) {
		return l, fmt.Errorf("%w: the link points to %s, which is no address of this org (%s); nothing was asked there. If it is a site of the org, the operator can add it under \"sites\"; or paste the id of the file", cordon.ErrInvalid, l.Host, upstream.Host)
	}
	return l, events.CheckLink(l)
}

// Report puts a report on record and waits a while for its answer.
func (d *adopter) Report(ctx context.Context, tenant cordon.TenantID, by cordon.Actor, r desk.Report, wait time.Duration) (desk.Alert, error) {
	if err := r.Check(); err != nil {
		return desk.Alert{}, err
	}
	l, err := d.link(tenant, r.Named)
	if err != nil {
		return desk.Alert{}, err
	}
	if more := d.quota.wait(tenant, string(by.ID)); more > 0 {
		return desk.Alert{}, fmt.Errorf("%w: more than %d alerts in a minute; the next can be taken in %s", cordon.ErrBusy, alertsPerMinute, more.Round(time.Second))
	}
	subject := ""
	if len(l.IDs) > 0 {
		subject = l.IDs[0]
	}
	a, repeated, err := d.flow.AcceptAlert(ctx, flow.Alert{Ref: cordon.Ref{Tenant: tenant}, By: by, Source: r.Source, What: events.What(l), Again: r.Again, Versions: r.Versions,
		AlertReport: flow.AlertReport{Named: strings.TrimSpace(r.Named), Note: r.Note}}, r.External, subject, d.later)
	if err != nil {
		return desk.Alert{}, fmt.Errorf("put the report on record: %w", err)
	}
	if !repeated {
		select {
		case <-d.begin(a):
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
	return d.Alert(context.WithoutCancel(ctx), tenant, a.ID)
}

// begin answers an alert beside the request that brought it, and tells when that has ended.
func (d *adopter) begin(a flow.Alert) <-chan struct{} {
	done := make(chan struct{})
	d.work.Go(func() {
		defer close(done)
		select {
		case d.slot <- struct{}{}:
			defer func() { <-d.slot }()
		case <-d.ctx.Done():
			return
		}
		if err := d.answer(d.ctx, a); err != nil && d.ctx.Err() == nil {
			d.log.Warn("what was reported could not be looked at yet; it is tried again", "alert", a.ID, "err", err)
		}
	})
	return done
}

// Carry answers an alert that its first process did not answer.
func (d *adopter) Carry(ctx context.Context, e cordon.Effect) error {
	thing, err := d.db.Thing(ctx, e.Of)
	if err != nil || thing.State != flow.AlertAccepted {
		return err
	}
	a, err := d.flow.OpenAlert(ctx, thing)
	if err != nil {
		return err
	}
	return d.answer(ctx, a)
}

// answer asks the org what was named, has it looked at, and commits what came of it.
func (d *adopter) answer(ctx context.Context, a flow.Alert) error {
	if a.ReportIsGone { // the subject was forgotten meanwhile
		return d.flow.AnswerAlert(ctx, a, nil, flow.Answer{Untold: true}, "")
	}
	l, err := d.link(a.Tenant, a.Named)
	if err != nil {
		return d.flow.AnswerAlert(ctx, a, nil, flow.Answer{Untold: true}, "") // the configuration has changed
	}
	client := d.tenants.crm.clients[a.Tenant]
	if err := spares(ctx, client); err != nil {
		return err
	}
	finder := events.NewFinder(events.Config{Tenant: a.Tenant, Source: client, Line: d.flow, Things: d.db, Integrations: d.integrations(ctx, a.Tenant), Log: d.log},
		"reported", a.Again, a.Notes()...)
	named, err := finder.Resolve(ctx, l, a.Versions, alertFiles)
	var said *salesforce.Problem
	if errors.As(err, &said) && said.Status == 400 { // there can be no such record
		named, err = events.Named{Missing: 1}, nil
	}
	if err != nil {
		return fmt.Errorf("ask the org what was named: %w", err)
	}
	answer := flow.Answer{Further: named.Further, Elsewhere: named.Elsewhere, Missing: named.Missing, Untold: named.Untold, Picture: l.Picture != ""}
	subject := ""
	if len(l.IDs) > 0 {
		subject = l.IDs[0]
	}
	if len(named.Files) > 0 {
		around, err := finder.Around(ctx, named.Files, alertNeighbours)
		if err != nil {
			return err
		}
		answer.Around, answer.More, answer.Unknown, answer.Window = neighbours(around), around.More, around.Unknown, events.CreatorWindow
		if at := named.Files[0].ParentID; at != "" {
			subject = at
		}
	}
	for range alertTries {
		sightings, err := finder.Look(ctx, named.Files)
		if err != nil {
			return fmt.Errorf("look at what was reported: %w", err)
		}
		answer.Calls = finder.Calls()
		if err = d.flow.AnswerAlert(ctx, a, sightings, answer, subject); !errors.Is(err, cordon.ErrConflict) {
			return err
		}
		// Somebody observed one of the files, or answered the alert, at the same time.
		if now, err := d.db.Thing(ctx, a.Ref); err != nil || now.State != flow.AlertAccepted {
			return err
		}
	}
	return fmt.Errorf("%w: others keep observing the same files", cordon.ErrConflict)
}

// integrations returns the users whose files count as coming by the API. The org is asked again
// after some hours, or sooner where it named none.
func (d *adopter) integrations(ctx context.Context, tenant cordon.TenantID) []string {
	if k, ok := d.known.Load(tenant); ok && time.Now().Before(k.(integrations).until) {
		return k.(integrations).ids
	}
	k := integrations{ids: d.users(ctx, tenant), until: time.Now().Add(10 * time.Minute)}
	if len(k.ids) > 0 {
		k.until = time.Now().Add(12 * time.Hour)
	}
	if ctx.Err() == nil { // else nobody answered because nobody waited
		d.known.Store(tenant, k)
	}
	return k.ids
}

// spares reports events.ErrBudget while an org has few calls left for the day: whoever may
// report must not be able to use up what the gateway and the org's own programs need.
func spares(ctx context.Context, client *salesforce.Client) error {
	few := func() bool {
		u := client.Usage()
		return u.Limit > 0 && u.Limit-u.Used < u.Limit/alertReserve
	}
	if !few() {
		return nil
	}
	// What the org last said may be old.
	if err := client.Query(ctx, "SELECT Id FROM Organization LIMIT 1", func(json.RawMessage) error { return nil }); err != nil {
		return err
	}
	if few() {
		return fmt.Errorf("%w: alerts leave the last tenth of a day's calls alone", events.ErrBudget)
	}
	return nil
}

func neighbours(a events.Around) map[string][]flow.Neighbour {
	out := map[string][]flow.Neighbour{}
	for name, files := range map[string][]events.File{events.AroundVersions: a.Versions, events.AroundCopies: a.Copies, events.AroundRecord: a.Record, events.AroundCreator: a.Creator} {
		for _, f := range files {
			out[name] = append(out[name], flow.Neighbour{Object: f.Object, ID: f.ID, DocumentID: f.DocumentID, Size: f.Size, Created: f.Created.UTC()})
		}
	}
	return out
}

// Alert returns an alert with its items and neighbours as they stand now.
func (d *adopter) Alert(ctx context.Context, tenant cordon.TenantID, id cordon.ID) (desk.Alert, error) {
	thing, err := d.db.Thing(ctx, cordon.Ref{Tenant: tenant, Kind: cordon.KindAlert, ID: id})
	if err != nil {
		return desk.Alert{}, err
	}
	a, err := d.flow.OpenAlert(ctx, thing)
	if err != nil {
		return desk.Alert{}, err
	}
	out := headOf(a)
	for _, id := range a.Answer.Items {
		it := desk.AlertItem{}
		if it.Item, err = d.db.Item(ctx, tenant, id); err != nil {
			return out, err
		}
		if it.Copies, it.Known, err = d.flow.Copies(ctx, it.Item); err != nil {
			return out, err
		}
		out.Items = append(out.Items, it)
	}
	if a.Answer.Around == nil {
		return out, nil
	}
	for _, name := range []string{events.AroundVersions, events.AroundCopies, events.AroundRecord, events.AroundCreator} {
		list := desk.Neighbours{Name: name, More: a.Answer.More[name], Known: !slices.Contains(a.Answer.Unknown, name)}
		for _, n := range a.Answer.Around[name] {
			near := desk.Neighbour{Object: n.Object, ID: n.ID, DocumentID: n.DocumentID, Size: n.Size, Created: n.Created}
			items, err := d.db.ItemsUpstream(ctx, tenant, n.ID)
			if err != nil {
				return out, err
			}
			if len(items) > 0 {
				near.Item = &items[0]
			}
			list.Files = append(list.Files, near)
		}
		out.Around = append(out.Around, list)
	}
	return out, nil
}

// headOf is an alert without what it stands for.
func headOf(a flow.Alert) desk.Alert {
	return desk.Alert{ID: a.ID, At: a.At, By: a.By, Source: a.Source, What: a.What, Again: a.Again, Answered: a.AnsweredAt, Count: len(a.Answer.Items),
		Named: a.Named, Note: a.Note, ReportGone: a.ReportIsGone,
		Further: a.Answer.Further, Elsewhere: a.Answer.Elsewhere, Missing: a.Answer.Missing, Untold: a.Answer.Untold, Picture: a.Answer.Picture,
		Window: a.Answer.Window, Calls: a.Answer.Calls}
}

// Alerts lists alerts, the one that changed last first, without their items.
func (d *adopter) Alerts(ctx context.Context, tenant cordon.TenantID, after cordon.ID, limit int) ([]desk.Alert, error) {
	things, err := d.db.Things(ctx, tenant, cordon.KindAlert, after, limit)
	out := make([]desk.Alert, 0, len(things))
	for _, thing := range things {
		a, err := d.flow.OpenAlert(ctx, thing)
		if err != nil {
			return nil, err
		}
		out = append(out, headOf(a))
	}
	return out, err
}
