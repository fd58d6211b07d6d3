package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/account"
	"github.com/cordonhq/cordon/desk"
)

// Inventories counts what an org holds.
type Inventories interface {
	// Inventory returns the last count and what is under way. Last is nil before the first.
	Inventory(ctx context.Context, tenant cordon.TenantID) (desk.InventoryState, error)
	// TakeInventory starts a count in the background, unless one runs already.
	TakeInventory(ctx context.Context, tenant cordon.TenantID, by cordon.Actor) (desk.InventoryState, error)
}

func (s *Server) inventory(w http.ResponseWriter, r *request) error {
	if s.Inventories == nil {
		return errNoSuchPath
	}
	state, err := s.Inventories.Inventory(r.Context(), r.account.Tenant)
	if err != nil {
		return fmt.Errorf("read the inventory: %w", err)
	}
	return answer(w, http.StatusOK, forEyesOf(r.account, state))
}

func (s *Server) takeInventory(w http.ResponseWriter, r *request) error {
	if s.Inventories == nil {
		return errNoSuchPath
	}
	state, err := s.Inventories.TakeInventory(r.Context(), r.account.Tenant, r.actor)
	if err != nil {
		return fmt.Errorf("take an inventory: %w", err)
	}
	w.Header().Set("Location", "/v1/inventory")
	return answer(w, http.StatusAccepted, forEyesOf(r.account, state))
}

// forEyesOf leaves out who brought what where the account may not see what points to a person.
func forEyesOf(a account.Account, state desk.InventoryState) desk.InventoryState {
	if state.Last != nil && !a.May(account.Personal) {
		without := *state.Last
		without.Creators = []desk.InventoryPart{}
		state.Last = &without
	}
	return state
}
