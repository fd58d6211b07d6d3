package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/desk"
)

// Backfills go through what an org holds. Where a tenant has none of the name they return
// cordon.ErrNotFound, and cordon.ErrBusy where the org does not answer.
type Backfills interface {
	Backfills(ctx context.Context, tenant cordon.TenantID) ([]desk.Backfill, error)
	Backfill(ctx context.Context, tenant cordon.TenantID, name string) (desk.Backfill, error)
	EstimateBackfill(ctx context.Context, tenant cordon.TenantID, plan desk.BackfillPlan) (desk.BackfillEstimate, error)
	// StartBackfill chooses a name where none is given. It returns cordon.ErrConflict while
	// another is under way, and where the name was given before.
	StartBackfill(ctx context.Context, tenant cordon.TenantID, name string, plan desk.BackfillPlan, by cordon.Actor) (desk.Backfill, error)
	// TurnBackfill does what act says: pause, resume or stop. It returns cordon.ErrConflict
	// where that cannot be done in the state it is in.
	TurnBackfill(ctx context.Context, tenant cordon.TenantID, name, act string, by cordon.Actor) (desk.Backfill, error)
	PaceBackfill(ctx context.Context, tenant cordon.TenantID, name string, pace desk.BackfillPace, by cordon.Actor) (desk.Backfill, error)
}

type backfillsBody struct {
	Backfills []desk.Backfill `json:"backfills"`
}

type backfillStartBody struct {
	Name string `json:"name" doc:"Up to 40 small letters, digits and '-'. It is in the ledger, so name no person. Default: the day."`
	desk.BackfillPlan
}

// read takes the JSON of a small request. No body at all is the zero value.
func (r *request) read(into any) error {
	d := json.NewDecoder(io.LimitReader(r.Body, 64<<10))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: the body is not the JSON that is described at /v1/openapi.json: %w", cordon.ErrInvalid, err)
	}
	return nil
}

func (s *Server) backfills(w http.ResponseWriter, r *request) error {
	all, err := s.Backfills.Backfills(r.Context(), r.account.Tenant)
	if err != nil {
		return fmt.Errorf("list backfills: %w", err)
	}
	return answer(w, http.StatusOK, backfillsBody{all})
}

func (s *Server) backfill(w http.ResponseWriter, r *request) error {
	b, err := s.Backfills.Backfill(r.Context(), r.account.Tenant, r.PathValue("name"))
	if err != nil {
		return fmt.Errorf("read the backfill: %w", err)
	}
	return answer(w, http.StatusOK, b)
}

func (s *Server) backfillEstimate(w http.ResponseWriter, r *request) error {
	var plan desk.BackfillPlan
	if err := r.read(&plan); err != nil {
		return err
	}
	e, err := s.Backfills.EstimateBackfill(r.Context(), r.account.Tenant, plan)
	if err != nil {
		return fmt.Errorf("estimate: %w", err)
	}
	return answer(w, http.StatusOK, e)
}

func (s *Server) backfillStart(w http.ResponseWriter, r *request) error {
	var in backfillStartBody
	if err := r.read(&in); err != nil {
		return err
	}
	b, err := s.Backfills.StartBackfill(r.Context(), r.account.Tenant, in.Name, in.BackfillPlan, r.actor)
	if err != nil {
		return fmt.Errorf("start the backfill: %w", err)
	}
	w.Header().Set("Location", "/v1/backfills/"+b.Name)
	return answer(w, http.StatusCreated, b)
}

func (s *Server) backfillTurn(act string) func(http.ResponseWriter, *request) error {
	return func(w http.ResponseWriter, r *request) error {
		b, err := s.Backfills.TurnBackfill(r.Context(), r.account.Tenant, r.PathValue("name"), act, r.actor)
		if err != nil {
			return fmt.Errorf("%s the backfill: %w", act, err)
		}
		return answer(w, http.StatusOK, b)
	}
}

func (s *Server) backfillPace(w http.ResponseWriter, r *request) error {
	var pace desk.BackfillPace
	if err := r.read(&pace); err != nil {
		return err
	}
	b, err := s.Backfills.PaceBackfill(r.Context(), r.account.Tenant, r.PathValue("name"), pace, r.actor)
	if err != nil {
		return fmt.Errorf("set the pace: %w", err)
	}
	return answer(w, http.StatusOK, b)
}
