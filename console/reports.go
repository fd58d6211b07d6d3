package console

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/desk"
)

// Shadows makes shadow reports.
type Shadows interface {
	// Shadow answers a query as it came: defaults are filled and checked by whoever answers.
	Shadow(ctx context.Context, tenant cordon.TenantID, q desk.ShadowQuery) (desk.Shadow, error)
}

// reportPolicy lets a report bring its own style, and nothing else.
const reportPolicy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

type reportsPage struct {
	From, To       string // dates
	Minutes, Hours int
}

// reportsPage offers the reports that there are.
func (s *Server) reportsPage(w http.ResponseWriter, r *request) error {
	to := s.now().UTC().AddDate(0, 0, 1) // today is in it
	p := reportsPage{From: to.AddDate(0, 0, -desk.DefaultDays).Format(time.DateOnly), To: to.Format(time.DateOnly),
		Minutes: desk.DefaultMinutes, Hours: desk.DefaultHours}
	return s.render(w, r, http.StatusOK, "reports", "Reports", p)
}

func (s *Server) shadowReport(w http.ResponseWriter, r *request) error {
	q, err := desk.ReadShadowQuery(r.URL.Query())
	if err != nil {
		return err
	}
	return s.shadow(w, r, q)
}

// shadowReplay is a report with everything decided again under the policy that was sent.
// Nothing changes by it.
func (s *Server) shadowReplay(w http.ResponseWriter, r *request) error {
	q, err := desk.ReadShadowQuery(r.PostForm)
	if err != nil {
		return err
	}
	if text := r.PostFormValue("policy"); strings.TrimSpace(text) != "" {
		q.Policy = []byte(text)
	}
	return s.shadow(w, r, q)
}

func (s *Server) shadow(w http.ResponseWriter, r *request, q desk.ShadowQuery) error {
	rep, err := s.Shadows.Shadow(r.Context(), r.account.Tenant, q)
	if err != nil {
		return fmt.Errorf("shadow report: %w", err)
	}
	var b bytes.Buffer
	if err := s.ShadowPage(&b, rep); err != nil {
		return fmt.Errorf("shadow report: %w", err)
	}
	w.Header().Set("Content-Security-Policy", reportPolicy)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Write(b.Bytes())
	return nil
}
