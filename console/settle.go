package console

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/desk"
)

// settlement is the form as it was sent, shown again when something was missing or is not so.
type settlement struct {
	As      cordon.Settlement
	ID      string
	Note    string
	Problem string
}

// settle carries out what a person says of a write whose answer was lost. What the CRM does not
// bear out comes back as it was typed, with what it says instead.
func (s *Server) settle(w http.ResponseWriter, r *request) error {
	view, err := s.open(r)
	if err != nil {
		return err
	}
	form := settlement{As: cordon.Settlement(r.PostForm.Get("as")), ID: strings.TrimSpace(r.PostForm.Get("id")), Note: strings.TrimSpace(r.PostForm.Get("note"))}
	if form.As != cordon.IsThere {
		form.ID = "" // typed, and then thought better of
	}
	switch form.As {
	case cordon.IsThere, cordon.SendAgain, cordon.GiveUp:
	default:
		form.Problem = "Choose one of the three."
		return s.showItem(w, r, http.StatusUnprocessableEntity, decision{}, form)
	}
	said := desk.Settlement{As: form.As, UpstreamID: form.ID, Note: form.Note}
	switch {
	case form.As == cordon.IsThere && form.ID == "":
		form.Problem = "Give the id of the record that it is there as."
	case len(form.Note) > desk.MaxNote:
		form.Problem = fmt.Sprintf("The note is too long. Shorten it to %d characters.", desk.MaxNote)
	}
	if form.Problem != "" {
		return s.showItem(w, r, http.StatusUnprocessableEntity, decision{}, form)
	}
	_, err = s.Desk.Settle(r.Context(), r.account.Tenant, view.Item.ID, r.actor, said)
	if errors.Is(err, cordon.ErrInvalid) && view.Item.State == cordon.Unsettled {
		form.Problem = "The CRM does not bear that out: " + err.Error() + ". Nothing was changed."
		return s.showItem(w, r, http.StatusUnprocessableEntity, decision{}, form)
	}
	if err != nil {
		return fmt.Errorf("settle %s: %w", view.Item.ID, err)
	}
	http.Redirect(w, r.Request, "/receipts/"+string(view.Item.ID), http.StatusSeeOther)
	return nil
}
