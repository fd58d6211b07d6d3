package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

// TestRemove shows one proposal as the API gives it, and decides about it.
func TestRemove(t *testing.T) {
	const id = "rem_01kq0000000000000000000000"
	answer := map[string]any{"id": id, "state": "proposed", "cause": "late-look", "outcome": "synthetic", "reasons": []string{"generator-watermark"},
		"proposed_at": "2026-11-20T08:30:00Z", "link": "https://clinic.example/068", "to_do": []string{"Look.", "Decide."},
		"item": map[string]any{"id": "itm_01kq0000000000000000000000", "state": "delivered", "upstream_id": "068xx"}}
	var got []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in map[string]string
		_ = json.NewDecoder(r.Body).Decode(&in)
		got = append(got, r.Method+" "+r.URL.RequestURI()+" "+in["reason"]+" "+in["note"])
		if r.URL.Path == "/v1/removals" {
			json.NewEncoder(w).Encode(map[string]any{"removals": []any{answer}, "next": id, "waiting": 3})
			return
		}
		if strings.HasSuffix(r.URL.Path, "/accept") {
			answer["state"], answer["decided_at"], answer["by"], answer["review"], answer["note"] = "accepted", "2026-11-20T09:00:00Z", "person/act_x", "harmful", "why"
		}
		json.NewEncoder(w).Encode(answer)
	}))
	defer srv.Close()
	t.Setenv("CORDON_URL", srv.URL)
	t.Setenv("CORDON_TOKEN", "crd_x")
	run := func(args ...string) (out, notes string) {
		t.Helper()
		cmd := removeCommand()
		var o, n bytes.Buffer
		cmd.SetOut(&o)
		cmd.SetErr(&n)
		cmd.SetArgs(args)
		if err := cmd.Execute(); err != nil {
			t.Fatal(err)
		}
		return o.String(), n.String()
	}
	wants := func(text string, patterns ...string) {
		t.Helper()
		for _, p := range patterns {
			if !regexp.MustCompile(`(?m)` + p).MatchString(text) {
				t.Errorf("no %s in:\n%s", p, text)
			}
		}
	}
	out, notes := run("list")
	wants(out, `^REMOVAL +STATE +PROPOSED +ITEM +IN THE CRM +WHY$`, `^`+id+` +proposed .* itm_01kq\w+ +068xx +The picture carries an invisible mark`)
	wants(notes, `wait for a decision: 3\.`, `There are more`)
	out, _ = run("status", id)
	wants(out, `^state +proposed$`, `by late-look$`, `generator-watermark: The picture`, `in the CRM +https://clinic.example/068`, `^to do +Look\.$`, `^ +Decide\.$`)
	out, _ = run("accept", id, "--reason", "harmful", "--note", "why")
	wants(out, `^state +accepted$`, `^decided +2026-11-20T09:00:00Z by person/act_x: harmful$`, `^note +"why"$`)
	run("list", "--state", "any", "--limit", "7")
	if want := []string{"GET /v1/removals?limit=50&state=proposed  ", "GET /v1/removals/" + id + "  ", "POST /v1/removals/" + id + "/accept harmful why", "GET /v1/removals?limit=7  "}; strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("asked:\n%s", strings.Join(got, "\n"))
	}
}
