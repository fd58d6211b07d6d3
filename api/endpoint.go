package api

import (
	"net/http"
	"slices"
	"strings"

	"github.com/cordonhq/cordon/account"
	"github.com/cordonhq/cordon/desk"
)

// endpoint is one line of the table that both registers the API and documents it.
type endpoint struct {
	method, path string
	summary      string
	about        string // more, in Markdown; may be ""
	open         bool   // needs no token; with takes, one that permits it is told more
	takes        []account.Permission
	params       []param
	request      *content // nil: no body
	answers      []reply
	handle       func(http.ResponseWriter, *request) error
}

// param is a parameter in the query or in a header. Those in the path are found from the path.
type param struct {
	in, name, about string
	schema          schema
}

// content is a body: JSON of the given Go value's type, or text or bytes of the named type.
type content struct {
	types []string
	value any // nil: not JSON, or JSON that another package defines
}

type reply struct {
	status  int
	about   string
	content *content // nil: empty
	headers []string
}

// permits reports whether the account has one of the permissions.
func (e endpoint) permits(a account.Account) bool { return slices.ContainsFunc(e.takes, a.May) }

func (e endpoint) names() string {
	names := make([]string, len(e.takes))
	for i, p := range e.takes {
		names[i] = string(p)
	}
	return strings.Join(names, " or ")
}

func jsonOf(v any) *content { return &content{types: []string{"application/json"}, value: v} }

// endpoints is the whole API.
func (s *Server) endpoints() []endpoint {
	var (
		own     = []account.Permission{account.Read, account.ReadOwn}
		read    = []account.Permission{account.Read}
		decide  = []account.Permission{account.Decide}
		ask     = []account.Permission{account.Ask}
		proof   = []account.Permission{account.Ledger}
		operate = []account.Permission{account.Operate}
		limit   = param{"query", "limit", "How many items at most, 1 to 200.", schema{"type": "integer", "minimum": 1, "maximum": maxLimit, "default": defaultLimit}}
		after   = param{"query", "after", "The `next` of the page before.", schema{"type": "string"}}
		order   = param{"query", "order", "Which come first.", schema{"type": "string", "enum": []string{"newest", "oldest"}, "default": "newest"}}
		route   = param{"query", "route", "The name of a declared route.", schema{"type": "string"}}
		page    = reply{200, "A page of items.", jsonOf(itemsBody{}), nil}
		one     = reply{200, "The item as it stands now.", jsonOf(itemBody{}), nil}
		filled  = reply{200, "The backfill as it stands now.", jsonOf(desk.Backfill{}), nil}
		anyJSON = &content{types: []string{"application/json"}}
	)
	return append([]endpoint{
		{method: "POST", path: "/v1/items", summary: "Ask for a verdict", handle: s.ask, takes: ask,
			about: "The body is the content itself, or a form with one file. The answer comes at once when the verdict is there within the budget, else 202 and a place to look. A verdict is signed; anyone can check it with the keys at /v1/keys.",
			params: []param{
				{"query", "name", "The file's name. Content-Disposition is understood as well.", schema{"type": "string"}},
				{"query", "route", "The declared route the content came by. Without it the route is looked for by address and account.", schema{"type": "string"}},
				{"query", "subject", "CRM id of the record the content belongs to.", schema{"type": "string"}},
				{"query", "callback_url", "Must be the address that is declared for the route; others are refused.", schema{"type": "string", "format": "uri"}},
				{"header", "Idempotency-Key", "The same request with the same key gets the first item, for 24 hours; another request with it is a conflict. At most 255 printable characters.", schema{"type": "string", "maxLength": maxKey}},
				{"header", "Prefer", "`respond-async` answers 202 as soon as the content is safe.", schema{"type": "string"}},
			},
			request: &content{types: []string{"multipart/form-data", "*/*"}},
			answers: []reply{
				{200, "The verdict.", jsonOf(askedBody{}), []string{"Cordon-Receipt"}},
				{202, "The content is safe and the verdict is on its way. Look at Location, or wait for the route's callback.", jsonOf(askedBody{}), []string{"Location", "Retry-After", "Cordon-Receipt"}},
			}},
		{method: "GET", path: "/v1/items", summary: "List items", handle: s.items, takes: read,
			params: []param{{"query", "state", "One state or several with commas.", schema{"type": "string"}},
				{"query", "owes", "Instead of a state: items that owe this: decision, settlement, delivery, rescan, verdict or outcome.", schema{"type": "string"}}, route, order, limit, after},
			answers: []reply{page}},
		{method: "GET", path: "/v1/items/{id}", summary: "One item", handle: s.item, takes: own,
			about:   "Accounts with `read-own` see the items they handed in themselves.",
			answers: []reply{one}},
		{method: "POST", path: "/v1/items/{id}/release", summary: "Let a held item go", handle: s.release, takes: decide,
			request: jsonOf(decisionBody{}), answers: []reply{one}},
		{method: "POST", path: "/v1/items/{id}/reject", summary: "Keep a held item out", handle: s.reject, takes: decide,
			request: jsonOf(decisionBody{}), answers: []reply{one}},
		{method: "POST", path: "/v1/items/{id}/settle", summary: "Say what became of a write whose answer was lost", handle: s.settle, takes: decide,
			about:   "For what is `unsettled`. What is said is held against the CRM before it is believed: a record that is named must hold the item's bytes, and what is to be sent again must not be found there. Else nothing is changed, and the answer says why.",
			request: jsonOf(settlementBody{}), answers: []reply{one}},
		{method: "GET", path: "/v1/items/{id}/history", summary: "What happened to an item", handle: s.history, takes: own,
			answers: []reply{{200, "The entries of the ledger about the item, oldest first.", jsonOf(historyBody{}), nil}}},
		{method: "GET", path: "/v1/receipts/{id}", summary: "The proof of an item", handle: s.receipt, takes: proof,
			about: "Check it with `cordon-verify`, which shares no code with Cordon.",
			answers: []reply{
				{200, "The receipt, covered by a signed checkpoint.", anyJSON, nil},
				{202, "The item is on record; the checkpoint that proves it follows within seconds.", jsonOf(waitBody{}), []string{"Retry-After"}},
			}},
		{method: "GET", path: "/v1/routes", summary: "Declared ways in", handle: s.routes, takes: read,
			answers: []reply{{200, "Each route with what it has carried, and the paths that are not looked into yet.", jsonOf(routesBody{}), nil}}},
		{method: "GET", path: "/v1/inventory", summary: "What the org holds, and the ways into it", handle: s.inventory, takes: read,
			about:   "The last count, and what of a new one is under way. Parts that the org did not answer are empty, and `questions` says why. Users' ids are shown to accounts with `personal` only.",
			answers: []reply{{200, "The last inventory; null before the first.", jsonOf(desk.InventoryState{}), nil}}},
		{method: "POST", path: "/v1/inventory", summary: "Count what the org holds anew", handle: s.takeInventory, takes: read,
			about:   "It runs in the background and costs the org a few dozen API calls, whatever its size. Asking while one runs starts no second one.",
			answers: []reply{{202, "It is under way; GET tells how far it is.", jsonOf(desk.InventoryState{}), []string{"Location"}}}},
		s.coverageEndpoint(),
		{method: "GET", path: "/v1/backfills", summary: "List backfills", handle: s.backfills, takes: read,
			answers: []reply{{200, "Those under way and those that have ended, the newest first.", jsonOf(backfillsBody{}), nil}}},
		{method: "POST", path: "/v1/backfills/estimate", summary: "What a backfill would meet and cost", handle: s.backfillEstimate, takes: operate,
			about:   "It asks the org for counts, three API calls by default, and reads no file.",
			request: jsonOf(desk.BackfillPlan{}), answers: []reply{{200, "The estimate.", jsonOf(desk.BackfillEstimate{}), nil}}},
		{method: "POST", path: "/v1/backfills", summary: "Start a backfill", handle: s.backfillStart, takes: operate,
			about:   "It goes through what the org holds, oldest first, looks at each file and records what the policy would have done. Nothing in the org changes and no byte of a file is kept. It goes on until it is done, also after a restart. One is under way at a time.",
			request: jsonOf(backfillStartBody{}), answers: []reply{{201, "It is started.", jsonOf(desk.Backfill{}), []string{"Location"}}}},
		{method: "GET", path: "/v1/backfills/{name}", summary: "How far a backfill has come", handle: s.backfill, takes: read,
			about: "In the end this is its summary, which is kept.", answers: []reply{filled}},
		{method: "POST", path: "/v1/backfills/{name}/pause", summary: "Pause a backfill", handle: s.backfillTurn("pause"), takes: operate,
			about: "It ends behind the files that it is reading.", answers: []reply{filled}},
		{method: "POST", path: "/v1/backfills/{name}/resume", summary: "Let a paused backfill go on", handle: s.backfillTurn("resume"), takes: operate,
			answers: []reply{filled}},
		{method: "POST", path: "/v1/backfills/{name}/stop", summary: "End a backfill for good", handle: s.backfillTurn("stop"), takes: operate,
			about: "What it has looked at stays on record.", answers: []reply{filled}},
		{method: "PUT", path: "/v1/backfills/{name}/pace", summary: "Let a backfill go slower or faster", handle: s.backfillPace, takes: operate,
			request: jsonOf(desk.BackfillPace{}), answers: []reply{filled}},
		{method: "GET", path: "/v1/counts", summary: "Items by state, by what they are for and by what is owed", handle: s.counts, takes: read,
			answers: []reply{{200, "How everything stood at one instant.", jsonOf(countsBody{}), nil}}},
		{method: "GET", path: "/v1/unsettled", summary: "Items of which nobody knows whether the CRM has them", handle: s.unsettled, takes: read,
			about: "Where the org keeps Cordon's key for a write, they end by themselves. Of the others a person says what became of them: see `settle`.", params: []param{limit, after}, answers: []reply{page}},
		{method: "GET", path: "/v1/reports/shadow", summary: "What came, what would have been held, and where to hold first", handle: s.shadowGet, takes: read,
			about:  "Nothing is fetched and nothing changes. `Accept: text/html` or `format=html` gives a page that stands alone.",
			params: s.shadowParams(), answers: s.shadowAnswers()},
		{method: "POST", path: "/v1/reports/shadow", summary: "The same, and what would change under another policy", handle: s.shadowPost, takes: read,
			about:  "The body is a policy as docs/policy.md describes it. Every item of the period is decided again from what was found then; where that does not suffice, the report says so and counts it.",
			params: s.shadowParams(), request: &content{types: []string{"application/yaml"}}, answers: s.shadowAnswers()},
		{method: "GET", path: "/v1/ledger/checkpoint", summary: "The newest signed head of the ledger", handle: s.checkpoint, takes: proof,
			answers: []reply{{200, "A C2SP signed note.", &content{types: []string{"text/plain"}}, nil}}},
		{method: "GET", path: "/v1/ledger/proof", summary: "The proof that an entry is in the ledger", handle: s.proof, takes: proof,
			params:  []param{{"query", "entry", "The entry's id, `ent_…`.", schema{"type": "string"}}},
			answers: []reply{{200, "Inclusion proof and checkpoint.", anyJSON, nil}}},
		{method: "GET", path: "/v1/keys", summary: "Keys that verify signed verdicts", handle: s.keys, open: true,
			answers: []reply{{200, "A JSON Web Key Set.", jsonOf(jwks{}), nil}}},
		{method: "GET", path: "/v1/openapi.json", summary: "This description", handle: s.openapi, open: true,
			answers: []reply{{200, "OpenAPI 3.", anyJSON, nil}}},
		{method: "GET", path: "/healthz", summary: "Is the process alive", handle: s.healthz, open: true,
			answers: []reply{{200, "It is.", jsonOf(healthBody{}), nil}}},
		{method: "GET", path: "/readyz", summary: "Can the process do its work", handle: s.readyz, open: true, takes: read,
			about:   "Without a token it tells of the machine; with one that may `read`, of the account's tenant as well. Whether it is ready is the same.",
			answers: []reply{{200, "It can. Checks that are not hard may still say what is amiss.", jsonOf(readyBody{}), nil}, {503, "It cannot; the reasons are listed.", jsonOf(readyBody{}), nil}}},
		{method: "GET", path: "/metrics", summary: "Metrics", handle: s.metrics, open: true, takes: read,
			about:   "Without a token they tell of the machine; with one that may `read`, of the account's tenant as well. The listener `metrics` of the configuration tells of all tenants.",
			answers: []reply{{200, "Prometheus text format.", &content{types: []string{"text/plain"}}, nil}}},
	}, slices.Concat(s.knownEndpoints(), s.alertEndpoints(), s.removalEndpoints())...)
}

// bearer takes the token out of an Authorization header.
func bearer(header string) (string, bool) {
	scheme, token, ok := strings.Cut(header, " ")
	return strings.TrimSpace(token), ok && strings.EqualFold(scheme, "Bearer")
}
