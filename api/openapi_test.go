package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cordonhq/cordon/desk"
	"github.com/cordonhq/cordon/desk/desktest"
)

type openapi struct {
	OpenAPI    string
	Paths      map[string]map[string]operation
	Components struct {
		Schemas map[string]map[string]any
	}
}

type operation struct {
	Summary, OperationID string
	Parameters           []struct{ In, Name, Description string }
	Responses            map[string]struct {
		Ref     string `json:"$ref"`
		Headers map[string]any
		Content map[string]struct{ Schema map[string]any }
	}
}

func (a *testAPI) document() openapi {
	a.t.Helper()
	return decode[openapi](a.t, a.call("", "GET", "/v1/openapi.json", ""))
}

// check holds a value against a schema, and refuses fields that the schema does not name.
func (doc openapi) check(at string, s map[string]any, v any) error {
	if ref, ok := s["$ref"].(string); ok {
		name := strings.TrimPrefix(ref, "#/components/schemas/")
		to, ok := doc.Components.Schemas[name]
		if !ok {
			return fmt.Errorf("%s: no schema %q", at, name)
		}
		return doc.check(at, to, v)
	}
	if choices, ok := s["anyOf"].([]any); ok {
		var last error
		for _, one := range choices {
			if last = doc.check(at, one.(map[string]any), v); last == nil {
				return nil
			}
		}
		return last
	}
	if enum, ok := s["enum"].([]any); ok && !slices.Contains(enum, v) {
		return fmt.Errorf("%s: %v is none of %v", at, v, enum)
	}
	wrong := fmt.Errorf("%s: %v is no %v", at, v, s["type"])
	switch s["type"] {
	case "null":
		if v != nil {
			return wrong
		}
	case "string":
		if _, ok := v.(string); !ok {
			return wrong
		}
	case "boolean":
		if _, ok := v.(bool); !ok {
			return wrong
		}
	case "number", "integer":
		if n, ok := v.(float64); !ok || s["type"] == "integer" && n != float64(int64(n)) {
			return wrong
		}
	case "array":
		list, ok := v.([]any)
		if !ok {
			return wrong
		}
		for i, item := range list {
			if err := doc.check(fmt.Sprintf("%s[%d]", at, i), s["items"].(map[string]any), item); err != nil {
				return err
			}
		}
	case "object":
		object, ok := v.(map[string]any)
		if !ok {
			return wrong
		}
		properties, closed := s["properties"].(map[string]any)
		if required, ok := s["required"].([]any); ok {
			for _, name := range required {
				if _, ok := object[name.(string)]; !ok {
					return fmt.Errorf("%s lacks %s", at, name)
				}
			}
		}
		for name, value := range object {
			p, ok := properties[name].(map[string]any)
			if more, open := s["additionalProperties"].(map[string]any); !ok && open {
				p, ok = more, true
			}
			if !ok && closed {
				return fmt.Errorf("%s has %s, which is not described", at, name)
			}
			if ok {
				if err := doc.check(at+"."+name, p, value); err != nil {
					return err
				}
			}
		}
	default:
		return fmt.Errorf("%s: schema of type %v", at, s["type"])
	}
	return nil
}

// TestAnswersAreAsDescribed calls every endpoint for every answer that it names, and holds
// status, media type, headers and body against the description.
func TestAnswersAreAsDescribed(t *testing.T) {
	a := newAPI(t, Config{}, Check{Name: "store", Hard: true, Run: nil})
	ready := error(nil)
	a.Checks[0].Run = func(context.Context) error { return ready }
	doc := a.document()
	item := "/v1/items/" + string(a.first)
	asked := decode[askedBody](t, a.call("mule", "POST", "/v1/items?route=partner-api", "x"))
	entry := decode[historyBody](t, a.call("otto", "GET", item+"/history", "")).Entries[0].ID

	known := "/v1/known/" + strings.Repeat("0f", 32)

	// backfill does something to one that runs.
	backfill := func(method, rest, before string) func() *httptest.ResponseRecorder {
		return func() *httptest.ResponseRecorder {
			a.desk.Fill()
			name := decode[desk.Backfill](t, a.call("ada", "POST", "/v1/backfills", "")).Name
			if before != "" {
				a.call("ada", "POST", "/v1/backfills/"+name+"/"+before, "")
			}
			return a.call("ada", method, "/v1/backfills/"+name+rest, "")
		}
	}
	// removal does something to a proposal about what was delivered.
	removal := func(method, rest, body string) func() *httptest.ResponseRecorder {
		return func() *httptest.ResponseRecorder {
			return a.call("rhea", method, "/v1/removals/"+string(a.propose())+rest, body)
		}
	}
	calls := map[string]func() *httptest.ResponseRecorder{
		"GET /v1/removals 200": func() *httptest.ResponseRecorder {
			a.propose()
			return a.call("rhea", "GET", "/v1/removals?state=proposed", "")
		},
		"GET /v1/removals/{id} 200":          removal("GET", "", ""),
		"POST /v1/removals/{id}/accept 200":  removal("POST", "/accept", `{"reason":"harmful","note":"The clinic never sent it."}`),
		"POST /v1/removals/{id}/dismiss 200": removal("POST", "/dismiss", `{"reason":"genuine"}`),
		"POST /v1/items 200":                 func() *httptest.ResponseRecorder { return a.call("mule", "POST", "/v1/items", "bytes") },
		"POST /v1/items 202": func() *httptest.ResponseRecorder {
			return a.call("mule", "POST", "/v1/items", "bytes", "Prefer", "respond-async")
		},
		"GET /v1/items 200":      func() *httptest.ResponseRecorder { return a.call("otto", "GET", "/v1/items?limit=3", "") },
		"GET /v1/items/{id} 200": func() *httptest.ResponseRecorder { return a.call("rhea", "GET", item, "") },
		"POST /v1/items/{id}/release 200": func() *httptest.ResponseRecorder {
			return a.call("rhea", "POST", item+"/release", `{"reason":"genuine"}`)
		},
		"POST /v1/items/{id}/reject 200": func() *httptest.ResponseRecorder {
			held := decode[itemsBody](t, a.call("otto", "GET", "/v1/items?state=held&limit=1", "")).Items[0].ID
			return a.call("rhea", "POST", "/v1/items/"+string(held)+"/reject", `{"reason":"harmful","note":"No."}`)
		},
		"POST /v1/items/{id}/settle 200": func() *httptest.ResponseRecorder {
			lost := decode[itemsBody](t, a.call("otto", "GET", "/v1/unsettled?limit=1", "")).Items[0].ID
			return a.call("rhea", "POST", "/v1/items/"+string(lost)+"/settle", `{"as":"send-again","note":"I looked."}`)
		},
		"GET /v1/items/{id}/history 200": func() *httptest.ResponseRecorder {
			return a.call("mule", "GET", "/v1/items/"+string(asked.ID)+"/history", "")
		},
		"GET /v1/receipts/{id} 200": func() *httptest.ResponseRecorder { return a.call("mule", "GET", asked.Receipt, "") },
		"GET /v1/receipts/{id} 202": func() *httptest.ResponseRecorder {
			a.desk.Behind = true
			defer func() { a.desk.Behind = false }()
			return a.call("mule", "GET", asked.Receipt, "")
		},
		"PUT /v1/known/{entry} 200": func() *httptest.ResponseRecorder {
			return a.call("rhea", "PUT", known, `{"list":"blocked"}`)
		},
		"GET /v1/known/{entry} 200": func() *httptest.ResponseRecorder {
			a.call("rhea", "PUT", known, `{"list":"lawful"}`)
			return a.call("rhea", "GET", known, "")
		},
		"GET /v1/known 200": func() *httptest.ResponseRecorder {
			a.call("rhea", "POST", "/v1/known", `{"list":"blocked","kind":"pdq","value":"`+strings.Repeat("0e", 32)+`","expires_at":"2030-01-01T00:00:00Z"}`)
			return a.call("rhea", "GET", "/v1/known?limit=1", "")
		},
		"POST /v1/known 200": func() *httptest.ResponseRecorder {
			return a.call("rhea", "POST", "/v1/known", `{"list":"watched","item":"`+string(a.first)+`","note":"seen twice"}`)
		},
		"POST /v1/known/check 200": func() *httptest.ResponseRecorder {
			return a.call("rhea", "POST", "/v1/known/check", `{"sha256":"`+strings.Repeat("0f", 32)+`","pdq":"`+strings.Repeat("0e", 32)+`"}`)
		},
		"POST /v1/known/import 200": func() *httptest.ResponseRecorder {
			return a.call("rhea", "POST", "/v1/known/import?format=csv&list=blocked", "kind,value\nsha256,"+strings.Repeat("0d", 32)+"\n")
		},
		"POST /v1/known/import 422": func() *httptest.ResponseRecorder {
			return a.call("rhea", "POST", "/v1/known/import?format=csv", "kind,value\nsha256,"+strings.Repeat("0d", 32)+"\n")
		},
		"GET /v1/known/export 200": func() *httptest.ResponseRecorder {
			return a.call("rhea", "GET", "/v1/known/export?format=stix", "")
		},
		"DELETE /v1/known/{entry} 200":    func() *httptest.ResponseRecorder { return a.call("rhea", "DELETE", known, "") },
		"GET /v1/backfills 200":           func() *httptest.ResponseRecorder { return a.call("otto", "GET", "/v1/backfills", "") },
		"POST /v1/backfills/estimate 200": func() *httptest.ResponseRecorder { return a.call("ada", "POST", "/v1/backfills/estimate", "") },
		"POST /v1/backfills 201": func() *httptest.ResponseRecorder {
			a.desk.Fill()
			return a.call("ada", "POST", "/v1/backfills", `{"sample":10,"night":{"window":"22:00-06:00"}}`)
		},
		"GET /v1/backfills/{name} 200":         backfill("GET", "", ""),
		"POST /v1/backfills/{name}/pause 200":  backfill("POST", "/pause", ""),
		"POST /v1/backfills/{name}/resume 200": backfill("POST", "/resume", "pause"),
		"POST /v1/backfills/{name}/stop 200":   backfill("POST", "/stop", ""),
		"PUT /v1/backfills/{name}/pace 200":    backfill("PUT", "/pace", ""),
		"GET /v1/routes 200":                   func() *httptest.ResponseRecorder { return a.call("otto", "GET", "/v1/routes", "") },
		"GET /v1/inventory 200": func() *httptest.ResponseRecorder {
			stock := desktest.Stock(morning)
			a.desk.SetInventory(desk.InventoryState{Last: &stock})
			return a.call("rhea", "GET", "/v1/inventory", "")
		},
		"POST /v1/inventory 202":     func() *httptest.ResponseRecorder { return a.call("otto", "POST", "/v1/inventory", "") },
		"GET /v1/coverage 200":       func() *httptest.ResponseRecorder { return a.call("rhea", "GET", "/v1/coverage", "") },
		"GET /v1/counts 200":         func() *httptest.ResponseRecorder { return a.call("otto", "GET", "/v1/counts", "") },
		"GET /v1/unsettled 200":      func() *httptest.ResponseRecorder { return a.call("otto", "GET", "/v1/unsettled", "") },
		"GET /v1/reports/shadow 200": func() *httptest.ResponseRecorder { return a.call("otto", "GET", "/v1/reports/shadow", "") },
		"POST /v1/reports/shadow 200": func() *httptest.ResponseRecorder {
			return a.call("otto", "POST", "/v1/reports/shadow", "name: other\n")
		},
		"GET /v1/ledger/checkpoint 200": func() *httptest.ResponseRecorder { return a.call("otto", "GET", "/v1/ledger/checkpoint", "") },
		"GET /v1/ledger/proof 200": func() *httptest.ResponseRecorder {
			return a.call("otto", "GET", "/v1/ledger/proof?entry="+string(entry), "")
		},
		"GET /v1/keys 200":         func() *httptest.ResponseRecorder { return a.call("", "GET", "/v1/keys", "") },
		"GET /v1/openapi.json 200": func() *httptest.ResponseRecorder { return a.call("", "GET", "/v1/openapi.json", "") },
		"GET /healthz 200":         func() *httptest.ResponseRecorder { return a.call("", "GET", "/healthz", "") },
		"GET /readyz 200":          func() *httptest.ResponseRecorder { return a.call("", "GET", "/readyz", "") },
		"GET /readyz 503": func() *httptest.ResponseRecorder {
			ready = errNoToken
			a.ready.at = time.Time{} // as if a second had passed
			defer func() { ready, a.ready.at = nil, time.Time{} }()
			return a.call("", "GET", "/readyz", "")
		},
		"POST /v1/alerts 200": func() *httptest.ResponseRecorder {
			return a.call("radar", "POST", "/v1/alerts", `{"id":"068000000000001AAA"}`)
		},
		"POST /v1/alerts 202": func() *httptest.ResponseRecorder {
			a.desk.Slow = true
			defer func() { a.desk.Slow = false }()
			return a.call("radar", "POST", "/v1/alerts", `{"id":"068000000000001AAA"}`)
		},
		"GET /v1/alerts 200": func() *httptest.ResponseRecorder {
			a.call("radar", "POST", "/v1/alerts", `{"id":"068000000000001AAA"}`)
			return a.call("otto", "GET", "/v1/alerts?limit=1", "")
		},
		"GET /v1/alerts/{id} 200": func() *httptest.ResponseRecorder {
			made := decode[alertBody](t, a.call("radar", "POST", "/v1/alerts", `{"id":"068000000000001AAA"}`))
			return a.call("rhea", "GET", made.Receipt, "")
		},
		"GET /metrics 200": func() *httptest.ResponseRecorder { return a.call("", "GET", "/metrics", "") },
	}
	described := 0
	for path, methods := range doc.Paths {
		for method, op := range methods {
			if op.Summary == "" || op.OperationID == "" {
				t.Errorf("%s %s has no summary or id", method, path)
			}
			for _, p := range op.Parameters {
				if p.Description == "" {
					t.Errorf("%s %s: the parameter %s is not explained", method, path, p.Name)
				}
			}
			for status, r := range op.Responses {
				if status == "default" {
					continue
				}
				described++
				name := strings.ToUpper(method) + " " + path + " " + status
				call := calls[name]
				if call == nil {
					t.Errorf("%s is described and never tried", name)
					continue
				}
				w := call()
				if fmt.Sprint(w.Code) != status {
					t.Errorf("%s: answered %d %s", name, w.Code, w.Body)
					continue
				}
				for h := range r.Headers {
					if w.Header().Get(h) == "" {
						t.Errorf("%s: no header %s", name, h)
					}
				}
				kind, _, _ := strings.Cut(w.Header().Get("Content-Type"), ";")
				if kind == "" {
					kind = "text/plain" // what net/http will say of plain text
				}
				c, ok := r.Content[kind]
				if !ok {
					t.Errorf("%s: answers %q, which is not described", name, kind)
					continue
				}
				if kind != "application/json" {
					continue
				}
				var v any
				if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
					t.Errorf("%s: %v", name, err)
				} else if err := doc.check(name, c.Schema, v); err != nil {
					t.Error(err)
				}
			}
		}
	}
	if described != len(calls) {
		t.Errorf("%d answers are described, %d are tried", described, len(calls))
	}
}

func TestErrorsAreAsDescribed(t *testing.T) {
	a := newAPI(t, Config{})
	doc := a.document()
	for _, w := range []*httptest.ResponseRecorder{a.call("", "GET", "/v1/items", ""), a.call("otto", "GET", "/v1/nothing", ""), a.call("otto", "GET", "/v1/items?limit=x", "")} {
		if err := doc.check("error", map[string]any{"$ref": "#/components/schemas/Error"}, decode[any](t, w)); err != nil {
			t.Error(err)
		}
	}
}

// TestEveryRouteIsDescribed asks the mux itself what is registered.
func TestEveryRouteIsDescribed(t *testing.T) {
	a := newAPI(t, Config{})
	doc := a.document()
	n := 0
	for _, e := range a.table {
		if _, ok := doc.Paths[e.path][strings.ToLower(e.method)]; !ok {
			t.Errorf("%s %s is not described", e.method, e.path)
		}
	}
	for path, methods := range doc.Paths {
		for method := range methods {
			n++
			target := strings.ReplaceAll(path, "{id}", "itm_00000000000000000000000000")
			if _, pattern := a.mux.Handler(httptest.NewRequest(strings.ToUpper(method), target, nil)); pattern != strings.ToUpper(method)+" "+path {
				t.Errorf("%s %s is described and leads to %q", method, path, pattern)
			}
		}
	}
	if n != len(a.table) || doc.OpenAPI != "3.1.0" {
		t.Errorf("%d endpoints, %d described, as OpenAPI %q", len(a.table), n, doc.OpenAPI)
	}
	ids := map[string]bool{}
	for _, e := range a.table {
		if id := operationID(e); ids[id] {
			t.Errorf("the id %s is given twice", id)
		} else {
			ids[id] = true
		}
		mounted := false
		for _, p := range Prefixes {
			mounted = mounted || strings.HasPrefix(e.path, p)
		}
		if !mounted {
			t.Errorf("%s is under none of Prefixes", e.path)
		}
	}
}
