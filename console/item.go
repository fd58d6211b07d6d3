package console

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/account"
	"github.com/cordonhq/cordon/desk"
)

type itemPage struct {
	Item         cordon.Item
	Short        string
	Received     moment
	State, Next  string // how it stands, and what is owed
	Class        string
	Channel      string
	Outcome      badge
	Reasons      []string
	Policy       string
	Limits       []string
	Findings     []findingLine
	WordingGone  bool     // with the item's key
	Looked       []string // how much of it was looked at
	LookedWhole  bool
	History      []historyLine
	Operation    string
	Whither      string // asks where it would go, goes or went
	MayPersonal  bool
	Personal     cordon.Personal
	PersonalGone bool
	Fields       string // names of the other fields of the write
	Picture      picture
	MayLists     bool
	MayDecide    bool
	Decision     decision
	MaySettle    bool
	Settlement   settlement
	CallBack     []string  // what to do about a document before deciding on it
	Removal      cordon.ID // of the proposal to take it out, "" if there never was one
	Stands       string
}

// picture says what stands where the preview belongs.
type picture struct {
	Kind    string  // "glimpse", "clear", "gone", "never", "none" or "forbidden"
	Show    string  // the grant, when clear
	Patches patches // when a glimpse
}

type findingLine struct {
	Detector, Version string
	Status            badge
	Sentence          string
	Code              string // instead of a sentence that is gone
	Class             string
	Score             string
	Evidence          []evidenceLine
}

type historyLine struct {
	What  string
	When  moment
	Who   string
	Facts string
	Index int64
}

// decision is the form as it was sent, shown again when something was missing.
type decision struct {
	Outcome cordon.Review
	Note    string
	Problem string
}

func (s *Server) itemPage(w http.ResponseWriter, r *request) error {
	return s.showItem(w, r, http.StatusOK, decision{}, settlement{})
}

func (s *Server) showItem(w http.ResponseWriter, r *request, status int, form decision, settle settlement) error {
	view, err := s.open(r)
	if err != nil {
		return err
	}
	i := view.Item
	stand := i.Stand()
	p := itemPage{
		Item: i, Short: shortID(i.ID), Received: s.moment(i.ReceivedAt), State: stand.Name, Next: stand.Next, Class: words(i.Class), Channel: words(i.Channel),
		Outcome: outcomeOf(i.Verdict), Operation: operationWords[i.Op], Whither: placeWords[stand.Place],
		MayPersonal: r.account.May(account.Personal), PersonalGone: view.PersonalGone,
		MayLists:  r.account.May(account.Lists),
		MayDecide: r.account.May(account.Decide) && i.State == cordon.Held,
		MaySettle: r.account.May(account.Decide) && i.State == cordon.Unsettled,
		Picture:   s.picture(r, i), Decision: form, Settlement: settle,
	}
	if p.MayDecide && i.Modality == cordon.Document {
		p.CallBack = callBack
	}
	if view.Removal != nil {
		p.Removal, p.Stands = view.Removal.ID, removalWords[view.Removal.State]
	}
	if i.Verdict != nil {
		p.Policy = i.Verdict.Policy
		for _, reason := range i.Verdict.Reasons {
			p.Reasons = append(p.Reasons, reason.Text())
		}
	}
	if p.MayPersonal && !p.PersonalGone {
		p.Personal = view.Personal
		names := []string{}
		for _, f := range view.Personal.Staged.Fields {
			names = append(names, f.Name)
		}
		p.Fields = strings.Join(names, ", ")
	}
	p.Limits = cordon.Limits(i, view.Findings)
	if share := cordon.ShareOf(view.Findings); len(view.Findings) > 0 {
		p.Looked, p.LookedWhole = share.Sentences(detectorWord), share.Whole()
	}
	for _, f := range tellingFirst(view.Findings) {
		line := s.findingLine(f)
		p.WordingGone = p.WordingGone || line.Code != ""
		p.Findings = append(p.Findings, line)
	}
	for _, l := range view.History {
		p.History = append(p.History, historyLine{entryWord(l.Entry.Kind), s.moment(l.Entry.At), who(l.Entry.Actor, r.actor), facts(l.Entry.Facts), l.Index})
	}
	return s.render(w, r, status, "item", "Item "+p.Short, p)
}

func (s *Server) findingLine(f cordon.Finding) findingLine {
	line := findingLine{Detector: detectorWord(f.Detector), Version: f.Version, Status: statusOf(f), Sentence: f.Sentence, Class: classWords[f.Class]}
	if line.Sentence == "" {
		line.Code = string(f.Label)
	} else {
		line.Evidence = evidence(f)
	}
	if f.Score != nil {
		line.Score = fmt.Sprintf("%.2f", *f.Score)
		if !f.Calibrated {
			line.Score += ", not calibrated: it is no probability"
		}
	}
	return line
}

func (s *Server) open(r *request) (desk.View, error) {
	id, err := cordon.ParseID(cordon.PrefixItem, r.PathValue("id"))
	if err != nil {
		return desk.View{}, fmt.Errorf("%w: %w", cordon.ErrNotFound, err)
	}
	view, err := s.Desk.Open(r.Context(), r.account.Tenant, id)
	if err != nil {
		return desk.View{}, fmt.Errorf("open %s: %w", id, err)
	}
	return view, nil
}

func (s *Server) picture(r *request, i cordon.Item) picture {
	show := r.URL.Query().Get("show")
	switch {
	case !r.account.May(account.Preview):
		return picture{Kind: "forbidden"}
	case i.Blob == "" && i.Op == "":
		return picture{Kind: "never"}
	case i.Blob == "":
		return picture{Kind: "gone"}
	case i.Modality != cordon.Image:
		return picture{Kind: "none"}
	case r.granted(i.ID, show, s.now()):
		return picture{Kind: "clear", Show: show}
	}
	return s.glimpse(r, i)
}

// tellingFirst puts what was found before what was not, and leaves the order else as it is.
func tellingFirst(found []cordon.Finding) []cordon.Finding {
	weight := func(f cordon.Finding) int {
		switch {
		case f.Status == cordon.StatusFailed:
			return 1
		case f.Status != cordon.StatusFound:
			return 3
		case slices.Contains(neutral, f.Label):
			return 2
		}
		return 0
	}
	out := slices.Clone(found)
	slices.SortStableFunc(out, func(a, b cordon.Finding) int { return weight(a) - weight(b) })
	return out
}

// who names an actor without naming a person: pseudonyms are all that the ledger has.
func who(a, me cordon.Actor) string {
	switch {
	case a == me:
		return "you"
	case a.Kind == cordon.Self:
		return "Cordon"
	case a.Kind == cordon.Client:
		return "a program, " + shortID(a.ID)
	}
	return "a person, " + shortID(a.ID)
}

// facts writes the codes of an entry in a fixed order.
func facts(m map[string]any) string {
	out := make([]string, 0, len(m))
	for k, v := range m {
		if list, ok := v.([]string); ok {
			v = strings.Join(list, " ")
		}
		out = append(out, fmt.Sprintf("%s %v", words(k), v))
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

// decide carries a reviewer's decision out. What cannot be taken as it is comes back as it was
// typed, with what is missing.
func (s *Server) decide(w http.ResponseWriter, r *request) error {
	view, err := s.open(r)
	if err != nil {
		return err
	}
	id := view.Item.ID
	form := decision{Outcome: cordon.Review(r.PostForm.Get("outcome")), Note: strings.TrimSpace(r.PostForm.Get("note"))}
	switch form.Outcome {
	case cordon.Genuine, cordon.LawfulSynthetic, cordon.Harmful:
	default:
		form.Problem = "Choose one of the three outcomes."
		return s.showItem(w, r, http.StatusUnprocessableEntity, form, settlement{})
	}
	d := desk.Decision{Outcome: form.Outcome, Note: form.Note}
	switch {
	case d.Outcome == cordon.Harmful && d.Note == "":
		form.Problem = "Write in a sentence why it is kept out. Whoever sent it may ask."
	case len(d.Note) > desk.MaxNote:
		form.Problem = fmt.Sprintf("The note is too long. Shorten it to %d characters.", desk.MaxNote)
	}
	if form.Problem != "" {
		return s.showItem(w, r, http.StatusUnprocessableEntity, form, settlement{})
	}
	if d.Outcome.Releases() {
		_, err = s.Desk.Release(r.Context(), r.account.Tenant, id, r.actor, d)
	} else {
		_, err = s.Desk.Reject(r.Context(), r.account.Tenant, id, r.actor, d)
	}
	if err != nil {
		return fmt.Errorf("decide on %s: %w", id, err)
	}
	http.Redirect(w, r.Request, "/receipts/"+string(id), http.StatusSeeOther)
	return nil
}
