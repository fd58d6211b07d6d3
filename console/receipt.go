package console

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/cordonhq/cordon"
)

type receiptPage struct {
	ID         cordon.ID
	State      string
	Next       string
	Changed    moment
	Ready      bool
	Checkpoint string // the signed note, if the receipt has one as text
	Document   string // indented JSON
	Lines      []historyLine
}

func (s *Server) receiptPage(w http.ResponseWriter, r *request) error {
	view, err := s.open(r)
	if err != nil {
		return err
	}
	id := view.Item.ID
	doc, ready, err := s.Desk.Receipt(r.Context(), r.account.Tenant, id)
	if err != nil {
		return fmt.Errorf("receipt of %s: %w", id, err)
	}
	p := receiptPage{ID: id, State: view.Item.Stand().Name, Next: view.Item.Stand().Next, Changed: s.moment(view.Item.ChangedAt), Ready: ready}
	for _, l := range view.History {
		p.Lines = append(p.Lines, historyLine{What: entryWord(l.Entry.Kind), When: s.moment(l.Entry.At), Who: who(l.Entry.Actor, r.actor), Index: l.Index})
	}
	if ready {
		var b bytes.Buffer
		if err := json.Indent(&b, doc, "", "  "); err != nil {
			return fmt.Errorf("receipt of %s is not JSON: %w", id, err)
		}
		p.Document = b.String()
		var fields struct {
			Checkpoint json.RawMessage `json:"checkpoint"`
		}
		var note string
		if json.Unmarshal(doc, &fields) == nil && json.Unmarshal(fields.Checkpoint, &note) == nil {
			p.Checkpoint = note
		}
	}
	return s.render(w, r, http.StatusOK, "receipt", "Receipt "+shortID(id), p)
}

func (s *Server) receiptFile(w http.ResponseWriter, r *request) error {
	view, err := s.open(r)
	if err != nil {
		return err
	}
	id := view.Item.ID
	doc, ready, err := s.Desk.Receipt(r.Context(), r.account.Tenant, id)
	if err != nil {
		return fmt.Errorf("receipt of %s: %w", id, err)
	}
	if !ready {
		http.Redirect(w, r.Request, "/receipts/"+string(id), http.StatusSeeOther)
		return nil
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Disposition", `attachment; filename="`+string(id)+`.receipt.json"`)
	w.Write(doc)
	return nil
}
