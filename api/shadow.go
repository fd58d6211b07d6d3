package api

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/desk"
)

// Shadows makes shadow reports.
type Shadows interface {
	// Shadow answers a query as it came: defaults are filled and checked by whoever answers.
	Shadow(ctx context.Context, tenant cordon.TenantID, q desk.ShadowQuery) (desk.Shadow, error)
}

// maxPolicy bounds a policy that is sent with a request, in bytes.
const maxPolicy = 1 << 20

// pagePolicy lets a report's page bring its own style, and nothing else.
const pagePolicy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

func (s *Server) shadowGet(w http.ResponseWriter, r *request) error { return s.shadow(w, r, nil) }

func (s *Server) shadowPost(w http.ResponseWriter, r *request) error {
	policy, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPolicy))
	if err != nil {
		return fmt.Errorf("%w: the body is the text of a policy, %d bytes at most", cordon.ErrInvalid, maxPolicy)
	}
	if len(bytes.TrimSpace(policy)) == 0 {
		return fmt.Errorf("%w: the body is the text of a policy, and there is none; to report without another policy, use GET", cordon.ErrInvalid)
	}
	return s.shadow(w, r, policy)
}

func (s *Server) shadow(w http.ResponseWriter, r *request, policy []byte) error {
	q, err := desk.ReadShadowQuery(r.URL.Query())
	if err != nil {
		return err
	}
	q.Policy = policy
	asPage, err := wantsPage(r.Request)
	if err != nil {
		return err
	}
	rep, err := s.Shadows.Shadow(r.Context(), r.account.Tenant, q)
	if err != nil {
		return fmt.Errorf("shadow report: %w", err)
	}
	if !asPage {
		return answer(w, http.StatusOK, rep)
	}
	var b bytes.Buffer
	if err := s.ShadowPage(&b, rep); err != nil {
		return fmt.Errorf("shadow report: %w", err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", pagePolicy)
	w.WriteHeader(http.StatusOK)
	w.Write(b.Bytes())
	return nil
}

// wantsPage reports whether the answer is to be HTML: by format, or by Accept where that names
// it and not JSON.
func wantsPage(r *http.Request) (bool, error) {
	switch r.URL.Query().Get("format") {
	case "":
		accept := r.Header.Get("Accept")
		return strings.Contains(accept, "text/html") && !strings.Contains(accept, "application/json"), nil
	case "json":
		return false, nil
	case "html":
		return true, nil
	}
	return false, fmt.Errorf("%w: format is json or html", cordon.ErrInvalid)
}

func (s *Server) shadowParams() []param {
	return []param{
		{"query", "from", "A date or a time in RFC 3339; items received then or later. Default: 30 days before `to`.", schema{"type": "string"}},
		{"query", "to", "A date or a time in RFC 3339; items received before. Default: now.", schema{"type": "string"}},
		{"query", "minutes_per_item", "What a reviewer needs for one item.", schema{"type": "number", "minimum": 0.1, "maximum": 480, "default": desk.DefaultMinutes}},
		{"query", "reviewer_hours", "What reviewers can spend in a day, in hours.", schema{"type": "number", "minimum": 0.1, "maximum": 10000, "default": desk.DefaultHours}},
		{"query", "seed", "Decides which items are shown as samples.", schema{"type": "integer", "default": 1}},
		{"query", "format", "What the answer is to be.", schema{"type": "string", "enum": []string{"json", "html"}}},
	}
}

func (s *Server) shadowAnswers() []reply {
	return []reply{{200, "The report.", &content{types: []string{"application/json", "text/html"}, value: desk.Shadow{}}, nil}}
}
