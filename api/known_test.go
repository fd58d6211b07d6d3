package api

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/cordonhq/cordon"
)

// lists is a Lists in memory.
type lists map[string]cordon.KnownList

func (l lists) Know(_ context.Context, tenant cordon.TenantID, sum [32]byte, list cordon.KnownList, remove bool, _ cordon.Actor) error {
	if delete(l, string(tenant)+string(sum[:])); !remove {
		l[string(tenant)+string(sum[:])] = list
	}
	return nil
}

func (l lists) KnownOn(_ context.Context, tenant cordon.TenantID, sum [32]byte) (cordon.KnownList, error) {
	list, ok := l[string(tenant)+string(sum[:])]
	if !ok {
		return "", cordon.ErrNotFound
	}
	return list, nil
}

func TestKnownFiles(t *testing.T) {
	a := newAPI(t, Config{})
	path := "/v1/known/" + strings.Repeat("ab", 32)
	for _, step := range []struct {
		login, method, path, body string
		want                      int
	}{
		{"rhea", "GET", path, "", http.StatusNotFound},
		{"rhea", "PUT", path, `{"list":"blocked"}`, http.StatusOK},
		{"rhea", "GET", path, "", http.StatusOK},
		{"other", "GET", path, "", http.StatusNotFound},
		{"otto", "PUT", path, `{"list":"lawful"}`, http.StatusForbidden},
		{"mule", "DELETE", path, "", http.StatusForbidden},
		{"rhea", "PUT", path, `{"list":"everything"}`, http.StatusBadRequest},
		{"rhea", "PUT", "/v1/known/abcd", `{"list":"blocked"}`, http.StatusBadRequest},
		{"rhea", "DELETE", path, "", http.StatusOK},
		{"rhea", "GET", path, "", http.StatusNotFound},
	} {
		if got := a.call(step.login, step.method, step.path, step.body).Code; got != step.want {
			t.Errorf("%s %s %s by %s: status %d, want %d", step.method, step.path, step.body, step.login, got, step.want)
		}
	}
}
