package api

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/cordonhq/cordon"
)

// Lists keeps the lists of known files.
type Lists interface {
	// Know puts a file on a list, or with remove takes it off whatever list it is on.
	Know(ctx context.Context, tenant cordon.TenantID, sum [32]byte, list cordon.KnownList, remove bool, by cordon.Actor) error
	// KnownOn returns the list a file is on, or cordon.ErrNotFound.
	KnownOn(ctx context.Context, tenant cordon.TenantID, sum [32]byte) (cordon.KnownList, error)
}

type knownBody struct {
	List cordon.KnownList `json:"list" doc:"blocked: must not pass. lawful: generated or altered, and rightly so; may pass. Empty: on no list."`
}

func digestOf(r *request) (sum [32]byte, err error) {
	b, err := hex.DecodeString(r.PathValue("sha256"))
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
	if err := json.NewDecoder(io.LimitReader(r.Body, 4<<10)).Decode(&in); err != nil || in.List != cordon.KnownBlocked && in.List != cordon.KnownLawful {
		return fmt.Errorf(`%w: send {"list": "blocked"} or {"list": "lawful"}`, cordon.ErrInvalid)
	}
	if err := s.Lists.Know(r.Context(), r.account.Tenant, sum, in.List, false, r.actor); err != nil {
		return fmt.Errorf("put the file on the list: %w", err)
	}
	return answer(w, http.StatusOK, in)
}

func (s *Server) knownGet(w http.ResponseWriter, r *request) error {
	sum, err := digestOf(r)
	if err != nil {
		return err
	}
	list, err := s.Lists.KnownOn(r.Context(), r.account.Tenant, sum)
	if err != nil {
		return fmt.Errorf("look the file up: %w", err)
	}
	return answer(w, http.StatusOK, knownBody{list})
}

func (s *Server) knownDelete(w http.ResponseWriter, r *request) error {
	sum, err := digestOf(r)
	if err != nil {
		return err
	}
	if err := s.Lists.Know(r.Context(), r.account.Tenant, sum, "", true, r.actor); err != nil {
		return fmt.Errorf("take the file off its list: %w", err)
	}
	return answer(w, http.StatusOK, knownBody{})
}
