package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/account"
	"github.com/cordonhq/cordon/desk"
)

// Backfills go through what an org holds. Where a tenant has none of the name they return
// cordon.ErrNotFound, and cordon.ErrBusy where the org does not answer.
type Backfills interface {
	Backfills(ctx context.Context, tenant cordon.TenantID) ([]desk.Backfill, error)
	Backfill(ctx context.Context, tenant cordon.TenantID, name string) (desk.Backfill, error)
	EstimateBackfill(ctx context.Context, tenant cordon.TenantID, plan desk.BackfillPlan) (desk.BackfillEstimate, error)
	StartBackfill(ctx context.Context, tenant cordon.TenantID, name string, plan desk.BackfillPlan, by cordon.Actor) (desk.Backfill, error)
	// TurnBackfill does what act says: pause, resume or stop.
	TurnBackfill(ctx context.Context, tenant cordon.TenantID, name, act string, by cordon.Actor) (desk.Backfill, error)
	PaceBackfill(ctx context.Context, tenant cordon.TenantID, name string, pace desk.BackfillPace, by cordon.Actor) (desk.Backfill, error)
}

type backfillPage struct {
	MayOperate bool
	UnderWay   *backfillLine
	Ended      []backfillLine
	Form       planForm
	Problem    string
	Estimate   *estimateView // nil: not asked for
}

type backfillLine struct {
	desk.Backfill
	Word    string
	Begun   moment
	Percent int
}

func (s *Server) backfillLine(b desk.Backfill) backfillLine {
	l := backfillLine{Backfill: b, Word: backfillWord(b), Begun: s.moment(b.Started)}
	if b.Estimate.Take > 0 {
		l.Percent = 100 * b.Taken / b.Estimate.Take
	}
	return l
}

func (b backfillLine) Under() bool { return b.State == "running" || b.State == "paused" }

// waitWords say what a running backfill waits for.
var waitWords = map[string]string{
	"budget": "waits for API calls: its share of the day, or what others leave, is used up",
	"night":  "waits for its time of day",
	"away":   "waits for the org, which does not answer",
	"down":   "waits for a gateway to run it",
}

// waitedWords head what waits have taken.
var waitedWords = map[string]string{
	"budget": "waiting for API calls", "night": "waiting for its time of day", "away": "the org did not answer",
	"down": "no gateway ran it", "paused": "paused by a person",
}

func backfillWord(b desk.Backfill) string {
	if b.State == "running" && b.Waiting != nil {
		return "running, " + waitWords[b.Waiting.Why]
	}
	return b.State
}

type estimateView struct {
	desk.BackfillEstimate
	Size, Time, Days, Cost string
	Start                  url.Values // the form, to be sent again
}

func viewEstimate(e desk.BackfillEstimate) estimateView {
	v := estimateView{BackfillEstimate: e, Size: "unknown: the org did not say", Cost: moneyWords(e.Money),
		Time: "a guess: " + hours(e.LeastHours) + " to " + hours(e.MostHours) + " of work"}
	if e.Bytes >= 0 {
		v.Size = size(e.Bytes)
	}
	switch {
	case e.Days == 0:
		v.Days = "unknown: the org has not said how many API calls a day it has"
	case e.Days <= 1:
		v.Days = "one day: its share of the org's " + count(e.DailyCalls) + " API calls is enough"
	default:
		v.Days = fmt.Sprintf("%.1f days at least, within its share of the org's %s API calls a day", e.Days, count(e.DailyCalls))
	}
	return v
}

func hours(h float64) string { return span(time.Duration(h * float64(time.Hour))) }

func moneyWords(m desk.Money) string {
	if len(m.Sums) == 0 {
		return "0, because no connected check costs anything"
	}
	var sums []string
	for _, s := range m.Sums {
		if s.Amount < 0 {
			sums = append(sums, "unknown in "+s.Currency+" for "+detectorWord(s.Detector)+", which goes by bytes")
		} else {
			sums = append(sums, fmt.Sprintf("%.2f %s for %s", s.Amount, s.Currency, detectorWord(s.Detector)))
		}
	}
	return strings.Join(sums, ", ") + ", if every file goes there"
}

func (s *Server) backfillPage(w http.ResponseWriter, r *request) error {
	p := backfillPage{MayOperate: r.account.May(account.Operate), Form: readPlanForm(r.URL.Query())}
	if r.URL.Query().Has("estimate") && p.MayOperate {
		plan, err := p.Form.plan()
		var e desk.BackfillEstimate
		if err == nil {
			e, err = s.Backfills.EstimateBackfill(r.Context(), r.account.Tenant, plan)
		}
		switch {
		case err == nil:
			v := viewEstimate(e)
			v.Start = r.URL.Query()
			v.Start.Del("estimate")
			p.Estimate = &v
		case errors.Is(err, cordon.ErrInvalid):
			p.Problem = upper(err.Error())
		case errors.Is(err, cordon.ErrBusy):
			p.Problem = "The org did not answer, so nothing is known of what it holds. Nothing was started. Try again in a minute; if it stays, run cordon doctor."
		default:
			return fmt.Errorf("estimate: %w", err)
		}
	}
	all, err := s.Backfills.Backfills(r.Context(), r.account.Tenant)
	if err != nil {
		return fmt.Errorf("list backfills: %w", err)
	}
	for _, b := range all {
		if line := s.backfillLine(b); line.Under() {
			p.UnderWay = &line
		} else {
			p.Ended = append(p.Ended, line)
		}
	}
	return s.render(w, r, http.StatusOK, "backfill", "Backfill", p)
}

func upper(s string) string { return strings.ToUpper(s[:1]) + s[1:] + "." }

func (s *Server) backfillStart(w http.ResponseWriter, r *request) error {
	plan, err := readPlanForm(r.PostForm).plan()
	if err != nil {
		return err
	}
	b, err := s.Backfills.StartBackfill(r.Context(), r.account.Tenant, strings.TrimSpace(r.PostForm.Get("name")), plan, r.actor)
	if err != nil {
		return fmt.Errorf("start the backfill: %w", err)
	}
	http.Redirect(w, r.Request, "/backfill/"+b.Name, http.StatusSeeOther)
	return nil
}

func (s *Server) backfillTurn(w http.ResponseWriter, r *request) (err error) {
	name, act := r.PathValue("name"), r.PathValue("act")
	if act == "pace" {
		var plan desk.BackfillPlan
		if plan, err = readPlanForm(r.PostForm).plan(); err == nil {
			_, err = s.Backfills.PaceBackfill(r.Context(), r.account.Tenant, name, plan.BackfillPace, r.actor)
		}
	} else {
		_, err = s.Backfills.TurnBackfill(r.Context(), r.account.Tenant, name, act, r.actor)
	}
	if err != nil {
		return fmt.Errorf("%s the backfill: %w", act, err)
	}
	http.Redirect(w, r.Request, "/backfill/"+name, http.StatusSeeOther)
	return nil
}

type backfillOnePage struct {
	backfillLine
	MayOperate    bool
	AsOf, Until   moment
	Since         moment
	Left, Rate    string
	Spent         string
	WallT, Work   string
	Estimate      estimateView
	Form          planForm
	NotExamined   []wordCount
	Unseen        int
	Outcomes      []wordCount
	Reasons       []wordCount
	Parts         []partGroup
	Waits         []waitLine
	Per, LeastPer string
}

type wordCount struct {
	Word  string
	Count int
}

type partGroup struct {
	Name  string
	Parts []desk.BackfillPart
}

type waitLine struct {
	Word  string
	Times int
	For   string
}

var notExaminedWords = map[string]string{
	string(cordon.ReasonGone):        "gone when they were to be read",
	string(cordon.ReasonNotReadable): "not given out by the org",
	"elsewhere":                      "links and files that lie outside of the org",
}

func (s *Server) backfillOnePage(w http.ResponseWriter, r *request) error {
	b, err := s.Backfills.Backfill(r.Context(), r.account.Tenant, r.PathValue("name"))
	if err != nil {
		return fmt.Errorf("read the backfill: %w", err)
	}
	p := backfillOnePage{backfillLine: s.backfillLine(b), MayOperate: r.account.May(account.Operate), AsOf: s.moment(b.AsOf),
		Left: "unknown until some files are read", Rate: "unknown until some files are read", Spent: moneyWords(b.Spent),
		WallT: span(time.Duration(b.Wall * 1e9)), Work: span(time.Duration(b.Worked * 1e9)), Estimate: viewEstimate(b.Estimate), Form: formOf(b.Plan),
		Parts: []partGroup{{"Object", b.ByObject}, {"Way in", b.ByChannel}}, Per: "unknown", LeastPer: "unknown"}
	if v := b.Speed; v != nil {
		p.Rate = fmt.Sprintf("%.1f files a second", v.FilesPerSecond)
		p.Left = span(time.Duration(v.LeastLeft*1e9)) + " to " + span(time.Duration(v.MostLeft*1e9)) + ", without waiting"
		if v.DaysLeft > 1 {
			p.Left += fmt.Sprintf("; %.1f days at least, within its share of API calls", v.DaysLeft)
		}
	}
	if b.Per1000 != nil && b.LeastPer != nil {
		p.Per, p.LeastPer = fmt.Sprintf("%.1f", *b.Per1000), fmt.Sprintf("%.1f", *b.LeastPer)
	}
	if b.Waiting != nil {
		p.Since = s.moment(b.Waiting.Since)
		if until := b.Waiting.Until; !until.IsZero() {
			p.Until = moment{Age: "in " + span(until.Sub(s.now())), UTC: until.UTC().Format("2006-01-02 15:04:05 UTC"), ISO: until.UTC().Format(time.RFC3339)}
		}
	}
	for _, c := range b.NotExamined {
		p.Unseen += c.Count
		p.NotExamined = append(p.NotExamined, wordCount{notExaminedWords[c.Code], c.Count})
	}
	for _, c := range b.Outcomes {
		p.Outcomes = append(p.Outcomes, wordCount{outcomeWords[cordon.Outcome(c.Code)].Word, c.Count})
	}
	for _, c := range b.Reasons {
		p.Reasons = append(p.Reasons, wordCount{cordon.Reason(c.Code).Text(), c.Count})
	}
	for _, wait := range b.Waits {
		p.Waits = append(p.Waits, waitLine{waitedWords[wait.Why], wait.Times, span(time.Duration(wait.Seconds * 1e9))})
	}
	return s.render(w, r, http.StatusOK, "backfill-one", "Backfill "+b.Name, p)
}

// planForm is a plan as a form has it: text, so that what was typed comes back as it was.
type planForm struct {
	Objects                           []formObject
	From, To, Types, Sample           string
	Share, Workers, Rate              string
	NightFrom, NightTo, Zone, DayRate string
}

type formObject struct {
	Name    string
	Checked bool
}

var backfillObjects = []string{"ContentVersion", "Attachment", "Document"}

func readPlanForm(v url.Values) planForm {
	f := planForm{From: v.Get("from"), To: v.Get("to"), Types: v.Get("types"), Sample: v.Get("sample"), Share: v.Get("share"), Workers: v.Get("workers"),
		Rate: v.Get("rate"), NightFrom: v.Get("night_from"), NightTo: v.Get("night_to"), Zone: v.Get("zone"), DayRate: v.Get("day_rate")}
	for _, o := range backfillObjects {
		f.Objects = append(f.Objects, formObject{o, len(v["object"]) == 0 || slices.Contains(v["object"], o)})
	}
	if f.Share == "" {
		f.Share = "20"
	}
	if f.Workers == "" {
		f.Workers = "4"
	}
	return f
}

func formOf(p desk.BackfillPlan) planForm {
	number := func(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }
	v := url.Values{"share": {number(100 * p.Share)}, "workers": {strconv.Itoa(p.Workers)}}
	if p.Rate > 0 {
		v.Set("rate", number(p.Rate))
	}
	if n := p.Night; n != nil {
		from, to, _ := strings.Cut(n.Window, "-")
		v.Set("night_from", from)
		v.Set("night_to", to)
		v.Set("zone", n.Zone)
		v.Set("day_rate", number(n.DayRate))
	}
	return readPlanForm(v)
}

// plan reads what was typed. Everything that is wrong about it is cordon.ErrInvalid.
func (f planForm) plan() (p desk.BackfillPlan, err error) {
	var errs []error
	bad := func(what, text, want string) {
		errs = append(errs, fmt.Errorf("%w: %s: %.40q is not %s", cordon.ErrInvalid, what, text, want))
	}
	for _, o := range f.Objects {
		if o.Checked {
			p.Objects = append(p.Objects, o.Name)
		}
	}
	for _, d := range []struct {
		what, text string
		into       *time.Time
	}{{"from", f.From, &p.From}, {"before", f.To, &p.To}} {
		if d.text == "" {
			continue
		}
		if *d.into, err = time.Parse(time.DateOnly, d.text); err != nil {
			bad(d.what, d.text, "a date such as 2025-01-31")
		}
	}
	p.Types = strings.FieldsFunc(f.Types, func(r rune) bool { return r == ',' || r == ' ' || r == ';' })
	for i := range p.Types {
		p.Types[i] = strings.TrimPrefix(p.Types[i], ".")
	}
	number := func(what, text string) float64 {
		if text == "" {
			return 0
		}
		n, err := strconv.ParseFloat(text, 64)
		if err != nil || n < 0 || n > 1e9 {
			bad(what, text, "a number from 0 on")
		}
		return n
	}
	p.Sample = int(number("sample", f.Sample))
	p.Share = number("share", f.Share) / 100
	p.Workers = int(number("files at a time", f.Workers))
	p.Rate = number("API calls a second", f.Rate)
	if f.NightFrom != "" || f.NightTo != "" {
		p.Night = &desk.BackfillNight{Window: f.NightFrom + "-" + f.NightTo, Zone: strings.TrimSpace(f.Zone), DayRate: number("API calls a second by day", f.DayRate)}
	}
	return p, errors.Join(errs...)
}
