package api

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/account"
	"github.com/cordonhq/cordon/desk"
	"github.com/cordonhq/cordon/exchange"
)

// Lists keeps the lists of known files.
type Lists interface {
	// AddKnown puts entries on lists, all or none, each value off any other list; try only
	// counts what would come of it.
	AddKnown(ctx context.Context, tenant cordon.TenantID, files []cordon.KnownFile, by cordon.KnownBy, try bool) (cordon.KnownChange, error)
	// RemoveKnown takes entries off, all or none; cordon.ErrConflict if one is not there.
	RemoveKnown(ctx context.Context, tenant cordon.TenantID, by cordon.KnownBy, ids ...cordon.ID) error
	// Know puts a file on a list, or with remove takes it off whatever list it is on.
	Know(ctx context.Context, tenant cordon.TenantID, sum [32]byte, list cordon.KnownList, remove bool, by cordon.KnownBy) error
	// KnownFiles lists entries, the latest id first.
	KnownFiles(ctx context.Context, tenant cordon.TenantID, q desk.KnownQuery) ([]cordon.KnownFile, error)
	KnownCounts(ctx context.Context, tenant cordon.TenantID) ([]cordon.KnownCount, error)
	// KnownMatches returns the entries that name a value, or one that is near it.
	KnownMatches(ctx context.Context, tenant cordon.TenantID, kind cordon.KnownKind, value []byte) ([]desk.KnownMatch, error)
	// KnownOfItem returns by what an item can be recognised, without a list; none once its key
	// is gone.
	KnownOfItem(ctx context.Context, tenant cordon.TenantID, item cordon.ID) ([]cordon.KnownFile, error)
}

// Bounds of what is sent about known files, in bytes and in entries.
const (
	maxKnown       = 32 << 10
	maxKnownImport = 16 << 20
	maxKnownBatch  = 10_000
	maxMistakes    = 200 // that are told; the others are counted
	exportPage     = 1000
)

type knownBody struct {
	List cordon.KnownList `json:"list" doc:"blocked: must not pass. watched: passes, and is listed. lawful: generated or altered, and rightly so; may pass. ordinary: that much looks like it says nothing. Empty: on no list."`
}

type knownEntryBody struct {
	ID         cordon.ID `json:"id"`
	List       string    `json:"list" doc:"blocked, watched, lawful or ordinary."`
	Kind       string    `json:"kind" doc:"sha256, pdq or chromaprint."`
	Value      *string   `json:"value" doc:"Hexadecimal. Null for entries of earlier releases, of which only a keyed value is on record."`
	Source     string    `json:"source" doc:"Who named it; empty for the organisation itself."`
	SourceID   string    `json:"source_id" doc:"What the source calls it."`
	Severity   string    `json:"severity" doc:"As the source says it."`
	Confidence int       `json:"confidence" doc:"Of the source, 1 to 100; 0 if it does not say."`
	Note       string    `json:"note"`

	Reason cordon.KnownReason `json:"reason" doc:"Why it is there, as a code; unstated where nobody said."`

	Item      cordon.ID  `json:"item" doc:"The item that it was made from, and with which it is forgotten."`
	By        string     `json:"by" doc:"Who put it there: a kind and a pseudonym. Empty for entries of earlier releases."`
	At        time.Time  `json:"at" doc:"When it was put there or last changed."`
	ExpiresAt *time.Time `json:"expires_at" doc:"From when on it does not match; null: never."`
}

type knownPageBody struct {
	Entries []knownEntryBody `json:"entries"`
	Counts  []knownCountBody `json:"counts" doc:"How many there are in all, whatever was asked for."`
	Next    cordon.ID        `json:"next" doc:"Give it as after to get the next page; empty on the last one."`
}

type knownCountBody struct {
	List  string `json:"list"`
	Kind  string `json:"kind"`
	Count int    `json:"count"`
}

type knownAddBody struct {
	List       string     `json:"list" doc:"blocked, watched, lawful or ordinary."`
	Kind       string     `json:"kind,omitempty" doc:"sha256, pdq or chromaprint. With item: which of its values; empty: all that the list takes."`
	Value      string     `json:"value,omitempty" doc:"Hexadecimal: 64 digits; of a chromaprint 8 for each number. One of value and item."`
	Item       string     `json:"item,omitempty" doc:"An item under control whose values are put on the list, while its key exists."`
	Source     string     `json:"source,omitempty"`
	SourceID   string     `json:"source_id,omitempty"`
	Severity   string     `json:"severity,omitempty"`
	Confidence int        `json:"confidence,omitempty"`
	Note       string     `json:"note,omitempty" doc:"At most 2 000 bytes. Sealed; never in the ledger."`
	ExpiresAt  *time.Time `json:"expires_at,omitempty"`

	Reason cordon.KnownReason `json:"reason,omitempty" doc:"Why, as a code, which the ledger keeps: unstated, speech-device, noise-removed, reconstructed-scan, machine-translation, dictated-summary, own-material, consented, test-material, mistake or other. Default: unstated."`
}

type knownChangeBody struct {
	Added   int         `json:"added"`
	Changed int         `json:"changed" doc:"Were there with another list, end or source."`
	Same    int         `json:"unchanged"`
	IDs     []cordon.ID `json:"ids" doc:"Of the entries as they stand. Empty for a dry run and for imports."`
}

type knownImportBody struct {
	knownChangeBody
	DryRun   bool           `json:"dry_run"`
	Rows     int            `json:"rows" doc:"Entries that were read."`
	Skipped  int            `json:"skipped" doc:"Objects of other kinds, and indicators that were revoked."`
	Mistakes int            `json:"mistakes" doc:"If there is one, nothing was put on a list."`
	Problems []knownProblem `json:"problems" doc:"The first 200 mistakes."`
}

type knownProblem struct {
	At      int    `json:"at" doc:"Line of a CSV, or place of an object; the first is 1."`
	Problem string `json:"problem"`
}

type knownCheckBody struct {
	SHA256      string `json:"sha256,omitempty"`
	PDQ         string `json:"pdq,omitempty"`
	Chromaprint string `json:"chromaprint,omitempty"`
}

type knownMatchesBody struct {
	Matches []knownMatchBody `json:"matches" doc:"At most 200 of each kind, nearest first."`
}

type knownMatchBody struct {
	Entry    knownEntryBody `json:"entry"`
	Exact    bool           `json:"exact"`
	Distance *int           `json:"distance" doc:"Of pictures: in how many of 256 bits they differ."`
	Likeness *float64       `json:"likeness" doc:"Of recordings: the share of bits that agree where they do."`
	Overlap  *float64       `json:"overlap_seconds" doc:"Of recordings: how much of them agrees."`
}

func (s *Server) knownEndpoints() []endpoint {
	lists := []account.Permission{account.Lists}
	listed := reply{200, "The list that the file is on.", jsonOf(knownBody{}), nil}
	changed := reply{200, "What changed.", jsonOf(knownChangeBody{}), nil}
	forms := schema{"type": "string", "enum": []string{"csv", "stix", "threatexchange"}}
	list := param{"query", "list", "Only this list: blocked, watched, lawful or ordinary.", schema{"type": "string"}}
	kind := param{"query", "kind", "Only this kind: sha256, pdq or chromaprint.", schema{"type": "string"}}
	return []endpoint{
		{method: "GET", path: "/v1/known", summary: "List known files", handle: s.knownList, takes: lists,
			params: []param{list, kind,
				{"query", "limit", "How many entries at most, 1 to 200.", schema{"type": "integer", "minimum": 1, "maximum": maxLimit, "default": defaultLimit}},
				{"query", "after", "The `next` of the page before.", schema{"type": "string"}}},
			answers: []reply{{200, "A page of entries.", jsonOf(knownPageBody{}), nil}}},
		{method: "POST", path: "/v1/known", summary: "Put a file on a list", handle: s.knownAdd, takes: lists,
			about:   "What lets a file pass which would be held (lawful, ordinary, or away from blocked) takes an account that may decide about items. By a value, or by an item under control. A value that is on another list leaves it. Adding the same once more changes nothing. The value is sealed and found by a keyed hash; the ledger says which list changed, why, as a code, and the item where one was named, but not for which bytes.",
			request: jsonOf(knownAddBody{}), answers: []reply{changed}},
		{method: "POST", path: "/v1/known/check", summary: "Which entries name a file, or one like it", handle: s.knownCheck, takes: lists,
			about:   "Nothing is put on record. Only the tenant's own lists are asked.",
			request: jsonOf(knownCheckBody{}), answers: []reply{{200, "The entries.", jsonOf(knownMatchesBody{}), nil}}},
		{method: "POST", path: "/v1/known/import", summary: "Put many files on lists", handle: s.knownImport, takes: lists,
			about: fmt.Sprintf("CSV, STIX 2.1 or ThreatExchange-style JSON, as docs/known-files.md describes them: at most %d entries and %d MiB at once, all or none.", maxKnownBatch, maxKnownImport>>20),
			params: []param{{"query", "format", "The form of the body.", forms},
				{"query", "list", "The list for the whole. Without it each entry says its own.", schema{"type": "string"}},
				{"query", "source", "Who the list is from, where entries do not say.", schema{"type": "string"}},
				{"query", "dry_run", "Only read it and count what would change.", schema{"type": "boolean", "default": false}}},
			request: &content{types: []string{"text/csv", "application/json"}},
			answers: []reply{{200, "What changed, or would.", jsonOf(knownImportBody{}), nil}, {422, "There are mistakes, and nothing was put on a list.", jsonOf(knownImportBody{}), nil}}},
		{method: "GET", path: "/v1/known/export", summary: "All entries, to hand them on", handle: s.knownExport, takes: lists,
			about:   "Entries of earlier releases are left out: of them only a keyed value is on record.",
			params:  []param{{"query", "format", "The form of the answer.", forms}, list, kind},
			answers: []reply{{200, "The entries, in the form asked for.", &content{types: []string{"text/csv", "application/json"}}, nil}}},
		{method: "PUT", path: "/v1/known/{entry}", summary: "Put a file on a list by its digest", handle: s.knownPut, takes: lists,
			about:   "The path ends in the SHA-256 of the file's exact bytes. POST /v1/known says more of it.",
			request: jsonOf(knownBody{}), answers: []reply{listed}},
		{method: "GET", path: "/v1/known/{entry}", summary: "Which list a file is on", handle: s.knownGet, takes: lists,
			about:   "The path ends in the SHA-256 of the file's exact bytes.",
			answers: []reply{listed}},
		{method: "DELETE", path: "/v1/known/{entry}", summary: "Take an entry, or a file, off the lists", handle: s.knownDelete, takes: lists,
			about:   "The path ends in the id of an entry, or in the SHA-256 of a file's exact bytes.",
			answers: []reply{listed}},
	}
}

// listedBy says who changes the lists, and whether they may let something pass by it.
func listedBy(r *request) cordon.KnownBy {
	return cordon.KnownBy{Actor: r.actor, Decides: r.account.May(account.Decide)}
}

func digestOf(r *request) (sum [32]byte, err error) {
	b, err := hex.DecodeString(r.PathValue("entry"))
	if err != nil || len(b) != len(sum) {
		return sum, fmt.Errorf("%w: the path ends in the file's SHA-256 as 64 hex digits", cordon.ErrInvalid)
	}
	copy(sum[:], b)
	return sum, nil
}

func (s *Server) knownPut(w http.ResponseWriter, r *request) error {
	sum, err := digestOf(r)
	if err != nil {
		return err
	}
	var in knownBody
	if err := json.NewDecoder(io.LimitReader(r.Body, 4<<10)).Decode(&in); err != nil || !in.List.Valid() {
		return fmt.Errorf(`%w: send {"list": "blocked"}, or watched, lawful or ordinary`, cordon.ErrInvalid)
	}
	if err := s.Lists.Know(r.Context(), r.account.Tenant, sum, in.List, false, listedBy(r)); err != nil {
		return fmt.Errorf("put the file on the list: %w", err)
	}
	return answer(w, http.StatusOK, in)
}

func (s *Server) knownGet(w http.ResponseWriter, r *request) error {
	sum, err := digestOf(r)
	if err != nil {
		return err
	}
	found, err := s.Lists.KnownMatches(r.Context(), r.account.Tenant, cordon.KnownSHA256, sum[:])
	if err != nil {
		return fmt.Errorf("look the file up: %w", err)
	}
	if len(found) == 0 {
		return fmt.Errorf("look the file up: %w", cordon.ErrNotFound)
	}
	return answer(w, http.StatusOK, knownBody{found[0].List})
}

func (s *Server) knownDelete(w http.ResponseWriter, r *request) error {
	if id, err := cordon.ParseID(cordon.PrefixKnown, r.PathValue("entry")); err == nil {
		err := s.Lists.RemoveKnown(r.Context(), r.account.Tenant, listedBy(r), id)
		if errors.Is(err, cordon.ErrConflict) {
			err = cordon.ErrNotFound
		}
		if err != nil {
			return fmt.Errorf("take %s off its list: %w", id, err)
		}
		return answer(w, http.StatusOK, knownBody{})
	}
	sum, err := digestOf(r)
	if err != nil {
		return err
	}
	if err := s.Lists.Know(r.Context(), r.account.Tenant, sum, "", true, listedBy(r)); err != nil {
		return fmt.Errorf("take the file off its list: %w", err)
	}
	return answer(w, http.StatusOK, knownBody{})
}

// only reads which list and kind are asked for.
func only(r *request) (desk.KnownQuery, error) {
	q := r.URL.Query()
	kq := desk.KnownQuery{List: cordon.KnownList(q.Get("list")), Kind: cordon.KnownKind(q.Get("kind"))}
	return kq, kq.Check()
}

func (s *Server) knownList(w http.ResponseWriter, r *request) error {
	kq, err := only(r)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	if text := q.Get("after"); text != "" {
		if kq.After, err = cordon.ParseID(cordon.PrefixKnown, text); err != nil {
			return err
		}
	}
	q.Del("after")
	dq, err := queryOf(q, nil)
	if err != nil {
		return err
	}
	kq.Limit = dq.Limit
	found, err := s.Lists.KnownFiles(r.Context(), r.account.Tenant, kq)
	if err != nil {
		return fmt.Errorf("list known files: %w", err)
	}
	counts, err := s.Lists.KnownCounts(r.Context(), r.account.Tenant)
	if err != nil {
		return fmt.Errorf("count known files: %w", err)
	}
	out := knownPageBody{Entries: []knownEntryBody{}, Counts: []knownCountBody{}}
	for _, k := range found {
		out.Entries = append(out.Entries, knownOf(k))
	}
	for _, c := range counts {
		out.Counts = append(out.Counts, knownCountBody{string(c.List), string(c.Kind), c.Count})
	}
	if len(found) == kq.Limit {
		out.Next = found[len(found)-1].ID
	}
	return answer(w, http.StatusOK, out)
}

func knownOf(k cordon.KnownFile) knownEntryBody {
	out := knownEntryBody{ID: k.ID, List: string(k.List), Kind: string(k.Kind), Source: k.Source, SourceID: k.Ref, Severity: k.Severity, Confidence: k.Confidence,
		Note: k.Note, Reason: cmp.Or(k.Reason, cordon.KnownUnstated), Item: k.Item, At: k.At.UTC()}
	if k.Value != nil {
		v := hex.EncodeToString(k.Value)
		out.Value = &v
	}
	if k.By.ID != "" {
		out.By = k.By.String()
	}
	if !k.Expires.IsZero() {
		at := k.Expires.UTC()
		out.ExpiresAt = &at
	}
	return out
}

// strict reads one JSON object without unknown members.
func strict(w http.ResponseWriter, r *request, into any, like string) error {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxKnown))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("%w: the body must be like %s: %w", cordon.ErrInvalid, like, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: something follows the JSON object", cordon.ErrInvalid)
	}
	return nil
}

func (s *Server) knownAdd(w http.ResponseWriter, r *request) error {
	var in knownAddBody
	if err := strict(w, r, &in, `{"list": "blocked", "kind": "pdq", "value": "…"} or {"list": "blocked", "item": "itm_…"}`); err != nil {
		return err
	}
	if (in.Value == "") == (in.Item == "") {
		return fmt.Errorf(`%w: send one of "value" and "item"`, cordon.ErrInvalid)
	}
	said := cordon.KnownFile{List: cordon.KnownList(in.List), Kind: cordon.KnownKind(in.Kind), Source: in.Source, Ref: in.SourceID,
		Severity: in.Severity, Confidence: in.Confidence, Note: in.Note, Reason: in.Reason}
	if in.ExpiresAt != nil {
		said.Expires = in.ExpiresAt.UTC()
	}
	files := []cordon.KnownFile{said}
	var err error
	if in.Item != "" {
		files, err = s.knownItem(r, said, in.Item)
	} else if files[0].Value, err = hex.DecodeString(in.Value); err != nil {
		err = fmt.Errorf("%w: the value is not written in hexadecimal digits", cordon.ErrInvalid)
	}
	if err != nil {
		return err
	}
	change, err := s.Lists.AddKnown(r.Context(), r.account.Tenant, files, listedBy(r), false)
	if err != nil {
		return fmt.Errorf("put the file on the list: %w", err)
	}
	return answer(w, http.StatusOK, changeOf(change))
}

// knownItem makes entries of an item's values.
func (s *Server) knownItem(r *request, said cordon.KnownFile, item string) ([]cordon.KnownFile, error) {
	id, err := cordon.ParseID(cordon.PrefixItem, item)
	if err != nil {
		return nil, err
	}
	found, err := s.Lists.KnownOfItem(r.Context(), r.account.Tenant, id)
	if err != nil {
		return nil, fmt.Errorf("read by what %s can be recognised: %w", id, err)
	}
	return desk.KnownFrom(found, said, id)
}

func changeOf(c cordon.KnownChange) knownChangeBody {
	out := knownChangeBody{c.Added, c.Changed, c.Same, slices.Clone(c.IDs)}
	if out.IDs == nil {
		out.IDs = []cordon.ID{}
	}
	return out
}

func (s *Server) knownCheck(w http.ResponseWriter, r *request) error {
	var in knownCheckBody
	if err := strict(w, r, &in, `{"sha256": "…", "pdq": "…"}`); err != nil {
		return err
	}
	out := knownMatchesBody{Matches: []knownMatchBody{}}
	asked := false
	for _, v := range []struct {
		kind cordon.KnownKind
		text string
	}{{cordon.KnownSHA256, in.SHA256}, {cordon.KnownPDQ, in.PDQ}, {cordon.KnownChromaprint, in.Chromaprint}} {
		if v.text == "" {
			continue
		}
		asked = true
		value, err := hex.DecodeString(v.text)
		if err == nil {
			err = (cordon.KnownFile{List: cordon.KnownBlocked, Kind: v.kind, Value: value}).Check(time.Now())
		}
		if err != nil {
			return fmt.Errorf("%w: %s is not written as its hexadecimal digits", cordon.ErrInvalid, v.kind)
		}
		found, err := s.Lists.KnownMatches(r.Context(), r.account.Tenant, v.kind, value)
		if err != nil {
			return fmt.Errorf("look the file up: %w", err)
		}
		for _, m := range found {
			out.Matches = append(out.Matches, matchOf(m))
		}
	}
	if !asked {
		return fmt.Errorf("%w: send at least one of sha256, pdq and chromaprint", cordon.ErrInvalid)
	}
	return answer(w, http.StatusOK, out)
}

func matchOf(m desk.KnownMatch) knownMatchBody {
	out := knownMatchBody{Entry: knownOf(m.KnownFile), Exact: m.Exact}
	switch m.Kind {
	case cordon.KnownPDQ:
		out.Distance = &m.Distance
	case cordon.KnownChromaprint:
		seconds := m.Overlap.Seconds()
		out.Likeness, out.Overlap = &m.Likeness, &seconds
	case cordon.KnownSHA256:
	}
	return out
}

func (s *Server) knownImport(w http.ResponseWriter, r *request) error {
	q := r.URL.Query()
	try, err := strconv.ParseBool(q.Get("dry_run"))
	if err != nil && q.Get("dry_run") != "" {
		return fmt.Errorf("%w: dry_run is true or false", cordon.ErrInvalid)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxKnownImport))
	var long *http.MaxBytesError
	if errors.As(err, &long) {
		return fmt.Errorf("%w: more than %d MiB; split the list", cordon.ErrTooLarge, maxKnownImport>>20)
	} else if err != nil {
		return fmt.Errorf("%w: read the list: %w", cordon.ErrInvalid, err)
	}
	list, err := exchange.Read(exchange.Format(q.Get("format")), bytes.NewReader(body),
		exchange.Options{List: cordon.KnownList(q.Get("list")), Source: q.Get("source"), Max: maxKnownBatch})
	if err != nil {
		return err
	}
	out := knownImportBody{DryRun: try, Rows: len(list.Rows), Skipped: list.Skipped, Mistakes: list.Mistakes(), Problems: []knownProblem{}}
	out.IDs = []cordon.ID{}
	for _, row := range list.Rows {
		if row.Err != nil && len(out.Problems) < maxMistakes {
			out.Problems = append(out.Problems, knownProblem{row.At, row.Err.Error()})
		}
	}
	if out.Mistakes > 0 {
		return answer(w, http.StatusUnprocessableEntity, out)
	}
	change, err := s.Lists.AddKnown(r.Context(), r.account.Tenant, list.Files(), listedBy(r), try)
	if err != nil {
		return fmt.Errorf("put the files on lists: %w", err)
	}
	out.Added, out.Changed, out.Same = change.Added, change.Changed, change.Same
	return answer(w, http.StatusOK, out)
}

func (s *Server) knownExport(w http.ResponseWriter, r *request) error {
	kq, err := only(r)
	if err != nil {
		return err
	}
	form := exchange.Format(r.URL.Query().Get("format"))
	if !slices.Contains(exchange.Formats(), form) {
		return fmt.Errorf("%w: format is csv, stix or threatexchange", cordon.ErrInvalid)
	}
	kq.Limit = exportPage
	page, err := s.Lists.KnownFiles(r.Context(), r.account.Tenant, kq)
	if err != nil {
		return fmt.Errorf("list known files: %w", err)
	}
	next := func() (cordon.KnownFile, bool, error) {
		for {
			if len(page) == 0 {
				if kq.After == "" {
					return cordon.KnownFile{}, false, nil
				}
				if page, err = s.Lists.KnownFiles(r.Context(), r.account.Tenant, kq); err != nil || len(page) == 0 {
					return cordon.KnownFile{}, false, err
				}
			}
			k := page[0]
			page, kq.After = page[1:], k.ID
			if k.Value != nil {
				return k, true, nil
			}
		}
	}
	kind := form.MediaType()
	if form == exchange.STIX {
		kind = "application/json"
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Disposition", `attachment; filename="known-files.`+map[bool]string{true: "csv", false: "json"}[form == exchange.CSV]+`"`)
	if err := exchange.Write(form, w, next); err != nil {
		// The status is out: only an answer that ends early can say that it is not whole.
		s.Log.Error("an export of known files broke off", "err", err)
		panic(http.ErrAbortHandler)
	}
	return nil
}
