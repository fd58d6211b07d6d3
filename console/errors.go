package console

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/cordonhq/cordon"
)

// Errors that only this door knows.
var (
	errSignedOut    = errors.New("nobody is signed in")
	errNotPermitted = errors.New("the account has no role that permits this")
	errForeignForm  = errors.New("the form did not come from this console")
	errNoPage       = errors.New("no such page")
)

// kinds turns kinds of errors into pages: what happened, what was not changed, what to do.
var kinds = []struct {
	kind                   error
	status                 int
	title, unchanged, toDo string
}{
	{errSignedOut, http.StatusUnauthorized, "You are signed out", "Nothing was changed.", "Sign in and do it again. What you had typed is still there when you go back."},
	{errNotPermitted, http.StatusForbidden, "Your account may not do this", "Nothing was changed.", "Ask somebody with the role for it, or have the operator give it to you."},
	{errForeignForm, http.StatusForbidden, "This form was too old, or came from somewhere else", "Nothing was changed.", "Go back, load the page again and repeat what you did."},
	{errNoPage, http.StatusNotFound, "There is no such page", "", "Check the address, or begin at Now."},
	{cordon.ErrForged, http.StatusConflict, "This record does not check out", "Nothing was done with it, and nothing will be.", "Something else than Cordon wrote to the database: the record was changed, put back or taken away. Tell the operator; the log names the row, and \"cordon ledger verify\" says whether the ledger is whole."},
	{cordon.ErrTooSlow, http.StatusRequestTimeout, "The form took too long to arrive", "Nothing was changed.", "Try again."},
	{cordon.ErrShredded, http.StatusGone, "The bytes are gone", "The record and the receipt remain.", "They were destroyed together with their key, as the retention rules say. Nobody can bring them back."},
	{cordon.ErrNotFound, http.StatusNotFound, "There is no such item", "Nothing was changed.", "Check the number. Items of other organisations are not shown."},
	{cordon.ErrNamedTwice, http.StatusConflict, "That name is taken", "Nothing was changed.", "Give it a name of its own, or leave the name away."},
	{cordon.ErrNotNow, http.StatusConflict, "That is not possible as things stand", "Your decision was not carried out.", "Look at it again: its history says what happened. Then decide anew."},
	{cordon.ErrConflict, http.StatusConflict, "Somebody else changed it first", "Your decision was not carried out.", "Look at the item again: its history says what happened. Then decide anew."},
	{cordon.ErrTooLarge, http.StatusRequestEntityTooLarge, "That is too large", "Nothing was changed.", "Send less."},
	{cordon.ErrInvalid, http.StatusBadRequest, "Something in the form is missing or wrong", "Nothing was changed.", "Go back, correct it and send it again."},
	{cordon.ErrForbidden, http.StatusForbidden, "This is not permitted", "Nothing was changed.", "The item's history says why. Ask somebody who may."},
	{cordon.ErrBusy, http.StatusServiceUnavailable, "There is too much to do just now", "Nothing was changed.", "Wait a few seconds and try again."},
}

// retrySeconds is what Retry-After says when there is too much to do, or something is away.
const retrySeconds = "5"

type errorPage struct {
	What, Unchanged, ToDo, Detail string
	Reference                     cordon.ID
	Back                          string
	BackTo                        string
}

// fail renders and logs an error. It is the only place that does.
func (s *Server) fail(w http.ResponseWriter, r *request, err error) {
	p := errorPage{
		What:      "Something went wrong inside Cordon",
		Unchanged: "What was accepted before is safe. Whether your last step was carried out is in the item's history.",
		ToDo:      "Try again. If it stays, give the operator the reference below.",
		Reference: cordon.NewID("ref"),
		Back:      "/", BackTo: "Go to Now",
	}
	status := http.StatusInternalServerError
	if cordon.Unavailable(err) {
		status, p.What = http.StatusServiceUnavailable, "Cordon's disk or its database is full or away at this moment"
		if cordon.NoDescriptors(err) {
			p.What = "Cordon has as many connections and files open as it may"
		}
		p.ToDo = "Wait a little and try again. If it stays, give the operator the reference below."
	}
	for _, k := range kinds {
		if errors.Is(err, k.kind) {
			status, p.What, p.Unchanged, p.ToDo = k.status, k.title, k.unchanged, k.toDo
			if k.kind == cordon.ErrInvalid || k.kind == cordon.ErrConflict || k.kind == cordon.ErrNotNow || k.kind == cordon.ErrForbidden {
				p.Detail = err.Error()
			}
			break
		}
	}
	if id, err := cordon.ParseID(cordon.PrefixItem, r.PathValue("id")); err == nil && status != http.StatusNotFound {
		p.Back, p.BackTo = "/items/"+string(id), "Look at the item"
	}
	if r.secret == "" {
		p.Back, p.BackTo = "/sign-in", "Sign in"
	}
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", retrySeconds)
	}
	level := slog.LevelInfo
	if status >= 500 {
		level = slog.LevelError
	}
	// The pattern, not the address: what people type into filters may name a person.
	attrs := []slog.Attr{slog.String("reference", string(p.Reference)), slog.String("page", r.Pattern), slog.Int("status", status)}
	if status >= 500 {
		attrs = append(attrs, slog.String("error", err.Error()))
	}
	s.Log.LogAttrs(r.Context(), level, "console request failed", attrs...)
	if err := s.render(w, r, status, "error", p.What, p); err != nil {
		http.Error(w, fmt.Sprintf("%s. Reference: %s", p.What, p.Reference), http.StatusInternalServerError)
	}
}
