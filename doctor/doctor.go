// Package doctor says, line by line, what works around a gateway, what is missing and how to
// get it.
//
// It promises three things. Each line names its evidence: the call that was made or the file
// that was looked at. What was not tried is unknown, never ok. And it only reads: no record is
// written in the CRM, no table is changed, no secret is printed.
package doctor

import (
	"context"
	"net"
	"net/http"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/salesforce"
)

// Config says what to examine. Paths are as the process can open them.
type Config struct {
	// Environment is production, sandbox or demo, and is compared with what the org says.
	Environment string
	Orgs        []Org

	Gateway, Console Door
	// Data and Keys are the folders of that name.
	Data, Keys string
	// KeysApart says whether the keys lie outside the data folder. It opens nothing.
	KeysApart func(keys, data string) error
	// Records names the database and tells whether it can be used as it is. It changes nothing.
	Records Records
	// Decoders tells which foreign programs look into recordings and coded pictures, and what
	// locks them down. Default: nobody asks.
	Decoders func() []Decoder
	// Models tries the models that the configuration asks for. Nil: it asks for none.
	Models func() (evidence string, err error)
	// Destinations are further places that must be reachable, beside the orgs.
	Destinations []Destination

	// APIShare is the part of the org's daily API calls that Cordon may take, between 0 and 1.
	// Default: 0.1.
	APIShare float64
	// ProbeDirect tries the way that bypasses the gateway. DirectToken is a caller's access
	// token to try it with; "" tries as far as one gets without.
	ProbeDirect bool
	DirectToken string

	// HTTP does the calls that need no sign-in. Default: one that follows no redirects.
	HTTP *http.Client
	// Clock tells the time. Default: time.Now.
	Clock func() time.Time
	// Dial tries a connection. Default: a net.Dialer with five seconds.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Free tells how many bytes a folder's disk has left. Default: what the system says.
	Free func(dir string) (uint64, error)
}

// Org is one organisation under protection.
type Org struct {
	Tenant   cordon.TenantID
	Identity salesforce.Config
	// Inline says that some route keeps content back before the CRM has it, so that Cordon
	// must be able to write what a person releases.
	Inline bool
	// Polling tells how far what came past the gateway is looked at. It changes nothing.
	Polling func(context.Context) (Polling, error)
	// PubSub is the address of the Pub/Sub API that Cordon is to follow, as pubsub.Config has
	// it. "": it is not to be asked.
	PubSub string
}

// Door is a listener of ours.
type Door struct {
	Listen, TLSListen string
	Cert, Key         string   // files
	Hosts             []string // names that the certificate must cover
}

// Records is the database. Ready returns evidence in words, and cordon.ErrNotFound where there
// is none yet.
type Records struct {
	Name  string
	Ready func(context.Context) (evidence string, err error)
}

// Destination is a place that must be reachable from here.
type Destination struct {
	URL string // https://host[:port]/…, or host:port
	For string // what it is needed for
	// Needed says that Cordon does not do its work without it.
	Needed bool
}

// Run examines everything. It takes as long as the slowest answers do; ctx bounds it.
func Run(ctx context.Context, conf Config) Report {
	conf.fillDefaults()
	r := &report{at: conf.Clock()}
	for _, org := range conf.Orgs {
		examineOrg(ctx, conf, org, r.of(string(org.Tenant)))
	}
	here := r.of("")
	examineDoors(conf, here)
	examineFolders(conf, here)
	examineRecords(ctx, conf, here)
	examineDecoders(conf, here)
	examineModels(conf, here)
	examineEgress(ctx, conf, here)
	return r.done()
}

func (c *Config) fillDefaults() {
	if c.APIShare == 0 {
		c.APIShare = 0.1
	}
	if c.HTTP == nil {
		c.HTTP = &http.Client{Timeout: 30 * time.Second, Transport: http.DefaultTransport.(*http.Transport).Clone(),
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Dial == nil {
		c.Dial = (&net.Dialer{Timeout: 5 * time.Second}).DialContext
	}
	if c.Free == nil {
		c.Free = free
	}
}

// examineOrg asks one org. What depends on an answer that did not come is unknown.
func examineOrg(ctx context.Context, conf Config, org Org, r *lines) {
	if org.Identity.Version == "" {
		org.Identity.Version = salesforce.DefaultVersion
	}
	reached := examineReach(ctx, conf, org, r)
	client := signIn(ctx, conf, org, reached, r)
	v := visit{conf: conf, org: org, client: client, lines: r}
	v.identity(ctx)
	v.permissions(ctx)
	v.objects(ctx)
	v.keyField(ctx)
	v.changeEvents(ctx)
	v.logFiles(ctx)
	v.budgets(ctx)
	examineDirect(ctx, conf, org, r)
	examinePolling(ctx, conf, org, r)
}

// visit is what the checks behind a sign-in share. client is nil where that failed.
type visit struct {
	conf   Config
	org    Org
	client *salesforce.Client
	*lines
}

// out says of each check that it was not tried, where nobody is signed in.
func (v visit) out(checks ...string) bool {
	if v.client != nil {
		return false
	}
	for _, c := range checks {
		v.add(Line{Check: c, State: Unknown, Says: "not tried", Evidence: "the sign-in before it failed", Do: "Mend the sign-in, then run cordon doctor again."})
	}
	return true
}
