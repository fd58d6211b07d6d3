package console

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/account"
	"github.com/cordonhq/cordon/desk"
)

// Lists keeps the lists of known files. What each call promises is said in package api.
type Lists interface {
	AddKnown(ctx context.Context, tenant cordon.TenantID, files []cordon.KnownFile, by cordon.KnownBy, try bool) (cordon.KnownChange, error)
	RemoveKnown(ctx context.Context, tenant cordon.TenantID, by cordon.KnownBy, ids ...cordon.ID) error
	KnownFiles(ctx context.Context, tenant cordon.TenantID, q desk.KnownQuery) ([]cordon.KnownFile, error)
	KnownCounts(ctx context.Context, tenant cordon.TenantID) ([]cordon.KnownCount, error)
	KnownOfItem(ctx context.Context, tenant cordon.TenantID, item cordon.ID) ([]cordon.KnownFile, error)
}

// knownShown is how many entries a page lists.
const knownShown = 50

type knownPage struct {
	Form    knownForm
	Lists   []knownChoice
	Counts  []knownCountLine
	Reasons []knownReasonChoice
	Entries []knownLine
	First   bool
	Next    string
	Only    string
}

// knownForm is the form as it was sent, shown again when something was wrong.
type knownForm struct {
	Item, Value, List, Kind, Source, Note, Expires string
	Reason                                         cordon.KnownReason
	Problem                                        string
}

type knownChoice struct {
	List        cordon.KnownList
	Word, About string
	Chosen      bool
}

type knownReasonChoice struct {
	Reason cordon.KnownReason
	Word   string
	Chosen bool
}

type knownCountLine struct {
	List  cordon.KnownList
	Word  string
	Count int
}

type knownLine struct {
	ID              cordon.ID
	List, By, Value string
	Source, Note    string
	Item            cordon.ID
	Short           string // of the item
	Who             string
	Why             string // the reason, in words
	MayTakeOff      bool
	At              moment
	Ends            string
}

// listWords are the words for the lists; about says what being on one means.
var listWords = map[cordon.KnownList]struct{ word, about string }{
	cordon.KnownBlocked:  {"Must not pass", "What has these bytes is put on hold, and so is what looks or sounds like it."},
	cordon.KnownWatched:  {"To be watched", "It passes, and is listed."},
	cordon.KnownLawful:   {"May pass", "Made or changed by a machine, and rightly so. For exactly these bytes."},
	cordon.KnownOrdinary: {"Ordinary", "A logo or a blank form: that many files look like it says nothing."},
}

var kindWords = map[cordon.KnownKind]string{
	cordon.KnownSHA256: "its exact bytes", cordon.KnownPDQ: "what it looks like", cordon.KnownChromaprint: "what it sounds like",
}

// reasonWords are the words for why something is on a list.
var reasonWords = map[cordon.KnownReason]string{
	cordon.KnownUnstated:      "not stated",
	cordon.KnownSpeechDevice:  "the voice of a speech device",
	cordon.KnownNoiseRemoved:  "noise or a background was taken away",
	cordon.KnownReconstructed: "a scan that a machine computed",
	cordon.KnownTranslated:    "a machine translated it",
	cordon.KnownDictated:      "a machine wrote down or summed up what was said",
	cordon.KnownOwnMaterial:   "the organisation made it",
	cordon.KnownConsented:     "whoever it shows has agreed",
	cordon.KnownTest:          "material for tests",
	cordon.KnownMistake:       "what a list said of it was wrong",
	cordon.KnownOther:         "something else, as the note says",
}

// listedBy says who changes the lists, and whether they may let something pass by it.
func listedBy(r *request) cordon.KnownBy {
	return cordon.KnownBy{Actor: r.actor, Decides: r.account.May(account.Decide)}
}

func (s *Server) knownPage(w http.ResponseWriter, r *request) error {
	return s.showKnown(w, r, http.StatusOK, knownForm{Item: r.URL.Query().Get("item"), List: string(cordon.KnownBlocked)})
}

func (s *Server) showKnown(w http.ResponseWriter, r *request, status int, form knownForm) error {
	q := r.URL.Query()
	kq := desk.KnownQuery{List: cordon.KnownList(q.Get("list")), Limit: knownShown}
	if err := kq.Check(); err != nil {
		return err
	}
	if text := q.Get("after"); text != "" {
		id, err := cordon.ParseID(cordon.PrefixKnown, text)
		if err != nil {
			return err
		}
		kq.After = id
	}
	found, err := s.Lists.KnownFiles(r.Context(), r.account.Tenant, kq)
	if err != nil {
		return fmt.Errorf("list known files: %w", err)
	}
	counts, err := s.Lists.KnownCounts(r.Context(), r.account.Tenant)
	if err != nil {
		return fmt.Errorf("count known files: %w", err)
	}
	by := listedBy(r)
	p := knownPage{Form: form, First: kq.After == "", Only: listWords[kq.List].word}
	for _, l := range cordon.KnownLists() {
		if by.MayKnow(cordon.Known{}, cordon.Known{List: l}) == nil {
			p.Lists = append(p.Lists, knownChoice{l, listWords[l].word, listWords[l].about, form.List == string(l)})
		}
		line := knownCountLine{List: l, Word: listWords[l].word}
		for _, c := range counts {
			if c.List == l {
				line.Count += c.Count
			}
		}
		p.Counts = append(p.Counts, line)
	}
	for _, reason := range cordon.KnownReasons() {
		p.Reasons = append(p.Reasons, knownReasonChoice{reason, reasonWords[reason], reason == form.Reason})
	}
	for _, k := range found {
		p.Entries = append(p.Entries, s.knownLine(r, k))
	}
	if len(found) == knownShown {
		next := url.Values{"after": {string(found[len(found)-1].ID)}}
		if kq.List != "" {
			next.Set("list", string(kq.List))
		}
		p.Next = "/known?" + next.Encode()
	}
	return s.render(w, r, status, "known", "Known files", p)
}

func (s *Server) knownLine(r *request, k cordon.KnownFile) knownLine {
	l := knownLine{ID: k.ID, List: listWords[k.List].word, By: kindWords[k.Kind], Value: hex.EncodeToString(k.Value), Note: k.Note, Item: k.Item,
		Source: strings.TrimSpace(k.Source + " " + k.Ref), At: s.moment(k.At), Ends: "never",
		Why: reasonWords[k.Reason], MayTakeOff: listedBy(r).MayKnow(cordon.Known{List: k.List, Expires: k.Expires}, cordon.Known{}) == nil}
	if len(l.Value) > 24 {
		l.Value = l.Value[:24] + "…"
	}
	if k.Item != "" {
		l.Short = shortID(k.Item)
	}
	if k.By.ID != "" {
		l.Who = who(k.By, r.actor)
	}
	if !k.Expires.IsZero() {
		l.Ends = k.Expires.UTC().Format(time.DateOnly)
	}
	return l
}

// knownAdd puts an item, or a value, on a list.
func (s *Server) knownAdd(w http.ResponseWriter, r *request) error {
	f := r.PostForm
	text := func(name string) string { return strings.TrimSpace(f.Get(name)) }
	form := knownForm{Item: text("item"), Value: text("value"), List: f.Get("list"), Kind: f.Get("kind"), Source: text("source"), Note: text("note"), Expires: f.Get("expires"), Reason: cordon.KnownReason(f.Get("reason"))}
	err := s.putKnown(r, form)
	if errors.Is(err, cordon.ErrInvalid) || errors.Is(err, cordon.ErrNotFound) {
		form.Problem = strings.TrimPrefix(err.Error(), cordon.ErrInvalid.Error()+": ")
		return s.showKnown(w, r, http.StatusUnprocessableEntity, form)
	}
	if err != nil {
		return fmt.Errorf("put a file on a list: %w", err)
	}
	http.Redirect(w, r.Request, "/known", http.StatusSeeOther)
	return nil
}

func (s *Server) putKnown(r *request, form knownForm) error {
	said := cordon.KnownFile{List: cordon.KnownList(form.List), Kind: cordon.KnownKind(form.Kind), Source: form.Source, Note: form.Note, Reason: form.Reason}
	if said.List == cordon.KnownLawful && (said.Reason == "" || said.Reason == cordon.KnownUnstated) {
		return fmt.Errorf("%w: say for what use it may pass; the ledger keeps the reason", cordon.ErrInvalid)
	}
	if form.Expires != "" {
		day, err := time.Parse(time.DateOnly, form.Expires)
		if err != nil {
			return fmt.Errorf("%w: the end is a day like 2027-01-31", cordon.ErrInvalid)
		}
		said.Expires = day
	}
	if (form.Item == "") == (form.Value == "") {
		return fmt.Errorf("%w: give the number of an item, or a value, and not both", cordon.ErrInvalid)
	}
	files := []cordon.KnownFile{said}
	if form.Item != "" {
		id, err := cordon.ParseID(cordon.PrefixItem, form.Item)
		if err != nil {
			return err
		}
		found, err := s.Lists.KnownOfItem(r.Context(), r.account.Tenant, id)
		if err != nil {
			return fmt.Errorf("there is no such item: %w", err)
		}
		said.Kind = "" // all by which it can be recognised
		if files, err = desk.KnownFrom(found, said, id); err != nil {
			return err
		}
	} else {
		var err error
		if files[0].Value, err = hex.DecodeString(form.Value); err != nil {
			return fmt.Errorf("%w: a value is written in hexadecimal digits: 64 of them for a SHA-256 or a PDQ hash", cordon.ErrInvalid)
		}
	}
	_, err := s.Lists.AddKnown(r.Context(), r.account.Tenant, files, listedBy(r), false)
	return err
}

func (s *Server) knownRemove(w http.ResponseWriter, r *request) error {
	id, err := cordon.ParseID(cordon.PrefixKnown, r.PathValue("id"))
	if err != nil {
		return fmt.Errorf("%w: %w", cordon.ErrNotFound, err)
	}
	// That somebody else was quicker is what was wanted.
	if err := s.Lists.RemoveKnown(r.Context(), r.account.Tenant, listedBy(r), id); err != nil && !errors.Is(err, cordon.ErrConflict) {
		return fmt.Errorf("take %s off its list: %w", id, err)
	}
	http.Redirect(w, r.Request, "/known", http.StatusSeeOther)
	return nil
}
