package api

import (
	"fmt"
	"net/http"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/account"
)

// waitBody says that a proof is on its way.
type waitBody struct {
	ID      cordon.ID `json:"id"`
	Ready   bool      `json:"ready"`
	Message string    `json:"message"`
}

func (s *Server) receipt(w http.ResponseWriter, r *request) error {
	id, err := cordon.ParseID(cordon.PrefixItem, r.PathValue("id"))
	if err != nil {
		return err
	}
	if !r.account.May(account.Read) {
		if _, err := s.open(r); err != nil {
			return err
		}
	}
	doc, ready, err := s.Desk.Receipt(r.Context(), r.account.Tenant, id)
	if err != nil {
		return fmt.Errorf("receipt of %s: %w", id, err)
	}
	if !ready {
		w.Header().Set("Retry-After", "1")
		return answer(w, http.StatusAccepted, waitBody{ID: id, Message: "The item is on record. The checkpoint that proves it follows within seconds; ask again."})
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Disposition", `attachment; filename="`+string(id)+`.receipt.json"`)
	w.Write(doc)
	return nil
}

func (s *Server) checkpoint(w http.ResponseWriter, r *request) error {
	note, err := s.Ledger.Checkpoint(r.Context(), r.account.Tenant)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Write(note)
	return nil
}

func (s *Server) proof(w http.ResponseWriter, r *request) error {
	id, err := cordon.ParseID(cordon.PrefixEntry, r.URL.Query().Get("entry"))
	if err != nil {
		return err
	}
	doc, err := s.Ledger.Proof(r.Context(), r.account.Tenant, id)
	if err != nil {
		return fmt.Errorf("proof of %s: %w", id, err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(doc)
	return nil
}
